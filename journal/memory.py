"""A journal in memory: same meanings, no disk, and faults on demand.

``fail_before(n)``: the next n appends raise without a trace. ``fail_after(n)``: the next n are written and then raise.
``hang(n)``: the next n are written and never return. A write that has begun is finished, as a real one is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import trio

from journal.api import START, Broken, Erased, Fenced, Line, Position
from journal.lines import check_body, check_stream


class MemoryJournal:
    """See ``journal.api.Journal``. Appends are inline: no thread, so any clock will do."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._streams: dict[str, list[Line]] = {}
        self._erased: set[str] = set()
        self._next = 1
        self._news = trio.Event()
        self._fail_before = self._fail_after = self._hang = 0

    @property
    def position(self) -> Position:
        """The position of the last line."""
        return Position(self._next - 1)

    def fail_before(self, appends: int) -> None:
        """The next ``appends`` raise ``Broken`` and write nothing."""
        self._fail_before = appends

    def fail_after(self, appends: int) -> None:
        """The next ``appends`` are written and raise ``Broken`` all the same."""
        self._fail_after = appends

    def hang(self, appends: int) -> None:
        """The next ``appends`` are written and never return."""
        self._hang = appends

    async def append(self, stream: str, body: bytes, *, after: Position, ending: bool = False) -> Position:
        """See ``Journal.append``."""
        await trio.lowlevel.checkpoint()
        check_stream(stream)
        check_body(body)
        if self._fail_before:
            self._fail_before -= 1
            raise Broken("a fault before the write")
        if stream in self._erased:
            raise Erased(f"{stream}: this stream was erased")
        lines = self._streams.get(stream, [])
        last = lines[-1].position if lines else START
        if after != last:
            raise Fenced(
                f"{stream}: expected position {after} to be the last, but it is {last}: somebody else has written"
            )
        line = Line(position=Position(self._next), stream=stream, body=body)
        self._next += 1
        self._lines.append(line)
        self._streams.setdefault(stream, []).append(line)
        self._tell()
        if self._fail_after:
            self._fail_after -= 1
            raise Broken("a fault after the write")
        if self._hang:
            self._hang -= 1
            await trio.sleep_forever()
        return line.position

    @asynccontextmanager
    async def read(self, stream: str | None = None, *, after: Position = START) -> AsyncGenerator[AsyncIterator[Line]]:
        """See ``Journal.read``."""
        async with aclosing(self._present(stream, after)) as lines:
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

        async def names() -> AsyncGenerator[str]:
            for name in sorted(self._streams):
                if name.startswith(prefix) and name > after:
                    yield name
            await trio.lowlevel.checkpoint()

        async with aclosing(names()) as ordered:
            yield ordered

    async def erase(self, stream: str) -> None:
        """See ``Journal.erase``."""
        await trio.lowlevel.checkpoint()
        check_stream(stream)
        if stream not in self._erased:
            self._erased.add(stream)
            self._next += 1
            self._streams.pop(stream, None)
            self._lines = [line for line in self._lines if line.stream != stream]

    async def _present(self, stream: str | None, after: Position) -> AsyncGenerator[Line]:
        await trio.lowlevel.checkpoint()
        lines = self._lines if stream is None else self._streams.get(stream, [])
        for line in lines[bisect_right(lines, after, key=lambda line: line.position) :]:
            yield line

    async def _following(self, stream: str | None, after: Position) -> AsyncGenerator[Line]:
        while True:
            news = self._news
            async with aclosing(self._present(stream, after)) as lines:
                async for line in lines:
                    after = line.position
                    yield line
            await news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()
