"""What a webhook must pass before it becomes facts, in this order:

path → method → headers that a genuine request has → place in flight → size and pace of the body → signature → format
→ delivery (durable) → answer.

Each step is cheaper than the next one, and nothing unverified reaches the journal. No web framework here: the door's
app and the phone network that lives in memory both call ``receive``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Literal, Protocol

import structlog
import trio
from attrs import define, evolve as change, field, frozen

from voicecall.events import Instant
from voicecall.ports import Account, BadSignature, Carrier, Heard, HttpRequest, HttpResponse, NotUnderstood
from voicecall.web.fault import Contained, redacted

BODY_BYTES = 64 * 1024
"""The largest body that is read."""
BODY_S = 5.0
"""How long a body may take to arrive."""
IN_FLIGHT = 8
"""Webhooks of one client address at a time."""
ADDRESSES = 4096
"""Client addresses that may have webhooks in flight."""

log = structlog.get_logger(__name__)

Reason = Literal["path", "method", "headers", "busy", "size", "pace", "signature", "format", "fault"]
"""Why a webhook was refused; ``fault`` is ours."""

ANSWERS: Mapping[Reason, tuple[int, str]] = {
    "path": (404, "Not Found"),
    "method": (405, "Method Not Allowed: configure this webhook as POST"),
    "headers": (401, "Unauthorized"),
    "busy": (429, "Too Many Requests"),
    "size": (413, "Payload Too Large"),
    "pace": (408, "Request Timeout: the body took too long"),
    "signature": (401, "Unauthorized"),
    "format": (400, "Bad Request"),
    "fault": (500, "Internal Server Error"),
}


class Deliver(Protocol):
    """Makes facts durable and gives the carrier's reply; ``Supervisor.receive`` is one.

    The delivery must not depend on its caller: a client that hangs up cancels whoever waits here.
    """

    async def __call__(
        self, carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True
    ) -> HttpResponse: ...


@frozen
class Refused(Exception):
    """A webhook goes no further. ``detail`` goes to the sender; ``private`` only to the operator's log."""

    reason: Reason
    detail: str = ""
    private: str = ""


@define(kw_only=True)
class Gate:
    """The settings of ``receive``, and what it counts.

    ``provider`` is the one configured carrier: a key of ``carriers`` and ``accounts``. ``wall`` tells the time that
    signatures are judged by. ``skip_verification`` lets unsigned webhooks in: their facts say so.
    """

    provider: str
    carriers: Mapping[str, Carrier]
    accounts: Mapping[str, Account] = field(repr=False)
    path: str = field(converter=lambda path: plain_path(str(path)))
    deliver: Deliver
    wall: Callable[[], Instant]
    skip_verification: bool = False
    refusals: dict[Reason, int] = field(factory=lambda: dict.fromkeys(ANSWERS, 0))
    in_flight: dict[str, int] = field(factory=dict[str, int])

    def serves(self, url: str) -> bool:
        """Whether ``url`` is where carriers post their webhooks to."""
        return plain_path(path_of(url)) == self.path

    @contextmanager
    def place_for(self, address: str) -> Generator[None]:
        """One of the places that a client address has; unknown addresses share theirs. Raises ``Refused``."""
        taken = self.in_flight.get(address, 0)
        if taken >= IN_FLIGHT or (not taken and len(self.in_flight) >= ADDRESSES):
            raise Refused("busy")
        self.in_flight[address] = taken + 1
        try:
            yield
        finally:
            self.in_flight[address] -= 1
            if not self.in_flight[address]:
                del self.in_flight[address]

    def refuse(self, refused: Refused) -> HttpResponse:
        """Count a refusal, tell the operator when it may matter, and word the answer."""
        self.refusals[refused.reason] += 1
        status, text = ANSWERS[refused.reason]
        if refused.reason != "path":
            log.warning(
                "webhook refused",
                carrier=self.provider,
                reason=refused.reason,
                why=redacted(refused.private or refused.detail),
                times=self.refusals[refused.reason],
            )
        headers = {"content-type": "text/plain; charset=utf-8"}
        if refused.reason == "method":
            headers["allow"] = "POST"
        return HttpResponse(
            status=status, headers=headers, body=(f"{text}: {refused.detail}" if refused.detail else text).encode()
        )


async def receive(gate: Gate, request: HttpRequest, body: AsyncIterator[bytes] | None = None) -> HttpResponse:
    """The answer to a webhook: the carrier's own reply once the facts are durable, or a refusal.

    ``body`` streams what ``request.body`` does not hold yet; it is left unread when the head alone decides. Never
    raises, but is cancelled when the client goes away.
    """
    with Contained("webhook failed"):
        try:
            return await _pass(gate, request, body)
        except Refused as refused:
            return gate.refuse(refused)
    return gate.refuse(Refused("fault"))


async def _pass(gate: Gate, request: HttpRequest, body: AsyncIterator[bytes] | None) -> HttpResponse:
    carrier = gate.carriers[gate.provider]
    if not gate.serves(request.url):
        raise Refused("path")
    if request.method != "POST":
        raise Refused("method")
    if not gate.skip_verification and not _has_any(request.headers, carrier.required_headers):
        raise Refused("headers", private="missing headers: " + " or ".join(map(" + ".join, carrier.required_headers)))
    with gate.place_for(request.peer):
        if body is not None:
            request = change(request, body=await _read(request, body))
        elif len(request.body) > BODY_BYTES:
            raise Refused("size")
        if not gate.skip_verification:
            _verify(gate, carrier, request)
        try:
            heard = carrier.decode(request)
        except NotUnderstood as error:
            raise Refused("format", detail=str(error)) from error
        return await gate.deliver(gate.provider, heard, verified=not gate.skip_verification)


def _has_any(headers: Mapping[str, str], alternatives: tuple[tuple[str, ...], ...]) -> bool:
    return not alternatives or any(all(headers.get(name) for name in names) for names in alternatives)


def _verify(gate: Gate, carrier: Carrier, request: HttpRequest) -> None:
    try:
        carrier.verify(request, account=gate.accounts[gate.provider], now=gate.wall())
    except BadSignature as error:
        raise Refused("signature", private=str(error)) from error


async def _read(request: HttpRequest, body: AsyncIterator[bytes]) -> bytes:
    """The whole body, never holding much more than may be kept of it."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > BODY_BYTES:
        raise Refused("size")
    whole = bytearray(request.body)
    with trio.move_on_after(BODY_S) as pace:
        async for piece in body:
            whole += piece
            if len(whole) > BODY_BYTES:
                raise Refused("size")
    if pace.cancelled_caught:
        raise Refused("pace")
    return bytes(whole)


def path_of(url: str) -> str:
    """The path of an absolute URL, as it was sent: not decoded, without query."""
    rest = url.partition("://")[2]
    slash = rest.find("/")
    return "/" if slash < 0 else rest[slash:].partition("?")[0].partition("#")[0]


def plain_path(path: str) -> str:
    """A path as it is compared: trimmed, with a leading "/", without one trailing "/"."""
    path = "/" + path.strip().removeprefix("/")
    return path[:-1] if len(path) > 1 and path.endswith("/") else path
