"""Events as an iterator that a host may begin, leave and forget anywhere.

One task of the system reads the journal for each, and waits until the host takes what it has read: who is slow falls
behind and misses nothing. The task ends with the iterator, also with one that is only dropped.
"""

from __future__ import annotations

import weakref
from contextlib import suppress
from types import TracebackType

import trio

from journal import Journal
from journal.api import JournalError, Position
from voicecall.embedding.errors import CallRefused
from voicecall.embedding.records import STREAM, CallEvent, event_of
from voicecall.events.schema import BadEntry


class Tail:
    """An async iterator over ``CallEvent``, past and future, in order and without a gap. It ends with the system.

    Leaving a loop is enough; who keeps the iterator may close it (``aclose``, or ``async with``).
    """

    def __init__(self, journal: Journal, nursery: trio.Nursery, stream: str | None, after: Position) -> None:
        if nursery.cancel_scope.cancel_called:
            raise CallRefused("unavailable", "the system is closed; ask while its block is running")
        send, self._events = trio.open_memory_channel[CallEvent | Exception](0)
        scope, token = trio.CancelScope(), trio.lowlevel.current_trio_token()
        self._drop = weakref.finalize(self, _drop, token, scope)
        self._drop.atexit = False
        nursery.start_soon(_read, journal, stream, after, send, self._events, scope)

    def __aiter__(self) -> Tail:
        return self

    async def __anext__(self) -> CallEvent:
        try:
            event = await self._events.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            raise StopAsyncIteration from None
        if isinstance(event, Exception):
            raise event
        return event

    async def aclose(self) -> None:
        """Read no more."""
        self._drop()
        await self._events.aclose()

    async def __aenter__(self) -> Tail:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _drop(token: trio.lowlevel.TrioToken, scope: trio.CancelScope) -> None:
    """Called wherever the garbage collector runs."""
    with suppress(trio.RunFinishedError):
        token.run_sync_soon(scope.cancel)


async def _read(
    journal: Journal,
    stream: str | None,
    after: Position,
    send: trio.MemorySendChannel[CallEvent | Exception],
    events: trio.MemoryReceiveChannel[CallEvent | Exception],
    scope: trio.CancelScope,
) -> None:
    """Hand over what the journal has. It closes both ends, for there may be nobody left who would."""
    with scope, send, events, suppress(trio.BrokenResourceError):
        try:
            async with journal.follow(stream, after=after) as lines:
                async for line in lines:
                    if line.stream.startswith(STREAM):
                        await send.send(event_of(line))
        except (JournalError, BadEntry) as error:
            await send.send(CallRefused("unavailable", str(error)))
