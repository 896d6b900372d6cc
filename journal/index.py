"""Where each stream is in a segment: built while the segment is written, kept beside it once it is sealed.

A sidecar is one header line of JSON (segment size, counts, tombstones, CRC-32C of the rest) and then flat arrays of
64-bit numbers sorted by the hash of the stream's name, so that a million past calls are opened by mapping a few files
and found by bisection: no Python object per call, nothing for the garbage collector to walk.
"""

from __future__ import annotations

import json
import mmap
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from attrs import define, field, frozen

from journal.api import START, Position
from journal.checksum import crc32c

VERSION = 1
COLUMNS = 5
"""hash, first offset, end offset, last position, offset of the name"""


class BadSidecar(ValueError):
    """Missing, damaged, or made for another state of the segment: it is rebuilt by a scan."""


@frozen(kw_only=True)
class Extent:
    """Bytes ``first`` to ``end`` of a segment hold every line of a stream; the last one has position ``last``."""

    first: int
    end: int
    last: Position


@define
class Index:
    """The growing index of one segment."""

    extents: dict[str, tuple[int, int, int]] = field(factory=dict[str, "tuple[int, int, int]"])
    erased: set[str] = field(factory=set[str])
    size: int = 0
    last: Position = START

    def add(self, stream: str, position: Position, length: int, *, erased: bool) -> None:
        """A line of ``length`` bytes was written at the end."""
        first = self.extents[stream][0] if stream in self.extents else self.size
        self.size += length
        self.last = position
        self.extents[stream] = (first, self.size, position)
        if erased:
            self.erased.add(stream)

    def find(self, stream: str) -> Extent | None:
        """Where ``stream`` is."""
        found = self.extents.get(stream)
        return None if found is None else Extent(first=found[0], end=found[1], last=Position(found[2]))

    def names(self) -> Iterator[str]:
        """Every stream."""
        return iter(self.extents)

    def encode(self) -> bytes:
        """The sidecar's bytes."""
        ordered = sorted((name_hash(name), name) for name in self.extents)
        columns = [array("Q") for _ in range(COLUMNS)]
        names = bytearray()
        for hashed, name in ordered:
            for column, value in zip(columns, (hashed, *self.extents[name], len(names)), strict=True):
                column.append(value)
            names += name.encode() + b"\n"
        body = b"".join(column.tobytes() for column in columns) + bytes(names)
        head: dict[str, object] = {
            "version": VERSION,
            "size": self.size,
            "last": self.last,
            "streams": len(ordered),
            "erased": sorted(self.erased),
            "crc": crc32c(body),
        }
        text = json.dumps(head).encode()
        padding = b" " * (-(len(text) + 1) % 8)
        return text + padding + b"\n" + body


class Sidecar:
    """A sealed segment's index, mapped from its file. Raises ``BadSidecar``."""

    def __init__(self, path: Path, *, segment_size: int) -> None:
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise BadSidecar(f"{path.name}: {error}") from None
        start = self._map.find(b"\n") + 1
        try:
            head = json.loads(self._map[:start])
            count, self.size, crc = int(head["streams"]), int(head["size"]), int(head["crc"])
            self.last, self.erased = Position(int(head["last"])), frozenset[str](head["erased"])
            version = head["version"]
        except (ValueError, KeyError, TypeError) as error:
            raise BadSidecar(f"{path.name}: the head is damaged: {error}") from None
        view = memoryview(self._map)[start:]
        if version != VERSION or self.size != segment_size or crc32c(bytes(view)) != crc:
            raise BadSidecar(f"{path.name}: it does not fit the segment")
        step = count * 8
        self._columns = [view[n * step : (n + 1) * step].cast("Q") for n in range(COLUMNS)]
        self._names = start + COLUMNS * step
        self._count = count

    def find(self, stream: str) -> Extent | None:
        """Where ``stream`` is."""
        hashes, first, end, last, name = self._columns
        wanted = name_hash(stream)
        at = bisect_left(hashes, wanted)
        while at < self._count and hashes[at] == wanted:
            if self._name(name[at]) == stream:
                return Extent(first=first[at], end=end[at], last=Position(last[at]))
            at += 1
        return None

    def names(self) -> Iterator[str]:
        """Every stream, in no order worth knowing."""
        for at in range(self._count):
            yield self._name(self._columns[4][at])

    def _name(self, offset: int) -> str:
        start = self._names + offset
        return self._map[start : self._map.find(b"\n", start)].decode()


def name_hash(stream: str) -> int:
    """64 bits of a stream's name; equal hashes are told apart by the name itself."""
    return int.from_bytes(blake2b(stream.encode(), digest_size=8).digest(), "little")
