"""What Telnyx's answers to our commands mean (Telnyx, "Error codes")."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from voicecall.adapters.carriers.telnyx.echo import read_echo
from voicecall.adapters.carriers.telnyx.outbound import PAGE, active_calls, start_stream_again, stop_stream
from voicecall.events import AnyEffect, AnyEvent, EffectId
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Exchange, HttpRequest, HttpResponse, Leg

GONE = frozenset({"90018", "10005", "90015"})
"""The call has ended, or there is no such call."""
STREAMING = frozenset({"90045", "90046", "90048"})
"""A media stream is open already, or cannot be; which is which is not published."""
LISTENING = frozenset({"90054"})
IN_DOUBT = frozenset({408, 409})
LATER = 429

Plain = dict[str, Any]
Exchanges = tuple[Exchange, ...]


def interpret(effect_id: EffectId, effect: AnyEffect, exchanges: Exchanges, leg: Leg) -> AnyEvent | HttpRequest:
    """The outcome of the exchanges, or one more request."""
    last = exchanges[-1]
    if _again(effect, exchanges):
        return last.request
    if isinstance(effect, do.OpenMedia) and (follow := _clear_the_way(effect_id, exchanges, leg)):
        return follow
    if last.response is None:
        doubt = isinstance(effect, do.Dial) and last.sent
        reason = f"Telnyx did not answer: {last.error}"
        return fact.EffectFailed(settles=effect_id, reason=reason, retryable=not doubt, in_doubt=doubt)
    plain = _object(last.response.body)
    if 200 <= last.response.status < 300:
        return _done(effect_id, effect, plain, exchanges, leg)
    return _refused(effect_id, effect, last.response, plain)


def _again(effect: AnyEffect, exchanges: Exchanges) -> bool:
    """Whether a command that got no answer, or met a fault of Telnyx, is sent once more under the same name.

    Twice sent is once done, except for a dial: the name counts for one call, and there is none yet.
    """
    last = exchanges[-1]
    if isinstance(effect, do.Dial) or last.request.method != "POST":
        return False
    if sum(one.request == last.request for one in exchanges) > 1:
        return False
    return last.sent if last.response is None else last.response.status >= 500


def _clear_the_way(effect_id: EffectId, exchanges: Exchanges, leg: Leg) -> HttpRequest | None:
    """Where Telnyx believes in a media stream that we do not have, that one is ended first."""
    last = exchanges[-1]
    if last.response is None:
        return None
    if _stops(last):
        return start_stream_again(effect_id, leg)
    refused = STREAMING.intersection(_codes(_object(last.response.body)))
    return stop_stream(effect_id, leg) if refused and not any(_stops(one) for one in exchanges) else None


def _stops(exchange: Exchange) -> bool:
    return exchange.request.url.endswith("/streaming_stop")


# --- what was refused ------------------------------------------------------------------------------------------------


def _refused(effect_id: EffectId, effect: AnyEffect, response: HttpResponse, plain: Plain) -> AnyEvent:
    status, codes = response.status, _codes(plain)
    gone = status == 404 or bool(GONE.intersection(codes))
    match effect:
        case do.Hangup() | do.Reject() if gone:
            return fact.EffectSucceeded(settles=effect_id, detail="already gone")
        case do.Reconcile() if gone:
            return fact.CallReconciled(settles=effect_id, alive=False, vendor_status="no such call")
        case do.Listen() if LISTENING.intersection(codes):
            return fact.EffectSucceeded(settles=effect_id, detail="listening already")
        case _:
            return fact.EffectFailed(
                settles=effect_id,
                reason=f"Telnyx refused: {_words(plain, response)}",
                retryable=status == LATER or status >= 500,
                in_doubt=isinstance(effect, do.Dial) and (status >= 500 or status in IN_DOUBT),
                vendor_code=next(iter(codes), "") or str(status),
            )


# --- what was accepted -----------------------------------------------------------------------------------------------


def _done(
    effect_id: EffectId, effect: AnyEffect, plain: Plain, exchanges: Exchanges, leg: Leg
) -> AnyEvent | HttpRequest:
    data = plain.get("data")
    match effect:
        case do.Dial():
            name = _text(cast("Plain", data), "call_control_id") if isinstance(data, dict) else ""
            if not name:
                reason = "Telnyx took the dial but gave no call_control_id"
                return fact.EffectFailed(settles=effect_id, reason=reason, in_doubt=True)
            return fact.DialAccepted(settles=effect_id, vendor_call_id=name)
        case do.Reconcile() if leg.vendor_call_id:
            return _reconciled(effect_id, data)
        case do.Reconcile():
            return _found(effect_id, data, pages=len(exchanges), leg=leg)
        case do.Speak():
            return fact.PlaybackStarted(utterance=effect.utterance)
        case _:
            return fact.EffectSucceeded(settles=effect_id)


def _found(effect_id: EffectId, data: object, *, pages: int, leg: Leg) -> AnyEvent | HttpRequest:
    """The active call that echoes our id; the others are other calls of the application."""
    if not isinstance(data, list):
        return _senseless(effect_id, "data: must be a list")
    calls = [cast("Plain", one) for one in cast("list[Any]", data) if isinstance(one, dict)]
    ours = next((one for one in calls if read_echo(_text(one, "client_state")).call_id == leg.call_id), None)
    if ours is not None:
        return _reconciled(effect_id, {**ours, "is_alive": True})
    if len(calls) >= PAGE:
        return active_calls(leg, page=pages + 1)
    return fact.CallReconciled(settles=effect_id, alive=False, vendor_status="no such call", reason="failed")


def _reconciled(effect_id: EffectId, data: object) -> AnyEvent:
    """Telnyx does not tell a telephone that rings from one that was picked up, so ``answered`` is never claimed."""
    plain = cast("Plain", data) if isinstance(data, dict) else {}
    alive = plain.get("is_alive")
    if not isinstance(alive, bool):
        return _senseless(effect_id, "is_alive: is missing")
    return fact.CallReconciled(
        settles=effect_id,
        alive=alive,
        vendor_call_id=_text(plain, "call_control_id"),
        vendor_status="alive" if alive else "ended",
        reason="unknown" if alive else "completed",
    )


def _senseless(effect_id: EffectId, why: str) -> fact.EffectFailed:
    return fact.EffectFailed(settles=effect_id, reason=f"Telnyx's answer makes no sense: {why}")


# --- reading ---------------------------------------------------------------------------------------------------------


def _object(body: bytes) -> Plain:
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return cast("Plain", data) if isinstance(data, dict) else {}


def _errors(plain: Plain) -> list[Plain]:
    errors = plain.get("errors")
    found = cast("list[Any]", errors) if isinstance(errors, list) else []
    return [cast("Plain", one) for one in found if isinstance(one, dict)]


def _codes(plain: Plain) -> list[str]:
    return [_text(one, "code") for one in _errors(plain)]


def _words(plain: Plain, response: HttpResponse) -> str:
    """Telnyx's own words, or as much of its answer as is worth keeping."""
    told = "; ".join(_text(one, "detail") or _text(one, "title") for one in _errors(plain))
    return told or response.body[:200].decode("utf-8", "replace") or f"status {response.status}"


def _text(plain: Plain, name: str) -> str:
    value = plain.get(name)
    return value if isinstance(value, str) else ""
