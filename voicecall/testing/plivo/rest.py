"""Plivo's Voice API as far as it is simulated, and the dialect (Plivo, "Voice API").

Fields that the reference does not have are refused; Plivo would overlook them.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, unquote, urlsplit

from voicecall.ports import HttpRequest, HttpResponse
from voicecall.testing.dialect import Call, Network, Webhook
from voicecall.testing.happenings import Ending, Offer, Party, Plan
from voicecall.testing.json_api import Plain, Refusal, json_response, object_of
from voicecall.testing.people import BLOCKED
from voicecall.testing.plivo import console, creating
from voicecall.testing.plivo.control import Orders, PlivoControl
from voicecall.testing.plivo.records import live_view, record_view
from voicecall.testing.plivo.signing import SIGNATURES, Signer
from voicecall.testing.plivo.words import is_live, is_queued, uuid_of
from voicecall.testing.verbs import Redirected, Target

BASE = "/v1"
"""The API is under this path; also under none, for an ``apiUrl`` that is only a host."""
DENIED = b"Could not verify your access level for that URL. You have to login with proper credentials"
ERRORS = {404: "not found", 405: "method not allowed", 429: "Too many requests"}
RESOURCES = frozenset({"DTMF", "Speak", "Stream"})


class PlivoDialect:
    """See ``dialect.Dialect``."""

    name = "plivo"
    signature_headers = SIGNATURES

    def __init__(self, network: Network, account: Mapping[str, str]) -> None:
        self._network = network
        self._auth_id = account["auth_id"]
        pair = f"{self._auth_id}:{account['auth_token']}"
        self._authority = b"Basic " + base64.b64encode(pair.encode())
        self._signer = Signer(token=account["auth_token"], schemes=frozenset(account["schemes"].split(",")))
        self._controls: dict[str, PlivoControl] = {}

    # --- what the network asks ---------------------------------------------------------------------------------------

    def sign(self, webhook: Webhook, attempt: int) -> HttpRequest:
        """Every attempt has a nonce of its own."""
        return self._signer.request(webhook.method, webhook.url, webhook.fields, nonce=self._network.fresh_id())

    def failure(self, status: int) -> HttpResponse:
        return self._error(Refusal(status, ERRORS.get(status, "internal server error")))

    def offer(self, offer: Offer) -> Call:
        """A number of the account is called; the application's answer URL is asked what to do."""
        orders = Orders(
            answer=Target(url=offer.webhook_url),
            hangup=Target(url=offer.status_url) if offer.status_url else None,
            spare=Target(url=offer.fallback_url) if offer.fallback_url else None,
        )
        party = Party(vendor_call_id=self._fresh(), direction="inbound", caller=offer.caller, callee=offer.callee)
        plan = Plan(ring_timeout_s=offer.ring_timeout_s)
        return self._network.start(party, plan, self._control(orders), script=offer.script)

    def _control(self, orders: Orders) -> Callable[[Call], PlivoControl]:
        def control(call: Call) -> PlivoControl:
            made = PlivoControl(
                network=self._network, call=call, auth_id=self._auth_id, signer=self._signer, orders=orders
            )
            self._controls[call.party.vendor_call_id] = made
            return made

        return control

    def _fresh(self) -> str:
        return uuid_of(self._network.fresh_id())

    # --- the API -----------------------------------------------------------------------------------------------------

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The response to one request."""
        given = request.headers.get("authorization", "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, self._authority):
            return HttpResponse(status=401, headers={"content-type": "text/html"}, body=DENIED)
        try:
            status, plain = self._route(request)
        except Refusal as refusal:
            return self._error(refusal)
        return HttpResponse(status=204) if status == 204 else self._json(status, plain)

    def _error(self, refusal: Refusal) -> HttpResponse:
        return self._json(refusal.status, {"error": str(refusal)})

    def _json(self, status: int, plain: Plain) -> HttpResponse:
        return json_response(status, {"api_id": self._fresh(), **plain})

    def _route(self, request: HttpRequest) -> tuple[int, Plain]:
        url = urlsplit(request.url)
        path = url.path.removeprefix(BASE) if url.path.startswith(BASE + "/") else url.path
        match [unquote(part) for part in path.split("/")]:
            case ["", "Account", account, *rest, ""] if account == self._auth_id:
                wanted = {name: values[-1] for name, values in parse_qs(url.query).items()}
                return self._serve(request, rest, wanted)
            case _:
                raise _not_found()

    def _serve(self, request: HttpRequest, rest: list[str], wanted: Mapping[str, str]) -> tuple[int, Plain]:
        match request.method, rest:
            case "POST", ["Call"]:
                return 201, self._create(object_of(request))
            case "GET", ["Call"]:
                return 200, self._list(wanted)
            case "GET", [] | ["Number" | "Application", _]:
                found = console.resource(self._network.console, rest, auth_id=self._auth_id)
                return 200, _there(found)
            case "GET", ["Call", name]:
                return 200, self._view(self._found(name), wanted)
            case "POST", ["Call", name]:
                return 202, self._transfer(self._live(name), object_of(request))
            case "DELETE", ["Call", name]:
                return 204, self._hang_up(self._found(name))
            case "DELETE", ["Request", name]:
                return 204, self._cancel(self._found(name))
            case method, ["Call", name, resource, *more] if resource in RESOURCES:
                return self._use(method, resource, self._live(name), object_of(request), more)
            case _, ["Call"] | ["Call", _] | ["Request", _]:
                raise Refusal(405, ERRORS[405])
            case _:
                raise _not_found()

    # --- calls -------------------------------------------------------------------------------------------------------

    def _create(self, fields: Plain) -> Plain:
        order = creating.read_call(fields)
        for callee in order.callees:
            if callee.startswith(BLOCKED):
                raise Refusal(403, f"calls to {callee} are not permitted")
        names: list[str] = []
        for callee in order.callees:
            party = Party(vendor_call_id=self._fresh(), direction="outbound", caller=order.caller, callee=callee)
            self._network.start(party, order.plan, self._control(order.orders))
            names.append(party.vendor_call_id)
        if len(names) > 1:
            return {"message": "calls fired", "request_uuid": names}
        return {"message": "call fired", "request_uuid": names[0]}

    def _list(self, wanted: Mapping[str, str]) -> Plain:
        chosen = {"live": is_live, "queued": is_queued}.get(wanted.get("status", ""))
        if chosen is None:
            raise Refusal(400, "status: only the lists of live and queued calls are simulated")
        return {"calls": [one.party.vendor_call_id for one in self._network.calls() if chosen(one)]}

    def _view(self, control: PlivoControl, wanted: Mapping[str, str]) -> Plain:
        match wanted.get("status", ""):
            case "live" if is_live(control.call):
                return live_view(control.call)
            case "queued" if is_queued(control.call):
                return live_view(control.call)
            case "" if control.call.over:
                return record_view(control.call, auth_id=self._auth_id, failed=control.documents.failed)
            case _:
                raise _not_found()

    def _transfer(self, control: PlivoControl, fields: Plain) -> Plain:
        control.runner.go(Redirected(target=creating.read_transfer(fields), by_api=True))
        return {"message": "call transfered"}

    def _hang_up(self, control: PlivoControl) -> Plain:
        """A call that was ordered and is not answered yet is none; an inbound one is refused by this."""
        if is_queued(control.call) or control.call.over:
            raise _not_found()
        control.call.end(Ending(why="hangup" if control.call.answered else "rejected", by="api"))
        return {}

    def _cancel(self, control: PlivoControl) -> Plain:
        if not is_queued(control.call):
            raise _not_found()
        control.call.end(Ending(why="canceled", by="api"))
        return {}

    def _found(self, name: str) -> PlivoControl:
        if name not in self._controls:
            raise _not_found()
        return self._controls[name]

    def _live(self, name: str) -> PlivoControl:
        control = self._found(name)
        if not is_live(control.call):
            raise _not_found()
        return control

    # --- what a live call can be asked -------------------------------------------------------------------------------

    def _use(
        self, method: str, resource: str, control: PlivoControl, fields: Plain, more: list[str]
    ) -> tuple[int, Plain]:
        call = control.call
        match method, resource, more:
            case "POST", "DTMF", []:
                call.send_keys(creating.keys_of(fields))
                return 202, {"message": "digits sent"}
            case "POST", "Speak", []:
                creating.known(fields, frozenset({"text", "voice", "language", "legs", "loop", "mix"}))
                call.speak(self._fresh(), creating.text(fields, "text"))
                return 202, {"message": "speak started"}
            case "DELETE", "Speak", []:
                call.stop_speaking()
                return 204, {}
            case "POST", "Stream", []:
                return 202, self._stream(control, creating.read_stream(fields))
            case "DELETE", "Stream", [] | [_] if call.streaming and more in ([], [call.streaming]):
                call.close_stream()
                return 204, {}
            case "POST" | "DELETE", _, [] | [_]:
                raise _not_found()
            case _:
                raise Refusal(405, ERRORS[405])

    def _stream(self, control: PlivoControl, wanted: creating.NewStream) -> Plain:
        stream_id = self._fresh()
        order = control.documents.streams.order(
            wanted.terms.url, stream_id=stream_id, headers=wanted.headers, bidirectional=wanted.bidirectional
        )
        control.remember(stream_id, wanted.terms)
        if not control.call.open_stream(order):
            raise Refusal(400, "a stream is already active")
        return {"message": "audio streaming started", "stream_id": stream_id}


def _there(found: Plain | None) -> Plain:
    if found is None:
        raise _not_found()
    return found


def _not_found() -> Refusal:
    return Refusal(404, ERRORS[404])
