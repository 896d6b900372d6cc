"""What we ask of Plivo: REST requests, and what their answers mean (Plivo, "Voice API").

Nothing can be said over REST so that its end is told: the call is sent to a URL of ours instead, and comes for the
instructions of the effect that the URL names. That would end a media stream, so beside one it is said over REST.
"""

from __future__ import annotations

import base64
from typing import Any, cast
from urllib.parse import quote
from xml.etree.ElementTree import Element

import msgspec

from voicecall.adapters.carriers.plivo import documents, words
from voicecall.adapters.carriers.plivo.inbound import number
from voicecall.adapters.carriers.plivo.urls import flow_url, report_url
from voicecall.events import AnyEffect, AnyEvent, EffectId
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Exchange, HttpRequest, HttpResponse, Leg, Owed, Reply, Stance

IN_DOUBT = frozenset({408, 409})
LATER = 429
DETECTION_MS = 5_000
REPEATS = 2
"""How often a request that met a fault of Plivo is repeated at once, as Plivo's own library does."""

SPEAK = "Speak/"

Sent = do.Speak | do.OpenMedia | do.Answer | do.StopSpeaking | do.Listen
"""For these the call is sent to a URL of ours."""
Plain = dict[str, Any]


# --- answers to webhooks ---------------------------------------------------------------------------------------------


def reply(owed: Owed, leg: Leg | None, *, flow: bool) -> Reply:
    """A document for whoever asks what to do; nothing for a report."""
    if leg is None:
        return Reply(response=_xml(documents.document(Element("Hangup"))))
    if not flow:
        return Reply(response=HttpResponse(status=200))
    elements, carried = _instructions(owed, leg)
    answers = any(isinstance(effect, do.Answer) and name in carried for name, effect in owed)
    return Reply(response=_xml(documents.document(*elements)), carried=carried, answers=answers)


def _instructions(owed: Owed, leg: Leg) -> tuple[list[Element], tuple[EffectId, ...]]:
    carried: list[EffectId] = []
    elements: list[Element] = []
    for name, effect in owed:
        match effect:
            case do.Reject():
                return documents.reject(effect.reason), (name,)
            case do.Hangup():
                return [Element("Hangup")], (name,)
            case do.Answer() | do.OpenMedia() if not elements:
                elements = documents.stream(leg) if leg.stance is Stance.STREAM else []
            case do.Speak() if not elements:
                elements = documents.speak(leg, name, effect)
            case do.Answer() | do.Listen() | do.StopSpeaking():
                pass
            case _:
                continue
        carried.append(name)
    return elements or documents.rest(leg), tuple(carried)


def _xml(text: str) -> HttpResponse:
    return HttpResponse(status=200, headers={"content-type": "text/xml; charset=utf-8"}, body=text.encode())


# --- requests --------------------------------------------------------------------------------------------------------


def encode(effect_id: EffectId, effect: AnyEffect, leg: Leg) -> HttpRequest | None:
    """The first request that carries out ``effect``; there is none for what concerns no call yet."""
    if isinstance(effect, do.Dial):
        return _post("/Call/", _dial(effect, leg), leg)
    if isinstance(effect, do.Reconcile):
        return _get(f"{_path(leg)}?status=live" if leg.vendor_call_id else "/Call/?status=live", leg)
    if not leg.vendor_call_id:
        return None
    match effect:
        case do.Hangup() | do.Reject():
            return _delete(_path(leg), leg)
        case do.SendDigits():
            return _post(f"{_path(leg)}DTMF/", {"digits": effect.digits, "leg": "aleg"}, leg)
        case do.Speak() if leg.stance is Stance.STREAM:
            voice = {"voice": leg.voice} if leg.voice else {}
            return _post(f"{_path(leg)}{SPEAK}", {"text": effect.text, "legs": "aleg", **voice}, leg)
        case do.StopSpeaking() if leg.stance is Stance.STREAM:
            return _delete(f"{_path(leg)}{SPEAK}", leg)
        case _ if isinstance(effect, Sent):
            url = flow_url(leg, "asked", e=effect_id)
            return _post(_path(leg), {"legs": "aleg", "aleg_url": url, "aleg_method": "POST"}, leg)
        case _:
            return None


