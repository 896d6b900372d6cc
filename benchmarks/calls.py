"""Real calls that nobody hears: what benchmarks of actors and of webhooks are about."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

from journal import Journal
from voicecall.actors.alarm import Alarm
from voicecall.actors.supervisor import Accepted, Supervisor
from voicecall.actors.world import World
from voicecall.core.requests import PlaceCall
from voicecall.events import CallId, Policy
from voicecall.ports import Account, Exchange, HttpRequest, HttpResponse, Turn
from voicecall.projections.directory import Directory
from voicecall.system import wall_clock

SECRET = "bench"


class Quiet:
    """No sound: these calls never get a media socket."""

    def adopt(self, call_id: CallId, post: Any) -> bool:
        return False

    def release(self, call_id: CallId) -> None: ...

    def prepare(self, call_id: CallId, limit_s: float) -> None: ...

    def holds(self, call_id: CallId, effect_id: str) -> bool:
        return False

    def speak(self, call_id: CallId, effect_id: str, speak: Any) -> None: ...

    def stop(self, call_id: CallId, utterance: int) -> None: ...

    def listen(self, call_id: CallId, effect_id: str) -> None: ...

    def hang_up(self, call_id: CallId) -> None: ...


class Silent:
    """An agent that has nothing to say."""

    @asynccontextmanager
    async def reply(self, turn: Turn) -> AsyncGenerator[AsyncIterator[str]]:
        async def nothing() -> AsyncIterator[str]:
            return
            yield ""

        yield nothing()


async def _take(request: HttpRequest) -> Exchange:
    """The carrier takes every request at once."""
    told = {"providerCallId": request.headers.get("idempotency-key", ""), "status": "initiated"}
    return Exchange(request=request, response=HttpResponse(status=201, body=json.dumps(told).encode()))


def new_world(journal: Journal) -> World:
    """Everything that real actors need, with nobody at the other end."""
    from voicecall.adapters.carriers.mock import carrier

    names = itertools.count()
    wall = wall_clock()
    return World(
        journal=journal,
        wall=wall,
        incarnation=lambda: f"bench{next(names)}",
        alarm=Alarm(wall),
        carriers={"mock": carrier},
        accounts={"mock": Account(api_url="http://127.0.0.1:1", secrets={"webhook": SECRET})},
        fetch=_take,
        sound=Quiet(),
        agent=Silent(),
        ticket_key=bytes(32),
        webhook_url=lambda: "http://127.0.0.1/voice/webhook",
        media_url=lambda: "ws://127.0.0.1/voice/stream",
    )


async def supervise(nursery: trio.Nursery, world: World, *, max_calls: int) -> Supervisor:
    """A supervisor that runs."""
    supervisor = Supervisor(
        world=world, directory=Directory(), offer_policy=lambda heard: Policy(), max_calls=lambda: max_calls
    )
    nursery.start_soon(world.alarm.run)
    await nursery.start(supervisor.run)
    return supervisor


async def place(
    supervisor: Supervisor, count: int, progress: Callable[[float], None] = lambda done: None
) -> list[CallId]:
    """So many calls, each accepted."""
    calls: list[CallId] = []
    for number in range(count):
        wish = PlaceCall(
            request_id=f"{number}", carrier="mock", caller="+15550000000", callee="+15550001000", policy=Policy()
        )
        accepted = await supervisor.place(wish)
        if not isinstance(accepted, Accepted):
            raise RuntimeError(accepted.reason)
        calls.append(accepted.call_id)
        if number % 500 == 0:
            progress(number / count)
    return calls
