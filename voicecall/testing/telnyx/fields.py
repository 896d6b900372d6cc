"""The fields of Telnyx's commands and what they may be (Telnyx, "Call Commands"), read strictly.

Telnyx ignores a field that it does not know; here it is refused, because it is a mistake of ours.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from attrs import field, frozen

from voicecall.testing.telnyx.errors import TelnyxError, invalid, too_long

Plain = dict[str, Any]
Check = Callable[[Any], str]
"""What a value must be, if it is not; else "" ."""

NUMBER = re.compile(r"\+[1-9][0-9]{6,14}(,[0-9wWpP,*#]*)?")
DTMF = re.compile(r"[0-9A-D*#wW]+")
MOST_RETRIES, MOST_RETRY_MS = 5, 60_000
SAY_LIMIT = 5_000


@frozen(kw_only=True)
class Shape:
    """A command's fields. ``ignored`` are documented, but mean nothing in the simulation."""

    required: frozenset[str] = frozenset()
    fields: Mapping[str, Check] = field(factory=dict[str, Check])
    ignored: frozenset[str] = frozenset()


def check(plain: Plain, shape: Shape) -> None:
    """Raises ``TelnyxError`` for the first field that is wrong."""
    for name in sorted(shape.required):
        if plain.get(name) in (None, ""):
            raise invalid(name, "is required")
    for name, value in plain.items():
        if name in shape.ignored:
            continue
        if name not in shape.fields:
            raise invalid(name, "there is no such field")
        if why := shape.fields[name](value):
            raise _refusal(name, value, why)


def _refusal(name: str, value: Any, why: str) -> TelnyxError:
    if name == "payload" and isinstance(value, str) and len(value) > SAY_LIMIT:
        return too_long()
    return invalid(name, why)


# --- kinds of values -------------------------------------------------------------------------------------------------


def text(most: int = 65_536) -> Check:
    return lambda value: "" if isinstance(value, str) and 0 < len(value) <= most else f"must be text, at most {most}"


def number(least: int, most: int) -> Check:
    def checked(value: Any) -> str:
        fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return "" if fits else f"must be a whole number from {least} to {most}"

    return checked


def one_of(*words: str) -> Check:
    return lambda value: "" if value in words else f"must be one of {', '.join(words)}"


def flag(value: Any) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def matching(pattern: re.Pattern[str]) -> Check:
    return lambda value: "" if isinstance(value, str) and pattern.fullmatch(value) else f"must match {pattern.pattern}"


def url(*schemes: str) -> Check:
    def checked(value: Any) -> str:
        parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
        absolute = parts.scheme in schemes and parts.netloc
        return "" if absolute else f"must be an absolute URL ({', '.join(schemes)})"

    return checked


def base64_text(value: Any) -> str:
    try:
        base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return "must be base64"
    return ""


def phone(value: Any) -> str:
    sip = isinstance(value, str) and value.startswith("sip:") and "@" in value
    return "" if sip or not matching(NUMBER)(value) else "must be in E.164 format, or a SIP URI"


def parameters(value: Any) -> str:
    """A list of ``{"name", "value"}``."""
    pairs = cast("list[Any]", value) if isinstance(value, list) else [None]
    fits = all(isinstance(one, dict) and set(cast("Plain", one)) == {"name", "value"} for one in pairs)
    return "" if fits else "must be a list of name and value"


def retries(value: Any) -> str:
    """Event types to ``{"retries_ms": […]}``."""
    for one in cast("Plain", value).values() if isinstance(value, dict) else (None,):
        pauses = (
            cast("Plain", one).get("retries_ms") if isinstance(one, dict) and len(cast("Plain", one)) == 1 else None
        )
        if not isinstance(pauses, list) or any(number(0, MOST_RETRY_MS)(each) for each in cast("list[Any]", pauses)):
            return "must map event types to retries_ms"
        found = cast("list[int]", pauses)
        if len(found) > MOST_RETRIES or sum(found) > MOST_RETRY_MS:
            return f"at most {MOST_RETRIES} retries within {MOST_RETRY_MS} ms"
    return ""


def of(fields: Mapping[str, Check]) -> Check:
    """An object with these fields."""

    def checked(value: Any) -> str:
        if not isinstance(value, dict):
            return "must be an object"
        for name, one in cast("Plain", value).items():
            why = fields[name](one) if name in fields else "there is no such field"
            if why:
                return f"{name}: {why}"
        return ""

    return checked


# --- commands --------------------------------------------------------------------------------------------------------

