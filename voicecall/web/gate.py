"""What a webhook must pass before it becomes facts, in this order:

path → method → headers that a genuine request has → a place for its client → size and pace of the body → signature →
format → a call of ours → delivery (durable) → answer.

Each step is cheaper than the next one, and nothing unverified reaches the journal unless the configuration says so. A
carrier signs the URL that it knows, so the signature is tried on every address that is ours (``exposure.py``) and the
request goes on with the one that was right. There is no memory of past requests here: the journal knows every key, so
a repeated webhook gets its first answer for ever. No web framework either: the door's app and the phone network that
lives in memory both call ``receive``.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Literal, Protocol

import trio
from attrs import define, field
from attrs import evolve as change

from voicecall.events import Instant
from voicecall.log import get_logger
from voicecall.ports import Account, BadSignature, Carrier, Heard, HttpRequest, HttpResponse, NotUnderstood
from voicecall.web import diagnosis
from voicecall.web.diagnosis import Proof, Ration, examine
from voicecall.web.exposure import Exposure
from voicecall.web.fault import Contained, redacted
from voicecall.web.lessons import Lessons
from voicecall.web.places import Places
from voicecall.web.redaction import outline, outline_headers, outline_name, outline_url
from voicecall.web.refusal import ANSWERS, Reason, Refused, answer_to
from voicecall.web.refused_log import RefusedLog, RefusedRequest, Verdict

BODY_BYTES = 64 * 1024
"""The largest body that is read."""
BODY_S = 5.0
"""How long a body may take to arrive."""
UNPROVEN = 8
"""Webhooks of one client address at a time whose signature has not been checked yet."""
PROVEN = 64
"""Webhooks of one client address at a time that wait to become durable: a carrier has few addresses and many calls."""

Passed = Literal["accepted", "unproven", "later"]
"""What became of a webhook that was not refused; ``later``: its sender has to send it again (503)."""

OURS = ("path", "method", "headers", "busy", "call")
"""Reasons whose words are all ours: there is nothing in them to hide."""

log = get_logger(__name__)


class Deliver(Protocol):
    """Makes facts durable and gives the carrier's reply; ``Supervisor.receive`` is one.

    The delivery must not depend on its caller: a client that hangs up cancels whoever waits here.
    """

    async def __call__(
        self, carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True
    ) -> HttpResponse: ...


@define(kw_only=True)
class Gate:
    """The settings of ``receive``, and what it counts.

    ``provider`` is the one configured carrier: a key of ``carriers`` and ``accounts``. ``wall`` tells the time that
    signatures are judged by. ``expects`` tells whether a fact is about a call of ours, or offers one.
    ``skip_verification`` lets unsigned webhooks in: their facts say so.
    """

    provider: str
    carriers: Mapping[str, Carrier]
    accounts: Mapping[str, Account] = field(repr=False)
    path: str = field(converter=lambda path: plain_path(str(path)))
    deliver: Deliver
    expects: Callable[[str, Heard], bool]
    wall: Callable[[], Instant]
    skip_verification: bool = False
    exposure: Exposure = field(factory=Exposure)
    refused: RefusedLog = field(factory=RefusedLog, repr=False)
    lessons: Lessons = field(factory=Lessons, repr=False)
    refusals: dict[Reason, int] = field(factory=lambda: dict.fromkeys(ANSWERS, 0))
    passed: dict[Passed, int] = field(factory=lambda: {"accepted": 0, "unproven": 0, "later": 0})
    unproven: Places = field(factory=lambda: Places(each=UNPROVEN))
    proven: Places = field(factory=lambda: Places(each=PROVEN))
    ration: Ration = field(factory=Ration, repr=False)

    def __attrs_post_init__(self) -> None:
        self._hold(self.lessons.recall(self.provider, self.accounts[self.provider]))

    @property
    def carrier(self) -> Carrier:
        """The codec of the one configured carrier."""
        return self.carriers[self.provider]

    def serves(self, url: str) -> bool:
        """Whether ``url`` is where carriers post their webhooks to."""
        return plain_path(path_of(url)) == self.path

    def proof(self) -> Proof:
        """What a request of this moment is proven by."""
        return Proof(carrier=self.carrier, account=self.accounts[self.provider], now=self.wall())

    def learn(self, request: HttpRequest) -> None:
        """Let a proven request tell what its account can do, so that nothing weaker passes from now on."""
        account = self.accounts[self.provider]
        learned = self.carrier.learn(request, account)
        if learned != account:
            self.lessons.keep(self.provider, account, learned)
            self._hold(learned)

    def _hold(self, account: Account) -> None:
        self.accounts = {**self.accounts, self.provider: account}

    def announce(self) -> None:
        """Say loudly what is less safe than usual."""
        if self.skip_verification:
            log.warning(
                "webhooks are NOT verified: anybody who reaches this port is believed",
                setting="skipSignatureVerification",
            )
        if self.exposure.ngrok_bypass:
            log.warning(
                "webhooks with an INVALID signature are let through from this machine, and so from ngrok's free tier: "
                "anybody on the internet who knows its address is believed; facts are journaled as unverified",
                setting="tunnel.allowNgrokFreeTierLoopbackBypass",
            )


@define(kw_only=True)
class _Visit:
    """How far one request has come. ``evidence`` is there once the body has been read."""

    request: HttpRequest
    client: str
    evidence: str = ""
    verdicts: tuple[Verdict, ...] = ()


async def receive(gate: Gate, request: HttpRequest, body: AsyncIterator[bytes] | None = None) -> HttpResponse:
    """The answer to a webhook: the carrier's own reply once the facts are durable, or a refusal.

    ``body`` streams what ``request.body`` does not hold yet; it is left unread when the head alone decides. Never
    raises, but is cancelled when the client goes away.
    """
    visit = _Visit(request=request, client=gate.exposure.client(request.peer, request.headers))
    refused = Refused("fault")
    with Contained("webhook failed"):
        try:
            return await _pass(gate, visit, body)
        except Refused as error:
            refused = error
    gate.refusals[refused.reason] += 1
    with Contained("a refusal was not recorded"):
        await _record(gate, visit, refused)
    return gate.carrier.reply((), None).response if refused.reason == "call" else answer_to(refused)


async def _pass(gate: Gate, visit: _Visit, body: AsyncIterator[bytes] | None) -> HttpResponse:
    request, required = visit.request, gate.carrier.required_headers
    if not gate.serves(request.url):
        raise Refused("path", private=f"serve.path is {gate.path}")
    if request.method != "POST":
        raise Refused("method")
    if not gate.skip_verification and not _has_any(request.headers, required):
        raise Refused("headers", private="missing headers: " + " or ".join(map(" + ".join, required)))
    with gate.unproven.hold(visit.client):
        if body is not None:
            visit.request = change(request, body=await _read(request, body))
        elif len(request.body) > BODY_BYTES:
            raise Refused("size")
        visit.evidence = "sha256:" + hashlib.sha256(visit.request.body).hexdigest()
        verified = _prove(gate, visit)
    with gate.proven.hold(visit.client):
        try:
            heard = gate.carrier.decode(visit.request)
        except NotUnderstood as error:
            raise Refused("format", detail=str(error)) from error
        if not any(gate.expects(gate.provider, one) for one in heard):
            raise Refused("call", private=_about(heard))
        answer = await gate.deliver(gate.provider, heard, evidence=visit.evidence, verified=verified)
    gate.passed["later" if answer.status == 503 else "accepted" if verified else "unproven"] += 1
    return answer


def _about(heard: tuple[Heard, ...]) -> str:
    """What a webhook was about, for the operator."""
    if not heard:
        return "it names no call"
    kinds = dict.fromkeys(type(one.event).kind for one in heard if one.event is not None)
    return f"{', '.join(kinds)} of {outline_name(heard[0].vendor_call_id) or 'a call without a name'}"


def _has_any(headers: Mapping[str, str], alternatives: tuple[tuple[str, ...], ...]) -> bool:
    return not alternatives or any(all(headers.get(name) for name in names) for names in alternatives)


def _prove(gate: Gate, visit: _Visit) -> bool:
    """Whether the signature is right for an address of ours, which becomes the request's URL. Raises ``Refused``.

    False for a request that passes without proof, because the configuration says so.
    """
    request, proof = visit.request, gate.proof()
    candidates = gate.exposure.candidates(request)
    visit.request = change(request, url=candidates[0].url)
    if gate.skip_verification:
        return False
    for candidate in candidates:
        here = change(request, url=candidate.url)
        try:
            proof.carrier.verify(here, account=proof.account, now=proof.now)
        except BadSignature as error:
            told = Verdict(url=candidate.url, source=candidate.source, believed=True, why=str(error))
            visit.verdicts = (*visit.verdicts, told)
        else:
            visit.request = here
            right = Verdict(url=candidate.url, source=candidate.source, believed=True, matches=True)
            visit.verdicts = (*visit.verdicts, right)
            gate.learn(here)
            return True
    if gate.exposure.lets_through(request):
        log.warning("webhook let through with an invalid signature", why=redacted(visit.verdicts[0].why))
        return False
    visit.request = request
    raise Refused("signature", private=visit.verdicts[0].why)


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


# --- what is told and kept of a refusal ------------------------------------------------------------------------------


async def _record(gate: Gate, visit: _Visit, refused: Refused) -> None:
    """Keep the outline of a refused request and tell the operator, unless it is no carrier's business at all."""
    required = gate.carrier.required_headers
    if refused.reason == "path" and not (required and _has_any(visit.request.headers, required)):
        return
    seen = _outline(gate, visit, refused)
    kept = gate.refused.again(seen)
    if kept is None:
        if refused.reason == "signature" and len(visit.request.body) <= diagnosis.BODY_BYTES and gate.ration.take():
            verdicts = await examine(gate.proof(), gate.exposure, visit.request)
            seen = change(seen, verdicts=_outlined(verdicts), examined=True)
        kept = gate.refused.add(seen)
    log.warning(
        "webhook refused",
        carrier=gate.provider,
        reason=refused.reason,
        why=kept.why,
        times=gate.refusals[refused.reason],
        record=kept.id,
    )