def _dial(effect: do.Dial, leg: Leg) -> Plain:
    fields: Plain = {
        "from": effect.caller,
        "to": effect.callee,
        "answer_url": flow_url(leg, "answer"),
        "answer_method": "POST",
        "fallback_url": flow_url(leg, "fallback"),
        "fallback_method": "POST",
        "ring_url": report_url(leg, "ring"),
        "ring_method": "POST",
        "hangup_url": report_url(leg, "hangup"),
        "hangup_method": "POST",
        "ring_timeout": max(1, effect.ring_timeout_ms // 1000),
    }
    if not effect.detect_machine:
        return fields
    return {
        **fields,
        "machine_detection": "true",
        "machine_detection_time": DETECTION_MS,
        "machine_detection_url": report_url(leg, "amd"),
        "machine_detection_method": "POST",
    }


def _post(path: str, fields: Plain, leg: Leg) -> HttpRequest:
    headers = {**_authority(leg), "content-type": "application/json"}
    return HttpRequest(method="POST", url=_base(leg) + path, headers=headers, body=msgspec.json.encode(fields))


def _get(path: str, leg: Leg) -> HttpRequest:
    return HttpRequest(method="GET", url=_base(leg) + path, headers=_authority(leg))


def _delete(path: str, leg: Leg) -> HttpRequest:
    return HttpRequest(method="DELETE", url=_base(leg) + path, headers=_authority(leg))


def _base(leg: Leg) -> str:
    account = quote(leg.account.secrets.get("auth_id", ""), safe="")
    return f"{leg.account.api_url.rstrip('/')}/Account/{account}"


def _authority(leg: Leg) -> dict[str, str]:
    secrets = leg.account.secrets
    pair = f"{secrets.get('auth_id', '')}:{secrets.get('auth_token', '')}"
    return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode("ascii")}


def _path(leg: Leg) -> str:
    return f"/Call/{quote(leg.vendor_call_id, safe='')}/"


# --- answers ---------------------------------------------------------------------------------------------------------


def interpret(
    effect_id: EffectId, effect: AnyEffect, exchanges: tuple[Exchange, ...], leg: Leg
) -> AnyEvent | HttpRequest:
    """The outcome of the exchanges so far, or one more request."""
    last = exchanges[-1]
    if last.response is None:
        doubt = isinstance(effect, do.Dial) and last.sent
        reason = f"Plivo did not answer: {last.error}"
        return fact.EffectFailed(settles=effect_id, reason=reason, retryable=not doubt, in_doubt=doubt)
    if isinstance(effect, do.Reconcile):
        return _reconcile(effect_id, exchanges, last.response, leg)
    beside = last.request.url.endswith(f"/{SPEAK}")
    if last.response.status >= 500 and isinstance(effect, Sent) and len(exchanges) <= REPEATS and not beside:
        # A call that is sent twice for the same instructions gets the same answer: they are carried out once.
        return last.request
    if 200 <= last.response.status < 300:
        if beside and isinstance(effect, do.Speak):
            return fact.PlaybackStarted(utterance=effect.utterance)
        return _done(effect_id, effect, _object(last.response.body))
    if isinstance(effect, do.Hangup | do.Reject) and last.response.status == 404:
        if len(exchanges) == 1:
            # A call that rings is not live yet: then it is a request.
            return _delete(f"/Request/{quote(leg.vendor_call_id, safe='')}/", leg)
        return fact.EffectSucceeded(settles=effect_id, detail="already gone")
    return _refused(effect_id, effect, last.response)


def _refused(effect_id: EffectId, effect: AnyEffect, response: HttpResponse) -> fact.EffectFailed:
    status = response.status
    # An inbound call cannot be sent elsewhere before it has taken its first instructions.
    early = isinstance(effect, do.Answer | do.OpenMedia) and status == 404
    return fact.EffectFailed(
        settles=effect_id,
        reason=f"Plivo refused: {_words(response)}",
        retryable=status == LATER or status >= 500 or early,
        in_doubt=isinstance(effect, do.Dial) and (status >= 500 or status in IN_DOUBT),
        vendor_code=str(status),
    )


