"""What we ask of Twilio: REST requests, and what their answers mean (Twilio, "Call resource", "Error dictionary")."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element

import msgspec

from voicecall.adapters.carriers.twilio import documents, words
from voicecall.adapters.carriers.twilio.urls import flow_url, report_url
from voicecall.events import AnyEffect, AnyEvent, EffectId
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Exchange, HttpRequest, HttpResponse, Leg, Owed, Reply, Stance

GONE = frozenset({20404, 21220})
"""No such call, and "Call is not in-progress. Cannot redirect.": both are seen for calls that are over."""
IN_DOUBT = frozenset({408, 409})
SEARCH_SLACK_MS = 60_000
"""How much earlier than our own clock says Twilio may have begun a call."""
LATER = 429

Plain = dict[str, Any]


# --- answers to webhooks ---------------------------------------------------------------------------------------------


def reply(owed: Owed, leg: Leg | None, *, flow: bool) -> Reply:
    """A document for whoever asks what to do; nothing for a report."""
    if leg is None:
        return Reply(response=_xml(documents.document(Element("Hangup"))))
    if not flow:
        return Reply(response=HttpResponse(status=204))
    verbs, carried = _instructions(owed, leg)
    answers = any(isinstance(effect, do.Answer) and name in carried for name, effect in owed)
    return Reply(response=_xml(documents.document(*verbs)), carried=carried, answers=answers)


def _instructions(owed: Owed, leg: Leg) -> tuple[list[Element], tuple[EffectId, ...]]:
    carried: list[EffectId] = []
    keys: list[Element] = []
    verbs: list[Element] = []
    for name, effect in owed:
        match effect:
            case do.Reject():
                return documents.reject(effect.reason), (name,)
            case do.Hangup():
                return [Element("Hangup")], (name,)
            case do.Answer() | do.OpenMedia() if not verbs:
                verbs = documents.connect(leg) if leg.stance is Stance.STREAM else []
            case do.Speak() if not verbs:
                verbs = documents.speak(leg, name, effect)
            case do.SendDigits() if not verbs:
                keys.append(documents.press(effect.digits))
            case do.Answer() | do.Listen() | do.StopSpeaking():
                pass
            case _:
                continue
        carried.append(name)
    return [*keys, *(verbs or documents.rest(leg))], tuple(carried)


def _xml(text: str) -> HttpResponse:
    return HttpResponse(status=200, headers={"content-type": "text/xml; charset=utf-8"}, body=text.encode())


# --- requests --------------------------------------------------------------------------------------------------------


def encode(effect_id: EffectId, effect: AnyEffect, leg: Leg) -> HttpRequest | None:
    """The request that carries out ``effect``; there is none for what concerns no call yet."""
    if isinstance(effect, do.Dial):
        return _post("/Calls.json", _dial(effect, leg), leg)
    if isinstance(effect, do.Reconcile):
        return _get(f"/Calls/{_sid(leg)}.json" if leg.vendor_call_id else _search(leg), leg)
    if not leg.vendor_call_id:
        return None
    match effect:
        case do.Hangup() | do.Reject():
            fields = [("Status", "completed")]
        case do.OpenMedia():
            fields = _put(documents.connect(leg), effect_id, leg)
        case do.Answer():
            fields = _put(_go_on(leg), effect_id, leg)
        case do.Speak():
            fields = _put(documents.speak(leg, effect_id, effect), effect_id, leg)
        case do.StopSpeaking() | do.Listen():
            fields = _put(documents.rest(leg), effect_id, leg)
        case do.SendDigits():
            fields = _put([documents.press(effect.digits), *_go_on(leg)], effect_id, leg)
        case _:
            return None
    return _post(f"/Calls/{_sid(leg)}.json", fields, leg)


def _dial(effect: do.Dial, leg: Leg) -> list[tuple[str, str]]:
    fields = [
        ("To", effect.callee),
        ("From", effect.caller),
        ("Url", flow_url(leg, "answer")),
        ("Method", "POST"),
        ("FallbackUrl", flow_url(leg, "fallback")),
        ("FallbackMethod", "POST"),
        ("StatusCallback", report_url(leg, "status")),
        ("StatusCallbackMethod", "POST"),
        *(("StatusCallbackEvent", name) for name in ("initiated", "ringing", "completed")),
        ("Timeout", str(max(1, min(600, effect.ring_timeout_ms // 1000)))),
    ]
    if not effect.detect_machine:
        return fields
    return [
        *fields,
        ("MachineDetection", "DetectMessageEnd"),
        ("AsyncAmd", "true"),
        ("AsyncAmdStatusCallback", report_url(leg, "amd")),
        ("AsyncAmdStatusCallbackMethod", "POST"),
    ]


def _go_on(leg: Leg) -> list[Element]:
    return documents.connect(leg) if leg.stance is Stance.STREAM else documents.rest(leg)


def _put(verbs: list[Element], effect_id: EffectId, leg: Leg) -> list[tuple[str, str]]:
    """A document that replaces the running one; one that is too long for the request is to be fetched."""
    text = documents.document(*verbs)
    if len(text) <= documents.TWIML_LIMIT:
        return [("Twiml", text)]
    return [("Url", flow_url(leg, "asked", e=effect_id)), ("Method", "POST")]


def _search(leg: Leg) -> str:
    """Calls to the same person that began since a little before ours (whole days, GMT)."""
    since = datetime.fromtimestamp((leg.placed_at - SEARCH_SLACK_MS) / 1000, UTC).strftime("%Y-%m-%d")
    return "/Calls.json?" + urlencode({"To": leg.callee, "From": leg.caller, "StartTime>": since, "PageSize": 50})


def _post(path: str, fields: list[tuple[str, str]], leg: Leg) -> HttpRequest:
    headers = {**_authority(leg), "content-type": "application/x-www-form-urlencoded"}
    return HttpRequest(method="POST", url=_base(leg) + path, headers=headers, body=urlencode(fields).encode())


def _get(path: str, leg: Leg) -> HttpRequest:
    return HttpRequest(method="GET", url=_base(leg) + path, headers=_authority(leg))


def _base(leg: Leg) -> str:
    account = quote(leg.account.secrets.get("account_sid", ""), safe="")
    return f"{leg.account.api_url.rstrip('/')}/2010-04-01/Accounts/{account}"


def _authority(leg: Leg) -> dict[str, str]:
    secrets = leg.account.secrets
    pair = f"{secrets.get('account_sid', '')}:{secrets.get('auth_token', '')}"
    return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode("ascii")}


def _sid(leg: Leg) -> str:
    return quote(leg.vendor_call_id, safe="")


# --- answers ---------------------------------------------------------------------------------------------------------


def interpret(effect_id: EffectId, effect: AnyEffect, exchanges: tuple[Exchange, ...], leg: Leg) -> AnyEvent:
    """The outcome of the exchange."""
    last = exchanges[-1]
    if last.response is None:
        doubt = isinstance(effect, do.Dial) and last.sent
        reason = f"Twilio did not answer: {last.error}"
        return fact.EffectFailed(settles=effect_id, reason=reason, retryable=not doubt, in_doubt=doubt)
    plain = _object(last.response.body)
    if 200 <= last.response.status < 300:
        if last.request.body.startswith(b"Url="):
            # Its outcome is that the call comes for the document.
            return fact.VendorReported(status="redirected", detail=f"for effect {effect_id}")
        return _done(effect_id, effect, plain, leg)
    return _refused(effect_id, effect, last.response, plain)


def _refused(effect_id: EffectId, effect: AnyEffect, response: HttpResponse, plain: Plain) -> AnyEvent:
    status, told = response.status, plain.get("code")
    code = told if isinstance(told, int) else 0
    gone = status == 404 or code in GONE
    if isinstance(effect, do.Hangup | do.Reject) and gone:
        return fact.EffectSucceeded(settles=effect_id, detail="already gone")
    if isinstance(effect, do.Reconcile) and status == 404:
        return fact.CallReconciled(settles=effect_id, alive=False, vendor_status="no such call")
    # An inbound call cannot be given instructions before it has taken the first ones.
    early = isinstance(effect, do.Answer | do.OpenMedia) and gone
    return fact.EffectFailed(
        settles=effect_id,
        reason=f"Twilio refused: {_words(plain, response)}",
        retryable=status == LATER or status >= 500 or early,
        in_doubt=isinstance(effect, do.Dial) and (status >= 500 or status in IN_DOUBT),
        vendor_code=str(code or status),
    )


def _done(effect_id: EffectId, effect: AnyEffect, plain: Plain, leg: Leg) -> AnyEvent:
    match effect:
        case do.Dial():
            sid = _text(plain, "sid")
            if not sid:
                reason = "Twilio took the dial but gave no sid"
                return fact.EffectFailed(settles=effect_id, reason=reason, in_doubt=True)
            return fact.DialAccepted(settles=effect_id, vendor_call_id=sid)
        case do.Reconcile() if leg.vendor_call_id:
            return _reconciled(effect_id, plain, leg)
        case do.Reconcile():
            return _found(effect_id, plain, leg)
        case do.Speak():
            return fact.PlaybackStarted(utterance=effect.utterance)
        case _:
            return fact.EffectSucceeded(settles=effect_id)


def _found(effect_id: EffectId, plain: Plain, leg: Leg) -> AnyEvent:
    """The one call of a search that began with ours and is nobody else's; two are one too many to choose from."""
    calls = plain.get("calls")
    if not isinstance(calls, list):
        return fact.EffectFailed(settles=effect_id, reason="Twilio's answer makes no sense: calls: must be a list")
    found = [cast("Plain", one) for one in cast("list[Any]", calls) if isinstance(one, dict)]
    ours = [one for one in found if _may_be(one, leg)]
    if len(ours) == 1:
        return _reconciled(effect_id, ours[0], leg)
    status = "no such call" if not ours else f"{len(ours)} calls could be this one"
    return fact.CallReconciled(settles=effect_id, alive=False, vendor_status=status, reason="failed")


