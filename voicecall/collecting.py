"""Keeping the garbage collector from stopping calls.

Nearly everything here goes when its last reference goes. To look for what does not, in all that a hundred calls consist
of, finds nothing and takes tens of milliseconds, in which no frame is sent. So what is new is looked at often, which
takes a few, and what survives that is put out of the collector's sight; it still goes with its last reference.
Everything is looked at while nobody is on the telephone, or when that has not been done for long.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Never

import trio

YOUNG = 10_000
"""New objects that are looked at even before it is time."""
NEVER = 1 << 30
LOOK_S = 0.5
QUIET_S, LONG_S = 60.0, 1_800.0
"""When everything is looked at: so long after the last time if nobody calls, and so long after it in any case."""


@asynccontextmanager
async def nothing_to_collect(nobody_calls: Callable[[], bool]) -> AsyncGenerator[None]:
    """What there is now, and what stays of what comes, is out of the collector's sight."""
    thresholds = gc.get_threshold()
    _look_at_all()
    gc.set_threshold(YOUNG, NEVER, NEVER)
    gc.callbacks.append(_put_away)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_keep_looking, nobody_calls)
            yield
            nursery.cancel_scope.cancel()
    finally:
        gc.callbacks.remove(_put_away)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


async def _keep_looking(nobody_calls: Callable[[], bool]) -> Never:
    last = trio.current_time()
    while True:
        await trio.sleep(LOOK_S)
        gc.collect(0)
        since = trio.current_time() - last
        if since > LONG_S or (since > QUIET_S and nobody_calls()):
            _look_at_all()
            last = trio.current_time()


def _look_at_all() -> None:
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _put_away(phase: str, info: dict[str, Any]) -> None:
    """What has just been looked at is not looked at again. See ``gc.callbacks``."""
    if phase == "stop" and info["generation"] == 0:
        gc.freeze()