COMMON: dict[str, Check] = {"client_state": base64_text, "command_id": text(255)}
WEBHOOKS: dict[str, Check] = {
    "webhook_url": url("https", "http"),
    "webhook_url_method": one_of("POST"),
    "webhook_retries_policies": retries,
}
CODECS = ("PCMU", "PCMA", "G722", "OPUS", "AMR-WB", "L16")
STREAM: dict[str, Check] = {
    "stream_url": url("wss", "ws"),
    "stream_track": one_of("inbound_track", "outbound_track", "both_tracks"),
    "stream_codec": one_of(*CODECS, "default"),
    "stream_bidirectional_mode": one_of("mp3", "rtp"),
    "stream_bidirectional_codec": one_of(*CODECS),
    "stream_bidirectional_sampling_rate": lambda value: (
        "" if value in (8_000, 16_000, 22_050, 24_000, 48_000) else "must be 8000, 16000, 22050, 24000 or 48000"
    ),
    "stream_bidirectional_target_legs": one_of("both", "self", "opposite"),
}
TOKEN: dict[str, Check] = {"stream_auth_token": text(4_000)}
RECORDING = frozenset(
    {"record", "record_channels", "record_format", "record_track", "record_max_length", "record_timeout_secs"}
)
MILLIS = number(1, 60_000)
DETECTION = (
    *("total_analysis_time_millis", "after_greeting_silence_millis", "between_words_silence_millis"),
    *("greeting_duration_millis", "initial_silence_millis", "maximum_word_length_millis", "silence_threshold"),
    *("greeting_total_analysis_time_millis", "greeting_silence_duration_millis", "prompt_end_timeout_millis"),
)
MODES = (
    *("disabled", "detect", "detect_beep", "detect_words", "greeting_end"),
    *("premium", "premium_ios_call_screening_detection"),
)
DIAL = Shape(
    required=frozenset({"connection_id", "from", "to"}),
    fields={
        **COMMON,
        **WEBHOOKS,
        **STREAM,
        **TOKEN,
        "connection_id": matching(re.compile(r"[0-9]+")),
        "from": phone,
        "to": phone,
        "timeout_secs": number(5, 600),
        "retry_on_timeout": flag,
        "time_limit_secs": number(30, 14_400),
        "answering_machine_detection": one_of(*MODES),
        "answering_machine_detection_config": of({name: MILLIS for name in DETECTION}),
    },
    ignored=RECORDING | {"from_display_name", "custom_headers", "send_silence_when_idle", "preferred_codecs"},
)
SPEECH: dict[str, Check] = {
    "payload": text(SAY_LIMIT),
    "voice": matching(re.compile(r"male|female|[A-Za-z0-9_]+\.[A-Za-z0-9_.-]+")),
    "payload_type": one_of("text", "ssml"),
    "language": text(16),
    "service_level": one_of("basic", "premium"),
    "stop": one_of("current", "all"),
}
GATHER: dict[str, Check] = {
    "minimum_digits": number(1, 128),
    "maximum_digits": number(1, 128),
    "timeout_millis": number(1, 600_000),
    "inter_digit_timeout_millis": number(1, 600_000),
    "initial_timeout_millis": number(1, 600_000),
    "terminating_digit": matching(re.compile(r"[0-9#*]?")),
    "valid_digits": matching(re.compile(r"[0-9#*]+")),
    "gather_id": text(40),
}
ENGINES = (
    *("Google", "Telnyx", "Deepgram", "Azure", "xAI", "AssemblyAI", "Speechmatics", "Soniox", "Parakeet"),
    *("Humain", "Reson8", "Cohere", "A", "B"),
)
INTERIM = frozenset({"Google", "A", "Deepgram", "Azure", "xAI", "AssemblyAI", "Speechmatics", "Soniox"})
"""Engines whose configuration has ``interim_results``."""
ENGINE: dict[str, Check] = {
    "transcription_engine": one_of(*ENGINES),
    "transcription_model": text(128),
    "language": text(16),
    "interim_results": flag,
}
TRANSCRIPTION: dict[str, Check] = {
    "transcription_engine": one_of(*ENGINES),
    "transcription_engine_config": of(ENGINE),
    "transcription_tracks": one_of("inbound", "outbound", "both"),
}
ANSWERING = frozenset({"send_silence_when_idle", "preferred_codecs", "transcription", "custom_headers"})
ACTIONS: dict[str, Shape] = {
    "answer": Shape(fields={**COMMON, **WEBHOOKS, **STREAM}, ignored=RECORDING | ANSWERING),
    "reject": Shape(
        required=frozenset({"cause"}),
        fields={**COMMON, "cause": one_of("CALL_REJECTED", "USER_BUSY", "NOT_FOUND", "TEMPORARILY_UNAVAILABLE")},
    ),
    "hangup": Shape(fields={**COMMON, "reason": text(255)}, ignored=frozenset({"custom_headers"})),
    "speak": Shape(required=frozenset({"payload", "voice"}), fields={**COMMON, **SPEECH}),
    "playback_stop": Shape(fields={**COMMON, "stop": one_of("current", "all"), "overlay": flag}),
    "gather": Shape(fields={**COMMON, **GATHER}),
    "gather_stop": Shape(fields=COMMON),
    "transcription_start": Shape(fields={**COMMON, **TRANSCRIPTION}),
    "transcription_stop": Shape(fields=COMMON),
    "send_dtmf": Shape(
        required=frozenset({"digits"}),
        fields={**COMMON, "digits": matching(DTMF), "duration_millis": number(100, 500)},
    ),
    "streaming_start": Shape(
        required=frozenset({"stream_url"}), fields={**COMMON, **STREAM, **TOKEN, "custom_parameters": parameters}
    ),
    "streaming_stop": Shape(fields={**COMMON, "stream_id": text(64)}),
    "client_state_update": Shape(required=frozenset({"client_state"}), fields=COMMON),
}
"""The commands that are simulated."""
