"""What we ask of Telnyx: Call Control commands (Telnyx, "Call Control").

A command's answer means accepted, not done; its ``command_id`` makes a repeat harmless. There is none for an outbound
call that does not exist yet: a dial is never repeated.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from voicecall.adapters.carriers.telnyx.echo import echo
from voicecall.events import AnyEffect, EffectId
from voicecall.events import effects as do
from voicecall.ports import HttpRequest, Leg, Stance

VOICE = "AWS.Polly.Joanna-Neural"
ENGINE = "Google"
"""The default engine, and one that also tells what it understands so far."""
PAGE = 250
"""Active calls that are listed at a time."""
GREETING_MS = 30_000
"""How long a machine's greeting may take; most are longer than the 5 s that are the default."""
RETRIES_MS = (1_000, 2_000, 5_000, 10_000, 20_000)
"""Pauses between attempts to deliver a webhook: five at most, 60 s in all. We may be restarting."""
EVENTS = (
    "call.initiated",
    "call.answered",
    "call.hangup",
    "call.dtmf.received",
    "call.speak.ended",
    "call.transcription",
    "call.machine.detection.ended",
    "call.machine.greeting.ended",
    "streaming.failed",
)
"""Webhooks that move a call."""

Plain = dict[str, Any]


def encode(effect_id: EffectId, effect: AnyEffect, leg: Leg) -> HttpRequest | None:
    """The command that carries out ``effect``; there is none for what concerns no call yet."""
    if isinstance(effect, do.Dial):
        return _post("/calls", effect_id, _dial(effect, leg), leg)
    if isinstance(effect, do.Reconcile):
        return _get(f"/calls/{_name(leg)}", leg) if leg.vendor_call_id else active_calls(leg, page=1)
    if not leg.vendor_call_id:
        return None
    action = _action(effect_id, effect, leg)
    if action is None:
        return None
    verb, fields = action
    return _command(verb, effect_id, fields, leg)


def active_calls(leg: Leg, *, page: int) -> HttpRequest:
    """One page, from 1, of the living calls of our application."""
    connection = quote(leg.account.secrets.get("connection_id", ""), safe="")
    return _get(f"/connections/{connection}/active_calls?page%5Bnumber%5D={page}&page%5Bsize%5D={PAGE}", leg)


def stop_stream(effect_id: EffectId, leg: Leg) -> HttpRequest:
    """End whatever media stream Telnyx believes to be open."""
    return _command("streaming_stop", f"{effect_id}:stop", {}, leg)


def start_stream_again(effect_id: EffectId, leg: Leg) -> HttpRequest:
    """Another command to open the media stream: the first one's name is used up."""
    return _command("streaming_start", f"{effect_id}:again", _ticketed(leg), leg)


def _dial(effect: do.Dial, leg: Leg) -> Plain:
    fields: Plain = {
        "connection_id": leg.account.secrets.get("connection_id", ""),
        "to": effect.callee,
        "from": effect.caller,
        "timeout_secs": max(5, min(600, effect.ring_timeout_ms // 1000)),
        "client_state": echo(leg, "outbound"),
        **_webhooks(leg),
    }
    if not effect.detect_machine:
        return fields
    config = {"greeting_total_analysis_time_millis": GREETING_MS}
    return {**fields, "answering_machine_detection": "detect_beep", "answering_machine_detection_config": config}


def _webhooks(leg: Leg) -> Plain:
    return {
        "webhook_url": leg.webhook_url,
        "webhook_url_method": "POST",
        "webhook_retries_policies": {name: {"retries_ms": RETRIES_MS} for name in EVENTS},
    }


def _action(effect_id: EffectId, effect: AnyEffect, leg: Leg) -> tuple[str, Plain] | None:
    match effect:
        case do.Answer():
            streaming = _stream(leg) if leg.stance is Stance.STREAM else {}
            ticket = leg.ticket if streaming else ""
            return "answer", {**streaming, "client_state": echo(leg, "inbound", ticket=ticket), **_webhooks(leg)}
        case do.Reject():
            return "reject", {"cause": "USER_BUSY" if effect.reason == "busy" else "CALL_REJECTED"}
        case do.Hangup():
            return "hangup", {}
        case do.OpenMedia():
            return "streaming_start", _ticketed(leg)
        case do.Speak():
            state = echo(leg, leg.direction, effect=effect_id, utterance=effect.utterance)
            voice = leg.voice or VOICE
            return "speak", {"payload": effect.text, "payload_type": "text", "voice": voice, "client_state": state}
        case do.StopSpeaking():
            return "playback_stop", {"stop": "all"}
        case do.Listen():
            config = {"transcription_engine": ENGINE, "interim_results": True}
            fields = {"transcription_engine_config": config, "transcription_tracks": "inbound"}
            return "transcription_start", {"transcription_engine": ENGINE, **fields}
        case do.SendDigits():
            return "send_dtmf", {"digits": effect.digits}
        case _:
            return None


def _ticketed(leg: Leg) -> Plain:
    return {**_stream(leg), "custom_parameters": [{"name": "ticket", "value": leg.ticket}]}


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


def _command(verb: str, name: str, fields: Plain, leg: Leg) -> HttpRequest:
    return _post(f"/calls/{_name(leg)}/actions/{verb}", name, fields, leg)


def _post(path: str, name: str, fields: Plain, leg: Leg) -> HttpRequest:
    body = msgspec.json.encode({**fields, "command_id": f"{leg.call_id}:{name}"})
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
