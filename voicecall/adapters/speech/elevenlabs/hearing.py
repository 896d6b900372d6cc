"""ElevenLabs' realtime transcription: address, messages, and what of the caller's audio has become text. Pure.

https://elevenlabs.io/docs/api-reference/speech-to-text/v-1-speech-to-text-realtime
"""

from __future__ import annotations

import base64
from collections import deque
from typing import Any
from urllib.parse import urlencode

import msgspec
from attrs import define, field, frozen

from voicecall.adapters.speech.elevenlabs.failures import Misconfigured
from voicecall.adapters.speech.elevenlabs.keys import TranscriptionKeys
from voicecall.audio.g711 import FRAME_BYTES
from voicecall.audio.vad import LOWEST, power_of
from voicecall.events.facts import CallerHeard, CallerSaid

BYTES_PER_MS = 8
CHUNK_BYTES = 4_000
"""The most audio in one message: half a second."""
QUIET_BYTES, SPEECH_BYTES = 5_000 * BYTES_PER_MS, 30_000 * BYTES_PER_MS
"""Audio that is kept until its transcript is final: while nothing was recognized in it, and once something was, or
before the vendor had the time to."""
LONGEST_S = 1e6
"""No session is that long."""
HARMLESS = frozenset({"warning", "commit_throttled", "chunk_size_exceeded"})
"""Complaints after which a session goes on."""
LIMITS = frozenset({"session_time_limit_exceeded", "insufficient_audio_activity"})
"""Complaints that end a session which has done its work."""


class Word(msgspec.Struct):
    """A word and where it is in the session's audio, in seconds."""

    start: float | None = None
    end: float | None = None


class Message(msgspec.Struct, kw_only=True):
    """One message of the vendor's, whatever it is."""

    kind: str = msgspec.field(name="message_type")
    text: str = ""
    words: list[Word] | None = None
    error: Any = None

    @property
    def complaint(self) -> str | None:
        """What the vendor complains of, if it does, and not only in passing."""
        return None if self.error is None or self.kind in HARMLESS else str(self.error)


_decoder = msgspec.json.Decoder(Message)


def parse(data: bytes) -> Message | None:
    """One message; None for what makes no sense."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def check(keys: TranscriptionKeys) -> None:
    """Raises ``Misconfigured`` for what can never work."""
    if keys.api_key is None:
        raise Misconfigured("streaming.providers.elevenlabs.apiKey is required (or set ELEVENLABS_API_KEY env)")


def socket_url(keys: TranscriptionKeys) -> str:
    """Where the caller's audio goes."""
    asked: list[tuple[str, str | float | None]] = [
        ("model_id", keys.model_id),
        ("audio_format", "ulaw_8000"),
        ("commit_strategy", "vad"),
        ("vad_silence_threshold_secs", keys.silence_duration_ms / 1000),
        ("vad_threshold", keys.vad_threshold),
        ("language_code", keys.language_code),
        ("include_timestamps", "true"),
        *(("keyterms", term) for term in keys.keyterms),
    ]
    query = urlencode([(name, value) for name, value in asked if value is not None])
    return f"{keys.base_url.rstrip('/').replace('http', 'ws', 1)}/v1/speech-to-text/realtime?{query}"


def audio_message(audio: bytes) -> str:
    """More of the caller's audio."""
    encoded = base64.b64encode(audio).decode()
    return f'{{"message_type":"input_audio_chunk","audio_base_64":"{encoded}","commit":false,"sample_rate":8000}}'


@frozen
class _Stretch:
    """Audio without a gap: the offset of its end in all audio, and when that was, in ms since the media opened."""

    end: int
    ends_ms: int


