"""A stage for actors: the real supervisor, the real memory journal, a virtual clock, and a carrier that can be told
what to answer. Nothing here opens a socket."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import trio
import trio.testing
from attrs import define, evolve

from journal import Journal, MemoryJournal
from tests.actors.props import Speaker, Thinker, Wire, lost, ok
from voicecall.actors.alarm import Alarm
from voicecall.actors.checkpoint import load_directory
from voicecall.actors.supervisor import Accepted, Supervisor
from voicecall.actors.world import World, stream_of
from voicecall.core import tickets
from voicecall.core.replay import replay
from voicecall.core.requests import PlaceCall, Refused
from voicecall.events import AnyEvent, CallId, Entry, Instant, Policy
from voicecall.events import facts as fact
from voicecall.events.schema import decode_entry
from voicecall.ports import Account, Heard, HttpResponse, MediaStart
from voicecall.projections.directory import Directory

__all__ = ["START_AT", "Speaker", "Stage", "Thinker", "Wire", "lost", "ok", "open_stage", "play", "wish"]

START_AT = 1_767_225_600_000


@define
class Stage:
    """Everything a story needs."""

    world: World
    supervisor: Supervisor
    journal: Journal
    wire: Wire
    speaker: Speaker
    thinker: Thinker
    directory: Directory

    @property
    def memory(self) -> MemoryJournal:
        """The journal, for its faults."""
        assert isinstance(self.journal, MemoryJournal)
        return self.journal

    async def place(self, request_id: str = "r1", **policy: object) -> CallId:
        """Place a call and let the dial happen."""
        accepted = await self.supervisor.place(wish(request_id, **policy))
        assert isinstance(accepted, Accepted), accepted
        await trio.sleep(0.05)
        return accepted.call_id

    async def hear(self, call_id: CallId, event: AnyEvent, key: str) -> HttpResponse:
        """A webhook with one fact."""
        return await self.supervisor.receive("wire", (Heard(key=key, event=event, call_id=call_id),))

    async def answer(self, call_id: CallId) -> None:
        """The callee picks up and the media stream opens."""
        await self.hear(call_id, fact.CallAnswered(by="human"), "answered")
        await self.open_media(call_id)

    async def open_media(self, call_id: CallId, nonce: str = "n1") -> CallId | Refused:
        """The carrier connects its media stream."""
        expires = Instant(self.world.wall() + 60_000)
        ticket = tickets.mint(self.world.ticket_key, call_id=call_id, carrier="wire", expires=expires, nonce=nonce)
        start = MediaStart(stream_id=f"s-{nonce}", vendor_call_id="", ticket=ticket)
        if call_id in self.speaker.streams:
            return Refused(code="busy", reason="Media stream already open")
        self.speaker.streams[call_id] = start.stream_id  # before the answer: nothing decided meanwhile may miss it
        opened = await self.supervisor.open_stream("wire", start)
        if isinstance(opened, Refused) and self.speaker.streams.get(call_id) == start.stream_id:
            del self.speaker.streams[call_id]
        await trio.sleep(0.05)
        return opened

    async def entries(self, call_id: CallId) -> list[Entry]:
        """What the journal says, after a check that today's rules decide the same."""
        async with self.journal.read(stream_of(call_id)) as lines:
            entries = [decode_entry(line.body) async for line in lines]
        assert replay(entries).divergences == ()
        return entries

    async def kinds(self, call_id: CallId) -> list[str]:
        return [type(entry.event).kind for entry in await self.entries(call_id)]


def wish(request_id: str = "r1", **policy: Any) -> PlaceCall:
    return PlaceCall(
        request_id=request_id,
        carrier="wire",
        caller="+15550000000",
        callee="+15550001000",
        policy=Policy(**{"greeting": "Hello.", **policy}),
    )


def play(
    story: Callable[[Stage], Awaitable[None]], *, journal: MemoryJournal | None = None, **options: Any
) -> MemoryJournal:
    """Run a story on a jumping clock; gives back the journal so that a second act can follow."""
    journal = journal or MemoryJournal()

    async def main() -> None:
        async with open_stage(journal, **options) as stage:
            await story(stage)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return journal


@asynccontextmanager
async def open_stage(
    journal: Journal,
    *,
    max_calls: int = 4,
    verdict: str = "accept",
    full_policy: Callable[[Policy], Policy] | None = None,
    wire: Wire | None = None,
    speaker: Speaker | None = None,
    thinker: Thinker | None = None,
    start_at: int = START_AT,
    **more: Any,
) -> AsyncGenerator[Stage]:
    """A running supervisor; leaving the context is what a crash is to the calls. ``more`` is for its world."""
    epoch = trio.current_time()

    def wall() -> Instant:
        return Instant(start_at + round((trio.current_time() - epoch) * 1000))

    wire, speaker, thinker = wire or Wire(), speaker or Speaker(), thinker or Thinker()
    directory = await load_directory(journal)
    world = new_world(
        journal, wall=wall, wire=wire, speaker=speaker, thinker=thinker, incarnations=count(directory.position + 1)
    )
    world = evolve(world, **more)
    supervisor = Supervisor(
        world=world,
        directory=directory,
        offer_policy=lambda heard: Policy(greeting="Welcome.", verdict=verdict),
        max_calls=lambda: max_calls,
        full_policy=full_policy or (lambda policy: None),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.alarm.run)
        await nursery.start(supervisor.run)
        yield Stage(
            world=world,
            supervisor=supervisor,
            journal=journal,
            wire=wire,
            speaker=speaker,
            thinker=thinker,
            directory=directory,
        )
        nursery.cancel_scope.cancel()


def new_world(
    journal: Journal,
    *,
    wall: Callable[[], Instant],
    wire: Wire,
    speaker: Speaker,
    thinker: Thinker,
    incarnations: Iterator[int],
) -> World:
    """The world of real actors with nobody real in it."""
    return World(
        journal=journal,
        wall=wall,
        incarnation=lambda: f"w{next(incarnations)}",
        alarm=Alarm(wall),
        carriers={"wire": wire},
        accounts={"wire": Account(api_url="wire:")},
        fetch=wire.fetch,
        sound=speaker,
        agent=thinker,
        ticket_key=b"k" * 32,
        webhook_url=lambda: "http://127.0.0.1/voice/webhook",
        media_url=lambda: "ws://127.0.0.1/voice/stream",
    )
