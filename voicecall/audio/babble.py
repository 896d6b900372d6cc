"""A stand-in voice: vowels without words, as long and as loud as speech. Deterministic, free of IO, and it says so.

Each letter is 65 ms of a glottal pulse train shaped by two formants (Peterson and Barney's averages for vowels; a
quieter blur for consonants), spaces and punctuation are pauses. It exists so that a call without any speech engine is
audible and its timing is that of real speech.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from voicecall.audio.g711 import RATE, ulaw_encode

LETTER_MS = 65
PAUSE_MS = {" ": 30, ",": 120, ".": 220, "!": 220, "?": 220}
FORMANTS = {"a": (730, 1090), "e": (530, 1840), "i": (270, 2290), "o": (570, 840), "u": (300, 870), "y": (390, 1990)}
CONSONANT = (450, 1450)
PEAK = 9_000
"""About -11 dBFS at the loudest; speech averages below -20."""


def say_ulaw(text: str, *, pitch_hz: int = 120) -> bytes:
    """μ-law audio of ``text`` in the stand-in voice; another pitch is another speaker."""
    pieces = [_sound(letter, pitch_hz) for letter in text.lower()]
    if not pieces:
        return b""
    samples = np.concatenate(pieces)
    return ulaw_encode((samples * PEAK).astype(np.int16))


@lru_cache(maxsize=256)
def _sound(letter: str, pitch_hz: int) -> NDArray[np.float64]:
    if letter in PAUSE_MS:
        return np.zeros(RATE * PAUSE_MS[letter] // 1000)
    if not letter.isalnum():
        return np.zeros(0)
    first, second = FORMANTS.get(letter, CONSONANT)
    loudness = 1.0 if letter in FORMANTS else 0.45
    count = RATE * LETTER_MS // 1000
    time = np.arange(count) / RATE
    wave = np.zeros(count)
    for harmonic in range(1, int(3_400 / pitch_hz) + 1):
        frequency = harmonic * pitch_hz
        gain = 1 / (1 + ((frequency - first) / 120) ** 2) + 0.5 / (1 + ((frequency - second) / 180) ** 2)
        wave += gain * np.sin(2 * np.pi * frequency * time + harmonic)
    envelope = np.sin(np.pi * np.minimum(1.0, np.arange(count) / count + 0.08)) ** 0.5
    return loudness * envelope * wave / np.abs(wave).max()
