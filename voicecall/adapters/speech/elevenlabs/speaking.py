"""ElevenLabs' text-to-speech WebSocket with several contexts: addresses, messages out, messages in. Pure.

https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from attrs import frozen

from voicecall.adapters.speech.elevenlabs import aligning
from voicecall.adapters.speech.elevenlabs.failures import Misconfigured
from voicecall.adapters.speech.elevenlabs.keys import Settings, VoiceKeys
from voicecall.ports import Wording

INACTIVITY_S = 180
"""The vendor's longest patience with a silent socket."""
NO_WEBSOCKET = ("eleven_v3", "eleven_v4")
"""Models that do not speak over the text-to-speech WebSockets."""


@frozen(kw_only=True)
class Piece:
    """Sound of a context, perhaps none, and the characters that are said in it; ``final``: it was the last."""

    context: str
    ulaw: bytes = b""
    final: bool = False
    wording: Wording | None = None


@frozen(kw_only=True)
class Trouble:
    """The vendor complains, of one context or ("") of the socket; ``code`` is its name for what is wrong, or ""."""

    text: str
    code: str = ""
    context: str = ""


class _Said(msgspec.Struct):
    audio: bytes | None = None
    final: bool | None = msgspec.field(name="isFinal", default=None)
    finished: bool | None = msgspec.field(name="is_final", default=None)
    context: str | None = msgspec.field(name="contextId", default=None)
    belongs_to: str | None = msgspec.field(name="context_id", default=None)
    alignment: Any = None
    message: Any = None
    error: Any = None
    code: Any = None


_decoder = msgspec.json.Decoder(_Said)


def speaks_on_socket(model_id: str) -> bool:
    """Whether a model speaks over the WebSocket at all."""
    return not model_id.startswith(NO_WEBSOCKET)


def check(keys: VoiceKeys) -> None:
    """Raises ``Misconfigured`` for what can never work."""
    if keys.api_key is None:
        raise Misconfigured("tts.providers.elevenlabs.apiKey is required (or set ELEVENLABS_API_KEY env)")
    if keys.transport == "websocket" and not speaks_on_socket(keys.model_id):
        raise Misconfigured(
            f"tts.providers.elevenlabs.modelId: {keys.model_id} does not speak over the WebSocket: "
            'set transport to "http", or choose another model, e.g. "eleven_flash_v2_5"'
        )


def socket_url(keys: VoiceKeys, voice: str) -> str:
    """Where contexts are spoken with the voice of this id."""
    asked: dict[str, str | int | None] = {
        "model_id": keys.model_id,
        "output_format": "ulaw_8000",
        "auto_mode": "true",
        "sync_alignment": "true",
        "inactivity_timeout": INACTIVITY_S,
        "language_code": keys.language_code,
        "apply_text_normalization": keys.apply_text_normalization,
        "seed": keys.seed,
    }
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    host = keys.base_url.rstrip("/").replace("http", "ws", 1)
    return f"{host}/v1/text-to-speech/{quote(voice, safe='')}/multi-stream-input?{query}"


def settings_of(settings: Settings) -> dict[str, float | bool]:
    """``voice_settings``, as the vendor spells them."""
    return {
        "stability": settings.stability,
        "similarity_boost": settings.similarity_boost,
        "style": settings.style,
        "use_speaker_boost": settings.use_speaker_boost,
        "speed": settings.speed,
    }


def begin(context: str, settings: Settings) -> str:
    """Open a context. Settings are taken with its first message only."""
    return _message({"text": " ", "context_id": context, "voice_settings": settings_of(settings)})


def say(context: str, clause: str) -> str:
    """Speak a clause, now. It must not be blank: an empty text means something else."""
    return _message({"text": f"{clause} ", "context_id": context, "flush": True})


def keep(context: str) -> str:
    """The context is still needed."""
    return _message({"text": "", "context_id": context})


def finish(context: str) -> str:
    """Nothing more will be said in a context, or nothing more of it is wanted."""
    return _message({"context_id": context, "close_context": True})


def parse(data: bytes) -> Piece | Trouble | None:
    """One message of the vendor's; None for what we have no use for, or what makes no sense."""
    try:
        said = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    context = said.context or said.belongs_to or ""
    if said.error or (said.message and not said.audio):
        code = said.error if isinstance(said.error, str) else str(said.code or "")
        return Trouble(text=str(said.message or ""), code=code, context=context)
    final = bool(said.final or said.finished)
    if not said.audio and not final:
        return None
    wording = aligning.of_message(said.alignment) if said.audio else None
    return Piece(context=context, ulaw=said.audio or b"", final=final, wording=wording)


def _message(fields: dict[str, object]) -> str:
    return msgspec.json.encode(fields).decode()
