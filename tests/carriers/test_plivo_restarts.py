"""Voicecall dies in the middle of a Plivo call and comes back, or its media stream breaks; the person stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio
import trio.testing

from tests.carriers.restarting import BACK, CARRIED, STREAMED, begin, facts, live, serve
from tests.carriers.scenarios import LONGEST_S, REPLIES
from tests.carriers.stage import MESSAGE, Stage
from voicecall.core.state import Phase
from voicecall.events import facts as fact
from voicecall.ports import Exchange, Fetch, HttpRequest
from voicecall.testing.faults import load_faults
from voicecall.testing.memory_system import MemoryTown, open_memory_town
from voicecall.testing.script import Answer, HangUp, Hear, NeverAnswer, Say, StaySilent, Wait


def test_a_streamed_call_goes_on_within_ten_seconds_with_a_fresh_ticket() -> None:
    async def story(town: MemoryTown) -> None:
        steps = (
            Answer(),
            Hear(),
            Say(text="Hello?"),
            Hear(),
            Wait(ms=9_000),
            Say(text="Still there?"),
            Hear(),
            HangUp(),
        )
        call_id = await begin(town, STREAMED, *steps, until=fact.PlaybackFinished, number=2)
        await trio.sleep(4)
        async with serve(town, STREAMED) as system:
            returned = town.true_time()
            told = await Stage(system=system).told(call_id)
            assert told.reason == "hangup-user"
            assert told.said == (
                f"bot: {MESSAGE}",
                "user: Hello?",
                f"bot: {REPLIES[0]} {BACK}",
                "user: Still there?",
                f"bot: {REPLIES[1]}",
            )
            first, second = await facts(system, call_id, fact.MediaOpened)
            assert second.at - returned < 10_000
            assert isinstance(first.event, fact.MediaOpened)
            assert isinstance(second.event, fact.MediaOpened)
            assert first.event.ticket != second.event.ticket
            assert first.event.stream_id != second.event.stream_id
            (call,) = town.network.board.report()["calls"]
            assert call["mediaSockets"] == 2

    live("plivo", story)


def test_a_stream_that_breaks_is_opened_again_and_the_conversation_goes_on() -> None:
    async def story(town: MemoryTown) -> None:
        async with serve(town, STREAMED) as system:
            town.network.board.faults.play(load_faults({"media": [{"do": "cut", "afterMs": 6_000, "times": 1}]}))
            stage = Stage(system=system)
            call_id = await stage.call(Answer(), Hear(), Wait(ms=6_000), Say(text="What was that?"), Hear(), HangUp())
            told = await stage.told(call_id)
            assert told.said == (f"bot: {MESSAGE} {BACK}", "user: What was that?", f"bot: {REPLIES[0]}")
            closed, _ = await facts(system, call_id, fact.MediaClosed)
            assert isinstance(closed.event, fact.MediaClosed)
            assert closed.event.reason == "lost"

    live("plivo", story)


def test_a_call_that_rang_while_we_were_away_is_heard_of_when_it_is_answered() -> None:
    async def story(town: MemoryTown) -> None:
        steps = (Answer(rings=3), Hear(), Say(text="Hello?"), Hear(), HangUp())
        call_id = await begin(town, STREAMED, *steps, until=fact.DialAccepted)
        await trio.sleep(2)
        async with serve(town, STREAMED) as system:
            told = await Stage(system=system).told(call_id)
            assert told.said == (f"bot: {MESSAGE}", "user: Hello?", f"bot: {REPLIES[0]}")
            (reconciled,) = await facts(system, call_id, fact.CallReconciled)
            assert isinstance(reconciled.event, fact.CallReconciled)
            assert (reconciled.event.alive, reconciled.event.answered) == (True, False)

    live("plivo", story)


def test_an_answer_while_we_are_away_is_asked_about_at_the_fallback_too() -> None:
    async def story(town: MemoryTown) -> None:
        steps = (Answer(), Hear(), Say(text="Hello?"), Hear(), HangUp())
        call_id = await begin(town, STREAMED, *steps, until=fact.DialAccepted)
        await trio.sleep(9)  # five retries of the first URL are in vain
        async with serve(town, STREAMED) as system:
            told = await Stage(system=system).told(call_id)
            assert told.said == (f"bot: {MESSAGE}", "user: Hello?", f"bot: {REPLIES[0]}")
            (call,) = town.network.board.report()["calls"]
            happened = [one["what"] for one in call["timeline"]]
            assert "webhook answer was given up: nobody listens" in happened
            assert "fallback" in happened

    live("plivo", story)


def test_a_carrier_that_speaks_and_listens_goes_on_listening_while_we_are_away() -> None:
    async def story(town: MemoryTown) -> None:
        steps = (
            Answer(),
            Hear(),
            Say(text="Hello?"),
            Hear(),
            Wait(ms=5_000),
            Say(text="Still there?"),
            Hear(),
            HangUp(),
        )
        call_id = await begin(town, CARRIED, *steps, until=fact.PlaybackFinished, number=2)
        await trio.sleep(2)
        async with serve(town, CARRIED) as system:
            told = await Stage(system=system).told(call_id)
            assert told.said[-2:] == ("user: Still there?", f"bot: {REPLIES[1]}")
            assert told.reason == "hangup-user"

    live("plivo", story)


def test_what_the_carrier_was_saying_when_we_died_is_not_said_again_by_mistake() -> None:
    async def story(town: MemoryTown) -> None:
        call_id = await begin(town, CARRIED, Answer(), StaySilent(), until=fact.PlaybackStarted)
        async with serve(town, CARRIED) as system:
            lost = await Stage(system=system).until(call_id, fact.EffectFailed)
            assert isinstance(lost.event, fact.EffectFailed)
            assert lost.event.reason == "restart"
            ended = await system.ended(call_id)
            assert (await system.replayed(call_id)).ledger.state.phase is Phase.ENDED
            assert isinstance(ended.event, fact.CallEnded)

    live("plivo", story)


def test_a_call_that_ended_while_we_were_away_is_over_when_we_are_back() -> None:
    async def story(town: MemoryTown) -> None:
        call_id = await begin(town, STREAMED, NeverAnswer(), until=fact.DialAccepted)
        await trio.sleep(60)
        async with serve(town, STREAMED) as system:
            ended = (await system.ended(call_id)).event
            assert isinstance(ended, fact.CallEnded)
            assert (ended.reason, ended.vendor_code) == ("no-answer", "6010 Ring Timeout Reached (Plivo)")
            assert (await system.replayed(call_id)).divergences == ()

    live("plivo", story)


def losing(flow: str) -> Callable[[Fetch], Fetch]:
    """The first answer to a request of this flow never arrives."""
    lost: list[HttpRequest] = []

    def faulty(fetch: Fetch) -> Fetch:
        async def lossy(request: HttpRequest) -> Exchange:
            exchange = await fetch(request)
            if lost or f"flow={flow}" not in request.url:
                return exchange
            lost.append(request)
            return Exchange(request=request, error="ReadTimeout: the answer was lost")

        return lossy

    return faulty


@pytest.mark.parametrize("flow", ["answer", "stream", "asked"])
def test_instructions_whose_answer_was_lost_are_the_same_when_they_are_asked_for_again(flow: str) -> None:
    async def main() -> None:
        with trio.fail_after(LONGEST_S):
            async with open_memory_town(carrier="plivo", faulty=losing(flow)) as town, serve(town, STREAMED) as system:
                town.network.board.faults.play(load_faults({"media": [{"do": "cut", "afterMs": 6_000, "times": 1}]}))
                stage = Stage(system=system)
                steps = (Answer(), Hear(), Wait(ms=9_000), Say(text="What was that?"), Hear(), HangUp())
                told = await stage.told(await stage.call(*steps))
                assert told.said == (f"bot: {MESSAGE} {BACK}", "user: What was that?", f"bot: {REPLIES[0]}")

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
