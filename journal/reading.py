"""Reading a journal without its lock: by its writer, by other processes, or from a copy.

Theory of operation
-------------------
One walk over the segments serves ``read`` and ``follow``: in each, the lines of the wanted stream are picked by the
offsets that its index has, then comes whatever follows, in order, up to the end; ``follow`` waits there. An index is a
hint: if a line is not where it says, the segment is read from its beginning. Lines at or before the last position given
out are passed over, so nothing is told twice.

Sealed segments never change but by erasure, which replaces them whole, and a reader goes on in the file it has open.
Other processes may see a line before its fsync; only a loss of power, or a disk that has no room for it, takes it back.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from heapq import merge
from itertools import zip_longest
from pathlib import Path
from typing import Protocol

import trio

from journal.api import START, Line, Position
from journal.index import BadSidecar, Index, Sidecar
from journal.lines import BadLine, Tombstone, parse
from journal.segments import damaged, first_position, lines_of, scan, segment_paths, sidecar_path

POLL_S = 0.05
"""How often another process looks for more."""
CHUNK = 64 << 10
"""Bytes between two checkpoints, so that reading a long journal does not stop everybody else."""
PICKED = 128
"""Lines between two checkpoints when they are picked one by one."""


class Segments(Protocol):
    """What a reader knows about the files."""

    def paths(self) -> list[Path]:
        """Every segment, oldest first."""
        ...

    def index(self, path: Path) -> Index | Sidecar | None:
        """A segment's index. None: there is none at hand."""
        ...

    def size(self, path: Path) -> int | None:
        """How many bytes of a segment may be read. None: all."""
        ...

    async def news(self) -> None:
        """Wait until there may be more."""
        ...


class FoundSegments:
    """What anybody can see: the files."""

    def __init__(self, directory: Path, only: Path | None) -> None:
        self._directory = directory
        self._only = only

    def paths(self) -> list[Path]:
        """See ``Segments.paths``."""
        return segment_paths(self._directory) if self._only is None else [self._only]

    def index(self, path: Path) -> Sidecar | None:
        """See ``Segments.index``."""
        try:
            return Sidecar(sidecar_path(path), segment_size=path.stat().st_size)
        except BadSidecar:
            return None

    def size(self, path: Path) -> int | None:
        """See ``Segments.size``."""
        return None

    async def news(self) -> None:
        """See ``Segments.news``."""
        await trio.sleep(POLL_S)


class Reader:
    """Reads, follows and lists every segment in ``directory``; or ``only`` one file of lines, whatever its name, with
    or without a sidecar. ``segments``: what the one process knows that writes them."""

    def __init__(self, directory: Path, *, only: Path | None = None, segments: Segments | None = None) -> None:
        self._segments: Segments = segments or FoundSegments(directory, only)

    @asynccontextmanager
    async def read(self, stream: str | None = None, *, after: Position = START) -> AsyncGenerator[AsyncIterator[Line]]:
        """See ``Readable.read``. Raises ``Corrupt`` where a line is damaged and good ones follow."""
        async with aclosing(self._walk(stream, after, wait=False)) as lines:
            yield lines

    @asynccontextmanager
    async def follow(
        self, stream: str | None = None, *, after: Position = START
    ) -> AsyncGenerator[AsyncIterator[Line]]:
        """See ``Readable.follow``. Raises ``Corrupt`` where a line is damaged and good ones follow."""
        async with aclosing(self._walk(stream, after, wait=True)) as lines:
            yield lines

    @asynccontextmanager
    async def streams(self, prefix: str = "", *, after: str = "") -> AsyncGenerator[AsyncIterator[str]]:
        """See ``Readable.streams``. Raises ``Corrupt``."""
        async with aclosing(self._names(prefix, after)) as names:
            yield names

    def milestones(self) -> list[Position]:
        """Positions to read on from, oldest first: one before each segment. Whoever wants only the newest lines begins
        at the last of them."""
        return [Position(first_position(path) - 1) if path.stem.isdigit() else START for path in self._segments.paths()]

    async def _names(self, prefix: str, after: str) -> AsyncGenerator[str]:
        await trio.lowlevel.checkpoint()
        indexes = [self._segments.index(path) or scan(path)[0] for path in self._segments.paths()]
        erased = {name for index in indexes for name in index.erased}
        told = after
        for number, name in enumerate(merge(*[index.names() for index in indexes]), 1):
            if name > told and name.startswith(prefix) and name not in erased:
                told = name
                yield name
            if number % PICKED == 0:
                await trio.lowlevel.checkpoint()

    async def _walk(self, stream: str | None, after: Position, *, wait: bool) -> AsyncGenerator[Line]:
        position = after
        async with aclosing(self._chunks(stream, after, wait=wait)) as chunks:
            async for lines in chunks:
                for line in lines:
                    if line.position > position and (stream is None or line.stream == stream):
                        position = line.position
                        yield line
                await trio.lowlevel.checkpoint()

    async def _chunks(self, stream: str | None, after: Position, *, wait: bool) -> AsyncGenerator[list[Line]]:
        done: Path | None = None
        while True:
            paths = [path for path in self._from(after) if done is None or path > done]
            for path in paths:
                async with aclosing(self._segment(path, stream, last=path is paths[-1], wait=wait)) as chunks:
                    async for lines in chunks:
                        yield lines
                done = path
            if not paths:
                if not wait:
                    return
                await self._segments.news()

    def _from(self, after: Position) -> Iterator[Path]:
        """Segments that may hold something after ``after``."""
        paths = self._segments.paths()
        for path, following in zip_longest(paths, paths[1:]):
            if following is None or first_position(following) > after + 1:
                yield path

    async def _segment(self, path: Path, stream: str | None, *, last: bool, wait: bool) -> AsyncGenerator[list[Line]]:
        index = None if stream is None else self._segments.index(path)
        try:
            offsets = None if stream is None or index is None else index.offsets(stream)
        except BadSidecar:
            index = offsets = None
        if not offsets and index is not None and not last:
            return
        with Tail(path) as tail:
            if stream is not None and index is not None and offsets is not None:
                for lines in tail.pick(stream, offsets, end=index.size):
                    yield lines
            async with aclosing(self._rest(tail, path, wait=wait)) as chunks:
                async for lines in chunks:
                    yield lines

    async def _rest(self, tail: Tail, path: Path, *, wait: bool) -> AsyncGenerator[list[Line]]:
        while True:
            lines = tail.more(self._segments.size(path))
            if lines is not None:
                yield lines
            elif self._segments.paths()[-1] != path:
                # It was sealed in the meantime: what it has now is all there will be.
                while (lines := tail.more(self._segments.size(path))) is not None:
                    yield lines
                tail.refuse_rest()
                return
            elif wait:
                await self._segments.news()
            else:
                return


