"""Group commit: many appenders, one write and one fdatasync a batch.

Theory of operation
-------------------
An append is *staged* on the trio side: its position is assigned, its line is built and checked, the stream's last
position moves. Staged lines wait for the commit loop, which takes all there are, writes them in one system call, syncs
once and wakes their appenders. The thread that does so makes system calls and nothing else, so it never takes the
interpreter from the media tick for long. With ``inline`` the same calls are made where the append is, for clocks that
would jump while a thread works.

A batch that fails takes everything staged after it along, because those lines were numbered after it. After "no space"
the file is cut back to its last durable byte and the log stays usable; after a failed sync nobody knows what is on the
medium, so every append fails until a restart.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import trio
from attrs import define, field

from journal.api import Broken, JournalError, NoSpace, Position
from journal.disk import Disk, translate


@define
class Staged:
    """A line that is not durable yet. ``undo`` forgets it again."""

    stream: str
    position: Position
    line: bytes
    ending: bool
    undo: Callable[[], None]
    done: trio.Event = field(factory=trio.Event)
    error: BaseException | None = None


class Writer:
    """Writes staged lines to the active segment."""

    def __init__(self, *, directory: Path, disk: Disk, inline: bool, reserve_size: int) -> None:
        self._directory = directory
        self._disk = disk
        self._inline = inline
        self._reserve_size = reserve_size
        self._reserve = directory / "reserve"
        self._pending: list[Staged] = []
        self._wanted = trio.Event()
        self._busy = trio.Lock()
        self.path = directory
        self.descriptor = -1
        self.size = 0
        self.broken = ""
        self.full = False
        self.committed: Callable[[list[Staged]], None] = lambda batch: None

    async def write(self, staged: Staged) -> None:
        """Durable when it returns. Raises what went wrong."""
        self._pending.append(staged)
        if self._inline:
            await trio.lowlevel.checkpoint_if_cancelled()
            self._commit_inline()
        else:
            self._wanted.set()
            await staged.done.wait()
        if staged.error is not None:
            raise staged.error

    async def run(self) -> None:
        """The commit loop (not used inline)."""
        while True:
            await self._wanted.wait()
            self._wanted = trio.Event()
            async with self._busy:
                with trio.CancelScope(shield=True):
                    await self._commit()

    async def quiet(self, work: Callable[[], None]) -> None:
        """Run blocking ``work`` while nothing is being written."""
        async with self._busy:
            with trio.CancelScope(shield=True):
                if not self._inline:
                    await self._commit()
                    await trio.to_thread.run_sync(work)
                else:
                    work()

    def make_room(self) -> None:
        """(Re)create the reserve. Raises ``OSError``."""
        self._disk.reserve(self._reserve, self._reserve_size)

    def refuse(self, *, ending: bool) -> None:
        """Raises ``Broken`` or ``NoSpace`` when an append would be in vain."""
        if self.broken:
            raise Broken(self.broken)
        if self.full and not ending:
            if self._disk.free(self._directory) < 2 * self._reserve_size:
                raise NoSpace(f"{self._directory}: the disk is full; free some space, new appends will then work again")
            self.make_room()
            self.full = False

    async def _commit(self) -> None:
        while batch := self._take():
            try:
                await trio.to_thread.run_sync(self._put, batch)
            except BaseException as error:  # noqa: BLE001 - every appender of the batch must hear of it
                self._fail(batch, error)
            else:
                self._succeed(batch)

    def _commit_inline(self) -> None:
        while batch := self._take():
            try:
                self._put(batch)
            except Exception as error:  # noqa: BLE001 - every appender of the batch must hear of it
                self._fail(batch, error)
            else:
                self._succeed(batch)

    def _take(self) -> list[Staged]:
        batch, self._pending = self._pending, []
        return batch

    def _put(self, batch: list[Staged]) -> None:
        """System calls only. Raises ``JournalError`` or ``OSError``."""
        data = b"".join([staged.line for staged in batch])
        try:
            if self.full:
                self._reserve.unlink(missing_ok=True)
            self._disk.write(self.descriptor, data)
        except OSError as error:
            self._disk.truncate(self.descriptor, self.size)
            failure = translate(error, self.path)
            self.full = self.full or isinstance(failure, NoSpace)
            raise failure from error
        try:
            self._disk.sync(self.descriptor)
        except OSError as error:
            self.broken = (
                f"{self.path}: the disk could not make data durable ({error.strerror}); check the disk, then restart: "
                "what was acknowledged before is safe"
            )
            raise Broken(self.broken) from error
        self.size += len(data)

    def _succeed(self, batch: list[Staged]) -> None:
        self.committed(batch)
        for staged in batch:
            staged.done.set()

    def _fail(self, batch: list[Staged], error: BaseException) -> None:
        lost = [*batch, *self._take()]
        for staged in reversed(lost):
            staged.undo()
        for staged in lost:
            staged.error = error if isinstance(error, JournalError | OSError) else Broken(str(error))
            staged.done.set()
