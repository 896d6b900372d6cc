"""The caller's side of taking turns: what in a call's incoming sound is somebody speaking.

Theory of operation
-------------------
Sound is what stands out from the noise of the line and is not our own echo; it is told after two frames, in time to
lower our voice. Speech is sound in which several of the last frames may be a voice's (``voicing.py``), and that, when
that many have come, is voiced once the echo is taken out (``echo.py``). Either is told once, and again after a pause.

What every frame costs is its power and the voicing's own judgement, some microseconds; echo and voice are looked at
only while a sound has begun and not been told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from voicecall.audio.echo import EchoPath
from voicecall.audio.g711 import FRAME_BYTES
from voicecall.audio.vad import FRAME_MS, PAUSE_MS, WINDOW_FRAMES, NoiseFloor, Offset, Onset, Utterance, power_of
from voicecall.audio.voicing import Voiced, Voicing

SOUND_FRAMES = 2
"""Of the last three frames that are loud when a sound has begun."""
LEFT = 0.25
"""Of the power of a frame that must be left without our echo for it to be somebody's: an echo is never explained
entirely, and who speaks to us over it is not much weaker."""

Samples = NDArray[np.float32]


@frozen
class Sound:
    """Something is to be heard that is not us; whether it is a voice remains to be seen."""


@define
class CallerVoice(Utterance):
    """Feed it whole frames (see ``frames``) in order.

    ``power`` is the last frame's, ``now_ms`` the end of it, by which onsets and offsets are told; ``echoed`` counts
    the loud frames that were found to be our own echo.
    """

    voicing: Voicing = field(factory=Voiced)
    floor: NoiseFloor = field(factory=NoiseFloor)
    echo: EchoPath = field(factory=EchoPath)
    power: float = 0.0
    echoed: int = 0
    now_ms: int = 0
    _rest: bytes = b""
    _sound_end: int = 0
    _told_sound: bool = False
    _loud: deque[bool] = field(factory=lambda: deque[bool](maxlen=SOUND_FRAMES + 1))
    _clean: Samples | None = None
    _recent: deque[bool] = field(factory=lambda: deque[bool](maxlen=WINDOW_FRAMES))

    @property
    def talking(self) -> bool:
        """Whether a voice was there in the last frames, without a pause since."""
        return self.speaking and not self._paused

    def frames(self, payload: bytes) -> Generator[bytes]:
        """What has come in, in whole frames; what is left over waits for more."""
        if self._rest:
            payload, self._rest = self._rest + payload, b""
        whole = len(payload) - len(payload) % FRAME_BYTES
        self._rest = payload[whole:]
        for start in range(0, whole, FRAME_BYTES):
            yield payload[start : start + FRAME_BYTES]

    def feed(self, ulaw: bytes, at: int) -> Sound | Onset | Offset | None:
        """What this frame changes; it was whole ``at`` so many samples since the media opened."""
        self.echo.heard(at, ulaw)
        self.power = power_of(ulaw)
        loud = self.floor.is_above(self.power)
        return self._judge(loud=loud, maybe=self.voicing.hear(ulaw) and loud)

    def miss(self) -> Offset | None:
        """A frame that never came."""
        told = self._judge(loud=False, maybe=False)
        return told if isinstance(told, Offset) else None

    def _judge(self, *, loud: bool, maybe: bool) -> Sound | Onset | Offset | None:
        self.now_ms += FRAME_MS
        self._loud.append(loud)
        self._recent.append(maybe)
        if loud and not self._is_echo():
            self._sound_end = self.now_ms
            if self.talking:
                self._voice_end = self.now_ms if maybe else self._voice_end
            elif told := self._look():
                return told
        self._told_sound = self._told_sound and self.now_ms - self._sound_end < PAUSE_MS
        return self._quiet(self.now_ms) if self.speaking else None

    def _is_echo(self) -> bool:
        """Whether this loud frame is our own; where no echo was ever found, that is asked only when it matters."""
        self._clean = None
        if not self.echo.possible or (self.echo.delay is None and (self.talking or not self._matters)):
            return False
        self._clean = self.echo.remove(self.echo.window())
        last = self._clean[-FRAME_BYTES:]
        left = float(np.dot(last, last)) / FRAME_BYTES
        if left > max(LEFT * self.power, self.floor.limit):
            return False
        self.echoed += 1
        self._loud[-1] = self._recent[-1] = False
        return True

    @property
    def _matters(self) -> bool:
        return self._sounds or self._may_be_voice

    @property
    def _sounds(self) -> bool:
        return not self._told_sound and self._loud.count(True) >= SOUND_FRAMES

    @property
    def _may_be_voice(self) -> bool:
        return self._recent.count(True) >= self.voicing.needed

    def _look(self) -> Sound | Onset | None:
        """A loud frame that is not ours, while nobody talks."""
        if self._may_be_voice and self.voicing.is_voice(self.echo.window() if self._clean is None else self._clean):
            self._begin(self.now_ms)
            self._told_sound = True
            first = self._recent.index(True)
            return Onset(self.now_ms - (len(self._recent) - first) * FRAME_MS)
        if self._sounds:
            self._told_sound = True
            return Sound()
        return None
