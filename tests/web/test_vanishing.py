"""A client that hangs up in the middle of a delivery loses its answer and nothing else."""

from __future__ import annotations

import itertools

import trio

from journal.api import Position
from journal.memory import MemoryJournal
from tests.actors.stage import Speaker, Thinker, ok
from tests.web.kit import AT, SECRET, Kit, event, post, serve
from voicecall.actors.alarm import Alarm
from voicecall.actors.supervisor import Supervisor, inbound_call_id
from voicecall.actors.world import World, stream_of
from voicecall.adapters.carriers.mock import carrier
from voicecall.events import Instant, Policy
from voicecall.events.schema import decode_entry
from voicecall.ports import Account, Exchange, HttpRequest
from voicecall.projections.directory import Directory


class HeldJournal(MemoryJournal):
    """A journal whose disk takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = trio.Event()
        self.ready = trio.Event()

    async def append(self, stream: str, body: bytes, *, after: Position, ending: bool = False) -> Position:
        self.asked.set()
        await self.ready.wait()
        return await super().append(stream, body, after=after, ending=ending)


def new_supervisor(journal: MemoryJournal) -> Supervisor:
    def wall() -> Instant:
        return Instant(AT * 1000)

    async def fetch(request: HttpRequest) -> Exchange:
        return ok(b"{}")

    names = itertools.count()
    world = World(
        journal=journal,
        wall=wall,
        incarnation=lambda: f"w{next(names)}",
        alarm=Alarm(wall),
        carriers={"mock": carrier},
        accounts={"mock": Account(api_url="http://127.0.0.1:1", secrets={"webhook": SECRET})},
        fetch=fetch,
        sound=Speaker(),
        agent=Thinker(),
        ticket_key=bytes(32),
        webhook_url=lambda: "http://127.0.0.1/voice/webhook",
        media_url=lambda: "ws://127.0.0.1/voice/stream",
    )
    return Supervisor(
        world=world, directory=Directory(), offer_policy=lambda heard: Policy(greeting="Welcome."), max_calls=lambda: 4
    )


def test_a_client_that_hangs_up_does_not_take_the_delivery_with_it() -> None:
    offer = event(
        id="offer-1",
        type="call.initiated",
        direction="inbound",
        callId="c1",
        **{"from": "+15550001000", "to": "+15550000000"},
    )
    call = stream_of(inbound_call_id("mock", "mock-c1"))

    async def story(kit: Kit) -> None:
        journal = HeldJournal()
        supervisor = new_supervisor(journal)
        kit.gate.deliver = supervisor.receive
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            async with await kit.connect() as stream:
                await stream.send_all(post(offer))
                await journal.asked.wait()
            while kit.door.open_sockets:
                await trio.lowlevel.checkpoint()
            assert kit.gate.unproven.taken == kit.gate.proven.taken == {}
            journal.ready.set()
            async with journal.follow(call) as lines:
                async for line in lines:
                    if decode_entry(line.body).key == "offer-1":
                        break
            before = journal.position
            answer = await kit.ask(post(offer))  # the carrier tries again
            assert answer.status == 200
            assert b'"answer"' in answer.body
            kinds: list[str] = []
            async with journal.read(call) as lines:
                async for line in lines:
                    kinds.append(type(decode_entry(line.body).event).kind)
            assert kinds.count("call.offered") == 1
            assert journal.position >= before
            nursery.cancel_scope.cancel()

    serve(story)
