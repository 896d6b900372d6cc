"""The network's front: its own API under ``/_network``, the dialect's everywhere else, through the fault script.

The network's API is the same for every dialect, with ``Authorization: Bearer <secret>``: ``GET report``,
``GET account``, ``POST console``, ``POST people``, ``POST offers``, ``POST faults``, ``POST stop``. Errors are
``{"error": "<what and where>"}``.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import attrs
import msgspec
import trio

from voicecall.ports import HttpRequest, HttpResponse
from voicecall.testing.console import NUMBER
from voicecall.testing.faults import AnswerLate, BadFaults, Fail, Limit, Slow, load_faults
from voicecall.testing.happenings import Offer
from voicecall.testing.json_api import Plain, Refusal, body_of, json_response, object_of
from voicecall.testing.report import view
from voicecall.testing.script import BadScript, Script, load_script
from voicecall.testing.settings import carrier_settings
from voicecall.testing.switchboard import Switchboard

OWN = "/_network/"


class OfferBody(msgspec.Struct, rename="camel", frozen=True):
    """``POST offers``: somebody calls ``to``, for which these URLs are configured."""

    to: str
    webhook_url: str
    from_: str = msgspec.field(name="from", default="")
    status_url: str = ""
    fallback_url: str = ""
    ring_timeout_ms: int = 30_000
    script: Any = None


class ConsoleBody(msgspec.Struct, rename="camel", frozen=True):
    """``POST console``: see ``console.Console``."""

    webhook_url: str
    numbers: tuple[str, ...] = (NUMBER,)
    changes: dict[str, dict[str, Any] | None] = {}


class PersonBody(msgspec.Struct, rename="camel", frozen=True):
    """``POST people``."""

    number: str
    script: Any


class Front:
    """Answers requests. ``stop`` ends the process that the network runs in, if that may be asked for."""

    def __init__(self, board: Switchboard, *, secret: str, stop: Callable[[], None] | None = None) -> None:
        self._board = board
        self._stop = stop
        self._authority = f"Bearer {secret}".encode()

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """The response to one request."""
        path = urlsplit(request.url).path
        if path.startswith(OWN):
            return self._own(request, path.removeprefix(OWN))
        response = await self._vendor(request, path)
        now = format_datetime(datetime.fromtimestamp(self._board.wall() // 1000, UTC), usegmt=True)
        return attrs.evolve(response, headers={"date": now, **response.headers})

    # --- the vendor's API --------------------------------------------------------------------------------------------

    async def _vendor(self, request: HttpRequest, path: str) -> HttpResponse:
        dialect, faults = self._board.dialect, self._board.faults.request(request.method, path)
        for fault in faults:
            if isinstance(fault, Limit):
                refusal = dialect.failure(429)
                return attrs.evolve(refusal, headers={**refusal.headers, "retry-after": str(fault.retry_after_s)})
            if isinstance(fault, Fail) and not fault.carried_out:
                return dialect.failure(fault.status)
        pulse = self._board.tally.pulse
        response = dialect.answer(request)
        for fault in faults:
            match fault:
                case Slow():
                    await trio.sleep(fault.ms / 1000)
                case AnswerLate():
                    with trio.move_on_after(fault.ms / 1000):
                        await pulse.wait()
                case Fail():
                    response = dialect.failure(fault.status)
                case Limit():
                    pass
        return response

    # --- its own -----------------------------------------------------------------------------------------------------

    def _own(self, request: HttpRequest, name: str) -> HttpResponse:
        given = request.headers.get("authorization", "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, self._authority):
            return json_response(401, {"error": "authorization: must be Bearer and the network's secret"})
        try:
            return json_response(*self._route(request, name))
        except Refusal as refusal:
            return json_response(refusal.status, {"error": str(refusal)})

    def _route(self, request: HttpRequest, name: str) -> tuple[int, Plain]:
        match request.method, name:
            case "GET", "report":
                return 200, self._board.report()
            case "GET", "account":
                return 200, self._account(request)
            case "POST", "console":
                return 200, self._set(body_of(request, ConsoleBody))
            case "POST", "offers":
                return 201, self._offer(body_of(request, OfferBody))
            case "POST", "people":
                person = body_of(request, PersonBody)
                self._board.people[person.number] = _script(person.script)
                return 200, {"number": person.number}
            case "POST", "faults":
                return 200, self._play(object_of(request))
            case "POST", "stop" if self._stop is not None:
                self._stop()
                return 202, {"stopping": True}
            case _:
                raise Refusal(404, f"there is no {request.method} {OWN}{name}")

    def _account(self, request: HttpRequest) -> Plain:
        """What ``voicecall``'s configuration says of the account here, at the address that was asked."""
        carrier, asked = self._board.dialect.name, urlsplit(request.url)
        settings = carrier_settings(carrier, self._board.account, f"{asked.scheme}://{asked.netloc}")
        return {"carrier": carrier, "settings": settings}

    def _set(self, body: ConsoleBody) -> Plain:
        console = self._board.console
        console.webhook_url, console.numbers, console.changes = body.webhook_url, body.numbers, {**body.changes}
        return {"numbers": list(body.numbers)}

    def _offer(self, body: OfferBody) -> Plain:
        offer = Offer(
            caller=body.from_,
            callee=body.to,
            webhook_url=body.webhook_url,
            status_url=body.status_url,
            fallback_url=body.fallback_url,
            ring_timeout_s=body.ring_timeout_ms / 1000,
            script=None if body.script is None else _script(body.script),
        )
        return view(self._board.dialect.offer(offer))

    def _play(self, data: Plain) -> Plain:
        try:
            script = load_faults(data)
        except BadFaults as error:
            raise Refusal(400, str(error)) from error
        self._board.faults.play(script)
        return {"webhooks": len(script.webhooks), "rest": len(script.rest), "media": len(script.media)}


def _script(data: Any) -> Script:
    try:
        return load_script(data)
    except BadScript as error:
        raise Refusal(400, str(error)) from error
