"""What a Realtime socket says: only the events and fields that matter here. Pure.

An event of a kind that is not here, or that is new, is nothing; a kind that is here must have its fields. Base64 is
decoded with the rest.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from voicecall.adapters.speech.openai.fault import VendorFault

TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Problem(Struct, frozen=True):
    """Why something did not work. ``event_id`` is that of the message which is the cause, if the vendor can tell."""

    message: str = ""
    code: str | None = None
    type: str | None = None
    param: str | None = None
    event_id: str | None = None

    def words(self) -> str:
        """For people."""
        return f"{self.code or self.type or 'error'}: {self.message}"


class SessionUpdated(Struct, frozen=True, tag="session.updated"):
    """The session is as it was asked to be."""


class Trouble(Struct, frozen=True, tag="error"):
    """Something did not work. The session usually goes on."""

    error: Problem


class SpeechStarted(Struct, frozen=True, tag="input_audio_buffer.speech_started"):
    """A turn began, counted from the first audio of the session, ``prefix_padding_ms`` included."""

    item_id: str
    audio_start_ms: int


class SpeechStopped(Struct, frozen=True, tag="input_audio_buffer.speech_stopped"):
    """The turn is over, counted from the first audio of the session, ``silence_duration_ms`` included."""

    item_id: str
    audio_end_ms: int


class Committed(Struct, frozen=True, tag="input_audio_buffer.committed"):
    """The audio so far is an item."""

    item_id: str


class TranscriptDelta(Struct, frozen=True, tag=f"{TRANSCRIPTION}.delta"):
    """More of what was said."""

    item_id: str
    delta: str | None = None


class TranscriptCompleted(Struct, frozen=True, tag=f"{TRANSCRIPTION}.completed"):
    """All that was said."""

    item_id: str
    transcript: str


class TranscriptFailed(Struct, frozen=True, tag=f"{TRANSCRIPTION}.failed"):
    """What was said will not be known."""

    item_id: str
    error: Problem


class StatusDetails(Struct, frozen=True):
    """Why a response ended."""

    reason: str | None = None
    error: Problem | None = None


class Response(Struct, frozen=True):
    """One answer of the model; ``metadata`` is what was sent along when it was asked for."""

    id: str
    status: str | None = None
    status_details: StatusDetails | None = None
    metadata: dict[str, str] | None = None


class ResponseCreated(Struct, frozen=True, tag="response.created"):
    """The model begins to answer."""

    response: Response


class ResponseDone(Struct, frozen=True, tag="response.done"):
    """The answer is over."""

    response: Response


class AudioDelta(Struct, frozen=True, tag="response.output_audio.delta"):
    """More of the answer's sound."""

    response_id: str
    delta: bytes = b""


class SpokenDone(Struct, frozen=True, tag="response.output_audio_transcript.done"):
    """What the model said, in its own words."""

    response_id: str
    transcript: str


ServerEvent = (
    SessionUpdated
    | Trouble
    | SpeechStarted
    | SpeechStopped
    | Committed
    | TranscriptDelta
    | TranscriptCompleted
    | TranscriptFailed
    | ResponseCreated
    | ResponseDone
    | AudioDelta
    | SpokenDone
)


class _Kind(Struct, frozen=True):
    type: str


_kind = msgspec.json.Decoder(_Kind)
_event = msgspec.json.Decoder[ServerEvent](ServerEvent)
_KNOWN = frozenset(str(one.__struct_config__.tag) for one in ServerEvent.__args__)


def parse(message: bytes) -> ServerEvent | None:
    """One message of a Realtime socket; None when it is not for us. Raises ``VendorFault`` when it makes no sense."""
    try:
        return _event.decode(message) if _kind.decode(message).type in _KNOWN else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise VendorFault(f"OpenAI sent a message that makes no sense: {error}") from None
