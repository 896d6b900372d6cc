"""Webhooks that come again or are about others' calls, on each carrier's own wire (``docs/faults.md``)."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
import trio.testing
from attrs import define, field
from attrs import evolve as change

from tests.carriers.restarting import CARRIED, STREAMED
from tests.carriers.scenarios import GREETING, LONGEST_S, REPLIES, Stage
from tests.carriers.stage import THEM
from voicecall.actors.identity import inbound_call_id
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.events import CallId
from voicecall.events import facts as fact
from voicecall.ports import Exchange, Fetch, HttpRequest
from voicecall.projections.transcript import transcript
from voicecall.testing.happenings import Offer
from voicecall.testing.memory_system import OURS, WEBHOOK_URL, MemorySystem, open_memory_system, open_memory_town
from voicecall.testing.script import Answer, HangUp, Hear, Say, Script
from voicecall.web.gate import receive

VENDORS = pytest.mark.parametrize("carrier", ["twilio", "telnyx", "plivo"])
WAYS = pytest.mark.parametrize("way", [STREAMED, CARRIED], ids=["streaming", "carrier's voice"])
TALK = (Hear(), Say(text="Yes."), Hear(), Say(text="Yes."), Hear(), HangUp())


@define
class Tape:
    """The webhooks of a network with their answers, in the order of the answers."""

    exchanges: list[Exchange] = field(factory=list[Exchange])

    def record(self, fetch: Fetch) -> Fetch:
        async def recorded(request: HttpRequest) -> Exchange:
            exchange = await fetch(request)
            self.exchanges.append(exchange)
            return exchange

        return recorded


def run(story: Any) -> None:
    async def main() -> None:
        with trio.fail_after(LONGEST_S):
            await story()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def happened(system: MemorySystem, call_id: CallId) -> list[Any]:
    """What is on record of a call, but for who wrote it."""
    return [one.event for one in await system.entries(call_id) if not isinstance(one.event, fact.ActorStarted)]


async def streams_of(system: MemorySystem) -> list[str]:
    async with system.journal.streams("call/") as streams:
        return [stream async for stream in streams]


@WAYS
@VENDORS
def test_every_webhook_of_a_call_that_comes_again_after_a_restart_gets_its_first_answer(
    carrier: str, way: dict[str, Any]
) -> None:
    async def story() -> None:
        tape = Tape()
        async with open_memory_town(carrier=carrier, faulty=tape.record) as town:
            async with town.serve(settings=way, agent=ScriptedAgent(REPLIES)) as system:
                stage = Stage(system=system)
                call_id = await stage.call(Answer(), *TALK)
                await stage.told(call_id)
                before = await happened(system, call_id)
            genuine = list(tape.exchanges)
            assert len(genuine) > 2
            async with town.serve(settings=way, agent=ScriptedAgent(REPLIES)) as system:
                for one in genuine:
                    assert await receive(system.calls.gate, one.request) == one.response
                await trio.sleep(30)
                assert await happened(system, call_id) == before
                assert await streams_of(system) == [f"call/{call_id}"]

    run(story)


def without_our_name(request: HttpRequest) -> HttpRequest:
    """The webhook as it comes of a call that somebody else placed, whose webhooks were set to our plain address."""
    url = request.url.partition("?")[0]
    if not request.body.startswith(b"{"):
        return change(request, url=url)
    told = json.loads(request.body)
    told["data"]["payload"].pop("client_state", None)
    return change(request, url=url, body=json.dumps(told).encode())


@WAYS
@VENDORS
def test_a_call_that_somebody_else_placed_is_none_of_ours(carrier: str, way: dict[str, Any]) -> None:
    """Unsigned, because nobody but the vendor could sign what is changed here."""

    async def story() -> None:
        tape = Tape()
        async with open_memory_system(carrier=carrier, settings=way, faulty=tape.record) as system:
            stage = Stage(system=system)
            await stage.told(await stage.call(Answer(), *TALK))
        settings = {**way, "inboundPolicy": "open", "skipSignatureVerification": True}
        async with open_memory_system(carrier=carrier, settings=settings) as system:
            for one in tape.exchanges:
                for request in (one.request, without_our_name(one.request)):
                    answer = await receive(system.calls.gate, request)
                    assert answer.status == 200
                    assert b"<Say" not in answer.body
                    assert b"Stream" not in answer.body
                assert system.calls.supervisor.live_calls == 0
            assert await streams_of(system) == []

    run(story)


@WAYS
@VENDORS
def test_two_who_call_at_once_are_both_served(carrier: str, way: dict[str, Any]) -> None:
    async def story() -> None:
        settings = {**way, "inboundGreeting": GREETING}
        async with open_memory_system(carrier=carrier, settings=settings, agent=ScriptedAgent(REPLIES)) as system:
            board = system.network.board
            calls: list[CallId] = []
            for caller, words in ((THEM, "I am the first."), ("+15551113333", "I am the second.")):
                script = Script(steps=(Hear(), Say(text=words), Hear(), HangUp()))
                offer = Offer(
                    caller=caller, callee=OURS, webhook_url=WEBHOOK_URL, status_url=WEBHOOK_URL, script=script
                )
                name = board.dialect.offer(offer).party.vendor_call_id
                calls.append(inbound_call_id(carrier, name))
            for call_id, words in zip(calls, ("I am the first.", "I am the second."), strict=True):
                await system.ended(call_id)
                said = [one.said for one in transcript(await system.entries(call_id))]
                assert said == [GREETING, words, REPLIES[0]]
            begun = [one["heard"][0]["startMs"] for one in board.report()["calls"]]
            assert abs(begun[0] - begun[1]) < 1_000

    run(story)
