"""The stand-in voice of a simulated person: real, audible μ-law sound whose length follows the text, and that holds it.

Not speech, but what a telephone carries: syllables with short gaps. Each syllable carries a piece of the text as data
(``voicecall.audio.modem``), so a transcriber hears every word in the sound itself, whatever carries it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from voicecall.audio.g711 import RATE, ulaw_encode
from voicecall.audio.modem import LEVEL, modulate

SILENCE: Final = b"\xff"
"""μ-law zero (G.711)."""
MS_PER_CHARACTER = 60
SHORTEST_MS = 300
BEEP_HZ = 1_000


def say(text: str) -> bytes:
    """The sound of ``text``: 60 ms a character, or as long as it takes."""
    return modulate(text, least_ms=max(SHORTEST_MS, MS_PER_CHARACTER * len(text.strip())))


def beep(length_ms: int = 500) -> bytes:
    """The tone after which to leave a message."""
    time = np.arange(length_ms * RATE // 1000) / RATE
    return ulaw_encode((LEVEL * np.sin(2 * np.pi * BEEP_HZ * time)).astype(np.int16))
