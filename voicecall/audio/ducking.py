"""Our voice is lowered while it is not clear whether somebody wants to speak.

By 12 dB, in two steps of a frame each so that it does not click, and for a few hundred milliseconds: then it was
nobody, or our voice has been stopped.
"""

from __future__ import annotations

import numpy as np

from voicecall.audio.g711 import ulaw_decode, ulaw_encode

DUCK_S = 0.4
"""How long a sound that is no voice keeps our voice low."""
STEP_DB, STEPS = 6, 2


def _quieter(decibels: float) -> bytes:
    """For every μ-law code the one that is so much weaker."""
    linear = ulaw_decode(bytes(range(256))) * 10 ** (-decibels / 20)
    return ulaw_encode(np.rint(linear).astype(np.int16))


_TABLES = [_quieter(STEP_DB * step) for step in range(1, STEPS + 1)]


class Ducking:
    """``begin`` when something sounds, ``end`` when that is settled; ``lower`` every frame that is sent."""

    def __init__(self) -> None:
        self.frames = 0
        """How many have been lowered."""
        self._until = 0.0
        self._step = 0

    def begin(self, now: float) -> None:
        """Something sounds."""
        self._until = now + DUCK_S

    def end(self) -> None:
        """What is sent from now on is as loud as it was made."""
        self._until, self._step = 0.0, 0

    def lower(self, payload: bytes, now: float) -> bytes:
        """A frame as it is to be sent now."""
        if now < self._until:
            self._step = min(self._step + 1, STEPS)
        elif self._step:
            self._step -= 1
        if not self._step:
            return payload
        self.frames += 1
        return payload.translate(_TABLES[self._step - 1])
