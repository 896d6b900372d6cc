"""The journal on disk: one shared log of JSON-line segments, one writer, any number of readers.

Theory of operation
-------------------
Whoever holds the lock writes. At start the sealed segments are opened by their sidecars and only the last segment is
scanned: a torn end is cut, a bad line before a good one is refused. Appends are staged and committed in batches
(``writer.py``). When the active segment is large enough the next one begins, and the old one gets its sidecar.

Erasure first appends a tombstone, which is durable and refuses later appends; then the segments that hold the stream
are rewritten one by one, each put in place by a rename. A segment whose tombstones still have work to do gets no
sidecar, so a sidecar is also the proof that the erasures in its segment are done; at start the others are finished.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import trio

from journal.api import START, Broken, Erased, Fenced, JournalError, Line, NoSpace, Position
from journal.disk import Disk, translate
from journal.index import Index, Sidecar
from journal.jobs import Jobs
from journal.lines import build, build_tombstone, check_body, check_stream
from journal.lock import hold
from journal.log import Log, recover
from journal.reading import Reader
from journal.segments import Segment, rewrite, seal
from journal.writer import Staged, Writer

SEGMENT_SIZE = 32 << 20
RESERVE_SIZE = 16 << 20


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

    ``inline`` writes without a thread (for clocks that would jump while one works). Sizes are in bytes. Raises
    ``Locked``, ``Corrupt``, ``NoPermission``, ``NoSpace``.
    """
    with hold(directory):
        system = disk or Disk()
        with _translated(directory):
            log, descriptor = recover(directory, system)
        journal = FileJournal(
            log, descriptor, disk=system, inline=inline, segment_size=segment_size, reserve_size=reserve_size
        )
        try:
            with _translated(directory):
                journal.start()
            yield journal
        finally:
            journal.close()


def open_reader(directory: Path) -> Reader:
    """Read, follow and list the journal in ``directory`` without its lock, while another process writes."""
    return Reader(directory)


