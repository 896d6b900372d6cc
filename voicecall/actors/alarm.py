"""One task that wakes everybody: all timers of all calls in one heap.

A task per timer would cost a thousand calls several thousand tasks. Due times are wall instants; the sleep is measured
on trio's clock when the alarm is set, so a stepped wall clock cannot silence a call.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import Never

import trio

from voicecall.events import Instant


class Alarm:
    """``run`` must be running for anything to fire."""

    def __init__(self, wall: Callable[[], Instant]) -> None:
        self._wall = wall
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._changed = trio.Event()

    def set(self, due: Instant, ring: Callable[[], None]) -> None:
        """Call ``ring`` at ``due``, or as soon as possible when that is past. ``ring`` must not fail."""
        deadline = trio.current_time() + (due - self._wall()) / 1000
        heapq.heappush(self._heap, (deadline, next(self._order), ring))
        if self._heap[0][0] == deadline:
            self._changed.set()

    async def run(self) -> Never:
        """Fire alarms in due order, for ever."""
        while True:
            while self._heap and self._heap[0][0] <= trio.current_time():
                heapq.heappop(self._heap)[2]()
            self._changed = trio.Event()
            wait = self._heap[0][0] - trio.current_time() if self._heap else float("inf")
            with trio.move_on_after(max(wait, 0)):
                await self._changed.wait()
