"""The network's API: one request in, one response out, nothing awaited.

A POST with an ``Idempotency-Key`` that was seen before gets the first answer again and does nothing. Errors are
``{"error": "<what and where>"}``.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from voicecall.ports import HttpRequest, HttpResponse
from voicecall.testing.call import NetworkCall, Party
from voicecall.testing.media import Order
from voicecall.testing.people import BLOCKED
from voicecall.testing.script import BadScript, load_script
from voicecall.testing.switchboard import Switchboard, act, order_of, view

Plain = dict[str, Any]
Body = TypeVar("Body")
KEYS = re.compile(r"[0-9*#A-DwW]+")
NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")


class DialBody(msgspec.Struct, rename="camel", frozen=True):
    """``POST /calls``."""

    call_id: str
    to: str
    webhook_url: str
    from_: str = msgspec.field(name="from", default="")
    ring_timeout_ms: int = 30_000
    media_url: str = ""
    ticket: str = ""


class OfferBody(msgspec.Struct, rename="camel", frozen=True):
    """``POST /offers``."""

    to: str
    webhook_url: str
    from_: str = msgspec.field(name="from", default="")
    script: Any = None


class PersonBody(msgspec.Struct, rename="camel", frozen=True):
    """``POST /people``."""

    number: str
    script: Any


class Refusal(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Api:
    """The routes of one network. ``stop`` ends the process that it runs in, if that may be asked for."""

    def __init__(self, switchboard: Switchboard, *, secret: str, stop: Callable[[], None] | None = None) -> None:
        self._switchboard = switchboard
        self._stop = stop
        self._authority = f"Bearer {secret}".encode()
        self._answers: dict[str, HttpResponse] = {}

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The response to one request."""
        given = request.headers.get("authorization", "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, self._authority):
            return _json(401, {"error": "authorization: must be Bearer and the mock secret"})
        key = request.headers.get("idempotency-key", "") if request.method == "POST" else ""
        if key in self._answers:
            return self._answers[key]
        try:
            status, plain = self._route(request)
        except Refusal as refusal:
            status, plain = refusal.status, {"error": str(refusal)}
        response = _json(status, plain)
        if key:
            self._answers[key] = response
        return response

    def _route(self, request: HttpRequest) -> tuple[int, Plain]:
        url = urlsplit(request.url)
        parts = [unquote(part) for part in url.path.split("/") if part]
        match request.method, parts:
            case "GET", ["report"]:
                return 200, self._switchboard.report()
            case "GET", ["calls"]:
                return 200, {"calls": self._search(url.query)}
            case "GET", ["calls", name]:
                return 200, view(self._call(name))
            case "POST", ["calls"]:
                return 201, self._dial(_body(request, DialBody))
            case "POST", ["calls", name, verb]:
                return 200, self._instruct(self._call(name), verb, _object(request))
            case "POST", ["offers"]:
                return 201, self._offer(_body(request, OfferBody))
            case "POST", ["people"]:
                return 200, self._move_in(_body(request, PersonBody))
            case "POST", ["stop"] if self._stop is not None:
                self._stop()
                return 202, {"stopping": True}
            case _:
                raise Refusal(404, f"there is no {request.method} {url.path}")

    def _dial(self, body: DialBody) -> Plain:
        if not body.call_id:
            raise Refusal(400, "callId: must not be empty")
        if not NUMBER.fullmatch(body.to):
            raise Refusal(422, "to: must be a number in E.164 format, e.g. +15550001001")
        if body.to.startswith(BLOCKED):
            raise Refusal(422, f"to: numbers that begin with {BLOCKED} are blocked")
        name = f"mock-{body.call_id}"
        known = self._switchboard.call(name)
        if known is not None:
            # Another key for the same call: somebody would have been rung twice.
            known.dials += 1
            raise Refusal(409, f"callId: {name} exists already")
        order = Order(url=body.media_url, ticket=body.ticket) if body.media_url else None
        party = Party(
            call_id=body.call_id,
            vendor_call_id=name,
            direction="outbound",
            caller=body.from_,
            callee=body.to,
            webhook_url=body.webhook_url,
            ring_timeout_ms=body.ring_timeout_ms,
        )
        self._switchboard.dial(party, order).dials += 1
        return {"providerCallId": name, "status": "initiated"}

    def _offer(self, body: OfferBody) -> Plain:
        try:
            script = None if body.script is None else load_script(body.script)
        except BadScript as error:
            raise Refusal(400, str(error)) from error
        return view(self._switchboard.offer(body.from_, body.to, body.webhook_url, script))

    def _move_in(self, body: PersonBody) -> Plain:
        try:
            self._switchboard.people[body.number] = load_script(body.script)
        except BadScript as error:
            raise Refusal(400, str(error)) from error
        return {"number": body.number}

    def _search(self, query: str) -> list[Plain]:
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        since = asked.get("since", "0")
        if not (since.isascii() and since.isdigit()):
            raise Refusal(400, "since: must be milliseconds since the epoch")
        found = self._switchboard.calls(callee=asked.get("to", ""), caller=asked.get("from", ""), since=int(since))
        return [view(call) for call in found]

    def _call(self, name: str) -> NetworkCall:
        call = self._switchboard.call(name)
        if call is None:
            raise Refusal(404, "no such call")
        return call

    def _instruct(self, call: NetworkCall, verb: str, body: Plain) -> Plain:
        if call.over:
            raise Refusal(404, f"the call has ended: {call.reason}")
        match verb:
            case "answer" | "reject" | "hangup":
                if not act(call, verb, body):
                    raise Refusal(409, f"the call is {call.status}")
            case "media":
                if order_of(body) is None:
                    raise Refusal(400, "mediaUrl: is missing")
                if not act(call, verb, body):
                    raise Refusal(409, f"a media stream is {call.media}" if call.answered else f"it is {call.status}")
            case "digits":
                digits = body.get("digits")
                if not isinstance(digits, str) or not KEYS.fullmatch(digits):
                    raise Refusal(400, "digits: must be keys of a telephone (0-9 * # A-D, w and W wait)")
                if not call.answered:
                    raise Refusal(409, f"the call is {call.status}")
                call.hear_keys(digits)
            case _:
                raise Refusal(404, f"there is no POST /calls/<id>/{verb}")
        return {"status": call.status}


def _object(request: HttpRequest) -> Plain:
    try:
        data = msgspec.json.decode(request.body or b"{}")
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Refusal(400, f"the body is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise Refusal(400, "the body must be an object")
    return cast("Plain", data)


def _body(request: HttpRequest, shape: type[Body]) -> Body:
    try:
        return msgspec.convert(_object(request), shape)
    except msgspec.ValidationError as error:
        raise Refusal(400, str(error)) from error


def _json(status: int, plain: Plain) -> HttpResponse:
    return HttpResponse(status=status, headers={"content-type": "application/json"}, body=msgspec.json.encode(plain))
