"""What we ask of Telnyx: Call Control commands, and what their answers mean (Telnyx, "Call Control", "Error codes").

A command's answer means accepted, not done; its ``command_id`` makes a repeat harmless.
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote

import msgspec

from voicecall.adapters.carriers.telnyx.echo import echo, read_echo
from voicecall.events import AnyEffect, AnyEvent, EffectId
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Exchange, HttpRequest, HttpResponse, Leg, Stance

GONE = frozenset({"90018", "10005", "90015"})
"""The call has ended, or there is no such call."""
STREAMING = frozenset({"90045", "90046", "90048"})
LISTENING = frozenset({"90054"})
IN_DOUBT = frozenset({408, 409})
LATER = 429
VOICE = "AWS.Polly.Joanna-Neural"

Plain = dict[str, Any]


def encode(effect_id: EffectId, effect: AnyEffect, leg: Leg) -> HttpRequest | None:
    """The command that carries out ``effect``; there is none for what concerns no call yet."""
    if isinstance(effect, do.Dial):
        return _post("/calls", effect_id, _dial(effect, leg), leg)
    if isinstance(effect, do.Reconcile):
        return _get(f"/calls/{_name(leg)}" if leg.vendor_call_id else _active(leg), leg)
    if not leg.vendor_call_id:
        return None
    action = _action(effect_id, effect, leg)
    if action is None:
        return None
    verb, fields = action
    return _post(f"/calls/{_name(leg)}/actions/{verb}", effect_id, fields, leg)


def _dial(effect: do.Dial, leg: Leg) -> Plain:
    fields: Plain = {
        "connection_id": leg.account.secrets.get("connection_id", ""),
        "to": effect.callee,
        "from": effect.caller,
        "timeout_secs": max(5, min(600, effect.ring_timeout_ms // 1000)),
        "webhook_url": leg.webhook_url,
        "webhook_url_method": "POST",
        "client_state": echo(leg, "outbound"),
    }
    return {**fields, "answering_machine_detection": "detect_beep"} if effect.detect_machine else fields


def _action(effect_id: EffectId, effect: AnyEffect, leg: Leg) -> tuple[str, Plain] | None:
    match effect:
        case do.Answer():
            streaming = _stream(leg) if leg.stance is Stance.STREAM else {}
            ticket = leg.ticket if streaming else ""
            return "answer", {**streaming, "client_state": echo(leg, "inbound", ticket=ticket)}
        case do.Reject():
            return "reject", {"cause": "USER_BUSY" if effect.reason == "busy" else "CALL_REJECTED"}
        case do.Hangup():
            return "hangup", {}
        case do.OpenMedia():
            return "streaming_start", {**_stream(leg), "custom_parameters": [{"name": "ticket", "value": leg.ticket}]}
        case do.Speak():
            state = echo(leg, leg.direction, effect=effect_id, utterance=effect.utterance)
            voice = leg.voice or VOICE
            return "speak", {"payload": effect.text, "payload_type": "text", "voice": voice, "client_state": state}
        case do.StopSpeaking():
            return "playback_stop", {"stop": "all"}
        case do.Listen():
            engine = {"transcription_engine": "Telnyx", "interim_results": True}
            config = {"transcription_engine_config": engine, "transcription_tracks": "inbound"}
            return "transcription_start", {"transcription_engine": "Telnyx", **config}
        case do.SendDigits():
            return "send_dtmf", {"digits": effect.digits}
        case _:
            return None


def _stream(leg: Leg) -> Plain:
    """Both ways, μ-law: the usual mode is MP3, and the usual target a second leg that we do not have."""
    return {
        "stream_url": leg.media_url,
        "stream_track": "inbound_track",
        "stream_codec": "PCMU",
        "stream_bidirectional_mode": "rtp",
        "stream_bidirectional_codec": "PCMU",
        "stream_bidirectional_sampling_rate": 8_000,
        "stream_bidirectional_target_legs": "self",
    }


def _active(leg: Leg) -> str:
    connection = quote(leg.account.secrets.get("connection_id", ""), safe="")
    return f"/connections/{connection}/active_calls?page%5Blimit%5D=250"


def _post(path: str, effect_id: EffectId, fields: Plain, leg: Leg) -> HttpRequest:
    body = msgspec.json.encode({**fields, "command_id": f"{leg.call_id}:{effect_id}"})
    headers = {**_authority(leg), "content-type": "application/json"}
    return HttpRequest(method="POST", url=_base(leg) + path, headers=headers, body=body)


def _get(path: str, leg: Leg) -> HttpRequest:
    return HttpRequest(method="GET", url=_base(leg) + path, headers=_authority(leg))


def _base(leg: Leg) -> str:
    return leg.account.api_url.rstrip("/")


def _authority(leg: Leg) -> dict[str, str]:
    return {"authorization": f"Bearer {leg.account.secrets.get('api_key', '')}"}


def _name(leg: Leg) -> str:
    return quote(leg.vendor_call_id, safe="")


# --- answers ---------------------------------------------------------------------------------------------------------


def interpret(effect_id: EffectId, effect: AnyEffect, exchanges: tuple[Exchange, ...], leg: Leg) -> AnyEvent:
    """The outcome of the exchange."""
    last = exchanges[-1]
    if last.response is None:
        # A repeated command is ignored by its id, but a dial has no call yet that it could be repeated for.
        doubt = isinstance(effect, do.Dial) and last.sent
        reason = f"Telnyx did not answer: {last.error}"
        return fact.EffectFailed(settles=effect_id, reason=reason, retryable=not doubt, in_doubt=doubt)
    plain = _object(last.response.body)
    if 200 <= last.response.status < 300:
        return _done(effect_id, effect, plain, leg)
    return _refused(effect_id, effect, last.response, plain)


def _refused(effect_id: EffectId, effect: AnyEffect, response: HttpResponse, plain: Plain) -> AnyEvent:
    status = response.status
    codes = [_text(one, "code") for one in _errors(plain)]
    gone = status == 404 or bool(GONE.intersection(codes))
    match effect:
        case do.Hangup() | do.Reject() if gone:
            return fact.EffectSucceeded(settles=effect_id, detail="already gone")
        case do.Reconcile() if gone:
            return fact.CallReconciled(settles=effect_id, alive=False, vendor_status="no such call")
        case do.OpenMedia() if "90045" in codes:
            return fact.EffectSucceeded(settles=effect_id, detail="a media stream is open already")
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


def _done(effect_id: EffectId, effect: AnyEffect, plain: Plain, leg: Leg) -> AnyEvent:
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
            return _found(effect_id, data, leg)
        case do.Speak():
            return fact.PlaybackStarted(utterance=effect.utterance)
        case _:
            return fact.EffectSucceeded(settles=effect_id)


def _found(effect_id: EffectId, data: object, leg: Leg) -> AnyEvent:
    """The active call that echoes our id; the others are other calls of the application."""
    if not isinstance(data, list):
        return _senseless(effect_id, "data: must be a list")
    calls = [cast("Plain", one) for one in cast("list[Any]", data) if isinstance(one, dict)]
    ours = [one for one in calls if read_echo(_text(one, "client_state")).call_id == leg.call_id]
    if len(ours) == 1:
        return _reconciled(effect_id, {"is_alive": True, **ours[0]})
    status = "no such call" if not ours else f"{len(ours)} calls carry our id"
    return fact.CallReconciled(settles=effect_id, alive=False, vendor_status=status, reason="failed")


def _reconciled(effect_id: EffectId, data: object) -> AnyEvent:
    plain = cast("Plain", data) if isinstance(data, dict) else {}
    alive, duration = plain.get("is_alive"), plain.get("call_duration")
    if not isinstance(alive, bool):
        return _senseless(effect_id, "is_alive: is missing")
    return fact.CallReconciled(
        settles=effect_id,
        alive=alive,
        answered=alive and isinstance(duration, int | float) and duration > 0,
        vendor_call_id=_text(plain, "call_control_id"),
        vendor_status="alive" if alive else "ended",
        reason="unknown" if alive else "completed",
    )


def _senseless(effect_id: EffectId, why: str) -> fact.EffectFailed:
    return fact.EffectFailed(settles=effect_id, reason=f"Telnyx's answer makes no sense: {why}")


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


def _words(plain: Plain, response: HttpResponse) -> str:
    """Telnyx's own words, or as much of its answer as is worth keeping."""
    told = "; ".join(_text(one, "detail") or _text(one, "title") for one in _errors(plain))
    return told or response.body[:200].decode("utf-8", "replace") or f"status {response.status}"


def _text(plain: Plain, name: str) -> str:
    value = plain.get(name)
    return value if isinstance(value, str) else ""
