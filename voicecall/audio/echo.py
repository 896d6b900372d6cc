"""Is what comes in what we have just sent? One call's echo, found by correlation and taken out.

A speakerphone or a bad line returns our own voice some hundred milliseconds later, weaker, and coded twice. ``sent``
keeps what went out and ``heard`` what came in, as μ-law on one time line, in samples since the media opened: that
costs next to nothing. Only when a sound has to be judged does ``remove`` look for the delay at which what was sent
explains it best, first where the echo was found last, and takes that much of it away, path by path. What is left is
not us.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicecall.audio.g711 import FRAME_BYTES, RATE, SILENCE, ulaw_decode

Samples = NDArray[np.float32]

WINDOW = RATE // 10
"""Samples that are judged at a time: 100 ms."""
LONGEST = RATE * 6 // 10
"""No echo is later than this."""
KEPT = LONGEST + 2 * WINDOW
LOUDEST = 0.9
"""An echo is weaker than what was sent: whoever is louder is somebody else."""
ALIKE = 0.6
"""Of the energy of a sound that what was sent must explain before it is taken for an echo. Another voice with another
pitch stays below 0.4, two that are made by the same machine come close."""
ALIKE_AGAIN = 0.05
"""The same where there was an echo before: a person may be talking over it."""
ENOUGH = 0.9
"""So much is all: no further path is looked for."""
PATHS = 4
"""A room returns a voice on several paths; so many of them are taken out."""
BEFORE, AFTER = RATE * 10 // 1000, RATE * 30 // 1000
"""Where the others are, seen from the first that was found."""
SLACK = 8
"""By how many samples the delay may have moved since."""
COARSE = 3
"""By how many samples ``_find`` may be wrong."""
EARLY, LATE = RATE * 60 // 1000, RATE * 150 // 1000
"""By how much what comes in may differ from the clock: frames come in bursts. Beyond that its time line starts anew."""
_table = ulaw_decode(bytes(range(256))).astype(np.float32)


class EchoPath:
    """From what we send to what comes back. Positions are samples since the media opened."""

    def __init__(self) -> None:
        self._sent = bytearray()
        self._sent_end = 0
        self._heard = bytearray(bytes([SILENCE]) * WINDOW)
        self._heard_end = 0
        self.delay: int | None = None
        """Of the echo that was found last, in samples."""

    def sent(self, at: int, ulaw: bytes) -> None:
        """This is played to the person at ``at``; what was to be played later than that is not."""
        gap = at - self._sent_end
        if gap > 0:
            self._sent += bytes([SILENCE]) * min(gap, KEPT)
        elif gap < 0:
            self.cut(at)
        self._sent += ulaw
        self._sent_end = at + len(ulaw)
        if len(self._sent) > 2 * KEPT:
            del self._sent[:-KEPT]

    def cut(self, at: int) -> None:
        """What was to be played from ``at`` on was taken back."""
        if at < self._sent_end:
            del self._sent[max(len(self._sent) - (self._sent_end - at), 0) :]
            self._sent_end = at

    def heard(self, at: int, ulaw: bytes) -> None:
        """This came in, and was whole at ``at`` by the clock; what comes in without a gap is one stretch."""
        end = self._heard_end + len(ulaw)
        self._heard_end = end if -EARLY <= at - end <= LATE else at
        self._heard += ulaw
        if len(self._heard) > 2 * WINDOW:
            del self._heard[:-WINDOW]

    @property
    def possible(self) -> bool:
        """Whether what came in last may be an echo at all."""
        return self._sent_end > self._heard_end - LONGEST - FRAME_BYTES

    def window(self) -> Samples:
        """The last 100 ms that came in."""
        return _linear(self._heard[-WINDOW:])

    def remove(self, window: Samples) -> Samples:
        """The same without our own echo."""
        energy = float(np.dot(window, window))
        sent = self._reference()
        if not energy or not sent.any():
            return window
        if self.delay is not None:
            rest, share = _taken(window, sent, self.delay, SLACK, energy)
            if share >= ALIKE_AGAIN:
                return rest
        delay = _find(window, sent)
        rest, share = _taken(window, sent, delay, COARSE, energy)
        if share < ALIKE:
            return window
        self.delay = delay
        return rest

    def _reference(self) -> Samples:
        """What was sent in the time of the window and ``LONGEST`` before it."""
        length = LONGEST + WINDOW
        surplus = self._sent_end - self._heard_end
        data = self._sent if surplus <= 0 else self._sent[:-surplus]
        data = data[-length:] if surplus > 0 else data[-max(length + surplus, 1) :] + bytes([SILENCE]) * -surplus
        return _linear(data.rjust(length, bytes([SILENCE]))[-length:])


def _linear(ulaw: bytearray) -> Samples:
    return _table.take(np.frombuffer(bytes(ulaw), np.uint8))


def _find(window: Samples, sent: Samples) -> int:
    """The delay at which what was sent is most like the window, to within two samples: at half the rate, by FFT."""
    short, long = window[::2] + window[1::2], sent[::2] + sent[1::2]
    size = 1 << (len(long) - 1).bit_length()
    product = np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size))
    likeness = np.fft.irfft(product, size)[: len(long) - len(short) + 1]
    energy = _energies(long, len(short))
    place = int(np.argmax(np.square(likeness) / (energy + energy.max() / 1000 + 1)))
    return LONGEST - 2 * place


def _energies(samples: Samples, length: int) -> NDArray[np.float64]:
    """Of every stretch of this length."""
    total = np.concatenate(([0.0], np.cumsum(np.square(samples, dtype=np.float64))))
    return total[length:] - total[:-length]


def _taken(window: Samples, sent: Samples, delay: int, slack: int, energy: float) -> tuple[Samples, float]:
    """The window without what came back around this delay, and how much of its energy that was."""
    rest = _without(window, sent, _range(delay - slack, delay + slack))
    for _ in range(PATHS - 1):
        if not (1 - ENOUGH) * energy < float(np.dot(rest, rest)) < (1 - ALIKE_AGAIN) * energy:
            break
        rest = _without(rest, sent, _range(delay - BEFORE, delay + AFTER))
    return rest, 1 - float(np.dot(rest, rest)) / energy


def _range(first: int, last: int) -> range:
    return range(max(first, 0), min(last, LONGEST) + 1)


def _without(window: Samples, sent: Samples, delays: range) -> Samples:
    """The window without what was sent at the best of these delays."""
    first = LONGEST - delays[-1]
    part = sent[first : first + len(window) + len(delays) - 1]
    likeness = np.correlate(part, window, "valid")
    energy = _energies(part, len(window))
    place = int(np.argmax(np.square(likeness) / (energy + 1)))
    gain = max(-LOUDEST, min(float(likeness[place] / (energy[place] + 1)), LOUDEST))
    return np.subtract(window, np.float32(gain) * part[place : place + len(window)], dtype=np.float32)
