"""Sounds for tests: frames of a known level, always the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicecall.audio.g711 import ulaw_encode

FRAME = 160
"""Samples, and bytes of μ-law, in 20 ms."""
RATE = 8_000
Sound = NDArray[np.float64]


def pcm(values: NDArray[np.float64]) -> NDArray[np.int16]:
    return np.clip(np.rint(values), -32_768, 32_767).astype(np.int16)


def noise(dbfs: float, ms: int, seed: int = 1) -> Sound:
    """White noise whose mean square is ``dbfs`` below full scale."""
    generator = np.random.default_rng(seed)
    return generator.normal(0, 32_768 * 10 ** (dbfs / 20), RATE * ms // 1000)


def voice(dbfs: float, ms: int) -> Sound:
    """Something like speech: a buzz of 130 Hz in syllables of 200 ms, the last 60 ms of which are quiet."""
    time = np.arange(RATE * ms // 1000) / RATE
    buzz = sum(np.sin(2 * np.pi * 130 * harmonic * time + harmonic) / harmonic for harmonic in range(1, 20))
    buzz = np.where(time % 0.2 < 0.14, buzz, 0.001 * buzz)
    loud = np.sqrt((buzz[: RATE * 140 // 1000] ** 2).mean()) if ms >= 140 else np.sqrt((buzz**2).mean())
    return buzz / loud * 32_768 * 10 ** (dbfs / 20)


def tone(hertz: float, dbfs: float, ms: int) -> Sound:
    time = np.arange(RATE * ms // 1000) / RATE
    return np.sin(2 * np.pi * hertz * time) * 32_768 * 10 ** (dbfs / 20) * 2**0.5


def silence(ms: int) -> Sound:
    return np.zeros(RATE * ms // 1000)


def ulaw(*pieces: Sound) -> bytes:
    """The pieces, one after another, as μ-law."""
    return ulaw_encode(pcm(np.concatenate(pieces)))


def frames(data: bytes) -> list[bytes]:
    """In pieces of 20 ms."""
    return [data[start : start + FRAME] for start in range(0, len(data), FRAME)]


def band(dbfs: float, ms: int, low: float = 300, high: float = 3_400, *, seed: int = 1, tilt: float = 0) -> Sound:
    """Noise of a band; ``tilt`` 1 falls by 6 dB an octave, as that of a room does."""
    count = RATE * ms // 1000
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(hertz < low) | (hertz > high)] = 0
    spectrum[1:] *= (hertz[1:] / 300) ** -tilt
    sound = np.fft.irfft(spectrum, count)
    return sound / np.sqrt((sound**2).mean()) * 32_768 * 10 ** (dbfs / 20)


def mixed(*sounds: Sound) -> Sound:
    """All at once, as long as the longest."""
    total = np.zeros(max(len(sound) for sound in sounds))
    for sound in sounds:
        total[: len(sound)] += sound
    return total


def later(sound: Sound, after_ms: float) -> Sound:
    """The sound after so much silence."""
    return np.concatenate((np.zeros(round(after_ms * RATE / 1000)), sound))
