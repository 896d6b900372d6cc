"""Segments: files of lines, named by the position of their first line, each sealed one with its sidecar."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attrs import define

from journal.api import Corrupt, Position
from journal.disk import Disk
from journal.index import BadSidecar, Index, Sidecar
from journal.lines import BadLine, Tombstone, parse

SUFFIX = ".jsonl"
CHUNK = 1 << 20


@define(eq=False)
class Segment:
    """One file of lines. Its index is an ``Index`` until its sidecar is on disk."""

    path: Path
    index: Index | Sidecar

    def holds(self, stream: str) -> bool:
        """Whether more than a tombstone is here of ``stream``."""
        return len(self.index.offsets(stream)) > (stream in self.index.erased)

    def know(self, index: Index | Sidecar) -> None:
        """What is in the file has changed, or is known from its sidecar now."""
        self.index = index


def segment_path(directory: Path, first: Position) -> Path:
    """Names sort as positions do."""
    return directory / f"{first:020d}{SUFFIX}"


def first_position(path: Path) -> Position:
    """From the segment's name: no line in it has a smaller one."""
    return Position(int(path.stem))


def sidecar_path(segment: Path) -> Path:
    """Beside the segment."""
    return segment.with_suffix(".index")


def segment_paths(directory: Path) -> list[Path]:
    """Every segment, oldest first."""
    return sorted(path for path in directory.glob(f"*{SUFFIX}") if path.stem.isdigit())


def open_sealed(path: Path) -> Segment:
    """A segment that is written no more. It is scanned when its sidecar does not fit. Raises ``Corrupt``."""
    try:
        return Segment(path=path, index=Sidecar(sidecar_path(path), segment_size=path.stat().st_size))
    except BadSidecar:
        index, torn = scan(path)
        if torn:
            raise damaged(path, index.size, "the end of a sealed segment is damaged") from None
        return Segment(path=path, index=index)


def seal(segment: Segment, disk: Disk) -> Index | Sidecar:
    """Blocking: write the sidecar of a segment that is written no more, unless it has one. Raises ``OSError``."""
    if isinstance(segment.index, Index):
        disk.replace(sidecar_path(segment.path), segment.index.encode())
        return Sidecar(sidecar_path(segment.path), segment_size=segment.index.size)
    return segment.index


def rewrite(path: Path, stream: str, disk: Disk) -> Index:
    """Blocking: take a stream's lines out of a segment that is written no more, all but its tombstone.

    The sidecar does not fit the segment any more, so that it counts as not sealed. Raises ``Corrupt`` or ``OSError``.
    """
    kept, index, offset = bytearray(), Index(), 0
    for data in lines_of(path):
        try:
            line = parse(data)
        except BadLine as error:
            raise damaged(path, offset, str(error)) from None
        offset += len(data)
        erased = isinstance(line, Tombstone)
        if erased or line.stream != stream:
            index.add(line.stream, line.position, len(data), erased=erased)
            kept += data
    disk.replace(path, bytes(kept))
    return index


def scan(path: Path) -> tuple[Index, int]:
    """The index of every good line, and how many bytes of a torn end follow.

    Raises ``Corrupt`` for a bad line with a good one after it, naming segment and offset.
    """
    index = Index()
    bad: tuple[int, str] | None = None
    offset = 0
    for data in lines_of(path):
        try:
            line = parse(data)
        except BadLine as error:
            bad = bad or (offset, str(error))
            offset += len(data)
            continue
        if bad is not None:
            raise damaged(path, *bad)
        if line.position <= index.last:
            raise damaged(path, offset, f"position {line.position} follows {index.last}")
        index.add(line.stream, line.position, len(data), erased=isinstance(line, Tombstone))
        offset += len(data)
    return index, offset - index.size


def lines_of(path: Path, first: int = 0) -> Iterator[bytes]:
    """Every line from offset ``first``, with its newline; the last one may lack it."""
    with path.open("rb", buffering=CHUNK) as file:
        file.seek(first)
        yield from file


def damaged(path: Path, offset: int, reason: str) -> Corrupt:
    """What is said about a segment that cannot be read as it is."""
    return Corrupt(
        f"{path}: offset {offset}: {reason}, and good lines follow or should; restore this segment from a backup, or "
        "move it away to go on without the calls in it"
    )