class Tail:
    """One segment's open file, read on from where the last reading ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._offset = 0
        self._last = b""

    def __enter__(self) -> Tail:
        return self

    def __exit__(self, *details: object) -> None:
        os.close(self._descriptor)

    def pick(self, stream: str, offsets: Iterable[int], *, end: int) -> Iterator[list[Line]]:
        """The lines of ``stream`` at ``offsets``; reading goes on at ``end``, or at the beginning if they are not all
        there."""
        lines, last = list[Line](), START
        for offset in offsets:
            line = self._line_at(offset)
            if line is None or line.stream != stream or line.position <= last:
                return
            last = line.position
            if isinstance(line, Line):
                lines.append(line)
            if len(lines) == PICKED:
                yield lines
                lines = []
        self._offset = end
        yield lines

    def more(self, limit: int | None) -> list[Line] | None:
        """Some lines that were not read yet, or None: there are none (up to ``limit``, an offset)."""
        if self._last and os.pread(self._descriptor, len(self._last), self._offset - len(self._last)) != self._last:
            # What was read last was taken back, so something else may be where it was.
            self._offset, self._last = 0, b""
        lines: list[Line] | None = None
        for data in self._complete(limit).split(b"\n")[:-1]:
            try:
                line = parse(data + b"\n")
            except BadLine as error:
                if lines is None:
                    self._refuse_damage(str(error))
                break
            self._offset += len(data) + 1
            self._last = data + b"\n"
            lines = [] if lines is None else lines
            if isinstance(line, Line):
                lines.append(line)
        return lines

    def refuse_rest(self) -> None:
        """Raises ``Corrupt`` unless everything in the file was read."""
        if os.fstat(self._descriptor).st_size > self._offset:
            raise damaged(self._path, self._offset, "the end of a sealed segment is damaged")

    def _complete(self, limit: int | None) -> bytes:
        size = CHUNK
        while True:
            data = os.pread(self._descriptor, size if limit is None else min(size, limit - self._offset), self._offset)
            end = data.rfind(b"\n") + 1
            if end or len(data) < size:
                return data[:end]
            size *= 8

    def _line_at(self, offset: int) -> Line | Tombstone | None:
        size = 4096
        while True:
            data = os.pread(self._descriptor, size, offset)
            end = data.find(b"\n") + 1
            if end or len(data) < size:
                break
            size *= 8
        try:
            return parse(data[:end])
        except BadLine:
            return None

    def _refuse_damage(self, reason: str) -> None:
        rest = lines_of(self._path, self._offset)
        next(rest)
        for data in rest:
            with suppress(BadLine):
                parse(data)
                raise damaged(self._path, self._offset, reason)
