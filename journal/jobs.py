"""Blocking work, one piece at a time and in order: on a thread of its own, or where it is asked for.

What a piece of work changes in memory is changed when it *lands*, back on the trio side and before the next piece
begins, so the thread shares nothing that moves.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import trio
from attrs import frozen

T = TypeVar("T")
Land = Callable[[], None]


@frozen
class Job:
    """``work`` returns how it lands; ``drop`` lands it undone."""

    work: Callable[[], Land]
    drop: Callable[[Exception], None]


class Jobs:
    """Runs what is submitted. ``inline``: at once, without a thread."""

    def __init__(self, *, inline: bool) -> None:
        self._waiting = deque[Job]()
        self._flying = False
        self._flown: Land | None = None
        self._stopped: Exception | None = None
        self._thread = None if inline else threading.Thread(target=self._serve, name="journal", daemon=True)
        self._queue = queue.SimpleQueue[Job | None]()
        self._token: trio.lowlevel.TrioToken | None = None

    def start(self) -> None:
        """Call it in the trio run that the work lands in."""
        if self._thread is not None:
            self._token = trio.lowlevel.current_trio_token()
            self._thread.start()

    def stop(self, reason: Exception) -> None:
        """Blocking, until the piece that is in flight has landed. What waits, or comes later, lands as ``reason``."""
        self._stopped = reason
        if self._thread is not None and self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        self._land()
        while self._waiting:
            self._waiting.popleft().drop(reason)

    def submit(self, work: Callable[[], T], landed: Callable[[T | Exception], None]) -> None:
        """Do ``work`` after what was submitted before; ``landed`` gets what it returned or raised."""

        def job() -> Land:
            try:
                result: T | Exception = work()
            except Exception as error:  # noqa: BLE001 - whoever waits for the work must hear of it
                result = error
            return partial(landed, result)

        if self._stopped is not None:
            landed(self._stopped)
        else:
            self._waiting.append(Job(job, landed))
            self._launch()

    async def run(self, work: Callable[[], T], landed: Callable[[T], None] = lambda result: None) -> T:
        """Like ``submit``, and waits: returns what ``work`` returned, or raises what it raised."""
        results: list[T | Exception] = []
        over = trio.Event()

        def keep(result: T | Exception) -> None:
            results.append(result)
            over.set()
            if not isinstance(result, Exception):
                landed(result)

        self.submit(work, keep)
        await over.wait()
        (result,) = results
        if isinstance(result, Exception):
            raise result
        return result

    def _launch(self) -> None:
        while self._waiting and not self._flying and self._stopped is None:
            self._flying = True
            job = self._waiting.popleft()
            if self._thread is None:
                self._flown = job.work()
                self._land()
            else:
                self._queue.put(job)

    def _land(self) -> None:
        landed, self._flown = self._flown, None
        if landed is not None:
            self._flying = False
            landed()
            self._launch()

    def _serve(self) -> None:
        while (job := self._queue.get()) is not None:
            assert self._token is not None
            self._flown = job.work()
            self._token.run_sync_soon(self._land)
