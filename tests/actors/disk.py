"""A disk that takes its time, and a plug that can be pulled meanwhile."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio
import trio.testing

from journal import MemoryJournal
from journal.api import START, Broken, Line, Position
from tests.actors.stage import open_stage


class SlowDisk(MemoryJournal):
    """Every append takes ``delay_s``, and one that has begun is finished, as a real one is.

    ``endings`` are the appends that asked for the space which is kept for last words; the next append of a ``fatal``
    fact is written and fails all the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[bytes] = []
        self.endings: list[bytes] = []
        self.unreadable = 0
        self.fatal = ""
        self.delay_s = 0.01
        self.news = trio.Event()

    async def append(self, stream: str, body: bytes, *, after: Position, ending: bool = False) -> Position:
        self.begun.append(body)
        self.news.set()
        self.news = trio.Event()
        if ending:
            self.endings.append(body)
        with trio.CancelScope(shield=True):
            await trio.sleep(self.delay_s)
            position = await super().append(stream, body, after=after, ending=ending)
        if self.fatal and f'"event":{{"type":"{self.fatal}"'.encode() in body:
            self.fatal = ""
            raise Broken("a fault after the write")
        return position

    @asynccontextmanager
    async def read(self, stream: str | None = None, *, after: Position = START) -> AsyncGenerator[AsyncIterator[Line]]:
        if self.unreadable:
            self.unreadable -= 1
            raise OSError("out of order")
        async with super().read(stream, after=after) as lines:
            yield lines

    async def until(self, kind: str) -> None:
        """An append of this fact is under way."""
        while not any(f'"type":"{kind}"'.encode() in body for body in self.begun):
            await self.news.wait()


def crash_while(kind: str, journal: SlowDisk, **options: Any) -> None:
    """Place a call, answer it, and pull the plug while a fact of this kind is on its way to the disk."""

    async def main() -> None:
        async with open_stage(journal, **options) as stage, trio.open_nursery() as nursery:

            async def live() -> None:
                call = await stage.place()
                await stage.answer(call)

            nursery.start_soon(live)
            await journal.until(kind)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
