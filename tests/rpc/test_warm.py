"""A host is told that its agent will be asked before it is, once a conversation, and never for a message."""

from __future__ import annotations

import trio

from tests.rpc.stage import FRIENDLY, LISTENER, SAYS_ONE_THING, Line, Plain, Stage, play
from tests.rpc.test_agent import GATEWAY, attach, done
from voicecall.events import CallId
from voicecall.events.facts import AgentFinished
from voicecall.rpc import connection
from voicecall.testing.happenings import Offer
from voicecall.testing.memory_system import OURS, WEBHOOK_URL


def warm(call_id: str) -> Plain:
    return {"jsonrpc": "2.0", "method": "agent.warm", "params": {"callId": call_id}}


async def hear(line: Line) -> list[Plain]:
    """Everything that was sent until an answer."""
    await line.send({"jsonrpc": "2.0", "id": "all", "method": "voicecall.ping"})
    heard = [await line.next()]
    while heard[-1].get("id") != "all":
        heard.append(await line.next())
    return heard[:-1]


def test_a_host_is_warned_when_it_rings_and_once() -> None:
    async def story(stage: Stage) -> None:
        host = await attach(stage)
        call_id = await stage.place(SAYS_ONE_THING)
        await stage.saw(call_id, "call.ringing")
        assert await hear(host) == [warm(call_id)]
        await stage.saw(call_id, "call.answered")
        assert await hear(host) == []
        asked = await host.next()
        assert asked["method"] == "agent.reply"
        await done(host, asked, text="Thank you.")

    play(story, **GATEWAY)


def test_a_message_that_nobody_answers_needs_no_agent() -> None:
    async def story(stage: Stage) -> None:
        host = await attach(stage)
        call_id = await stage.place(LISTENER, mode="notify")
        await stage.saw(call_id, "call.ended")
        assert await hear(host) == []

    play(story, **GATEWAY)


def test_who_calls_us_is_announced_as_well_unless_they_are_refused() -> None:
    async def call_in(stage: Stage) -> str:
        stage.town.network.board.dialect.offer(Offer(caller=FRIENDLY, callee=OURS, webhook_url=WEBHOOK_URL))
        async with stage.system.journal.follow() as lines:
            async for line in lines:
                if b"call.offered" in line.body:
                    return line.stream.removeprefix("call/")
        raise AssertionError("a follower does not end")

    async def welcome(stage: Stage) -> None:
        host = await attach(stage)
        call_id = await call_in(stage)
        assert await host.next() == warm(call_id)

    async def refused(stage: Stage) -> None:
        host = await attach(stage)
        await stage.saw(await call_in(stage), "call.ended")
        assert await hear(host) == []

    play(welcome, **GATEWAY, inboundPolicy="open")
    play(refused, **GATEWAY)


def test_the_host_that_came_last_is_warned_and_one_that_comes_later_of_what_goes_on() -> None:
    async def story(stage: Stage) -> None:
        first, second = await attach(stage), await attach(stage)
        call_id = await stage.place(LISTENER)
        await stage.saw(call_id, "call.answered")
        assert (await hear(first), await hear(second)) == ([], [warm(call_id)])
        later = await attach(stage)
        assert await hear(later) == [warm(call_id)]
        await stage.call("end", callId=call_id, requestId="e")
        await stage.saw(call_id, "call.ended")
        assert await hear(await attach(stage)) == []

    play(story, **GATEWAY)


def test_a_host_that_reads_nothing_is_not_asked_for_ever() -> None:
    """What waits for it is bounded; whoever is on the line hears the apology at once."""

    async def story(stage: Stage) -> None:
        gateway = stage.methods.gateway
        assert gateway is not None
        await attach(stage)
        await trio.testing.wait_all_tasks_blocked()
        (host,) = gateway._hosts
        for number in range(connection.QUESTIONS + connection.WAITING + 10):
            host.warm(CallId(f"call-{number}"))
            await trio.testing.wait_all_tasks_blocked()
        call_id = await stage.place(SAYS_ONE_THING)
        await stage.saw(call_id, "agent.finished")
        entries = await stage.system.entries(CallId(call_id))
        (finished,) = [one.event for one in entries if isinstance(one.event, AgentFinished)]
        assert (finished.reason, finished.detail) == ("failed", "NoReply: the host does not read what it is asked")

    play(story, **GATEWAY)
