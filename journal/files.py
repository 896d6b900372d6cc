"""The journal on disk: one shared log of JSON-line segments, one writer, any number of readers.

Theory of operation
-------------------
Whoever holds the lock writes. At start the sealed segments are opened by their sidecars and only the last segment is
scanned: a torn last line is cut, a bad line before a good one is refused. Appends are staged and committed in batches
(``writer.py``). When the active segment is large enough it is sealed: its sidecar is written, a new segment begins, the
directory is synced.

Erasure first appends a tombstone, which is durable and refuses later appends; then it rotates and rewrites every sealed
segment that holds the stream, each put in place by a rename. A crash in between is finished at the next start, because
the tombstone says what has to go.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from journal.api import START, BadBody, Erased, Fenced, Position
from journal.disk import Disk, translate
from journal.index import Extent, Index
from journal.lines import build, build_tombstone, check_body, check_stream, needle, parse
from journal.lock import hold
from journal.reading import Reader
from journal.segments import Segment, open_sealed, scan, segment_path, segment_paths, sidecar_path
from journal.writer import Staged, Writer

SEGMENT_SIZE = 32 << 20
RESERVE_SIZE = 16 << 20
LARGEST_BODY = 8 << 20


@asynccontextmanager
async def open_journal(
    directory: Path,
    *,
    inline: bool = False,
    segment_size: int = SEGMENT_SIZE,
    reserve_size: int = RESERVE_SIZE,
    disk: Disk | None = None,
) -> AsyncGenerator[FileJournal]:
    """Hold and open the journal in ``directory`` for writing, making it when it is not there.

    ``inline`` writes without a thread (for clocks that would jump while one works). Raises ``Locked``, ``Corrupt``,
    ``NoPermission``, ``NoSpace``.
    """
    system = disk or Disk()
    try:
        _make_directory(directory)
        with hold(directory):
            journal = FileJournal(
                directory, disk=system, inline=inline, segment_size=segment_size, reserve_size=reserve_size
            )
            journal.open()
            async with trio.open_nursery() as nursery:
                if not inline:
                    nursery.start_soon(journal.run)
                try:
                    yield journal
                finally:
                    journal.close()
                    nursery.cancel_scope.cancel()
    except OSError as error:
        raise translate(error, directory) from error


def _make_directory(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def open_reader(directory: Path) -> Reader:
    """Read, follow and list the journal in ``directory`` without its lock, while another process writes."""
    return Reader(directory)


class FileJournal(Reader):
    """See ``journal.api.Journal``. Made by ``open_journal``."""

    def __init__(self, directory: Path, *, disk: Disk, inline: bool, segment_size: int, reserve_size: int) -> None:
        super().__init__(directory, grown=self._wait, active=lambda: self._durable)
        self._disk = disk
        self._segment_size = segment_size
        self._writer = Writer(directory=directory, disk=disk, inline=inline, reserve_size=reserve_size)
        self._writer.committed = self._committed
        self._sealed: list[Segment] = []
        self._durable = Index()
        self._staged: dict[str, Position] = {}
        self._tombstones: set[str] = set()
        self._next = Position(1)
        self._news = trio.Event()
        self._maintaining = trio.Lock()

    @property
    def position(self) -> Position:
        """The position of the last staged line."""
        return Position(self._next - 1)

    @property
    def writable(self) -> bool:
        """Whether an append has a chance."""
        return not self._writer.broken and not self._writer.full

    def open(self) -> None:
        """Blocking: recover what is on disk."""
        for leftover in self._directory.glob("*.new"):
            leftover.unlink()
        *sealed, active = segment_paths(self._directory) or [self._begin(Position(1))]
        self._sealed = [open_sealed(path, self._disk) for path in sealed]
        self._durable, torn = scan(active)
        self._writer.path = active
        self._writer.descriptor = self._disk.open_append(active)
        if torn:
            self._disk.truncate(self._writer.descriptor, self._durable.size)
            self._disk.sync(self._writer.descriptor)
        self._writer.size = self._durable.size
        last = max([self._durable.last, int(active.stem) - 1, *(one.sidecar.last for one in self._sealed)])
        self._next = Position(last + 1)
        for segment in self._sealed:
            self._tombstones.update(segment.sidecar.erased)
        self._tombstones.update(self._durable.erased)
        self._make_reserve()
        for stream in self._tombstones:
            self._rewrite(stream)

    def close(self) -> None:
        """Let go of the active segment."""
        if self._writer.descriptor >= 0:
            os.close(self._writer.descriptor)
            self._writer.descriptor = -1
            self._writer.broken = self._writer.broken or f"{self._directory}: the journal is closed"

    async def run(self) -> None:
        """The commit loop."""
        await self._writer.run()

    async def append(self, stream: str, body: bytes, *, after: Position, ending: bool = False) -> Position:
        """See ``Journal.append``."""
        check_body(body)
        if len(body) > LARGEST_BODY:
            raise BadBody(f"body: {len(body)} bytes; at most {LARGEST_BODY} fit a line")
        position = await self._write(stream, body, after=after, ending=ending)
        if self._durable.size >= self._segment_size:
            await self._rotate()
        return position

    async def erase(self, stream: str) -> None:
        """See ``Journal.erase``."""
        check_stream(stream)
        if stream not in self._tombstones:
            self._tombstones.add(stream)
            try:
                await self._write(stream, None, after=self._last(stream), ending=True)
            except BaseException:
                self._tombstones.discard(stream)
                raise
        async with self._maintaining:
            await self._writer.quiet(lambda: self._seal(always=True))
            await self._writer.quiet(lambda: self._rewrite(stream))

    async def _write(self, stream: str, body: bytes | None, *, after: Position, ending: bool) -> Position:
        check_stream(stream)
        self._writer.refuse(ending=ending)
        last = self._last(stream)
        if body is not None and stream in self._tombstones:
            raise Erased(f"{stream}: this stream was erased")
        if after != last:
            raise Fenced(
                f"{stream}: expected position {after} to be the last, but it is {last}: somebody else has written"
            )
        position = self._next
        self._next = Position(position + 1)
        earlier = self._staged.get(stream)
        self._staged[stream] = position

        def undo() -> None:
            self._next = position
            if earlier is None:
                self._staged.pop(stream, None)
            else:
                self._staged[stream] = earlier

        line = build_tombstone(position, stream) if body is None else build(position, stream, body)
        await self._writer.write(Staged(stream=stream, position=position, line=line, ending=ending, undo=undo))
        return position

    def _last(self, stream: str) -> Position:
        staged = self._staged.get(stream)
        if staged is not None:
            return staged
        extent = self._durable.find(stream) or self._find_sealed(stream)
        return START if extent is None else extent.last

    def _find_sealed(self, stream: str) -> Extent | None:
        return next((found for one in reversed(self._sealed) if (found := one.sidecar.find(stream))), None)

    def _committed(self, batch: list[Staged]) -> None:
        for staged in batch:
            erased = staged.line.endswith(b'"t":"erased"}\n')
            self._durable.add(staged.stream, staged.position, len(staged.line), erased=erased)
            if self._staged.get(staged.stream) == staged.position:
                del self._staged[staged.stream]
        self._news.set()
        self._news = trio.Event()

    async def _wait(self) -> None:
        await self._news.wait()

    async def _rotate(self) -> None:
        async with self._maintaining:
            await self._writer.quiet(lambda: self._seal(always=False))

    def _seal(self, *, always: bool) -> None:
        """Blocking: close the active segment with its sidecar and begin another."""
        if not self._durable.size or (not always and self._durable.size < self._segment_size):
            return
        path = self._writer.path
        self._disk.replace(sidecar_path(path), self._durable.encode())
        fresh = self._begin(self._durable.last + 1)
        descriptor = self._disk.open_append(fresh)
        os.close(self._writer.descriptor)
        self._writer.path, self._writer.descriptor, self._writer.size = fresh, descriptor, 0
        self._sealed.append(open_sealed(path, self._disk))
        self._durable = Index()

    def _begin(self, first: int) -> Path:
        path = segment_path(self._directory, Position(first))
        os.close(self._disk.open_append(path))
        self._disk.sync_directory(self._directory)
        return path

    def _rewrite(self, stream: str) -> None:
        """Blocking: take a stream's lines out of the sealed segments, all but the tombstone."""
        for at, segment in enumerate(self._sealed):
            if segment.sidecar.find(stream) is None:
                continue
            kept, index = bytearray(), Index()
            gone = False
            with segment.path.open("rb") as file:
                for data in file:
                    ours = needle(stream) in data[:260]
                    if ours and b'"t":"erased"}' not in data[-20:]:
                        gone = True
                        continue
                    line = parse(data[:-1])
                    index.add(line.stream, line.position, len(data), erased=not hasattr(line, "body"))
                    kept += data
            if gone:
                self._disk.replace(segment.path, bytes(kept))
                self._disk.replace(sidecar_path(segment.path), index.encode())
                self._sealed[at] = open_sealed(segment.path, self._disk)

    def _make_reserve(self) -> None:
        try:
            self._writer.make_room()
        except OSError as error:
            # A disk too full for the reserve is too full for new calls, but past ones must stay readable.
            self._writer.full = True
            if translate(error, self._directory) is error:
                raise
