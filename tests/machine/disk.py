"""A disk in memory that takes its time and fails in every way that a disk has."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import trio
from attrs import frozen

from journal import MemoryJournal
from journal.api import START, Fenced, Line, Position

DISK_S = 0.005
LATE_S = 6.5
"""Longer than anybody waits for an append."""


@frozen
class Held:
    """A line that is on its way to the disk, and when it gets there."""

    due: float
    body: bytes
    after: Position


class SlowDisk(MemoryJournal):
    """An append that has begun is finished, as a real one is, whatever happens to whoever waits for it.

    A *late* line is numbered, so that nobody else can write to its stream, but cannot be read before it is there.
    ``failures`` counts what did not succeed with a stream.
    """

    def __init__(self) -> None:
        super().__init__()
        self._never = self._late = 0
        self._held: dict[str, Held] = {}
        self.failures: Counter[str] = Counter()

    async def append(self, stream: str, body: bytes, *, after: Position, ending: bool = False) -> Position:
        self.failures[stream] += 1
        position = await self._append(stream, body, after, ending=ending)
        self.failures[stream] -= 1
        return position

    async def _append(self, stream: str, body: bytes, after: Position, *, ending: bool) -> Position:
        await trio.lowlevel.checkpoint()
        await self._land()
        if stream in self._held:
            raise Fenced(f"{stream}: somebody else is writing")
        if self._late:
            self._late -= 1
            self._held[stream] = Held(trio.current_time() + LATE_S, body, after)
            await trio.sleep_forever()
        with trio.CancelScope(shield=True):
            await trio.sleep(DISK_S)
            position = await super().append(stream, body, after=after, ending=ending)
        if self._never:
            self._never -= 1
            await trio.sleep_forever()
        return position

    @asynccontextmanager
    async def read(self, stream: str | None = None, *, after: Position = START) -> AsyncGenerator[AsyncIterator[Line]]:
        self.failures[stream or ""] += 1
        await self._land()
        self.failures[stream or ""] -= 1
        async with super().read(stream, after=after) as lines:
            yield lines

    def fault(self, when: str, appends: int) -> None:
        """The next ``appends`` fail: before the write, after it, by never returning, or by being late."""
        match when:
            case "before":
                self.fail_before(appends)
            case "after":
                self.fail_after(appends)
            case "never":
                self._never = appends
            case _:
                self._late = appends

    def mend(self) -> None:
        """No more faults."""
        for when in ("before", "after", "never", "late"):
            self.fault(when, 0)

    def lose_what_is_late(self) -> None:
        """The process is gone, and with it what was on its way."""
        self._held.clear()

    async def _land(self) -> None:
        for stream, held in tuple(self._held.items()):
            if held.due <= trio.current_time() and self._held.pop(stream, None) is held:
                with trio.CancelScope(shield=True):
                    await super().append(stream, held.body, after=held.after)