def _may_be(plain: Plain, leg: Leg) -> bool:
    sid = _text(plain, "sid")
    if not sid or leg.claimed(sid) or _text(plain, "to") != leg.callee:
        return False
    begun = _instant_ms(_text(plain, "date_created")) or _instant_ms(_text(plain, "start_time"))
    return begun is None or begun >= leg.placed_at - SEARCH_SLACK_MS


def _instant_ms(text: str) -> int | None:
    try:
        return round(parsedate_to_datetime(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _reconciled(effect_id: EffectId, plain: Plain, leg: Leg) -> AnyEvent:
    status = _text(plain, "status")
    if status not in words.ALIVE and status not in words.ENDINGS:
        # Nobody knows whether such a call is over, so nothing is concluded from it.
        reason = f"Twilio's answer makes no sense: status: {status or 'is missing'}"
        return fact.EffectFailed(settles=effect_id, reason=reason, vendor_code=status)
    over = words.ended(status, inbound=_text(plain, "direction") == "inbound")
    return fact.CallReconciled(
        settles=effect_id,
        alive=status in words.ALIVE,
        answered=status == "in-progress",
        vendor_call_id=_text(plain, "sid"),
        vendor_status=status,
        reason=over.reason,
    )


def _object(body: bytes) -> Plain:
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return cast("Plain", data) if isinstance(data, dict) else {}


def _words(plain: Plain, response: HttpResponse) -> str:
    """Twilio's own words: both of its shapes of an error body, or as much of the answer as is worth keeping."""
    told = _text(plain, "message") or _text(plain, "detail") or _text(plain, "title")
    return told or response.body[:200].decode("utf-8", "replace") or f"status {response.status}"


def _text(plain: Plain, name: str) -> str:
    value = plain.get(name)
    return value if isinstance(value, str) else ""
