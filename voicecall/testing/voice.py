"""The stand-in voice of a simulated person: real, audible μ-law sound whose length follows the text.

Not speech, but what a telephone carries: syllables of a tone with short gaps. What was "said" travels beside it as a
recognition hint.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final

RATE: Final = 8_000
SILENCE: Final = b"\xff"
"""μ-law zero (G.711)."""
SYLLABLE_MS, GAP_MS = 120, 30
"""The gap is shorter than any voice detector's hang-over, so that a sentence is one stretch of sound."""
MS_PER_CHARACTER = 60
SHORTEST_MS = 300
PITCH_HZ, BEEP_HZ = 220, 1_000
LEVEL = 8_000
"""Of 32,768: about -12 dBFS."""


def say(text: str) -> bytes:
    """The sound of ``text``: 60 ms a character."""
    length_ms = max(SHORTEST_MS, MS_PER_CHARACTER * len(text.strip()))
    syllable = _tone(PITCH_HZ, SYLLABLE_MS) + SILENCE * (GAP_MS * RATE // 1000)
    wanted = length_ms * RATE // 1000
    return (syllable * (wanted // len(syllable) + 1))[:wanted]


def beep(length_ms: int = 500) -> bytes:
    """The tone after which to leave a message."""
    return _tone(BEEP_HZ, length_ms)


@cache
def _tone(pitch_hz: int, length_ms: int) -> bytes:
    samples = range(length_ms * RATE // 1000)
    return bytes(_ulaw(round(LEVEL * math.sin(2 * math.pi * pitch_hz * n / RATE))) for n in samples)


def _ulaw(sample: int) -> int:
    """G.711 μ-law of one 16-bit sample."""
    magnitude = min(abs(sample), 32_635) + 132
    exponent = magnitude.bit_length() - 8
    mantissa = magnitude >> (exponent + 3) & 0x0F
    return ~((0x80 if sample < 0 else 0) | exponent << 4 | mantissa) & 0xFF
