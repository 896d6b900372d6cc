"""What went wrong at ElevenLabs, in words that name the cause and what to do, and never hold the key. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec

from voicecall.adapters.speech.socket import SocketEnded
from voicecall.fault import first

FINAL_STATUSES = frozenset({400, 401, 402, 403, 404, 422})
"""HTTP statuses that the next try will get again."""
FINAL_CODES = frozenset(
    {
        "auth_error",
        "invalid_api_key",
        "quota_exceeded",
        "unaccepted_terms",
        "unaccepted_terms_error",
        "invalid_request",
        "input_error",
        "voice_not_found",
        "model_not_supported",
    }
)
"""The vendor's names for faults that the next try will meet again."""
ADVICE = {
    "401": "check apiKey of the elevenlabs provider (or ELEVENLABS_API_KEY)",
    "auth_error": "check apiKey of the elevenlabs provider (or ELEVENLABS_API_KEY)",
    "invalid_api_key": "check apiKey of the elevenlabs provider (or ELEVENLABS_API_KEY)",
    "quota_exceeded": "the account's quota is used up",
    "402": "the account's plan does not pay for this",
    "voice_not_found": "check tts.providers.elevenlabs.voiceId",
    "unaccepted_terms": "accept the terms of service at elevenlabs.io",
    "unaccepted_terms_error": "accept the terms of service at elevenlabs.io",
    "429": "the account has too many requests at a time",
    "rate_limited": "the account has too many requests at a time",
    "too_many_concurrent_requests": "the account has too many requests at a time",
}
LONGEST = 300
"""Characters of a vendor's words that are kept."""


class ElevenLabsFailed(Exception):
    """The vendor did not do what it was asked. ``final``: nor will it the next time."""

    def __init__(self, text: str, *, final: bool = False) -> None:
        super().__init__(text)
        self.final = final


class Misconfigured(Exception):
    """The configuration asks for what cannot be. The text names the key and the fix."""


def failure(words: str, *, code: str = "", status: int = 0, secret: str = "") -> ElevenLabsFailed:
    """What the vendor said, by its ``code`` and HTTP ``status`` where it has them."""
    names = [name for name in (str(status or ""), code) if name]
    said = " ".join(words.split())
    if secret:
        said = said.replace(secret, "[secret]")
    advice = next((ADVICE[name] for name in reversed(names) if name in ADVICE), "")
    text = f"ElevenLabs: {': '.join([' '.join(names), said[:LONGEST]]) if names else said[:LONGEST]}".rstrip(": ")
    final = status in FINAL_STATUSES or code in FINAL_CODES
    return ElevenLabsFailed(f"{text} ({advice})" if advice else text, final=final)


def refusal(status: int, body: object, *, secret: str = "") -> ElevenLabsFailed:
    """From the answer to an HTTP request: ``{"detail": {"status", "message"}}``, or whatever else it is."""
    detail: object = body
    if isinstance(body, Mapping):
        detail = cast("Mapping[str, object]", body).get("detail", cast("object", body))
    if isinstance(detail, Mapping):
        named = cast("Mapping[str, object]", detail)
        return failure(str(named.get("message", "")), code=str(named.get("status", "")), status=status, secret=secret)
    return failure("" if detail is None else str(detail), status=status, secret=secret)


def broken(ended: SocketEnded) -> ElevenLabsFailed:
    """From the end of a socket."""
    try:
        body: object = msgspec.json.decode(ended.body)
    except (msgspec.DecodeError, RecursionError):
        return failure(str(ended), status=ended.status)
    return refusal(ended.status, body)


def of_any(error: Exception) -> ElevenLabsFailed:
    """What the end of a session, a socket or a context means. Raises anything else."""
    match first(error):
        case ElevenLabsFailed() as failed:
            return failed
        case SocketEnded() as ended:
            return broken(ended)
        case _:
            raise error
