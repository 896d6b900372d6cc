"""Journals of every kind, stories about them, and a disk that fails when it is told to."""

from __future__ import annotations

import errno
import os
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
import trio.testing
from attrs import define, field

from journal import START, FileJournal, Journal, Line, MemoryJournal, Position, Readable, open_journal
from journal.disk import Disk

KINDS = ("memory", "inline", "thread")
RATE = 20
"""How fast clocks run where threads and processes are about."""
PATIENCE_S = 120 * RATE
"""Of the clock: whatever takes longer hangs."""


def run(story: Callable[[], Awaitable[None]], *, threads: bool = False) -> None:
    """Run a story to its end, on a clock that jumps unless a thread or a process is part of it."""

    async def bounded() -> None:
        with trio.fail_after(PATIENCE_S):
            await story()

    clock = trio.testing.MockClock(rate=RATE) if threads else trio.testing.MockClock(autojump_threshold=0)
    trio.run(bounded, clock=clock)


@asynccontextmanager
async def open_kind(kind: str, directory: Path) -> AsyncGenerator[Journal]:
    """A journal of one of ``KINDS``."""
    if kind == "memory":
        yield MemoryJournal()
    else:
        async with open_journal(directory, inline=kind == "inline", segment_size=4_000, reserve_size=65_536) as journal:
            yield journal


async def lines(journal: Readable, stream: str | None = None, *, after: Position = START) -> list[Line]:
    async with journal.read(stream, after=after) as found:
        return [line async for line in found]


async def bodies(journal: Readable, stream: str | None = None, *, after: Position = START) -> list[bytes]:
    return [line.body for line in await lines(journal, stream, after=after)]


async def names(journal: Readable, prefix: str = "", *, after: str = "") -> list[str]:
    async with journal.streams(prefix, after=after) as found:
        return [name async for name in found]


async def last(journal: Readable, stream: str) -> Position:
    return max([line.position for line in await lines(journal, stream)], default=START)


async def fill(journal: Journal, stream: str, count: int, *, first: int = 0) -> list[Position]:
    """Append ``count`` numbered bodies; where they are."""
    after = await last(journal, stream)
    places: list[Position] = []
    for number in range(first, first + count):
        after = await journal.append(stream, body(number), after=after)
        places.append(after)
    return places


def body(number: int) -> bytes:
    return b'{"n":%d}' % number


class QuickDisk(Disk):
    """Leaves syncs to the system: where it is not about syncs, nothing cuts the power in a test."""

    def sync(self, descriptor: int) -> None:
        pass

    def sync_directory(self, path: Path) -> None:
        pass


@define(eq=False)
class FaultyDisk(Disk):
    """The real disk, but for the calls that are told to fail. ``torn``: a failing write leaves half of it behind.
    ``quick``: syncs that do not fail are left to the system."""

    torn: bool = True
    quick: bool = True
    calls: Counter[str] = field(factory=Counter)
    room: int = 1 << 40
    _faults: dict[str, list[int]] = field(factory=dict)

    def fail(self, call: str, code: int = errno.EIO, *, times: int = 1, after: int = 0) -> None:
        """The next ``times`` calls fail, once ``after`` more have worked."""
        self._faults[call] = [0] * after + [code] * times

    def _called(self, call: str) -> None:
        self.calls[call] += 1
        code = self._faults[call].pop(0) if self._faults.get(call) else 0
        if code:
            raise OSError(code, os.strerror(code))

    def open_append(self, path: Path) -> int:
        self._called("open_append")
        return super().open_append(path)

    def write(self, descriptor: int, data: bytes) -> None:
        try:
            self._called("write")
        except OSError:
            if self.torn:
                super().write(descriptor, data[: len(data) // 2])
            raise
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self._called("sync")
        if not self.quick:
            super().sync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        self._called("truncate")
        super().truncate(descriptor, size)

    def sync_directory(self, path: Path) -> None:
        self._called("sync_directory")
        if not self.quick:
            super().sync_directory(path)

    def reserve(self, path: Path, size: int) -> None:
        self._called("reserve")
        super().reserve(path, size)

    def rename(self, fresh: Path, path: Path) -> None:
        self._called("rename")
        super().rename(fresh, path)

    def free(self, path: Path) -> int:
        return min(self.room, super().free(path))


def options(**changes: Any) -> dict[str, Any]:
    """Of ``open_journal``: small, quick, and without a thread."""
    return {"inline": True, "segment_size": 4_000, "reserve_size": 65_536, "disk": QuickDisk(), **changes}


@define(eq=False)
class SlowDisk(FaultyDisk):
    """Makes one kind of system call only when it is allowed to."""

    slow: str = "sync"
    begun: threading.Event = field(factory=threading.Event)
    allowed: threading.Event = field(factory=threading.Event)

    def _called(self, call: str) -> None:
        if call == self.slow:
            self.begun.set()
            self.allowed.wait()
        super()._called(call)


@asynccontextmanager
async def stalled(folder: Path, disk: SlowDisk, **changes: Any) -> AsyncGenerator[FileJournal]:
    """A journal that is open, and whose disk then makes nothing more until it is allowed to."""
    disk.allowed.set()
    async with open_journal(folder, **options(inline=False, disk=disk, **changes)) as journal:
        disk.allowed.clear()
        disk.begun.clear()
        try:
            yield journal
        finally:
            disk.allowed.set()