def _outline(gate: Gate, visit: _Visit, refused: Refused) -> RefusedRequest:
    request, now = visit.request, gate.wall()
    return RefusedRequest(
        first=now,
        last=now,
        carrier=gate.provider,
        reason=refused.reason,
        status=refused.status,
        why=refused.private if refused.reason in OURS else redacted(refused.private or refused.detail),
        method=outline(request.method),
        url=outline_url(request.url),
        peer=request.peer,
        client=visit.client,
        headers=outline_headers(request.headers),
        body_bytes=len(request.body) if visit.evidence else None,
        body_sha256=visit.evidence.removeprefix("sha256:"),
        verdicts=_outlined(visit.verdicts),
    )


def _outlined(verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    return tuple(change(one, url=outline_url(one.url), why=redacted(one.why)) for one in verdicts)


def path_of(url: str) -> str:
    """The path of an absolute URL, as it was sent: not decoded, without query."""
    rest = url.partition("://")[2]
    slash = rest.find("/")
    return "/" if slash < 0 else rest[slash:].partition("?")[0].partition("#")[0]


def plain_path(path: str) -> str:
    """A path as it is compared: trimmed, with a leading "/", without one trailing "/"."""
    path = "/" + path.strip().removeprefix("/")
    return path[:-1] if len(path) > 1 and path.endswith("/") else path
