"""Rows about actors: how many idle ones a gigabyte holds, and how long a fact takes to reach one among 10,000."""

from __future__ import annotations

import gc
import itertools
import resource
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from journal.memory import MemoryJournal
from voicecall.actors.alarm import Alarm
from voicecall.actors.supervisor import Accepted, Supervisor
from voicecall.actors.world import World
from voicecall.core.requests import PlaceCall
from voicecall.events import CallId, Instant, Policy
from voicecall.events import facts as fact
from voicecall.ports import Account, Exchange, Heard, HttpRequest, HttpResponse, Turn
from voicecall.projections.directory import Directory

ACTORS = 10_000
DISPATCHES = 5_000


class Quiet:
    """No sound: the calls of this benchmark never get a media socket."""

    def adopt(self, call_id: CallId, post: Any) -> bool:
        return False

    def release(self, call_id: CallId) -> None: ...

    def holds(self, call_id: CallId, effect_id: str) -> bool:
        return False

    def speak(self, call_id: CallId, effect_id: str, speak: Any) -> None: ...

    def stop(self, call_id: CallId, utterance: int) -> None: ...

    def listen(self, call_id: CallId, effect_id: str) -> None: ...

    def hang_up(self, call_id: CallId) -> None: ...


class Silent:
    """An agent that has nothing to say."""

    @asynccontextmanager
    async def reply(self, turn: Turn) -> AsyncIterator[AsyncIterator[str]]:
        async def nothing() -> AsyncIterator[str]:
            return
            yield ""

        yield nothing()


async def _accept(request: HttpRequest) -> Exchange:
    """The carrier takes every request at once."""
    body = b'{"providerCallId": "' + request.url.encode()[-8:] + b'", "status": "initiated"}'
    return Exchange(request=request, response=HttpResponse(status=201, body=body))


def rows(progress: Callable[[str, float], None]) -> Iterator[dict[str, Any]]:
    """Both rows from one run: the actors that idle are the ones the dispatch has to find its way through."""
    yield from trio.run(_measure, progress)


async def _measure(progress: Callable[[str, float], None]) -> list[dict[str, Any]]:
    from voicecall.adapters.carriers.mock import carrier

    start = time.time_ns() // 1_000_000
    epoch = trio.current_time()

    def wall() -> Instant:
        return Instant(start + round((trio.current_time() - epoch) * 1000))

    alarm = Alarm(wall)
    names = itertools.count()
    world = World(
        journal=MemoryJournal(),
        wall=wall,
        incarnation=lambda: f"bench{next(names)}",
        alarm=alarm,
        carriers={"mock": carrier},
        accounts={"mock": Account(api_url="http://127.0.0.1:1", secrets={"webhook": "bench"})},
        fetch=_accept,
        sound=Quiet(),
        agent=Silent(),
        ticket_key=bytes(32),
        webhook_url=lambda: "http://127.0.0.1/voice/webhook",
        media_url=lambda: "ws://127.0.0.1/voice/stream",
    )
    supervisor = Supervisor(
        world=world, directory=Directory(), offer_policy=lambda heard: Policy(), max_calls=ACTORS + 1
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarm.run)
        await nursery.start(supervisor.run)
        gc.collect()
        before = _resident()
        calls: list[CallId] = []
        for number in range(ACTORS):
            wish = PlaceCall(
                request_id=f"{number}", carrier="mock", caller="+15550000000", callee="+15550001000", policy=Policy()
            )
            accepted = await supervisor.place(wish)
            if not isinstance(accepted, Accepted):
                raise RuntimeError(accepted.reason)
            calls.append(accepted.call_id)
            if number % 500 == 0:
                progress("actors idle per GB", number / ACTORS)
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
