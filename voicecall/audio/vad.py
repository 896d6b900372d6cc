"""Is somebody speaking? An energy detector above a tracked noise floor, for 20 ms frames of μ-law.

The floor follows the quiet: it falls at once to a lower level and rises slowly (about 6 dB in two seconds), so a line
that hums is not taken for a voice for long. A voice starts when several of the last frames stand out, which a click
does not, and stops after a stretch of quiet. All offsets count milliseconds since the first frame.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from attrs import define, field

from voicecall.audio.g711 import ulaw_decode

FRAME_MS = 20
_SQUARES = ulaw_decode(bytes(range(256))).astype(np.float64) ** 2
FULL_SCALE = 32_768.0**2
MARGIN = 10 ** (9 / 10)
"""A voice stands this far above the floor (9 dB)."""
LOWEST = FULL_SCALE * 10 ** (-50 / 10)
"""Quieter than -50 dBFS is never a voice."""
RISE = 10 ** (3 / 10 / 50)
"""The floor's rise per frame: 3 dB a second."""
ONSET_FRAMES = 3
WINDOW_FRAMES = 5
"""A voice starts when 3 of the last 5 frames stand out (at most 100 ms late)."""


@define
class Onset:
    """A voice started at ``offset_ms``."""

    offset_ms: int


@define
class Offset:
    """The voice stopped at ``offset_ms``: the end of its last loud frame."""

    offset_ms: int


@define
class VoiceDetector:
    """Feed it every frame in order. ``silence_ms`` of quiet end an utterance."""

    silence_ms: int = 800
    floor: float = LOWEST
    speaking: bool = False
    _frames: int = 0
    _loud_end: int = 0
    _recent: deque[bool] = field(factory=lambda: deque[bool](maxlen=WINDOW_FRAMES))

    def feed(self, frame: bytes) -> Onset | Offset | None:
        """What this frame (160 bytes of μ-law; a shorter one counts as 20 ms) changes."""
        power = float(_SQUARES[np.frombuffer(frame, np.uint8)].mean()) if frame else 0.0
        loud = power > max(self.floor * MARGIN, LOWEST)
        self.floor = max(min(power, self.floor * RISE), LOWEST / 100)
        self._frames += 1
        now_ms = self._frames * FRAME_MS
        self._recent.append(loud)
        if loud:
            self._loud_end = now_ms
        if not self.speaking and sum(self._recent) >= ONSET_FRAMES:
            self.speaking = True
            first = list(self._recent).index(True)
            return Onset(now_ms - (len(self._recent) - first) * FRAME_MS)
        if self.speaking and now_ms - self._loud_end >= self.silence_ms:
            self.speaking = False
            self._recent.clear()
            return Offset(self._loud_end)
        return None


def dbfs(power: float) -> float:
    """Mean square power of 16-bit samples in decibels below full scale, not below -96."""
    return max(10 * float(np.log10(max(power, 1e-9) / FULL_SCALE)), -96.0)


def power_of(ulaw: bytes) -> float:
    """Mean square power of μ-law audio."""
    return float(_SQUARES[np.frombuffer(ulaw, np.uint8)].mean()) if ulaw else 0.0
