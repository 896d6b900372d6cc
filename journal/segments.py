"""Segments: files of lines, named by the position of their first line, each sealed one with its sidecar."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attrs import define

from journal.api import Corrupt, Line, Position
from journal.disk import Disk
from journal.index import BadSidecar, Index, Sidecar
from journal.lines import BadLine, Tombstone, needle, parse

SUFFIX = ".jsonl"
CHUNK = 1 << 20


@define
class Segment:
    """A sealed segment."""

    path: Path
    sidecar: Sidecar | Index

    @property
    def first(self) -> Position:
        """No line in it has a smaller position."""
        return first_position(self.path)


def segment_path(directory: Path, first: Position) -> Path:
    """Names sort as positions do."""
    return directory / f"{first:020d}{SUFFIX}"


def first_position(path: Path) -> Position:
    """From the segment's name."""
    return Position(int(path.stem))


def sidecar_path(segment: Path) -> Path:
    """Beside the segment."""
    return segment.with_suffix(".index")


def segment_paths(directory: Path) -> list[Path]:
    """Every segment, oldest first."""
    return sorted(path for path in directory.glob(f"*{SUFFIX}") if path.stem.isdigit())


def open_sealed(path: Path, disk: Disk | None) -> Segment:
    """A sealed segment; a sidecar that does not fit is made again (and written, given a disk). Raises ``Corrupt``."""
    try:
        return Segment(path=path, sidecar=Sidecar(sidecar_path(path), segment_size=path.stat().st_size))
    except BadSidecar:
        index, torn = scan(path)
        if torn:
            raise Corrupt(f"{path}: offset {index.size}: the last line of a sealed segment is damaged") from None
        if disk is not None:
            disk.replace(sidecar_path(path), index.encode())
        return Segment(path=path, sidecar=index)


def scan(path: Path) -> tuple[Index, int]:
    """The index of every good line, and how many bytes of a torn last line follow.

    Raises ``Corrupt`` for a bad line with a good one after it, naming segment and offset.
    """
    index = Index()
    bad: tuple[int, str] | None = None
    offset = 0
    for data in _lines(path):
        try:
            line = parse(data.removesuffix(b"\n")) if data.endswith(b"\n") else _unfinished()
        except BadLine as error:
            bad = bad or (offset, str(error))
            offset += len(data)
            continue
        if bad is not None:
            raise Corrupt(
                f"{path}: offset {bad[0]}: {bad[1]}, but good lines follow; restore this segment from a backup, or "
                "move it away to start without the calls in it"
            )
        if line.position <= index.last:
            raise Corrupt(f"{path}: offset {offset}: position {line.position} follows {index.last}")
        index.add(line.stream, line.position, len(data), erased=isinstance(line, Tombstone))
        offset += len(data)
    return index, offset - index.size


def read_lines(path: Path, stream: str | None, *, first: int = 0, end: int | None = None) -> Iterator[Line]:
    """Good lines of ``stream`` (None: all) between two offsets; a damaged or unfinished one ends the reading."""
    wanted = None if stream is None else needle(stream)
    offset = first
    for data in _lines(path, first):
        offset += len(data)
        if end is not None and offset > end:
            return
        if not data.endswith(b"\n"):
            return
        if wanted is not None and wanted not in data[:260]:
            continue
        try:
            line = parse(data[:-1])
        except BadLine:
            return
        if isinstance(line, Line) and (stream is None or line.stream == stream):
            yield line


def _lines(path: Path, first: int = 0) -> Iterator[bytes]:
    with path.open("rb", buffering=CHUNK) as file:
        file.seek(first)
        yield from file


def _unfinished() -> Line:
    raise BadLine("the line is not finished")