class FileJournal:
    """See ``journal.api.Journal``. Made by ``open_journal``."""

    def __init__(
        self, log: Log, descriptor: int, *, disk: Disk, inline: bool, segment_size: int, reserve_size: int
    ) -> None:
        self._log = log
        self._disk = disk
        self._inline = inline
        self._segment_size = segment_size
        self._jobs = Jobs(inline=inline)
        self._writer = Writer(
            directory=log.directory, disk=disk, jobs=self._jobs, reserve_size=reserve_size, lines=self
        )
        self._writer.switch(log.active.path, descriptor, log.active.index.size)
        self._reader = Reader(log.directory, segments=log)
        self._staged: dict[str, Position] = {}
        self._waiting = 0
        self._position = log.last
        self._rolling = False
        self._erasing = trio.Lock()

    @property
    def position(self) -> Position:
        """The position of the last staged line."""
        return self._position

    @property
    def writable(self) -> bool:
        """Whether an append has a chance."""
        return not self._writer.broken and not self._writer.full

    @property
    def waiting(self) -> int:
        """Appends that wait to become durable."""
        return self._waiting

    @property
    def free_bytes(self) -> int:
        """What may still be written to the disk. Raises ``OSError``."""
        return self._disk.free(self._log.directory)

    def start(self) -> None:
        """Blocking: do what the last process left undone, as far as there is room for it, and begin to write."""
        try:
            self._writer.make_room()
            for stream in sorted(self._log.unfinished):
                if self._log.active.holds(stream):
                    self._begun(self._begin())
                for segment in self._log.holding(stream):
                    segment.know(rewrite(segment.path, stream, self._disk))
            self._log.unfinished.clear()
            for segment in self._log.unsealed():
                segment.know(seal(segment, self._disk))
        except OSError as error:
            # A disk that is full is too full for new calls, but past ones must stay readable.
            if not isinstance(translate(error, self._log.directory), NoSpace):
                raise
            self._writer.full = True
        self._jobs.start()

    def close(self) -> None:
        """Blocking, for as long as what is being written takes: let go of the active segment. Whoever still waits is
        told."""
        closed = Broken(f"{self._log.directory}: the journal is closed")
        self._jobs.stop(closed)
        self._writer.close(closed)

    async def append(self, stream: str, body: bytes, *, after: Position, ending: bool = False) -> Position:
        """See ``Journal.append``."""
        check_stream(stream)
        check_body(body)
        if self._inline:
            await trio.lowlevel.checkpoint()
        self._writer.refuse(ending=ending)
        if stream in self._log.erased:
            raise Erased(f"{stream}: this stream was erased")
        last = self._last_of(stream)
        if after != last:
            raise Fenced(
                f"{stream}: expected position {after} to be the last, but it is {last}: somebody else has written"
            )
        return await self._write(stream, body, ending=ending)

    def read(
        self, stream: str | None = None, *, after: Position = START
    ) -> AbstractAsyncContextManager[AsyncIterator[Line]]:
        """See ``Readable.read``."""
        return self._reader.read(stream, after=after)

    def follow(
        self, stream: str | None = None, *, after: Position = START
    ) -> AbstractAsyncContextManager[AsyncIterator[Line]]:
        """See ``Readable.follow``."""
        return self._reader.follow(stream, after=after)

    def streams(self, prefix: str = "", *, after: str = "") -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """See ``Readable.streams``."""
        return self._reader.streams(prefix, after=after)

    async def erase(self, stream: str) -> None:
        """See ``Journal.erase``. After ``NoSpace`` or ``Unavailable`` it is finished by erasing again, or at the next
        start."""
        check_stream(stream)
        async with self._erasing:
            await self._bury(stream)
            with _translated(self._log.directory):
                while self._log.active.holds(stream):
                    await self._jobs.run(self._begin, self._begun)
                for segment in self._log.holding(stream):
                    await self._jobs.run(partial(rewrite, segment.path, stream, self._disk), segment.know)
                self._log.unfinished.discard(stream)
                for segment in self._log.unsealed():
                    await self._jobs.run(partial(seal, segment, self._disk), segment.know)

    def committed(self, batch: list[Staged]) -> None:
        """See ``writer.Lines``."""
        self._log.add(batch)
        for staged in batch:
            if self._staged.get(staged.stream) == staged.position:
                del self._staged[staged.stream]
        if self._log.active.index.size >= self._segment_size and not self._rolling:
            self._rolling = True
            self._jobs.submit(self._begin, self._rolled)

    def lost(self, kept: list[Staged]) -> None:
        """See ``writer.Lines``. Their positions are not used again: somebody may have seen them."""
        self._staged = {staged.stream: staged.position for staged in kept}

    def _last_of(self, stream: str) -> Position:
        return self._staged.get(stream) or self._log.last_of(stream)

    async def _write(self, stream: str, body: bytes | None, *, ending: bool) -> Position:
        position = Position(self._position + 1)
        self._position = self._staged[stream] = position
        data = build_tombstone(position, stream) if body is None else build(position, stream, body)
        self._waiting += 1
        try:
            await self._writer.write(
                Staged(stream=stream, position=position, data=data, ending=ending, erased=body is None)
            )
        finally:
            self._waiting -= 1
        return position

    async def _bury(self, stream: str) -> None:
        """Append the tombstone, unless there is one."""
        self._log.unfinished.add(stream)
        if stream in self._log.erased:
            return
        self._log.erased.add(stream)
        try:
            self._writer.refuse(ending=True)
            with trio.CancelScope(shield=True):
                await self._write(stream, None, ending=True)
        except JournalError:
            self._log.erased.discard(stream)
            self._log.unfinished.discard(stream)
            raise

    def _begin(self) -> tuple[Path, int] | None:
        """Blocking: the segment after the active one, and its descriptor. None: the active one is still empty."""
        path = self._log.following()
        return None if path is None else (path, self._writer.begin(path))

    def _begun(self, made: tuple[Path, int] | None) -> None:
        if made is not None:
            path, descriptor = made
            self._log.switch(path)
            self._writer.switch(path, descriptor, 0)

    def _rolled(self, made: tuple[Path, int] | Exception | None) -> None:
        self._rolling = False
        if isinstance(made, Exception):
            # There is no room for another segment; the active one grows until there is.
            return
        self._begun(made)
        for segment in self._log.unsealed():
            self._jobs.submit(partial(seal, segment, self._disk), partial(_sealed, segment))


def _sealed(segment: Segment, index: Index | Sidecar | Exception) -> None:
    # Without its sidecar a segment is scanned at the next start, and sealed then.
    if not isinstance(index, Exception):
        segment.know(index)


@contextmanager
def _translated(directory: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise translate(error, directory) from error
