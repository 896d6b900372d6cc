"""Voicecall dies in the middle of a call and comes back, or its media stream breaks; the person stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio

from tests.carriers.restarting import BACK, STREAMED, begin, facts, live, serve
from tests.carriers.scenarios import REPLIES
from tests.carriers.stage import MESSAGE, Stage
from tests.carriers.wires import STREAMS, VOICES, Wire
from voicecall.core.state import Phase
from voicecall.events import facts as fact
from voicecall.ports import Exchange, Fetch, HttpRequest
from voicecall.testing.faults import load_faults
from voicecall.testing.memory_system import MemoryTown
from voicecall.testing.script import Answer, HangUp, Hear, NeverAnswer, Say, StaySilent, Wait

NOBODY_ANSWERED = {
    "twilio": ("no-answer", "no-answer"),
    "telnyx": ("completed", "ended"),
    "plivo": ("no-answer", "6010 Ring Timeout Reached (Plivo)"),
}
"""What a carrier that is asked later says of a call that nobody answered: our reason, and its own word."""


@pytest.mark.parametrize("wire", STREAMS, ids=str)
def test_a_streamed_call_goes_on_within_ten_seconds_with_a_fresh_ticket(wire: Wire) -> None:
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
        call_id = await begin(town, wire.settings, *steps, until=fact.PlaybackFinished, number=2)
        await trio.sleep(4)
        async with serve(town, wire.settings) as system:
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

    live(wire.carrier, story)


@pytest.mark.parametrize("wire", STREAMS, ids=str)
def test_a_stream_that_breaks_is_opened_again_and_the_conversation_goes_on(wire: Wire) -> None:
    async def story(town: MemoryTown) -> None:
        async with serve(town, wire.settings) as system:
            town.network.board.faults.play(load_faults({"media": [{"do": "cut", "afterMs": 6_000, "times": 1}]}))
            stage = Stage(system=system)
            call_id = await stage.call(Answer(), Hear(), Wait(ms=6_000), Say(text="What was that?"), Hear(), HangUp())
            told = await stage.told(call_id)
            assert told.said == (f"bot: {MESSAGE} {BACK}", "user: What was that?", f"bot: {REPLIES[0]}")
            closed, _ = await facts(system, call_id, fact.MediaClosed)
            assert isinstance(closed.event, fact.MediaClosed)
            assert closed.event.reason == "lost"

    live(wire.carrier, story)


@pytest.mark.parametrize("wire", STREAMS, ids=str)
def test_a_call_that_rang_while_we_were_away_is_heard_of_when_it_is_answered(wire: Wire) -> None:
    async def story(town: MemoryTown) -> None:
        steps = (Answer(rings=3), Hear(), Say(text="Hello?"), Hear(), HangUp())
        call_id = await begin(town, wire.settings, *steps, until=fact.DialAccepted)
        await trio.sleep(2)
        async with serve(town, wire.settings) as system:
            told = await Stage(system=system).told(call_id)
            assert told.said == (f"bot: {MESSAGE}", "user: Hello?", f"bot: {REPLIES[0]}")
            (reconciled,) = await facts(system, call_id, fact.CallReconciled)
            assert isinstance(reconciled.event, fact.CallReconciled)
            assert (reconciled.event.alive, reconciled.event.answered) == (True, False)

    live(wire.carrier, story)


async def answered_while_away(town: MemoryTown, away_s: float) -> list[str]:
    """Somebody answers while nobody listens, and has a conversation all the same; what the network saw happen."""
    steps = (Answer(), Hear(), Say(text="Hello?"), Hear(), HangUp())
    call_id = await begin(town, STREAMED, *steps, until=fact.DialAccepted)
    await trio.sleep(away_s)
    async with serve(town, STREAMED) as system:
        told = await Stage(system=system).told(call_id)
        assert told.said == (f"bot: {MESSAGE}", "user: Hello?", f"bot: {REPLIES[0]}")
        (call,) = town.network.board.report()["calls"]
        return [one["what"] for one in call["timeline"]]


@pytest.mark.parametrize(
    ("carrier", "first", "second"),
    [("twilio", "voice", "voice.fallback"), ("plivo", "answer", "fallback")],
    ids=["twilio", "plivo"],
)
def test_an_answer_while_we_are_away_is_asked_about_at_the_fallback_too(carrier: str, first: str, second: str) -> None:
    async def story(town: MemoryTown) -> None:
        happened = await answered_while_away(town, 9)  # five retries of the first URL are in vain
        assert f"webhook {first} was given up: nobody listens" in happened
        assert second in happened

    live(carrier, story)


def test_the_news_of_an_answer_outlasts_our_absence() -> None:
    async def story(town: MemoryTown) -> None:
        await answered_while_away(town, 12)  # longer than the three attempts that are usual

    live("telnyx", story)


@pytest.mark.parametrize("wire", VOICES, ids=str)
def test_a_carrier_that_speaks_and_listens_goes_on_listening_while_we_are_away(wire: Wire) -> None:
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
        call_id = await begin(town, wire.settings, *steps, until=fact.PlaybackFinished, number=2)
        await trio.sleep(2)
        async with serve(town, wire.settings) as system:
            told = await Stage(system=system).told(call_id)
            assert told.said[-2:] == ("user: Still there?", f"bot: {REPLIES[1]}")
            assert told.reason == "hangup-user"

    live(wire.carrier, story)


@pytest.mark.parametrize("wire", VOICES, ids=str)
def test_what_the_carrier_was_saying_when_we_died_is_not_said_again_by_mistake(wire: Wire) -> None:
    async def story(town: MemoryTown) -> None:
        call_id = await begin(town, wire.settings, Answer(), StaySilent(), until=fact.PlaybackStarted)
        async with serve(town, wire.settings) as system:
            lost = await Stage(system=system).until(call_id, fact.EffectFailed)
            assert isinstance(lost.event, fact.EffectFailed)
            assert lost.event.reason == "restart"
            ended = await system.ended(call_id)
            assert (await system.replayed(call_id)).ledger.state.phase is Phase.ENDED
            assert isinstance(ended.event, fact.CallEnded)

    live(wire.carrier, story)


@pytest.mark.parametrize("carrier", NOBODY_ANSWERED)
def test_a_call_that_ended_while_we_were_away_is_over_when_we_are_back(carrier: str) -> None:
    async def story(town: MemoryTown) -> None:
        call_id = await begin(town, STREAMED, NeverAnswer(), until=fact.DialAccepted)
        await trio.sleep(60)
        async with serve(town, STREAMED) as system:
            ended = (await system.ended(call_id)).event
            assert isinstance(ended, fact.CallEnded)
            assert (ended.reason, ended.vendor_code) == NOBODY_ANSWERED[carrier]
            assert (await system.replayed(call_id)).divergences == ()

    live(carrier, story)


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
    async def story(town: MemoryTown) -> None:
        async with serve(town, STREAMED) as system:
            town.network.board.faults.play(load_faults({"media": [{"do": "cut", "afterMs": 6_000, "times": 1}]}))
            stage = Stage(system=system)
            steps = (Answer(), Hear(), Wait(ms=9_000), Say(text="What was that?"), Hear(), HangUp())
            told = await stage.told(await stage.call(*steps))
            assert told.said == (f"bot: {MESSAGE} {BACK}", "user: What was that?", f"bot: {REPLIES[0]}")

    live("plivo", story, faulty=losing(flow))
