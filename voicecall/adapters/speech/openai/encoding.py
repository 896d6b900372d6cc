"""The caller's μ-law in the format that a session takes: as it is, or as PCM at 24 kHz."""

from __future__ import annotations

from attrs import define, field

from voicecall.audio.g711 import RATE, ulaw_decode
from voicecall.audio.resample import Resampler

PCM_RATE = 24_000


@define
class Encoding:
    """One session's; ``pcm`` where μ-law was refused."""

    pcm: bool = False
    _resampler: Resampler = field(factory=lambda: Resampler(RATE, PCM_RATE))

    def encode(self, ulaw: bytes) -> bytes:
        """The next of the session's audio. PCM runs 2 ms behind."""
        return self._resampler.feed(ulaw_decode(ulaw).astype("<i2").tobytes()) if self.pcm else ulaw
