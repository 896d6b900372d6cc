"""What a task of ours tells somebody who iterates: values, then an end or a failure. Telling never waits."""

from __future__ import annotations

import math
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


class Told(Generic[T]):
    """An async iterator without a generator behind it, so that it may be left at any time."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[T](math.inf)
        self._failure: BaseException | None = None

    def tell(self, value: T) -> None:
        """One more value."""
        self._send.send_nowait(value)

    def end(self, failure: BaseException | None = None) -> None:
        """There are no more values. ``failure`` is raised by the iterator, after them."""
        self._failure = failure
        self._send.close()

    def __aiter__(self) -> Told[T]:
        return self

    async def __anext__(self) -> T:
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            if self._failure is not None:
                raise self._failure from None
            raise StopAsyncIteration from None
