"""The segments as the one process knows them that writes them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import trio
from attrs import define, field

from journal.api import START, Position
from journal.disk import MADE, Disk
from journal.index import Index, Sidecar
from journal.segments import Segment, first_position, open_sealed, scan, segment_path, segment_paths
from journal.writer import Staged


@define(eq=False)
class Log:
    """Sealed segments, the active one, and which streams were erased. See ``journal.reading.Segments``.

    ``unfinished`` are erased streams that may still have lines.
    """

    directory: Path
    active: Segment
    sealed: dict[Path, Segment]
    erased: set[str] = field(factory=set[str])
    unfinished: set[str] = field(factory=set[str])
    _news: trio.Event = field(factory=trio.Event)

    @property
    def written(self) -> Index:
        """The index of the active segment."""
        assert isinstance(self.active.index, Index)
        return self.active.index

    @property
    def last(self) -> Position:
        """No durable line has a greater position."""
        named = Position(first_position(self.active.path) - 1)
        return max([self.active.index.last, named, *(segment.index.last for segment in self.sealed.values())])

    def last_of(self, stream: str) -> Position:
        """The position of a stream's last line, wherever it is; ``START``: it has none."""
        last = self.active.index.last_of(stream)
        if last == START and self.sealed:
            past = (segment.index.last_of(stream) for segment in reversed(self.sealed.values()))
            last = next(filter(None, past), START)
        return last

    def add(self, batch: Iterable[Staged]) -> None:
        """These lines are durable in the active segment."""
        index = self.written
        for staged in batch:
            index.add(staged.stream, staged.position, len(staged.data), erased=staged.erased)
        self._news.set()
        self._news = trio.Event()

    def following(self) -> Path | None:
        """The name of the segment after the active one. None: the active one is still empty."""
        if not self.active.index.size:
            return None
        return segment_path(self.directory, Position(self.active.index.last + 1))

    def switch(self, path: Path) -> None:
        """``path`` is the active segment now."""
        self.sealed[self.active.path] = self.active
        self.active = Segment(path=path, index=Index())

    def holding(self, stream: str) -> list[Segment]:
        """Sealed segments with lines of an erased stream."""
        return [segment for segment in self.sealed.values() if segment.holds(stream)]

    def unsealed(self) -> list[Segment]:
        """Segments that lack only their sidecar: no erasure that begins in them has anything left to do."""
        return [
            segment
            for segment in self.sealed.values()
            if isinstance(segment.index, Index) and not segment.index.erased & self.unfinished
        ]

    def paths(self) -> list[Path]:
        """See ``Segments.paths``."""
        return [*self.sealed, self.active.path]

    def index(self, path: Path) -> Index | Sidecar | None:
        """See ``Segments.index``."""
        return self.active.index if path == self.active.path else self.sealed[path].index

    def size(self, path: Path) -> int | None:
        """See ``Segments.size``: only what is durable."""
        return self.active.index.size if path == self.active.path else None

    async def news(self) -> None:
        """See ``Segments.news``."""
        await self._news.wait()


def recover(directory: Path, disk: Disk) -> tuple[Log, int]:
    """Blocking: open what is on disk, cut a torn end, and return a descriptor of the active segment too.

    Raises ``Corrupt`` or ``OSError``.
    """
    for leftover in directory.glob(f"*{MADE}"):
        leftover.unlink()
    *sealed, last = segment_paths(directory) or [segment_path(directory, Position(1))]
    index, torn = scan(last) if last.exists() else (Index(), 0)
    log = Log(
        directory=directory,
        active=Segment(path=last, index=index),
        sealed={path: open_sealed(path) for path in sealed},
    )
    for segment in (*log.sealed.values(), log.active):
        log.erased |= segment.index.erased
        if isinstance(segment.index, Index):
            log.unfinished |= segment.index.erased
    descriptor = disk.open_append(last)
    try:
        disk.sync_directory(directory)
        if torn:
            disk.truncate(descriptor, index.size)
        # What a killed process wrote is read as good here, so it has to be durable before anybody relies on it.
        disk.sync(descriptor)
    except OSError:
        os.close(descriptor)
        raise
    return log, descriptor
