"""The mock wire's API, and its dialect: one request in, one response out, nothing awaited.

A POST with an ``Idempotency-Key`` that was seen before gets the first answer again and does nothing. Errors are
``{"error": "<what and where>"}``.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from voicecall.adapters.carriers.mock.inbound import SIGNATURE, TIMESTAMP, sign
from voicecall.ports import HttpRequest, HttpResponse
from voicecall.testing.dialect import Call, Network, Webhook
from voicecall.testing.happenings import Offer, Party, Plan, word_of
from voicecall.testing.json_api import Plain, Refusal, body_of, json_response, object_of
from voicecall.testing.mock.control import MockControl, Order, order_of
from voicecall.testing.people import BLOCKED
from voicecall.testing.report import view

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
    detect_machine: bool = False


class MockDialect:
    """See ``dialect.Dialect``."""

    name = "mock"
    signature_headers = (SIGNATURE,)

    def __init__(self, network: Network, secret: str) -> None:
        self._network = network
        self._secret = secret
        self._authority = f"Bearer {secret}".encode()
        self._answers: dict[str, HttpResponse] = {}
        self._controls: dict[str, MockControl] = {}

    # --- what the network asks ---------------------------------------------------------------------------------------

    def sign(self, webhook: Webhook, attempt: int) -> HttpRequest:
        """An event keeps its id over all attempts; the signature is made anew, because it is only good for a while."""
        body = msgspec.json.encode({"event": webhook.fields})
        stamp = str(self._network.wall() // 1000)
        headers = {
            "content-type": "application/json",
            TIMESTAMP: stamp,
            SIGNATURE: sign(self._secret, stamp, body),
        }
        return HttpRequest(method="POST", url=webhook.url, headers=headers, body=body)

    def offer(self, offer: Offer) -> Call:
        name = f"mock-in-{self._network.fresh_id()}"
        party = Party(call_id=name, vendor_call_id=name, direction="inbound", caller=offer.caller, callee=offer.callee)
        plan = Plan(ring_timeout_s=offer.ring_timeout_s)
        return self._network.start(party, plan, self._control(name, offer.webhook_url, None), script=offer.script)

    def failure(self, status: int) -> HttpResponse:
        return json_response(status, {"error": "try again" if status == 429 else "something is broken here"})

    def _control(self, name: str, url: str, first: Order | None) -> Callable[[Call], MockControl]:
        def control(call: Call) -> MockControl:
            made = self._controls[name] = MockControl(self._network, call, url, first)
            return made

        return control

    # --- the API -----------------------------------------------------------------------------------------------------

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The response to one request."""
        given = request.headers.get("authorization", "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, self._authority):
            return json_response(401, {"error": "authorization: must be Bearer and the mock secret"})
        key = request.headers.get("idempotency-key", "") if request.method == "POST" else ""
        if key in self._answers:
            return self._answers[key]
        try:
            status, plain = self._route(request)
        except Refusal as refusal:
            status, plain = refusal.status, {"error": str(refusal)}
        response = json_response(status, plain)
        if key:
            self._answers[key] = response
        return response

    def _route(self, request: HttpRequest) -> tuple[int, Plain]:
        url = urlsplit(request.url)
        parts = [unquote(part) for part in url.path.split("/") if part]
        match request.method, parts:
            case "GET", ["calls"]:
                return 200, {"calls": self._search(url.query)}
            case "GET", ["calls", name]:
                return 200, view(self._found(name).call)
            case "POST", ["calls"]:
                return 201, self._dial(body_of(request, DialBody))
            case "POST", ["calls", name, verb]:
                return 200, self._instruct(self._found(name), verb, object_of(request))
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
        known = self._network.call(name)
        if known is not None:
            # Another key for the same call: somebody would have been rung twice.
            known.dials += 1
            raise Refusal(409, f"callId: {name} exists already")
        first = Order(url=body.media_url, ticket=body.ticket) if body.media_url else None
        party = Party(
            call_id=body.call_id, vendor_call_id=name, direction="outbound", caller=body.from_, callee=body.to
        )
        plan = Plan(ring_timeout_s=body.ring_timeout_ms / 1000, detect="greeting" if body.detect_machine else "off")
        self._network.start(party, plan, self._control(name, body.webhook_url, first))
        return {"providerCallId": name, "status": "initiated"}

    def _search(self, query: str) -> list[Plain]:
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        since = asked.get("since", "0")
        if not (since.isascii() and since.isdigit()):
            raise Refusal(400, "since: must be milliseconds since the epoch")
        found = self._network.calls(callee=asked.get("to", ""), caller=asked.get("from", ""), since=int(since))
        return [view(call) for call in found]

    def _found(self, name: str) -> MockControl:
        control = self._controls.get(name)
        if control is None:
            raise Refusal(404, "no such call")
        return control

    def _instruct(self, control: MockControl, verb: str, body: Plain) -> Plain:
        call = control.call
        if call.ending is not None:
            raise Refusal(404, f"the call has ended: {word_of(call.ending)}")
        match verb:
            case "answer" | "reject" | "hangup":
                if not control.act(verb, body):
                    raise Refusal(409, f"the call is {call.status}")
            case "media":
                if order_of(body) is None:
                    raise Refusal(400, "mediaUrl: is missing")
                if not control.act(verb, body):
                    raise Refusal(
                        409, f"a media stream is {control.media}" if call.answered else f"it is {call.status}"
                    )
            case "digits":
                digits = body.get("digits")
                if not isinstance(digits, str) or not KEYS.fullmatch(digits):
                    raise Refusal(400, "digits: must be keys of a telephone (0-9 * # A-D, w and W wait)")
                if not call.answered:
                    raise Refusal(409, f"the call is {call.status}")
                call.send_keys(digits)
            case _:
                raise Refusal(404, f"there is no POST /calls/<id>/{verb}")
        return {"status": call.status}
