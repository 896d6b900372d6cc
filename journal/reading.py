"""Reading a journal directory without its lock: by its writer, by other processes, or from a copy.

Sealed segments never change but by erasure, which replaces them whole, so a reader that has one open reads on in the
old one. A reader may see a line before its fsync; only a loss of power takes that back.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import trio

from journal.api import START, Line, Position
from journal.index import BadSidecar, Index, Sidecar
from journal.lines import BadLine, parse
from journal.segments import CHUNK, first_position, read_lines, scan, segment_paths, sidecar_path

POLL_S = 0.05
"""How often another process looks for more."""
Item = TypeVar("Item")
YIELD_EVERY = 256
"""Lines between two checkpoints, so that reading a long journal does not stop everybody else."""


class Reader:
    """Reads, follows and lists every segment in ``directory``; or ``only`` one file of lines, whatever its name, with
    or without a sidecar. ``grown`` waits until there may be more; ``active`` is the index of the open segment, for the
    one process that has it."""

    def __init__(
        self,
        directory: Path,
        *,
        only: Path | None = None,
        grown: Callable[[], Awaitable[None]] | None = None,
        active: Callable[[], Index] | None = None,
    ) -> None:
        self._directory = directory
        self._only = only
        self._grown = grown or _poll
        self._active = active

    @asynccontextmanager
    async def read(self, stream: str | None = None, *, after: Position = START) -> AsyncGenerator[AsyncIterator[Line]]:
        """See ``Journal.read``."""
        async with aclosing(_checkpointed(self._present(stream, after))) as lines:
            yield lines

    @asynccontextmanager
    async def follow(
        self, stream: str | None = None, *, after: Position = START
    ) -> AsyncGenerator[AsyncIterator[Line]]:
        """See ``Journal.follow``."""
        async with aclosing(self._following(stream, after)) as lines:
            yield lines

    @asynccontextmanager
    async def streams(self, prefix: str = "", *, after: str = "") -> AsyncGenerator[AsyncIterator[str]]:
        """See ``Journal.streams``."""
        names = sorted(name for name in self._names() if name.startswith(prefix) and name > after)
        async with aclosing(_checkpointed(iter(names))) as ordered:
            yield ordered

    def milestones(self) -> list[Position]:
        """Positions to read on from, oldest first: one before each segment. Whoever wants only the newest lines begins
        at the last of them."""
        if self._only is not None:
            return [START]
        return [Position(first_position(path) - 1) for path in self._segments()]

    def _segments(self) -> list[Path]:
        return segment_paths(self._directory) if self._only is None else [self._only]

    def _names(self) -> set[str]:
        names: set[str] = set()
        erased: set[str] = set()
        for path in self._segments():
            index = self._index(path)
            names.update(index.names())
            erased.update(index.erased)
        return names - erased

    def _present(self, stream: str | None, after: Position) -> Iterator[Line]:
        for path, last in self._paths(after):
            first, end = self._extent(path, stream, after, sealed=not last)
            if first is not None:
                yield from (line for line in read_lines(path, stream, first=first, end=end) if line.position > after)

    def _paths(self, after: Position) -> Iterator[tuple[Path, bool]]:
        """Segments that may hold something after ``after``, and whether each is the open one."""
        paths = self._segments()
        for path, following in zip(paths, [*paths[1:], None], strict=True):
            if following is None or first_position(following) > after + 1:
                yield path, following is None

    def _extent(
        self, path: Path, stream: str | None, after: Position, *, sealed: bool
    ) -> tuple[int | None, int | None]:
        """Where to read from and to; from None: not at all."""
        if stream is None or (not sealed and self._active is None):
            return 0, None
        extent = self._index(path).find(stream)
        if extent is None or extent.last <= after:
            return None, None
        return extent.first, extent.end

    def _index(self, path: Path) -> Index | Sidecar:
        try:
            return Sidecar(sidecar_path(path), segment_size=path.stat().st_size)
        except BadSidecar:
            if self._active is not None and path == self._segments()[-1]:
                return self._active()
            return scan(path)[0]

    async def _following(self, stream: str | None, after: Position) -> AsyncGenerator[Line]:
        position = after
        async with aclosing(_checkpointed(self._present(stream, position))) as lines:
            async for line in lines:
                position = line.position
                yield line
        tail = Tail(self._segments, self._where(stream, position))
        while True:
            fresh = tail.more()
            for line in fresh:
                if line.position > position and (stream is None or line.stream == stream):
                    position = line.position
                    yield line
            if not fresh:
                await self._grown()

    def _where(self, stream: str | None, after: Position) -> tuple[Path | None, int]:
        """A place at or before the first line that has not been read."""
        paths = list(self._paths(after))
        if not paths:
            return None, 0
        if self._active is None or stream is None:
            return paths[0][0], 0
        extent = self._active().find(stream)
        return paths[-1][0], extent.first if extent is not None else self._active().size


class Tail:
    """Reads what is new: a segment, an offset in it, and then the next segment."""

    def __init__(self, segments: Callable[[], list[Path]], where: tuple[Path | None, int]) -> None:
        self._segments = segments
        self._path, self._offset = where

    def more(self) -> list[Line]:
        """Whole, good lines since the last time; [] when there is nothing yet."""
        if self._path is None:
            self._path = next(iter(self._segments()), None)
        while self._path is not None:
            data = self._chunk(self._path)
            if data:
                self._offset += len(data)
                return _good(data)
            following = next((path for path in self._segments() if path > self._path), None)
            if following is None:
                return []
            self._path, self._offset = following, 0
        return []

    def _chunk(self, path: Path) -> bytes:
        try:
            with path.open("rb", buffering=0) as file:
                file.seek(self._offset)
                data = file.read(CHUNK) or b""
        except FileNotFoundError:
            return b""
        return data[: data.rfind(b"\n") + 1]


def _good(data: bytes) -> list[Line]:
    lines: list[Line] = []
    for piece in data.splitlines():
        try:
            line = parse(piece)
        except BadLine:
            continue
        if isinstance(line, Line):
            lines.append(line)
    return lines


async def _checkpointed(items: Iterator[Item]) -> AsyncGenerator[Item]:
    for number, item in enumerate(items):
        if number % YIELD_EVERY == 0:
            await trio.lowlevel.checkpoint()
        yield item


async def _poll() -> None:
    await trio.sleep(POLL_S)
