"""Rows about actors: how many idle ones a gigabyte holds, and how long a fact takes to reach one among 10,000."""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Callable, Iterator
from typing import Any

import trio

from benchmarks.calls import new_world, place, supervise
from journal.memory import MemoryJournal
from voicecall.actors.supervisor import Supervisor
from voicecall.events import CallId
from voicecall.events import facts as fact
from voicecall.ports import Heard

ACTORS = 10_000
DISPATCHES = 5_000


def rows(progress: Callable[[str, float], None]) -> Iterator[dict[str, Any]]:
    """Both rows from one run: the actors that idle are the ones the dispatch has to find its way through."""
    yield from trio.run(_measure, progress)


async def _measure(progress: Callable[[str, float], None]) -> list[dict[str, Any]]:
    async with trio.open_nursery() as nursery:
        supervisor = await supervise(nursery, new_world(MemoryJournal()), max_calls=ACTORS + 1)
        gc.collect()
        before = _resident()
        calls = await place(supervisor, ACTORS, lambda done: progress("actors idle per GB", done))
        gc.collect()
        per_actor = max(_resident() - before, 1) / ACTORS
        latencies = await _dispatch(supervisor, calls, progress)
        nursery.cancel_scope.cancel()
    latencies.sort()
    return [
        {"name": "actors idle per GB", "unit": "actors", "value": round(2**30 / per_actor), "p50": None, "p99": None},
        {
            "name": "actor dispatch at 10000 actors",
            "unit": "µs",
            "value": sum(latencies) / len(latencies),
            "p50": latencies[len(latencies) // 2],
            "p99": latencies[len(latencies) * 99 // 100],
        },
    ]


async def _dispatch(supervisor: Supervisor, calls: list[CallId], progress: Callable[[str, float], None]) -> list[float]:
    latencies: list[float] = []
    for number in range(DISPATCHES):
        heard = Heard(key=f"bench-{number}", event=fact.CallRinging(), call_id=calls[number * 7919 % len(calls)])
        start = time.perf_counter_ns()
        await supervisor.receive("mock", (heard,))
        latencies.append((time.perf_counter_ns() - start) / 1000)
        if number % 500 == 0:
            progress("actor dispatch at 10000 actors", number / DISPATCHES)
    return latencies


def _resident() -> int:
    """Bytes of memory this process holds now."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
