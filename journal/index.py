"""Where each stream is in a segment: built while the segment is written, kept beside it once it is sealed.

A sidecar is one header line and then flat arrays of 64-bit numbers, in the order of the hash of the stream's name, so
that a million past calls are opened by reading a few files and found by bisection: no Python object per call, nothing
for the garbage collector to walk. The offsets of the lines come last and are only read for a stream that is asked for;
what they lead to proves itself (``reading.py``), so the checksum covers all that is between it and them.

    <CRC-32C> {"version", "order", "size", "last", "streams", "lines", "names", "erased"}\\n
    of each stream: hash; then of each: last position; then of each: offset of its name; then of each: number of its
    first line; then the names (sorted, each with a newline, padded with zeros to a multiple of 8); then the offsets
"""

from __future__ import annotations

import json
import os
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path

from attrs import define, field

from journal.api import START, Position
from journal.checksum import crc32c

VERSION = 1
COLUMNS = 4
WIDTH = 8
"""Bytes of one number."""


class BadSidecar(ValueError):
    """Missing, damaged, or made for another state of the segment."""


@define(eq=False)
class Index:
    """The growing index of one segment. Offsets are kept as bytes: the garbage collector does not walk those."""

    size: int = 0
    last: Position = START
    erased: set[str] = field(factory=set[str])
    _latest: dict[str, Position] = field(factory=dict[str, Position])
    _offsets: dict[str, bytearray] = field(factory=dict[str, bytearray])

    def add(self, stream: str, position: Position, length: int, *, erased: bool) -> None:
        """A line of ``length`` bytes was written at the end."""
        if stream not in self._latest:
            self._offsets[stream] = bytearray()
        self._offsets[stream] += self.size.to_bytes(WIDTH, sys.byteorder)
        self._latest[stream] = self.last = position
        self.size += length
        if erased:
            self.erased.add(stream)

    def last_of(self, stream: str) -> Position:
        """The position of a stream's last line here; ``START``: it has none."""
        return self._latest.get(stream, START)

    def offsets(self, stream: str) -> array[int]:
        """Where the stream's lines begin, in order."""
        return array("Q", bytes(self._offsets.get(stream, b"")))

    def names(self) -> Iterator[str]:
        """Every stream, sorted."""
        return iter(sorted(self._latest))

    def encode(self) -> bytes:
        """The sidecar's bytes."""
        names, where = bytearray(), dict[str, int]()
        for name in self.names():
            where[name] = len(names)
            names += name.encode() + b"\n"
        names += bytes(-len(names) % WIDTH)
        ordered = sorted((name_hash(name), name) for name in where)
        offsets = [self._offsets[name] for _, name in ordered]
        lines = [0, *accumulate(len(some) // WIDTH for some in offsets)]
        columns = (
            [hashed for hashed, _ in ordered],
            [self._latest[name] for _, name in ordered],
            [where[name] for _, name in ordered],
            lines[:-1],
        )
        front = b"".join([array("Q", column).tobytes() for column in columns]) + bytes(names)
        head: dict[str, object] = {
            "version": VERSION,
            "order": sys.byteorder,
            "size": self.size,
            "last": self.last,
            "streams": len(ordered),
            "lines": lines[-1],
            "names": len(names),
            "erased": sorted(self.erased),
        }
        sound = json.dumps(head).encode() + b"\n" + front
        return b"%08x " % crc32c(sound) + sound + b"".join(offsets)


class Sidecar:
    """A sealed segment's index, read from its file. Raises ``BadSidecar``."""

    def __init__(self, path: Path, *, segment_size: int) -> None:
        self._path = path
        try:
            with path.open("rb") as file:
                checksum, _, text = file.readline().partition(b" ")
                head = json.loads(text)
                self._start = file.tell()
                self._count, self._lines, names = int(head["streams"]), int(head["lines"]), int(head["names"])
                self._front = file.read(self._count * COLUMNS * WIDTH + names)
                whole = file.seek(0, os.SEEK_END) == self._start + len(self._front) + self._lines * WIDTH
            self.size, self.last = int(head["size"]), Position(int(head["last"]))
            self.erased = frozenset[str](head["erased"])
            sound = whole and crc32c(text + self._front) == int(checksum, 16)
            fits = (head["version"], head["order"], self.size) == (VERSION, sys.byteorder, segment_size)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadSidecar(f"{path}: {error}") from None
        if not sound or not fits:
            raise BadSidecar(f"{path}: it {'does not fit the segment' if sound else 'is damaged'}")
        step = self._count * WIDTH
        view = memoryview(self._front)
        self._columns = [view[n * step : (n + 1) * step].cast("Q") for n in range(COLUMNS)]
        self._names = COLUMNS * step

    def last_of(self, stream: str) -> Position:
        """See ``Index.last_of``."""
        row = self._row(stream)
        return START if row < 0 else Position(self._columns[1][row])

    def offsets(self, stream: str) -> array[int]:
        """See ``Index.offsets``. Raises ``BadSidecar``; and as the file may have been replaced meanwhile, or these
        bytes of it damaged, what is found must be checked."""
        found = array("Q")
        row = self._row(stream)
        if row >= 0:
            begin = self._columns[3][row]
            end = self._columns[3][row + 1] if row + 1 < self._count else self._lines
            try:
                with self._path.open("rb") as file:
                    file.seek(self._start + len(self._front) + begin * WIDTH)
                    found.fromfile(file, end - begin)
            except (OSError, EOFError) as error:
                raise BadSidecar(f"{self._path}: {error}") from None
        return found

    def names(self) -> Iterator[str]:
        """Every stream, sorted."""
        start = self._names
        for _ in range(self._count):
            end = self._front.index(b"\n", start)
            yield self._front[start:end].decode()
            start = end + 1

    def _row(self, stream: str) -> int:
        hashes, _, names, _ = self._columns
        wanted = name_hash(stream)
        row = bisect_left(hashes, wanted)
        while row < self._count and hashes[row] == wanted:
            if self._front.startswith(stream.encode() + b"\n", self._names + names[row]):
                return row
            row += 1
        return -1


# The same name is looked for in every segment.
@lru_cache(maxsize=16)
def name_hash(stream: str) -> int:
    """64 bits of a stream's name; equal hashes are told apart by the name itself."""
    return int.from_bytes(blake2b(stream.encode(), digest_size=WIDTH).digest(), "little")
