"""What we tell the simulated network: effects into requests, its answers into outcomes.

Every POST carries ``Idempotency-Key: <call id>:<effect id>``; the network answers a repeated key with the first answer
and does nothing twice.
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote, urlencode

import msgspec

from voicecall.adapters.carriers.mock.inbound import end_reason
from voicecall.events import AnyEffect, AnyEvent, EffectId
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Exchange, HttpRequest, HttpResponse, Leg, Owed, Reply

SEARCH_SLACK_MS = 60_000
"""How much earlier than our dial the network's clock may say it began."""
IN_DOUBT = frozenset({500, 502, 504})
"""Answers after which nobody knows whether a dial was carried out (503 and 429 say that it was not)."""

Plain = dict[str, Any]


# --- requests --------------------------------------------------------------------------------------------------------


def encode(effect_id: EffectId, effect: AnyEffect, leg: Leg) -> HttpRequest | None:
    """The request that carries out ``effect``; None for what is not the carrier's to do."""
    match effect:
        case do.Dial():
            body: Plain = {
                "callId": leg.call_id,
                "from": effect.caller,
                "to": effect.callee,
                "webhookUrl": leg.webhook_url,
                "ringTimeoutMs": effect.ring_timeout_ms,
                **({"detectMachine": True} if effect.detect_machine else {}),
            }
            return _post("/calls", body, effect_id, leg)
        case do.Answer():
            return _post(f"{_call(leg)}/answer", _media(leg), effect_id, leg)
        case do.OpenMedia():
            return _post(f"{_call(leg)}/media", _media(leg), effect_id, leg)
        case do.Reject():
            return _post(f"{_call(leg)}/reject", {"reason": effect.reason}, effect_id, leg)
        case do.Hangup():
            return _post(f"{_call(leg)}/hangup", {"reason": effect.reason}, effect_id, leg)
        case do.SendDigits():
            return _post(f"{_call(leg)}/digits", {"digits": effect.digits}, effect_id, leg)
        case do.Reconcile() if leg.vendor_call_id:
            return _get(_call(leg), leg)
        case do.Reconcile():
            since = max(0, effect.placed_at - SEARCH_SLACK_MS)
            return _get("/calls?" + urlencode({"to": leg.callee, "from": leg.caller, "since": since}), leg)
        case _:
            return None


def reply(owed: Owed, leg: Leg | None) -> Reply:
    """The answer to a webhook: the owed effects that a reply can carry, up to the first that it cannot."""
    actions: list[Plain] = []
    carried: list[EffectId] = []
    for effect_id, effect in owed if leg is not None else ():
        action = _action(effect, cast("Leg", leg))
        if action is None:
            break
        actions.append(action)
        carried.append(effect_id)
    body = msgspec.json.encode({"actions": actions})
    response = HttpResponse(status=200, headers={"content-type": "application/json"}, body=body)
    return Reply(response=response, carried=tuple(carried))


def _action(effect: AnyEffect, leg: Leg) -> Plain | None:
    match effect:
        case do.Answer():
            return {"answer": _media(leg)}
        case do.OpenMedia():
            return {"media": _media(leg)}
        case do.Reject():
            return {"reject": {"reason": effect.reason}}
        case do.Hangup():
            return {"hangup": {"reason": effect.reason}}
        case _:
            return None


def _media(leg: Leg) -> Plain:
    return {"mediaUrl": leg.media_url, "ticket": leg.ticket}


def _call(leg: Leg) -> str:
    """The path of a call; the network derives its id from ours, so an answer that was lost does not matter."""
    return "/calls/" + quote(leg.vendor_call_id or f"mock-{leg.call_id}", safe="")


def _post(path: str, body: Plain, effect_id: EffectId, leg: Leg) -> HttpRequest:
    headers = {
        **_authority(leg),
        "content-type": "application/json",
        "idempotency-key": f"{leg.call_id}:{effect_id}",
    }
    return HttpRequest(method="POST", url=_base(leg) + path, headers=headers, body=msgspec.json.encode(body))


def _get(path: str, leg: Leg) -> HttpRequest:
    return HttpRequest(method="GET", url=_base(leg) + path, headers=_authority(leg))


def _base(leg: Leg) -> str:
    return leg.account.api_url.rstrip("/")


def _authority(leg: Leg) -> dict[str, str]:
    return {"authorization": f"Bearer {leg.account.secrets.get('webhook', '')}"}


# --- answers ---------------------------------------------------------------------------------------------------------


