"""Turns that our own voice detector finds, for models that find none. Pure.

The vendor gets nothing between two turns: silence costs money, and recognizers invent words in it.
"""

from __future__ import annotations

from collections import deque

from attrs import define, field

from voicecall.adapters.speech.openai import events, messages
from voicecall.adapters.speech.openai.encoding import Encoding
from voicecall.adapters.speech.openai.kept import BYTES_PER_MS, Kept
from voicecall.adapters.speech.openai.settings import Hearing
from voicecall.adapters.speech.openai.turns import PIECE_BYTES, QUIET_BYTES, Turn, hear, not_understood, report
from voicecall.audio.g711 import FRAME_BYTES, SILENCE
from voicecall.audio.vad import Offset, Onset, VoiceDetector, power_of
from voicecall.ports import CallerSpeech

LEAST_BYTES = messages.LEAST_MS * BYTES_PER_MS
NOTHING_TO_COMMIT = "input_audio_buffer_commit_empty"


@define(eq=False)
class _Own(Turn):
    """A turn with what the session was told of it: ``sent`` is a position, ``name`` that of its commit."""

    name: str = ""
    sent: int = 0
    told: bool = False


@define
class OwnTurns:
    """See ``turns.Turns``. The plane's detector reports that the caller started; here nobody does it again."""

    settings: Hearing
    kept: Kept
    _detector: VoiceDetector = field(init=False)
    _fed: int = 0
    _count: int = 0
    _turns: list[_Own] = field(factory=list[_Own])
    """In the order of speech; an open one, without ``over``, is the last."""
    _reported: deque[str] = field(factory=lambda: deque[str](maxlen=64))
    """Items that are done with; what still comes of them is nobody's."""

    def __attrs_post_init__(self) -> None:
        self._detector = VoiceDetector(silence_ms=self.settings.silence_ms)

    @property
    def idle(self) -> bool:
        return not self._turns

    @property
    def owed(self) -> str:
        return self._turns[0].name if self._turns and self._turns[0].told else ""

    def poured(self) -> None:
        while self._fed + FRAME_BYTES <= self.kept.end:
            frame = self.kept.read(self._fed, self._fed + FRAME_BYTES)
            self._fed += FRAME_BYTES
            match self._detector.feed(power_of(frame)):
                case Onset() as onset if not self._open:
                    self._begin(onset.offset_ms * BYTES_PER_MS)
                case Offset() as offset if self._open:
                    self._turns[-1].end, self._turns[-1].over = offset.offset_ms * BYTES_PER_MS, self._fed
                case _:
                    pass
        if not self._turns:
            self.kept.forget(self._fed - QUIET_BYTES)

    @property
    def _open(self) -> bool:
        return bool(self._turns) and not self._turns[-1].over

    def _begin(self, position: int) -> None:
        """A turn; what comes before its voice is sent along, except what belongs to the one before."""
        self._count += 1
        before = self._turns[-1].over if self._turns else self.kept.start
        lead = max(position - self.settings.prefix_ms * BYTES_PER_MS, before)
        self._turns.append(_Own(begin=position, sent=lead, name=f"turn-{self._count}"))

    def connect(self) -> None:
        for turn in self._turns:
            lead = turn.begin - self.settings.prefix_ms * BYTES_PER_MS
            turn.item, turn.partial, turn.final, turn.told = "", "", None, False
            turn.sent = max(lead, self.kept.start)

    def outgoing(self, encoding: Encoding) -> list[str]:
        pieces: list[str] = []
        for turn in self._turns:
            pieces += self._rest(turn, encoding)
        return pieces

    def _rest(self, turn: _Own, encoding: Encoding) -> list[str]:
        if turn.told:
            return []
        pieces: list[str] = []
        limit = turn.over or self._fed
        while turn.sent < limit:
            piece = self.kept.read(turn.sent, min(turn.sent + PIECE_BYTES, limit))
            pieces.append(messages.append(encoding.encode(piece)))
            turn.sent = min(turn.sent + PIECE_BYTES, limit)
        if turn.over:
            turn.told = True
            if turn.over - turn.begin < LEAST_BYTES:
                pieces.append(messages.append(encoding.encode(bytes([SILENCE]) * LEAST_BYTES)))
            pieces.append(messages.commit(turn.name))
        return pieces

    def take(self, event: events.ServerEvent) -> list[CallerSpeech]:
        match event:
            case events.Committed():
                self._find(event.item_id)
            case events.TranscriptDelta():
                turn = self._find(event.item_id)
                return hear(turn, event.delta, oldest=turn is self._turns[0]) if turn else []
            case events.TranscriptCompleted():
                turn = self._find(event.item_id)
                if turn is not None:
                    turn.final = event.transcript
                return self._settle()
            case events.TranscriptFailed():
                raise not_understood(event)
            case events.Trouble() if event.error.code == NOTHING_TO_COMMIT:
                for turn in self._turns:
                    if turn.name == event.error.event_id:
                        turn.final = ""
                return self._settle()
            case _:
                pass
        return []

    def _find(self, item: str) -> _Own | None:
        """Whose item this is. Items come in the order of the turns, so a new one is the first turn's without one."""
        known = next((turn for turn in self._turns if turn.item == item), None)
        if known is None and item not in self._reported:
            known = next((turn for turn in self._turns if not turn.item and turn.final is None), None)
            if known is not None:
                known.item = item
        return known

    def _settle(self) -> list[CallerSpeech]:
        reported: list[CallerSpeech] = []
        while self._turns and self._turns[0].final is not None:
            turn = self._turns.pop(0)
            self._reported.append(turn.item)
            reported += report(turn, self.kept)
            self.kept.forget(turn.over)
        return reported
