"""Group commit: many appenders, one write and one fdatasync a batch.

Theory of operation
-------------------
An append is *staged* on the trio side: its line is built and checked there. The writer thread takes all that is staged,
writes it in one system call and syncs once; when the batch lands, its appenders wake, and what was staged meanwhile is
the next batch. The thread makes system calls and nothing else, so it never takes the interpreter from the media tick
for long.

A batch that fails takes everything staged after it along, because those lines were numbered after it. After "no space"
the file is cut back to its last durable byte, the reserve file makes room for the endings among what failed and for
later ones, and the log stays usable. After a failed sync nobody knows what is on the medium, so every append fails
until a restart; the lines in doubt are cut off, so that a restart does not take them for durable.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import Protocol

import trio
from attrs import define, field

from journal.api import Broken, JournalError, NoSpace, Position
from journal.disk import Disk, translate
from journal.jobs import Jobs


@define(eq=False)
class Staged:
    """A line that is not durable yet."""

    stream: str
    position: Position
    data: bytes
    ending: bool
    erased: bool
    done: trio.Event = field(factory=trio.Event)
    error: JournalError | None = None


class Lines(Protocol):
    """Whose lines they are."""

    def committed(self, batch: list[Staged]) -> None:
        """These are durable, at the end of the active segment."""
        ...

    def lost(self, kept: list[Staged]) -> None:
        """Of all that was staged only ``kept`` may still be written."""
        ...


class Writer:
    """Writes staged lines to the active segment."""

    def __init__(self, *, directory: Path, disk: Disk, jobs: Jobs, reserve_size: int, lines: Lines) -> None:
        self._directory = directory
        self._disk = disk
        self._jobs = jobs
        self._lines = lines
        self._reserve = directory / "reserve"
        self._reserve_size = reserve_size
        self._reserved = False
        self._staged = deque[Staged]()
        self._writing = False
        self._path, self._descriptor, self._size = directory, -1, 0
        self.broken = ""
        self.full = False

    def begin(self, path: Path) -> int:
        """Blocking: a new segment whose name is durable. Raises ``OSError`` (there is none) or ``Broken``."""
        descriptor = self._disk.open_append(path)
        try:
            self._disk.sync_directory(self._directory)
        except OSError as error:
            os.close(descriptor)
            self._break(error)
            raise Broken(self.broken) from error
        return descriptor

    def switch(self, path: Path, descriptor: int, size: int) -> None:
        """Go on at ``size``, the end of ``path``. Never while a batch is in flight."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._path, self._descriptor, self._size = path, descriptor, size

    def close(self, reason: JournalError) -> None:
        """Call it when the jobs have stopped, for that ``reason``: appends get it from now on."""
        os.close(self._descriptor)
        self.broken = self.broken or str(reason)

    def refuse(self, *, ending: bool) -> None:
        """Raises ``Broken`` or ``NoSpace`` when an append would be in vain."""
        if self.broken:
            raise Broken(self.broken)
        if self.full and not ending:
            # As much again as the reserve, so that the log does not go back and forth at the edge.
            if self._disk.free(self._directory) < 2 * self._reserve_size:
                raise NoSpace(f"{self._directory}: the disk is full; free some space, new appends will then work again")
            self.full = False

    async def write(self, staged: Staged) -> None:
        """Durable when it returns. Raises what went wrong."""
        self._staged.append(staged)
        self._next_batch()
        if not staged.done.is_set():
            await staged.done.wait()
        if staged.error is not None:
            raise staged.error

    def make_room(self) -> None:
        """Blocking: allocate the reserve, or free it for endings. Raises ``OSError``."""
        if self.full:
            self._reserve.unlink(missing_ok=True)
            self._reserved = False
        elif not self._reserved:
            self._disk.reserve(self._reserve, self._reserve_size)
            self._reserved = True

    def _next_batch(self) -> None:
        if self._staged and not self._writing:
            self._writing = True
            batch = list[Staged]()
            self._jobs.submit(lambda: self._put(batch), lambda error: self._landed(batch, error))

    def _put(self, batch: list[Staged]) -> None:
        """Blocking: fill ``batch`` and write it. Raises ``JournalError``."""
        while self._staged:
            batch.append(self._staged.popleft())
        data = b"".join([staged.data for staged in batch])
        try:
            self.make_room()
            self._disk.write(self._descriptor, data)
        except OSError as error:
            failure = translate(error, self._path)
            self._cut()
            raise failure from error
        try:
            self._disk.sync(self._descriptor)
        except OSError as error:
            self._break(error)
            self._cut()
            raise Broken(self.broken) from error
        self._size += len(data)

    def _cut(self) -> None:
        try:
            self._disk.truncate(self._descriptor, self._size)
        except OSError as error:
            self._break(error)

    def _break(self, error: OSError) -> None:
        self.broken = self.broken or (
            f"{self._path}: the disk could not make data durable ({error.strerror}); check the disk, then restart: "
            "what was acknowledged before is safe"
        )

    def _landed(self, batch: list[Staged], error: Exception | None) -> None:
        self._writing = False
        if error is None:
            self._lines.committed(batch)
            for staged in batch:
                staged.done.set()
        else:
            self._lose(batch, error)
        self._next_batch()

    def _lose(self, batch: list[Staged], error: Exception) -> None:
        staged = [*batch, *self._staged]
        retry = isinstance(error, NoSpace) and not self.full
        self.full = self.full or isinstance(error, NoSpace)
        if not isinstance(error, JournalError):
            self.broken = f"{self._path}: writing failed: {error!r}"
            error = Broken(self.broken)
        kept = _endings(staged) if retry and not self.broken else []
        self._staged = deque(kept)
        self._lines.lost(kept)
        self._fail([one for one in staged if one not in kept], error)

    def _fail(self, lost: list[Staged], error: JournalError) -> None:
        for staged in lost:
            staged.error = error
            staged.done.set()


def _endings(staged: list[Staged]) -> list[Staged]:
    """The endings that do not follow a line of their stream that is lost."""
    kept, lost = list[Staged](), set[str]()
    for one in staged:
        if one.ending and one.stream not in lost:
            kept.append(one)
        else:
            lost.add(one.stream)
    return kept
