"""The caller's turns on their way through transcription, in the order in which they were said. Pure.

Several may be under way at once, and their transcripts come in any order; they are reported in the order of speech. Of
the oldest one that is not reported yet, and of all that follow, the audio is kept: a new connection is told everything
again. ``VendorTurns`` is for models whose vendor finds the turns; ``own_turns.py`` for those where we do.
"""

from __future__ import annotations

from typing import Protocol

from attrs import define, field

from voicecall.adapters.speech.openai import events, messages
from voicecall.adapters.speech.openai.encoding import Encoding
from voicecall.adapters.speech.openai.fault import VendorFault
from voicecall.adapters.speech.openai.kept import BYTES_PER_MS, Kept
from voicecall.adapters.speech.openai.settings import Hearing
from voicecall.audio.g711 import FRAME_BYTES
from voicecall.audio.vad import LOWEST, power_of
from voicecall.events.facts import CallerHeard, CallerSaid
from voicecall.ports import CallerSpeech

QUIET_BYTES = 5_000 * BYTES_PER_MS
"""What is kept while nobody speaks, as far as the vendor knows: it hears a voice later than there is one."""
PIECE_BYTES = 1_000 * BYTES_PER_MS
"""The most audio in one message."""


class Turns(Protocol):
    """What a connection does with audio and events."""

    @property
    def idle(self) -> bool:
        """Whether no turn waits for anything."""
        ...

    @property
    def owed(self) -> str:
        """The name of the oldest turn if the vendor has the whole of it and has not said what it heard; else ""."""
        ...

    def poured(self) -> None:
        """There is more audio in ``kept``."""
        ...

    def connect(self) -> None:
        """A new session: whatever was not reported begins again."""
        ...

    def outgoing(self, encoding: Encoding) -> list[str]:
        """What the vendor must be told now. Raises ``VendorFault`` when it is too far behind."""
        ...

    def take(self, event: events.ServerEvent) -> list[CallerSpeech]:
        """What an event of the session reports. Raises ``VendorFault`` when a turn was not understood at all."""
        ...


@define
class Turn:
    """``begin`` and ``end`` are positions (see ``kept.py``) of the voice, ``over`` of the audio that belongs to it."""

    begin: int
    end: int = 0
    over: int = 0
    item: str = ""
    partial: str = ""
    final: str | None = None


def report(turn: Turn, kept: Kept) -> list[CallerSpeech]:
    """A turn that is understood. Nothing when there were no words in it."""
    text = (turn.final or "").strip()
    if not text:
        return []
    return [CallerSaid(text=text, started_ms=kept.tap_ms(turn.begin), ended_ms=kept.tap_ms(turn.end))]


def hear(turn: Turn, delta: str | None, *, oldest: bool) -> list[CallerSpeech]:
    """More of what a turn says. Only the oldest is told of before it is whole, so that no remark overtakes another."""
    turn.partial += delta or ""
    text = turn.partial.strip()
    return [CallerHeard(text=text)] if oldest and text else []


def not_understood(event: events.TranscriptFailed) -> VendorFault:
    """The vendor gave a turn up."""
    return VendorFault(f"OpenAI could not transcribe a turn: {event.error.words()}")


@define
class VendorTurns:
    """The vendor's voice detector finds the turns in one unbroken stream of audio. That a voice has started is told by
    the plane's detector, earlier and once."""

    settings: Hearing
    kept: Kept
    _base: int = 0
    """The position of the session's first audio."""
    _sent: int = 0
    _known: int = 0
    """From here on the vendor has had the time to find the turns in what it was told at once, when it connected."""
    _turns: dict[str, Turn] = field(factory=dict[str, Turn])

    @property
    def idle(self) -> bool:
        return not self._turns and self._sent >= self.kept.end

    @property
    def owed(self) -> str:
        oldest = next(iter(self._turns.values()), None)
        return oldest.item if oldest is not None and oldest.over else ""

    def poured(self) -> None:
        if not self._turns and self.kept.end >= self._known:
            self.kept.forget(self._sent - QUIET_BYTES)

    def connect(self) -> None:
        self._turns.clear()
        self._base = self._sent = self.kept.start
        self._known = self.kept.end + QUIET_BYTES

    def outgoing(self, encoding: Encoding) -> list[str]:
        if self._sent < self.kept.start:
            raise VendorFault("OpenAI takes audio more slowly than it comes")
        pieces: list[str] = []
        while self._sent < self.kept.end:
            piece = self.kept.read(self._sent, self._sent + PIECE_BYTES)
            pieces.append(messages.append(encoding.encode(piece)))
            self._sent += len(piece)
        return pieces

    def take(self, event: events.ServerEvent) -> list[CallerSpeech]:
        match event:
            case events.SpeechStarted():
                self._started(event)
            case events.SpeechStopped():
                turn = self._turn(event.item_id)
                turn.over = self._position(event.audio_end_ms)
                turn.end = max(turn.over - self.settings.silence_ms * BYTES_PER_MS, turn.begin)
            case events.Committed():
                turn = self._turn(event.item_id)
                turn.over = turn.over or self._sent
                turn.end = turn.end or turn.over
            case events.TranscriptDelta() if event.item_id in self._turns:
                turn = self._turns[event.item_id]
                return hear(turn, event.delta, oldest=turn is next(iter(self._turns.values())))
            case events.TranscriptCompleted() if event.item_id in self._turns:
                self._turns[event.item_id].final = event.transcript
                return self._settle()
            case events.TranscriptFailed() if event.item_id in self._turns:
                raise not_understood(event)
            case _:
                pass
        return []

    def _started(self, event: events.SpeechStarted) -> None:
        # There is one voice at a time: an earlier turn that was not ended will never be.
        self._turns = {item: turn for item, turn in self._turns.items() if turn.over or item == event.item_id}
        turn = self._turn(event.item_id)
        turn.begin = self._first_sound(event.audio_start_ms)

    def _first_sound(self, start_ms: int) -> int:
        """Where the voice begins: the vendor's start has padding before it, but not before the first audio of all."""
        start, begin = self._position(start_ms), self._position(start_ms + self.settings.prefix_ms)
        if start_ms > 0:
            return begin
        frames = (self.kept.read(at, at + FRAME_BYTES) for at in range(start, begin, FRAME_BYTES))
        return next((start + at * FRAME_BYTES for at, frame in enumerate(frames) if power_of(frame) >= LOWEST), begin)

    def _turn(self, item: str) -> Turn:
        if item not in self._turns:
            self._turns[item] = Turn(begin=self._sent, item=item)
        return self._turns[item]

    def _position(self, ms: int) -> int:
        """Where a time on the vendor's clock is, which counts the session's audio."""
        return min(max(self._base + ms * BYTES_PER_MS, self.kept.start), self._sent)

    def _settle(self) -> list[CallerSpeech]:
        reported: list[CallerSpeech] = []
        while self._turns and (turn := next(iter(self._turns.values()))).final is not None:
            del self._turns[turn.item]
            reported += report(turn, self.kept)
            self.kept.forget(turn.over)
        return reported