def _done(effect_id: EffectId, effect: AnyEffect, plain: Plain) -> AnyEvent:
    match effect:
        case do.Dial():
            name = plain.get("request_uuid")
            names = cast("list[Any]", name) if isinstance(name, list) else [name]
            first: Any = names[0] if names else ""
            if not isinstance(first, str) or not first:
                reason = "Plivo took the dial but gave no request_uuid"
                return fact.EffectFailed(settles=effect_id, reason=reason, in_doubt=True)
            return fact.DialAccepted(settles=effect_id, vendor_call_id=first)
        case do.Speak() | do.OpenMedia() | do.Answer():
            # Its outcome is that the call comes for its instructions.
            return fact.VendorReported(status="transfer", code=_text(plain, "message"))
        case _:
            return fact.EffectSucceeded(settles=effect_id)


def _reconcile(
    effect_id: EffectId, exchanges: tuple[Exchange, ...], response: HttpResponse, leg: Leg
) -> AnyEvent | HttpRequest:
    """Is it live, or else queued, or else what was it? Without a name of its own: which live call could it be?"""
    plain = _object(response.body)
    if response.status != 404 and not 200 <= response.status < 300:
        return _refused(effect_id, do.Reconcile(placed_at=leg.placed_at), response)
    if not leg.vendor_call_id:
        return _search(effect_id, exchanges, plain, leg)
    if response.status == 404:
        more = (f"{_path(leg)}?status=queued", _path(leg))
        if len(exchanges) <= len(more):
            return _get(more[len(exchanges) - 1], leg)
        return fact.CallReconciled(settles=effect_id, alive=False, vendor_status="no such call")
    return _reconciled(effect_id, plain)


def _search(effect_id: EffectId, exchanges: tuple[Exchange, ...], plain: Plain, leg: Leg) -> AnyEvent | HttpRequest:
    """The lists of live and of queued calls, and of each call there that is nobody else's whom it goes to."""
    if "calls" not in plain and _is_ours(plain, leg):
        return _reconciled(effect_id, plain)
    asked = {exchange.request.url for exchange in exchanges}
    for status in ("live", "queued"):
        paths = ("/Call/", *(f"/Call/{name}/" for name in _listed(exchanges, status, leg)))
        requests = (_get(f"{path}?status={status}", leg) for path in paths)
        following = next((one for one in requests if one.url not in asked), None)
        if following is not None:
            return following
    return fact.CallReconciled(settles=effect_id, alive=False, vendor_status="no such call", reason="failed")


def _listed(exchanges: tuple[Exchange, ...], status: str, leg: Leg) -> list[str]:
    """The calls in the list of this status that could be ours."""
    for exchange in exchanges:
        if exchange.response is not None and exchange.request.url.endswith(f"/Call/?status={status}"):
            listed: Any = _object(exchange.response.body).get("calls")
            names = cast("list[Any]", listed) if isinstance(listed, list) else []
            return [quote(one, safe="") for one in names if isinstance(one, str) and not leg.claimed(one)]
    return []


def _is_ours(plain: Plain, leg: Leg) -> bool:
    numbers = number(_text(plain, "from")), number(_text(plain, "to"))
    return _text(plain, "direction") == "outbound" and numbers == (leg.caller, leg.callee)


def _reconciled(effect_id: EffectId, plain: Plain) -> AnyEvent:
    status = _text(plain, "call_status")
    if status:
        return fact.CallReconciled(
            settles=effect_id,
            alive=status in words.ALIVE,
            answered=status == "in-progress",
            vendor_call_id=_text(plain, "call_uuid"),
            vendor_status=status,
            reason="unknown" if status in words.ALIVE else "completed",
        )
    inbound = _text(plain, "call_direction") == "inbound"
    code, source = str(plain.get("hangup_cause_code") or ""), _text(plain, "hangup_source")
    over = words.ended("", code, source, inbound=inbound, name=_text(plain, "hangup_cause_name"))
    return fact.CallReconciled(
        settles=effect_id,
        alive=False,
        vendor_call_id=_text(plain, "call_uuid"),
        vendor_status=over.vendor_code,
        reason=over.reason,
    )


def _object(body: bytes) -> Plain:
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return cast("Plain", data) if isinstance(data, dict) else {}


def _words(response: HttpResponse) -> str:
    """Plivo's own words: text, or an object by field, or as much of the answer as is worth keeping."""
    error = _object(response.body).get("error")
    if isinstance(error, dict):
        return msgspec.json.encode(error).decode("utf-8", "replace")
    told = error if isinstance(error, str) else ""
    return told or response.body[:200].decode("utf-8", "replace") or f"status {response.status}"


def _text(plain: Plain, name: str) -> str:
    value = plain.get(name)
    return value if isinstance(value, str) else ""
