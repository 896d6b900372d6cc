"""Is it a voice that is loud? Whoever judges that for one call, frame by frame."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from voicecall.audio.g711 import RATE

MODE = 2
"""Of webrtcvad's 0 (takes much for speech) to 3."""
TEMPLATE = RATE * 40 // 1000
SHORTEST, LONGEST = RATE // 400, RATE // 50
"""Samples in a period of the human voice: 50 to 400 Hz."""
PERIODIC = 0.5
"""How much of a voice repeats itself within a period. Noise of a telephone's band stays below 0.4."""


class Voicing(Protocol):
    """What a call asks about its caller's sound. One for each call."""

    needed: int
    """Of the last five frames that must be a voice's before one has started."""

    def hear(self, pcm: bytes) -> bool:
        """Whether a frame of 20 ms (16-bit samples) may be a voice's; every frame in order."""
        ...

    def is_voice(self, window: NDArray[np.float32]) -> bool:
        """Whether the last sound, 100 ms without our echo, is that of a voice. Asked when frames say that it may be."""
        ...


class Voiced:
    """webrtcvad, and a period: webrtcvad alone takes any noise that sets in for a voice."""

    needed = 3

    def __init__(self) -> None:
        self._is_speech = webrtcvad.Vad(MODE).is_speech

    def hear(self, pcm: bytes) -> bool:
        """See ``Voicing.hear``."""
        return self._is_speech(pcm, RATE)

    def is_voice(self, window: NDArray[np.float32]) -> bool:
        """See ``Voicing.is_voice``."""
        return periodicity(window) >= PERIODIC


def periodicity(samples: NDArray[np.float32]) -> float:
    """How well the last 40 ms repeat what came a period of a voice before: 0 to 1."""
    part = samples[-TEMPLATE - LONGEST :]
    likeness = np.correlate(part, part[-TEMPLATE:], "valid")[:-SHORTEST]
    total = np.concatenate(([0.0], np.cumsum(np.square(part, dtype=np.float64))))
    energy = total[TEMPLATE:] - total[:-TEMPLATE]
    # What is much weaker than the rest of the sound is not compared: anything is like almost nothing.
    usual = np.maximum(energy[:-SHORTEST], energy.max() / 20)
    return float((likeness / np.sqrt(usual * max(float(energy[-1]), 1.0) + 1)).max())