def interpret(effect_id: EffectId, effect: AnyEffect, exchanges: tuple[Exchange, ...], leg: Leg) -> AnyEvent:
    """The outcome of the exchange; every effect of this carrier needs one."""
    last = exchanges[-1]
    if last.response is None:
        return _unanswered(effect_id, effect, last, leg)
    status, plain = last.response.status, _object(last.response.body)
    if 200 <= status < 300:
        return _done(effect_id, effect, plain, leg)
    words = _words(plain, last.response)
    match effect:
        case do.Hangup() if status in (404, 409):
            return fact.EffectSucceeded(settles=effect_id, detail="already gone")
        case do.OpenMedia() if status == 409:
            return fact.EffectSucceeded(settles=effect_id, detail="a media stream is open already")
        case do.Reconcile() if status == 404:
            return fact.CallReconciled(settles=effect_id, alive=False, vendor_status=words)
        case _:
            return fact.EffectFailed(
                settles=effect_id,
                reason=f"the simulated network refused: {words}",
                retryable=status == 429 or status >= 500,
                in_doubt=isinstance(effect, do.Dial) and status in IN_DOUBT,
                vendor_code=str(status),
            )


def _unanswered(effect_id: EffectId, effect: AnyEffect, exchange: Exchange, leg: Leg) -> fact.EffectFailed:
    if not exchange.sent:
        hint = "start one with `voicecall serve --simulate`, or check mock.apiUrl"
        reason = f"no simulated phone network at {_base(leg)}: {hint} ({exchange.error})"
        return fact.EffectFailed(settles=effect_id, reason=reason, retryable=True)
    doubt = isinstance(effect, do.Dial)
    reason = f"the simulated network did not answer: {exchange.error}"
    return fact.EffectFailed(settles=effect_id, reason=reason, retryable=not doubt, in_doubt=doubt)


def _done(effect_id: EffectId, effect: AnyEffect, plain: Plain, leg: Leg) -> AnyEvent:
    match effect:
        case do.Dial():
            vendor_call_id = _text(plain, "providerCallId")
            if not vendor_call_id:
                reason = "the simulated network took the dial but gave no providerCallId"
                return fact.EffectFailed(settles=effect_id, reason=reason, in_doubt=True)
            return fact.DialAccepted(settles=effect_id, vendor_call_id=vendor_call_id)
        case do.Reconcile() if leg.vendor_call_id:
            return _reconciled(effect_id, plain)
        case do.Reconcile():
            return _found(effect_id, plain, leg)
        case _:
            return fact.EffectSucceeded(settles=effect_id)


def _found(effect_id: EffectId, plain: Plain, leg: Leg) -> AnyEvent:
    """The one call of a search that carries our id; the others are other calls to the same number."""
    calls = plain.get("calls")
    if not isinstance(calls, list):
        return _senseless(effect_id, "calls: must be a list")
    ours = [
        cast("Plain", one)
        for one in cast("list[Any]", calls)
        if isinstance(one, dict) and cast("Plain", one).get("callId") == leg.call_id
    ]
    match ours:
        case []:
            return fact.CallReconciled(settles=effect_id, alive=False, vendor_status="no such call")
        case [one]:
            return _reconciled(effect_id, one)
        case _:
            return _senseless(effect_id, f"{len(ours)} calls carry our id")


def _reconciled(effect_id: EffectId, plain: Plain) -> AnyEvent:
    status = _text(plain, "status")
    if not status:
        return _senseless(effect_id, "status: missing")
    return fact.CallReconciled(
        settles=effect_id,
        alive=status != "ended",
        answered=plain.get("answered") is True,
        vendor_call_id=_text(plain, "providerCallId"),
        vendor_status=status,
        reason=end_reason(_text(plain, "reason")),
    )


def _senseless(effect_id: EffectId, why: str) -> fact.EffectFailed:
    return fact.EffectFailed(settles=effect_id, reason=f"the simulated network's answer makes no sense: {why}")


def _object(body: bytes) -> Plain:
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return cast("Plain", data) if isinstance(data, dict) else {}


def _words(plain: Plain, response: HttpResponse) -> str:
    """The network's own words, or as much of its answer as is worth keeping."""
    return _text(plain, "error") or response.body[:200].decode("utf-8", "replace") or f"status {response.status}"


def _text(plain: Plain, name: str) -> str:
    value = plain.get(name)
    return value if isinstance(value, str) else ""
