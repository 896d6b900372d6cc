"""Text in a voice: audio-frequency data in syllables, so that what a stand-in voice says can be heard word for word.

A syllable lasts 150 ms or a little more: a vowel (the mark tone), 120 ms of data, 30 ms of silence. To a voice detector
it is speech: steadily loud, with short gaps. The data is binary FSK with continuous phase at 1,000 bit/s: mark (1) is
one cycle of 1,000 Hz, space (0) two cycles of 2,000 Hz (the scheme of ITU-T V.21 and Bell 202, at rates that make a
bit 8 samples and the two tones orthogonal over it). Both tones lie well inside a telephone's band. A burst is the sync
word 0xEB90, most significant bit first, and a packet (see ``packets.py``).

The receiver compares the energy of the two tones, bit by bit, so it cares neither for level nor for phase, and looks
for the sync word at every sample.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from voicecall.audio.g711 import RATE, ulaw_decode, ulaw_encode
from voicecall.audio.packets import PACKET_BYTES, Assembly, Complete, Partial, least_packets, to_packets

Floats = NDArray[np.float32]

BIT = 8
"""Samples."""
MARK_HZ, SPACE_HZ = RATE // BIT, 2 * RATE // BIT
LEVEL = 8_000
"""Of 32,768: peaks at about -12 dBFS."""
SYNC = (0xEB90).to_bytes(2, "big")
SYNC_BITS = 8 * len(SYNC)
BURST = (SYNC_BITS + 8 * PACKET_BYTES) * BIT
GAP = 30 * RATE // 1000
SYLLABLE = BURST + GAP

SQUELCH = 64.0 * 128**2
"""Tone energy of one bit below which there is no tone: an amplitude of 256, -42 dBFS."""
QUIET = 128
"""Samples that are all this small cannot reach ``SQUELCH``."""
ALIKE = 0.8 * SYNC_BITS
"""How much of a perfect sync word is one."""
NEAR = BIT
"""How far behind the first likeness of a sync word the best one may be, in samples."""

_SINE = np.sin(2 * np.pi * np.arange(BIT) / BIT)
_TONES = np.stack((np.sin(4 * np.pi * np.arange(BIT) / BIT), _SINE))
_SYNC = [bool(bit) for bit in np.unpackbits(np.frombuffer(SYNC, np.uint8))]
_HALF = np.float32(0.5**0.5)


# --- the voice -------------------------------------------------------------------------------------------------------


def modulate(text: str, *, least_ms: int = 0) -> bytes:
    """μ-law audio that says ``text`` and lasts ``least_ms``, or longer when the text needs it (about 15 ms a byte).

    Any text will do; see ``packets.to_packets``.
    """
    length = least_ms * RATE // 1000
    count = max(least_packets(text), length // SYLLABLE)
    length = max(length, count * SYLLABLE)
    ends = [(index + 1) * length // count for index in range(count)]
    starts = [0, *ends[:-1]]
    pieces = (
        piece
        for packet, start, end in zip(to_packets(text, count), starts, ends, strict=True)
        for piece in (_vowel(end - start - SYLLABLE), _burst(packet), np.zeros(GAP))
    )
    return ulaw_encode((LEVEL * np.concatenate(list(pieces))).astype(np.int16))


def _vowel(samples: int) -> NDArray[np.float64]:
    """The mark tone, ending where a bit begins."""
    return np.sin(2 * np.pi * np.arange(-samples, 0) / BIT)


def _burst(packet: bytes) -> NDArray[np.float64]:
    return _TONES[np.unpackbits(np.frombuffer(SYNC + packet, np.uint8))].ravel()


# --- the ear ---------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Spoken:
    """A whole text was said. Offsets in milliseconds of the audio fed so far: its first sound, its last."""

    text: str
    started_ms: int
    ended_ms: int


class Demodulator:
    """Hears what ``modulate`` says. The same audio gives the same answers, however it is cut into pieces."""

    def __init__(self) -> None:
        self._tail: Floats = np.zeros(0, np.float32)
        self._lean: Floats = np.zeros(0, np.float32)
        """Of the bit that begins at each sample: 1 for a pure mark, -1 for a pure space, 0 for no tone."""
        self._position = 0
        """Of the first sample of ``_lean``."""
        self._free = 0
        """Where the next burst may begin."""
        self._assembly = Assembly()

    @property
    def fed_ms(self) -> int:
        """How much audio there has been."""
        return (self._position + len(self._lean) + len(self._tail)) * 1000 // RATE

    def feed(self, ulaw: bytes) -> list[Partial | Spoken]:
        """What the audio so far says and was not told yet. Only what passes its checks is told."""
        samples = np.concatenate((self._tail, ulaw_decode(ulaw)), dtype=np.float32)
        self._tail = samples[max(len(samples) - BIT + 1, 0) :]
        if len(samples) >= BIT:
            self._lean = np.concatenate((self._lean, _lean(samples)))
        places = len(self._lean) - BURST + 1
        if places <= 0:
            return []
        heard = self._listen(places)
        self._lean = self._lean[places:]
        self._position += places
        return heard

    def _listen(self, places: int) -> list[Partial | Spoken]:
        """Try every burst that begins at one of the first ``places`` and is there completely."""
        heard: list[Partial | Spoken] = []
        likeness = _likeness(self._lean[: places + NEAR + (SYNC_BITS - 1) * BIT])
        if likeness is None:
            return heard
        for first in np.flatnonzero(likeness[:places] > ALIKE).tolist():
            if self._position + first < self._free:
                continue
            start = first + int(np.argmax(likeness[first : first + NEAR]))
            bits = self._lean[start + SYNC_BITS * BIT : start + BURST : BIT] > 0
            genuine, news = self._assembly.take(np.packbits(bits).tobytes(), self._position + start)
            self._free = self._position + start + (BURST if genuine else 1)
            match news:
                case Partial():
                    heard.append(news)
                case Complete():
                    heard.append(self._spoken(news))
                case None:
                    pass
        return heard

    def _spoken(self, news: Complete) -> Spoken:
        vowel = max(news.spacing - SYLLABLE, 0)
        return Spoken(
            text=news.text,
            started_ms=max(news.began - vowel, 0) * 1000 // RATE,
            ended_ms=self._free * 1000 // RATE,
        )


def _lean(samples: Floats) -> Floats:
    """For every sample with a whole bit from it on: which tone that bit has.

    Two bins of an eight-point Fourier transform; each sample's result depends on its own bit alone.
    """
    if np.abs(samples).max() <= QUIET:
        return np.zeros(len(samples) - BIT + 1, np.float32)
    odd, even = samples[:-4] - samples[4:], samples[:-4] + samples[4:]
    second, fourth = odd[1:-2], odd[3:]
    mark = np.square(odd[:-3] + _HALF * (second - fourth)) + np.square(odd[2:-1] + _HALF * (second + fourth))
    space = np.square(even[:-3] - even[2:-1]) + np.square(even[1:-2] - even[3:])
    both = mark + space
    both[both < SQUELCH] = np.inf
    lean: Floats = np.divide(mark - space, both, dtype=np.float32)
    return lean


def _likeness(lean: Floats) -> Floats | None:
    """How much of the sync word begins at each place, at most ``SYNC_BITS``; None when there is no sound at all."""
    if not lean.any():
        return None
    places = len(lean) - (SYNC_BITS - 1) * BIT
    total = np.zeros(places, np.float32)
    for index, mark in enumerate(_SYNC):
        (np.add if mark else np.subtract)(total, lean[index * BIT : index * BIT + places], out=total)
    return total
