"""Twilio's API as far as calls go, and the dialect (Twilio, "Call resource").

A parameter that the documentation does not have is refused; Twilio would ignore it.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from voicecall.ports import HttpRequest, HttpResponse
from voicecall.testing.dialect import Call, Network, Webhook
from voicecall.testing.happenings import Ending, Offer, Party, Plan
from voicecall.testing.twilio import console, creating
from voicecall.testing.twilio.control import Orders, TwilioControl
from voicecall.testing.twilio.creating import Fields, Refusal
from voicecall.testing.twilio.documents import Account
from voicecall.testing.twilio.resource import VERSION, Plain, call_object, status_of
from voicecall.testing.twilio.searching import search
from voicecall.testing.twilio.signing import SIGNATURE, signed_request
from voicecall.testing.verbs import Redirected, Target

MORE_INFO = "https://www.twilio.com/docs/errors/"


class TwilioDialect:
    """See ``dialect.Dialect``."""

    name = "twilio"
    signature_headers = (SIGNATURE,)

    def __init__(self, network: Network, *, account_sid: str, auth_token: str) -> None:
        self._network = network
        self._account = Account(sid=account_sid, token=auth_token)
        self._authority = b"Basic " + base64.b64encode(f"{account_sid}:{auth_token}".encode())
        self._controls: dict[str, TwilioControl] = {}
        self._deleted: set[str] = set()

    # --- what the network asks ---------------------------------------------------------------------------------------

    def sign(self, webhook: Webhook, attempt: int) -> HttpRequest:
        """Every attempt is the same, signature and all."""
        return signed_request(webhook.method, webhook.url, webhook.fields, token=self._account.token)

    def failure(self, status: int) -> HttpResponse:
        """Too many requests, or broken."""
        if status == 429:
            return _error(Refusal(429, 20429, "Too Many Requests"))
        return _error(Refusal(status, 20500, "Internal Server Error"))

    def offer(self, offer: Offer) -> Call:
        """A number of the account is called; its voice URL is asked what to do."""
        sid = "CA" + self._network.fresh_id()
        party = Party(vendor_call_id=sid, direction="inbound", caller=offer.caller, callee=offer.callee)
        orders = Orders(
            first=Target(url=offer.webhook_url),
            status=Target(url=offer.status_url) if offer.status_url else None,
            spare=Target(url=offer.fallback_url) if offer.fallback_url else None,
        )
        plan = Plan(ring_timeout_s=offer.ring_timeout_s)
        return self._network.start(party, plan, self._control(sid, orders), script=offer.script)

    def _control(self, sid: str, orders: Orders) -> Callable[[Call], TwilioControl]:
        def control(call: Call) -> TwilioControl:
            made = TwilioControl(network=self._network, call=call, account=self._account, orders=orders)
            self._controls[sid] = made
            return made

        return control

    # --- the API -----------------------------------------------------------------------------------------------------

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The response to one request."""
        try:
            return self._route(request)
        except Refusal as refusal:
            return _error(refusal)

    def _route(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("authorization", "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, self._authority):
            raise Refusal(401, 20003, "Authenticate")
        url = urlsplit(request.url)
        match request.method, [unquote(part) for part in url.path.split("/") if part]:
            case "GET", [version, "Accounts", name] if (version, name) == (VERSION, f"{self._account.sid}.json"):
                account = self._account
                return _json(200, console.account_object(self._network.console, sid=account.sid, token=account.token))
            case method, [version, "Accounts", account, *rest] if (version, account) == (VERSION, self._account.sid):
                return self._serve(method, rest, request, url.query)
            case _:
                raise _unknown(url.path)

    def _serve(self, method: str, rest: list[str], request: HttpRequest, query: str) -> HttpResponse:
        match method, rest:
            case "POST", ["Calls.json"]:
                return _json(201, self._create(_form(request)))
            case "GET", ["Calls.json"]:
                calls = [one for one in self._network.calls() if one.party.vendor_call_id not in self._deleted]
                return _json(200, search(calls, query, account_sid=self._account.sid, view=self._view))
            case "GET", ["IncomingPhoneNumbers.json"]:
                return _json(200, console.numbers_page(self._network.console, query, sid=self._account.sid))
            case "GET", ["OutgoingCallerIds.json"]:
                return _json(200, console.caller_ids_page(self._network.console, query, sid=self._account.sid))
            case "GET", ["Applications", name]:
                return _json(200, self._application(name))
            case "GET", ["Calls", name]:
                return _json(200, self._view(self._found(name).call))
            case "POST", ["Calls", name]:
                control = self._found(name)
                self._update(control, _form(request))
                return _json(200, self._view(control.call))
            case "DELETE", ["Calls", name]:
                self._deleted.add(self._found(name).call.party.vendor_call_id)
                return HttpResponse(status=204)
            case _:
                raise _unknown(urlsplit(request.url).path)

    def _application(self, name: str) -> Plain:
        sid = self._account.sid
        found = console.application_object(self._network.console, name.removesuffix(".json"), sid=sid)
        if found is None:
            raise _unknown(f"/{VERSION}/Accounts/{sid}/Applications/{name}")
        return found

    def _view(self, call: Call) -> Plain:
        sid = call.party.vendor_call_id
        return call_object(call, account_sid=self._account.sid, answered_by=self._controls[sid].answered_by)

    def _found(self, name: str) -> TwilioControl:
        sid, dot, kind = name.rpartition(".")
        control = self._controls.get(sid) if dot and kind == "json" and sid not in self._deleted else None
        if control is None:
            raise _unknown(f"/{VERSION}/Accounts/{self._account.sid}/Calls/{name}")
        return control

    def _create(self, fields: Fields) -> Plain:
        order = creating.read(fields)
        sid = "CA" + self._network.fresh_id()
        party = Party(vendor_call_id=sid, direction="outbound", caller=order.caller, callee=order.callee)
        call = self._network.start(party, order.plan, self._control(sid, order.orders))
        return call_object(call, account_sid=self._account.sid, fresh=True)

    def _update(self, control: TwilioControl, fields: Fields) -> None:
        """Hang up, or put another document on the call."""
        change = creating.read_update(fields)
        call = control.call
        if call.over:
            raise Refusal(400, 21220, "Call is not in-progress. Cannot redirect.")
        if change.status == "canceled" and call.answered:
            raise Refusal(400, 21220, f"Call is {status_of(call)}. Cannot cancel.")
        if change.status:
            call.end(Ending(why="hangup" if call.answered else "canceled", by="api"))
            return
        if not call.answered:
            raise Refusal(400, 21220, "Call is not in-progress. Cannot redirect.")
        if change.target is not None:
            control.runner.go(Redirected(target=change.target, by_api=True))
        else:
            control.perform(change.twiml)


def _form(request: HttpRequest) -> Fields:
    content = request.headers.get("content-type", "").partition(";")[0].strip()
    if content != "application/x-www-form-urlencoded":
        raise Refusal(415, 20415, f"Content-Type: {content!r} is not a form")
    try:
        pairs = parse_qsl(request.body.decode("utf-8"), keep_blank_values=True, strict_parsing=bool(request.body))
    except ValueError as error:
        raise Refusal(400, 20001, f"the body is not a form: {error}") from error
    fields: Fields = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def _unknown(path: str) -> Refusal:
    return Refusal(404, 20404, f"The requested resource {path} was not found")


def _error(refusal: Refusal) -> HttpResponse:
    code = {} if refusal.code is None else {"code": refusal.code, "more_info": f"{MORE_INFO}{refusal.code}"}
    return _json(refusal.status, {**code, "message": str(refusal), "status": refusal.status})


def _json(status: int, plain: Plain) -> HttpResponse:
    return HttpResponse(status=status, headers={"content-type": "application/json"}, body=msgspec.json.encode(plain))