@define
class Ear:
    """What of the caller's audio the vendor was sent, and what it made of it.

    Offsets count bytes of all audio of the call. Audio is kept until the transcript that covers it is final; a new
    session is sent what is kept. A final transcript is told twice, without times and then with them; the first is
    ``held`` until the second comes, or something else does.
    """

    silence_ms: int
    _audio: bytearray = field(factory=bytearray)
    _base: int = 0
    """Offset of the first byte that is kept."""
    _sent: int = 0
    _known: int = 0
    """From here on the vendor has had the time to recognize what it was sent at once, when the session began."""
    _origin: int = 0
    """Offset of the first byte that this session was sent."""
    _stretches: deque[_Stretch] = field(factory=deque[_Stretch])
    _began: int | None = None
    """Offset that was sent when the first words of an utterance were told."""
    _told: str = ""
    _held: Message | None = None
    _held_at: int = 0
    _timed: str | None = None
    """The text of the message before, if that had times."""
    _untimed: str | None = None
    """A text that was final without its times: they may still come."""

    @property
    def speaking(self) -> bool:
        """Whether something was recognized whose transcript is not final."""
        return self._began is not None or self._held is not None

    @property
    def holding(self) -> bool:
        """Whether ``release`` has something to say."""
        return self._held is not None

    @property
    def quiet(self) -> bool:
        """Whether in what is kept there is nothing to recognize."""
        frames = (bytes(self._audio[start : start + FRAME_BYTES]) for start in range(0, len(self._audio), FRAME_BYTES))
        return not self.speaking and not any(power_of(frame) >= LOWEST for frame in frames)

    def pour(self, audio: bytes, ends_ms: int) -> None:
        """More audio, which ends at ``ends_ms``."""
        behind = self._sent < self._base + len(self._audio)
        self._audio += audio
        end = self._base + len(self._audio)
        self._stretches.append(_Stretch(end, ends_ms))
        limit = SPEECH_BYTES if behind or self.speaking or end < self._known else QUIET_BYTES
        self._forget(end - limit)

    def begin(self) -> None:
        """A new session: it is sent everything that is kept."""
        self._sent = self._origin = self._base
        self._known = self._base + len(self._audio) + QUIET_BYTES
        self._told, self._timed, self._untimed = "", None, None

    def unsent(self) -> list[bytes]:
        """Audio for the session, in pieces; counts as sent."""
        at = max(self._sent, self._base)
        # What was dropped before it could be sent shifts the session's own clock.
        self._origin += at - self._sent
        audio = bytes(self._audio[at - self._base :])
        self._sent = at + len(audio)
        return [audio[start : start + CHUNK_BYTES] for start in range(0, len(audio), CHUNK_BYTES)]

    def receive(self, message: Message) -> list[CallerHeard | CallerSaid]:
        """What a message says of the caller. Empty transcripts say nothing."""
        text = message.text.strip()
        timed, self._timed = self._timed, None
        if message.kind == "committed_transcript_with_timestamps":
            return self._timed_final(message, text)
        if message.kind == "committed_transcript":
            if timed is not None and timed == text:
                return []
            before = self.release()
            self._held, self._held_at, self._untimed = message, self._sent, None
            return before
        if message.kind != "partial_transcript":
            return []
        before = self.release()
        if not text or text == self._told:
            return before
        if self._began is None:
            self._began = self._sent
        self._told = text
        return [*before, CallerHeard(text=text)]

    def _timed_final(self, message: Message, text: str) -> list[CallerHeard | CallerSaid]:
        self._timed = text
        untimed, self._untimed = self._untimed, None
        if self._held is None:
            return [] if untimed == text else self._final(message, text, self._sent)
        if self._held.text.strip() != text:
            return [*self.release(), *self._final(message, text, self._sent)]
        self._held = None
        return self._final(message, text, self._held_at)

    def release(self) -> list[CallerHeard | CallerSaid]:
        """The times of what is held do not come."""
        held, self._held = self._held, None
        if held is None:
            return []
        self._untimed = held.text.strip()
        return self._final(held, self._untimed, self._held_at)

    def _final(self, message: Message, text: str, at: int) -> list[CallerHeard | CallerSaid]:
        """An utterance is over; ``at`` is what had been sent when it was told."""
        start, end = self._where(message, at)
        self._began, self._told = None, ""
        said = CallerSaid(text=text, started_ms=self._ms(start, first=True), ended_ms=self._ms(end))
        # Half of the silence that made it final, so that nothing of its last sound is heard again.
        self._forget(min(end + self.silence_ms * BYTES_PER_MS // 2, at))
        return [said] if text else []

    def _where(self, message: Message, at: int) -> tuple[int, int]:
        """Offsets of the first and the last sound: by the words' times, else by when their text was told."""
        starts = [word.start for word in message.words or () if word.start is not None and abs(word.start) < LONGEST_S]
        ends = [word.end for word in message.words or () if word.end is not None and abs(word.end) < LONGEST_S]
        if starts and ends:
            start, end = (self._origin + round(one * 1000) * BYTES_PER_MS for one in (min(starts), max(ends)))
            if self._base <= start <= end <= self._sent:
                return start, end
        end = max(at - self.silence_ms * BYTES_PER_MS, self._base)
        return min(self._began if self._began is not None else end, end), end

    def _ms(self, offset: int, *, first: bool = False) -> int:
        """When a sound at ``offset`` was, in ms since the media opened: one that begins there (``first``), or ends."""
        stretch = next((one for one in self._stretches if one.end >= offset + first), None)
        return 0 if stretch is None else max(stretch.ends_ms - (stretch.end - offset) // BYTES_PER_MS, 0)

    def _forget(self, before: int) -> None:
        """Keep no audio before this offset."""
        if before > self._base:
            del self._audio[: before - self._base]
            self._base = before
            while self._stretches and self._stretches[0].end < before:
                self._stretches.popleft()
