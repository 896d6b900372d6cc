"""Telnyx's API and its dialect: one request in, one response out, nothing awaited."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from voicecall.ports import HttpRequest, HttpResponse
from voicecall.testing.dialect import Call, Network, Webhook
from voicecall.testing.happenings import Offer, Party, Plan
from voicecall.testing.json_api import Refusal, json_response, object_of
from voicecall.testing.people import BLOCKED
from voicecall.testing.telnyx import console, errors
from voicecall.testing.telnyx.commands import command, take_state
from voicecall.testing.telnyx.control import Names, TelnyxControl
from voicecall.testing.telnyx.fields import DIAL, check
from voicecall.testing.telnyx.media import terms_of
from voicecall.testing.telnyx.words import plan_of, stamp, uuid_of

BASE = "/v2"
"""The API is under this path; also under none, for an ``apiUrl`` that is only a host."""
SIGNATURE, TIMESTAMP = "telnyx-signature-ed25519", "telnyx-timestamp"
NAME = re.compile(r"v[23]:[A-Za-z0-9_-]+")
PAGE = 20
Plain = dict[str, Any]


class TelnyxDialect:
    """See ``dialect.Dialect``."""

    name = "telnyx"
    signature_headers = (SIGNATURE,)

    def __init__(self, network: Network, account: Mapping[str, str]) -> None:
        self._network = network
        self._authority = f"Bearer {account['api_key']}".encode()
        self._connection = account["connection_id"]
        self._timeout_s = float(account["webhook_timeout_secs"])
        self._key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(account["private_key"]))
        self._user = uuid_of(network.fresh_id())
        self._controls: dict[str, TelnyxControl] = {}

    # --- what the network asks ---------------------------------------------------------------------------------------

    def sign(self, webhook: Webhook, attempt: int) -> HttpRequest:
        """The event keeps its id over all attempts; the signature is made anew, because it is only good for a while."""
        meta = {"attempt": attempt, "delivered_to": webhook.url}
        body = msgspec.json.encode({"data": webhook.fields, "meta": meta})
        seconds = str(self._network.wall() // 1000)
        proof = self._key.sign(seconds.encode("ascii") + b"|" + body)
        headers = {
            "content-type": "application/json",
            "user-agent": "telnyx-webhooks",
            SIGNATURE: base64.b64encode(proof).decode("ascii"),
            TIMESTAMP: seconds,
        }
        return HttpRequest(method="POST", url=webhook.url, headers=headers, body=body)

    def offer(self, offer: Offer) -> Call:
        party = Party(vendor_call_id=self._fresh_name(), direction="inbound", caller=offer.caller, callee=offer.callee)

        def control(call: Call) -> TelnyxControl:
            made = self._control(call, offer.webhook_url)
            made.fallback_url = offer.fallback_url
            return made

        plan = Plan(ring_timeout_s=offer.ring_timeout_s)
        return self._network.start(party, plan, control, script=offer.script)

    def failure(self, status: int) -> HttpResponse:
        return errors.failure(status)

    def _control(self, call: Call, url: str) -> TelnyxControl:
        names = Names(
            leg=uuid_of(self._network.fresh_id()),
            session=uuid_of(self._network.fresh_id()),
            connection=self._connection,
            user=self._user,
        )
        made = TelnyxControl(network=self._network, call=call, names=names, url=url, timeout_s=self._timeout_s)
        self._controls[call.party.vendor_call_id] = made
        return made

    def _fresh_name(self) -> str:
        digits = self._network.fresh_id()
        return f"v3:{digits[:16]}-{digits[16:]}_"

    # --- the API -----------------------------------------------------------------------------------------------------

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The response to one request."""
        given = request.headers.get("authorization", "").encode("utf-8", "surrogatepass")
        try:
            if not hmac.compare_digest(given, self._authority):
                raise errors.unauthorized()
            return json_response(200, self._route(request))
        except errors.TelnyxError as error:
            return error.response()
        except Refusal as refusal:
            return errors.TelnyxError(400, "10015", "Invalid request", str(refusal)).response()

    def _route(self, request: HttpRequest) -> Plain:
        url = urlsplit(request.url)
        path = url.path.removeprefix(BASE) if url.path.startswith(BASE + "/") else url.path
        match request.method, [unquote(part) for part in path.split("/")[1:]]:
            case "POST", ["calls"]:
                return {"data": self._dial(object_of(request))}
            case "GET", ["calls", name]:
                return {"data": _status(self._found(name))}
            case "POST", ["calls", name, "actions", action]:
                command(self._found(name), action, object_of(request))
                return {"data": {"result": "ok"}}
            case "GET", ["balance"]:
                return console.balance(self._network.console)
            case "GET", ["call_control_applications", name] if name == self._connection:
                return console.application(self._network.console, name)
            case "GET", ["phone_numbers"]:
                return console.numbers(self._network.console, url.query, connection_id=self._connection)
            case "GET", ["connections", connection, "active_calls"] if connection == self._connection:
                return self._active(url.query)
            case _:
                raise errors.not_found()

    def _found(self, name: str) -> TelnyxControl:
        if not NAME.fullmatch(name):
            raise errors.bad_name()
        if name not in self._controls:
            raise errors.not_found()
        return self._controls[name]

    def _dial(self, plain: Plain) -> Plain:
        check(plain, DIAL)
        if plain["connection_id"] != self._connection:
            raise errors.invalid("connection_id", "there is no such application")
        if plain["to"].startswith(BLOCKED):
            raise errors.not_allowed(f"Dialed number {plain['to']} is not included in whitelisted countries.")
        terms = terms_of(plain)
        party = Party(vendor_call_id=self._fresh_name(), direction="outbound", caller=plain["from"], callee=plain["to"])
        call = self._network.start(party, plan_of(plain), self._dialed(plain, terms))
        made = self._controls[call.party.vendor_call_id]
        return {**_ids(made), "is_alive": False, "record_type": "call"}

    def _dialed(self, plain: Plain, terms: Any) -> Callable[[Call], TelnyxControl]:
        def control(call: Call) -> TelnyxControl:
            made = self._control(call, "")
            take_state(made, plain)
            made.terms = terms
            made.detection = plain.get("answering_machine_detection", "disabled")
            made.retry_on_timeout = plain.get("retry_on_timeout", True)
            return made

        return control

    def _active(self, query: str) -> Plain:
        """One page of the living calls, oldest first."""
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        number, size = (_count(asked, f"page[{name}]", usual) for name, usual in (("number", 1), ("size", PAGE)))
        living = [one for one in self._controls.values() if not one.call.over]
        shown: Sequence[TelnyxControl] = living[(number - 1) * size : number * size]
        keys = ("call_control_id", "call_leg_id", "call_session_id", "client_state", "call_duration", "record_type")
        data = [{key: value for key, value in _status(one).items() if key in keys} for one in shown]
        pages = max(1, -(-len(living) // size))
        meta = {"page_number": number, "page_size": size, "total_pages": pages, "total_results": len(living)}
        return {"data": data, "meta": meta}


def _count(asked: Mapping[str, str], name: str, usual: int) -> int:
    text = asked.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 250):
        raise errors.invalid(name, "must be a number from 1 to 250")
    return int(text)


def _ids(control: TelnyxControl) -> Plain:
    return {
        "call_control_id": control.call.party.vendor_call_id,
        "call_leg_id": control.names.leg,
        "call_session_id": control.names.session,
    }


def _status(control: TelnyxControl) -> Plain:
    """``call_duration`` counts from the beginning of the call, ringing included."""
    call = control.call
    until = call.ended_at if call.ended_at is not None else control.network.wall()
    over = {} if call.ended_at is None else {"end_time": stamp(call.ended_at)}
    return {
        **_ids(control),
        "client_state": control.client_state,
        "is_alive": not call.over,
        "record_type": "call",
        "call_duration": (until - call.began_at) // 1000,
        "start_time": stamp(call.began_at),
        **over,
    }
