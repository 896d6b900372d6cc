"""The caller's audio that nobody has acknowledged yet: what is sent again when a connection breaks. Pure.

A position counts the bytes of all audio that ever came (μ-law, 8 a millisecond). The tap's clock runs on where no audio
comes, so a piece of audio remembers where it belongs.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter

from attrs import define, field

BYTES_PER_MS = 8
KEPT_BYTES = 30_000 * BYTES_PER_MS
"""Half a minute: who talks for longer without a pause loses the beginning if the connection breaks."""


@define
class Kept:
    """``start`` and ``end`` are the positions between which there is audio; older audio than ``limit`` is dropped."""

    limit: int = KEPT_BYTES
    start: int = 0
    _audio: bytearray = field(factory=bytearray)
    _places: list[tuple[int, int]] = field(factory=list[tuple[int, int]])
    """Where pieces begin: position, and milliseconds on the tap's clock."""

    @property
    def end(self) -> int:
        return self.start + len(self._audio)

    def pour(self, audio: bytes, ends_ms: int) -> None:
        """More audio, which ends at ``ends_ms`` of the tap's clock."""
        self._places.append((self.end, ends_ms - len(audio) // BYTES_PER_MS))
        self._audio += audio
        if len(self._audio) > self.limit:
            self.forget(self.end - self.limit)

    def read(self, begin: int, end: int) -> bytes:
        """The audio between two positions, as far as it is there."""
        return bytes(self._audio[max(begin - self.start, 0) : max(end - self.start, 0)])

    def forget(self, position: int) -> None:
        """The audio before a position is not needed any more."""
        position = min(max(position, self.start), self.end)
        del self._audio[: position - self.start]
        self.start = position
        gone = bisect_right(self._places, position, key=itemgetter(0)) - 1
        del self._places[: max(gone, 0)]

    def tap_ms(self, position: int) -> int:
        """Where a position is on the tap's clock, in milliseconds; never negative."""
        if not self._places:
            return 0
        index = max(bisect_right(self._places, position, key=itemgetter(0)) - 1, 0)
        begin, ms = self._places[index]
        return max(ms + (min(position, self.end) - begin) // BYTES_PER_MS, 0)
