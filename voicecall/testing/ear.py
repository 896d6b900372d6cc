"""What the simulated person really heard: stretches of audible sound, and how long it was left in silence."""

from __future__ import annotations

import trio
from attrs import define, field

MERGE_MS = 500
"""Sound after a shorter pause belongs to the same stretch."""
LOUD = bytes(1 if (~code & 0x7F) >= 0x20 else 0 for code in range(256))
"""μ-law code → whether its amplitude is above about -38 dBFS (G.711: segment 2 and up)."""
LOUD_SAMPLES = 8
"""So many of them make a frame audible."""


@define
class Stretch:
    """Sound without a longer pause; offsets in ms since the call was answered."""

    start_ms: int
    end_ms: int
    sound_ms: int


@define
class Ear:
    """``since`` is when the call was answered, in trio's time.

    ``longest_silence_ms`` is the longest time that the person waited after it had spoken, for the other side to be
    heard or for the call to end.
    """

    since: float = 0.0
    heard_ms: int = 0
    stretches: list[Stretch] = field(factory=list[Stretch])
    longest_silence_ms: int = 0
    playing: bool = False
    """Whether sound was being played just now."""
    last_heard: float = -1e9
    pulse: trio.Event = field(factory=trio.Event)
    """Set, and replaced, whenever something audible was heard."""
    _waiting: float | None = None

    def hear(self, frame: bytes, at: float) -> None:
        """20 ms of sound (or less, then silence) that began to play at ``at``."""
        self.playing = bool(frame)
        if frame.translate(LOUD).count(1) < LOUD_SAMPLES:
            return
        start, length = round((at - self.since) * 1000), len(frame) // 8
        # What was already playing when the person spoke up is no answer to it.
        if self._waiting is not None and at - self.last_heard > 0.1:
            self._note_silence(at)
        elif self._waiting is not None:
            self._waiting = max(self._waiting, at + length / 1000)
        self.heard_ms += length
        self.last_heard = at + length / 1000
        if self.stretches and start - self.stretches[-1].end_ms < MERGE_MS:
            self.stretches[-1].end_ms = start + length
            self.stretches[-1].sound_ms += length
        else:
            self.stretches.append(Stretch(start_ms=start, end_ms=start + length, sound_ms=length))
        pulse, self.pulse = self.pulse, trio.Event()
        pulse.set()

    def expect(self) -> None:
        """The person has spoken and waits for an answer from now on."""
        if self._waiting is None:
            self._waiting = trio.current_time()

    def speaks(self) -> None:
        """The person speaks itself: no silence."""
        if self._waiting is not None:
            self._note_silence(trio.current_time())

    def end(self) -> None:
        """The call is over, and so is waiting."""
        self.speaks()

    def _note_silence(self, at: float) -> None:
        if self._waiting is not None:
            self.longest_silence_ms = max(self.longest_silence_ms, round((at - self._waiting) * 1000))
            self._waiting = None
