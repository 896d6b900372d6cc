"""Is somebody speaking? An energy detector above a tracked noise floor, for 20 ms frames.

The floor follows the quiet: it falls by 1 dB a frame, so that one dropped frame does not make noise a voice, and rises
by 3 dB a second, so that a line that hums is not taken for a voice for long. A voice starts when several of the last
frames stand out, which a click does not, and stops after a stretch of quiet; one that resumes after a shorter pause
starts again, because whoever has begun to speak meanwhile must make way. All offsets count milliseconds since the
first frame.
"""

from __future__ import annotations

from collections import deque
from math import log10

import numpy as np
from attrs import define, field, frozen

from voicecall.audio.g711 import ulaw_decode

FRAME_MS = 20
FULL_SCALE = 32_768.0**2
MARGIN = 10 ** (9 / 10)
"""A voice stands this far above the floor (9 dB)."""
LOWEST = FULL_SCALE * 10 ** (-50 / 10)
"""Quieter than -50 dBFS is never a voice."""
CAUTIOUS = FULL_SCALE * 10 ** (-35 / 10)
"""The floor before anything was heard: a noisy line must not interrupt the greeting before its noise is known."""
FALL = 10 ** (-1 / 10)
"""The floor's fall per frame, at most: 1 dB."""
RISE = 10 ** (3 / 10 / 50)
"""The floor's rise per frame: 3 dB a second."""
ONSET_FRAMES = 3
WINDOW_FRAMES = 5
"""A voice starts when 3 of the last 5 frames stand out (at most 100 ms late)."""
PAUSE_MS = 240
"""Quiet of this length is a pause: a voice that comes after it starts again."""

_squares = (ulaw_decode(bytes(range(256))).astype(np.float64) ** 2).take
_sum = np.add.reduce


@frozen
class Onset:
    """A voice started, or resumed, at ``offset_ms``."""

    offset_ms: int


@frozen
class Offset:
    """The voice stopped at ``offset_ms``: the end of its last loud frame."""

    offset_ms: int


@define
class NoiseFloor:
    """How loud the line is when nobody speaks, as mean square power."""

    power: float = CAUTIOUS

    @property
    def limit(self) -> float:
        """What is louder than this stands out."""
        return max(self.power * MARGIN, LOWEST)

    def is_above(self, power: float) -> bool:
        """Whether a frame of this power stands out. The floor follows it."""
        loud = power > self.limit
        if power < self.power:
            self.power = max(power, self.power * FALL, LOWEST / MARGIN)
        else:
            self.power = min(power, self.power * RISE)
        return loud


@define
class Utterance:
    """What somebody says, until ``silence_ms`` of quiet have followed it; who finds the voice knows its end by this."""

    silence_ms: int = 800
    speaking: bool = False
    _voice_end: int = 0
    _paused: bool = True

    def _begin(self, now_ms: int) -> None:
        self.speaking, self._paused, self._voice_end = True, False, now_ms

    def _quiet(self, now_ms: int) -> Offset | None:
        """The quiet since the last of the voice is a pause, or the end."""
        for_ms = now_ms - self._voice_end
        self._paused = self._paused or for_ms >= PAUSE_MS
        if for_ms < self.silence_ms:
            return None
        self.speaking, self._paused = False, True
        return Offset(self._voice_end)


@define
class VoiceDetector(Utterance):
    """Feed it every frame in order."""

    floor: NoiseFloor = field(factory=NoiseFloor)
    _frames: int = 0
    _recent: deque[bool] = field(factory=lambda: deque[bool](maxlen=WINDOW_FRAMES))

    def feed(self, power: float | None) -> Onset | Offset | None:
        """What a frame of this ``power`` (see ``power_of``) changes; None is a frame that never came."""
        loud = power is not None and self.floor.is_above(power)
        self._frames += 1
        now_ms = self._frames * FRAME_MS
        self._recent.append(loud)
        if loud:
            self._voice_end = now_ms
            if self._paused and self._recent.count(True) >= ONSET_FRAMES:
                self._begin(now_ms)
                first = self._recent.index(True)
                return Onset(now_ms - (len(self._recent) - first) * FRAME_MS)
        elif self.speaking:
            return self._quiet(now_ms)
        return None


def dbfs(power: float) -> float:
    """Mean square power of 16-bit samples in decibels below full scale, not below -96."""
    return max(10 * log10(max(power, 1e-9) / FULL_SCALE), -96.0)


def power_of(ulaw: bytes) -> float:
    """Mean square power of μ-law audio."""
    return float(_sum(_squares(np.frombuffer(ulaw, np.uint8)))) / len(ulaw) if ulaw else 0.0
