"""What a Realtime socket is told, in the shapes of the GA protocol. Pure: values in, JSON text out."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import quote

import msgspec

from voicecall.adapters.speech.openai.models import WITH_KEYWORDS
from voicecall.adapters.speech.openai.settings import Hearing, Speaking

PCMU: dict[str, Any] = {"type": "audio/pcmu"}
PCM: dict[str, Any] = {"type": "audio/pcm", "rate": 24_000}
SET_UP = "set-up"
"""The ``event_id`` of a session's first update, by which a refusal is recognized."""
READER = (
    "You are a voice, not a partner in a conversation. Read the user's text aloud exactly as it is written: every "
    "word, nothing added, nothing left out, no answer. Speak in the language of the text."
)
LEAST_MS = 100
"""Less audio cannot be committed."""


def listen_url(base_url: str) -> str:
    """Where a transcription session is. A model in the address would open a conversation instead."""
    return f"{_socket(base_url)}/realtime?intent=transcription"


def speak_url(base_url: str, model: str) -> str:
    """Where a conversation is."""
    return f"{_socket(base_url)}/realtime?model={quote(model, safe='')}"


def _socket(base_url: str) -> str:
    return "ws" + base_url.rstrip("/").removeprefix("http")


def bearer(api_key: str) -> dict[str, str]:
    """The headers of every socket. There is no beta header: it would select the old protocol."""
    return {"Authorization": f"Bearer {api_key}"}


def start_listening(settings: Hearing, *, server_vad: bool, pcm: bool) -> str:
    """Set a transcription session up."""
    detector = {
        "type": "server_vad",
        "threshold": settings.threshold,
        "prefix_padding_ms": settings.prefix_ms,
        "silence_duration_ms": settings.silence_ms,
    }
    heard = {
        "format": PCM if pcm else PCMU,
        "transcription": _transcription(settings),
        "turn_detection": detector if server_vad else None,
    }
    return _encode("session.update", event_id=SET_UP, session={"type": "transcription", "audio": {"input": heard}})


def _transcription(settings: Hearing) -> dict[str, Any]:
    """The model, and what it may be told: older ones take one language, and expected words as a prompt."""
    told: dict[str, Any] = {"model": settings.model}
    languages, keywords = list(settings.languages), list(settings.keywords)
    if settings.model.startswith(WITH_KEYWORDS):
        return told | ({"languages": languages} if languages else {}) | ({"keywords": keywords} if keywords else {})
    if languages:
        told["language"] = languages[0]
    if keywords and not settings.model.startswith("gpt-realtime-whisper"):
        told["prompt"] = ", ".join(keywords)
    return told


def append(audio: bytes) -> str:
    """More of the caller's audio. Base64 needs no escaping."""
    return '{"type":"input_audio_buffer.append","audio":"' + b64encode(audio).decode() + '"}'


def commit(event_id: str) -> str:
    """The turn is over."""
    return _encode("input_audio_buffer.commit", event_id=event_id)


def start_speaking(settings: Speaking) -> str:
    """Set a conversation up in which nobody listens and everything is read aloud."""
    audio = {"input": {"turn_detection": None}, "output": {"format": PCMU, "voice": settings.voice}}
    session = {
        "type": "realtime",
        "instructions": _instructions(settings),
        "output_modalities": ["audio"],
        "audio": audio,
    }
    return _encode("session.update", event_id=SET_UP, session=session)


def read_aloud(settings: Speaking, text: str, clause: str) -> str:
    """Ask for the sound of one clause, outside of any conversation. ``clause`` comes back as metadata."""
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    response = {
        "conversation": "none",
        "input": [message],
        "instructions": _instructions(settings),
        "output_modalities": ["audio"],
        "audio": {"output": {"format": PCMU, "voice": settings.voice}},
        "metadata": {"clause": clause},
    }
    return _encode("response.create", event_id=clause, response=response)


def cancel(response_id: str) -> str:
    """Nobody wants to hear the rest."""
    return _encode("response.cancel", response_id=response_id)


def _instructions(settings: Speaking) -> str:
    return f"{READER} {settings.instructions}".strip()


def _encode(kind: str, **fields: Any) -> str:
    return msgspec.json.encode({"type": kind, **fields}).decode()
