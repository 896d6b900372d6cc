"""Faults of the plugin before us that a whole call on a carrier's own wire would show (``docs/faults.md``)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
import structlog
import trio
import trio.testing
from attrs import evolve as change

from tests.carriers.restarting import CARRIED, STREAMED, facts
from tests.carriers.scenarios import GREETING, LONGEST_S, MESSAGE, REPLIES, Stage, losing_dials
from tests.carriers.stage import THEM
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.core.requests import Ask, EndCall
from voicecall.events import Mode
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Exchange, Fetch, HttpRequest
from voicecall.testing.faults import load_faults
from voicecall.testing.memory_system import OURS, open_memory_system
from voicecall.testing.script import Answer, HangUp, Hear, NeverAnswer, Say, StaySilent, Wait

QUESTION = "One more thing, before we go on: at which number can we reach you on Thursday in the afternoon?"
NEWS = "This is a message that takes far longer than three seconds to say, because there is so much to be told in it."

VENDORS = pytest.mark.parametrize("carrier", ["twilio", "telnyx", "plivo"])
WAYS = pytest.mark.parametrize("way", [STREAMED, CARRIED], ids=["streaming", "carrier's voice"])


def as_it_is(fetch: Fetch) -> Fetch:
    """Nothing is wrong with the carrier's API."""
    return fetch


def play(
    carrier: str,
    settings: Mapping[str, Any],
    story: Callable[[Stage], Awaitable[None]],
    faulty_api: Callable[[Fetch], Fetch] = as_it_is,
) -> None:
    """Tell a story of one system and one network."""

    async def main() -> None:
        told = {"inboundGreeting": GREETING, **settings}
        with trio.fail_after(LONGEST_S):
            async with open_memory_system(
                carrier=carrier, settings=told, agent=ScriptedAgent(REPLIES), faulty_api=faulty_api
            ) as system:
                await story(Stage(system=system))

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def seen(stage: Stage) -> dict[str, Any]:
    """The network's own view of the only call."""
    (call,) = stage.system.network.board.report()["calls"]
    return call


def whole(call: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """What the carrier's voice said, and whether it was left to finish."""
    return [(one["text"], one["whole"]) for one in call["carrierSaid"]]


# --- what we say -----------------------------------------------------------------------------------------------------


@WAYS
@VENDORS
def test_a_message_is_begun_once_and_said_to_its_end(carrier: str, way: dict[str, Any]) -> None:
    async def story(stage: Stage) -> None:
        told = await stage.told(await stage.call(Answer(), StaySilent(), message=NEWS, mode=Mode.NOTIFY))
        assert (told.reason, told.said, told.cut) == ("hangup-bot", (f"bot: {NEWS}",), ())
        call = seen(stage)
        assert call["clears"] == 0
        assert call["mediaSockets"] == (way is STREAMED)
        if way is CARRIED:
            assert whole(call) == [(NEWS, True)]

    play(carrier, way, story)


@WAYS
@VENDORS
def test_a_question_is_said_to_its_end_and_its_answer_is_heard_where_the_call_is(
    carrier: str, way: dict[str, Any]
) -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.call(Answer(), Hear(), Say(text="At this one."), StaySilent(), message="")
        await stage.until(call_id, fact.MediaOpened if way is STREAMED else fact.CallAnswered)
        await stage.ask(call_id, Ask(text=QUESTION))
        answered = await stage.until(call_id, fact.CallerSaid)
        assert isinstance(answered.event, fact.CallerSaid)
        assert answered.event.text == "At this one."
        assert not any(isinstance(effect, do.AskAgent) for effect in answered.effects)
        await trio.sleep(10)  # longer than any grace for a stream that was torn down
        await stage.ask(call_id, EndCall())
        told = await stage.told(call_id)
        assert (told.reason, told.cut) == ("hangup-bot", ())
        assert told.said == (f"bot: {QUESTION}", "user: At this one.")
        call = seen(stage)
        assert call["mediaSockets"] == (way is STREAMED)
        if way is CARRIED:
            assert whole(call) == [(QUESTION, True)]

    play(carrier, way, story)


# --- what they say ---------------------------------------------------------------------------------------------------


@WAYS
@VENDORS
def test_the_same_words_again_are_another_turn_also_after_a_long_silence(carrier: str, way: dict[str, Any]) -> None:
    async def story(stage: Stage) -> None:
        yes = Say(text="Yes.")
        told = await stage.told(await stage.call(Answer(), Hear(), yes, Hear(), yes, Hear(), Wait(ms=25_000), HangUp()))
        assert told.reason == "hangup-user"
        assert told.said == (f"bot: {MESSAGE}", "user: Yes.", f"bot: {REPLIES[0]}", "user: Yes.", f"bot: {REPLIES[1]}")

    async def quiet(stage: Stage) -> None:
        late = Say(text="Hello?")
        told = await stage.told(await stage.call(Answer(), Hear(), Wait(ms=25_000), late, Hear(), HangUp()))
        assert told.said == (f"bot: {MESSAGE}", "user: Hello?", f"bot: {REPLIES[0]}")

    play(carrier, way, story)
    play(carrier, way, quiet)


# --- who calls -------------------------------------------------------------------------------------------------------


@WAYS
@VENDORS
def test_a_caller_who_says_nothing_is_greeted_and_kept_as_long_as_a_call_may_last(
    carrier: str, way: dict[str, Any]
) -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.ring_us(StaySilent(), status_url="")  # nobody will report its end
        told = await stage.told(call_id)
        assert (told.reason, told.said, told.ended) == ("timeout", (f"bot: {GREETING}",), ("hangup", "api"))
        (answered,) = await facts(stage.system, call_id, fact.CallAnswered)
        fired = {one.event.name: one.at - answered.at for one in await facts(stage.system, call_id, fact.TimerFired)}
        assert fired["max_duration"] == pytest.approx(90_000, abs=100)
        assert seen(stage)["answered"]

    play(carrier, {**way, "maxDurationSeconds": 90}, story)


@WAYS
@VENDORS
def test_a_caller_who_is_refused_is_never_answered(carrier: str, way: dict[str, Any]) -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.ring_us(StaySilent())
        assert (await stage.told(call_id)).ended == ("rejected", "api")
        call = seen(stage)
        assert (call["answered"], call["mediaSockets"], call["carrierSaid"], call["heardMs"]) == (False, 0, [], 0)
        assert await facts(stage.system, call_id, fact.CallAnswered) == []

    play(carrier, {**way, "inboundPolicy": "disabled"}, story)


@WAYS
@VENDORS
def test_the_log_has_no_number_no_word_and_no_ticket(carrier: str, way: dict[str, Any]) -> None:
    async def story(stage: Stage) -> None:
        faults = {"webhooks": [{"do": "wrongSignature", "times": 1}, {"do": "duplicate"}]}
        stage.system.network.board.faults.play(load_faults(faults))
        await stage.told(await stage.call(Answer(), Hear(), Say(text="Yes, on Thursday."), Hear(), HangUp()))

    with structlog.testing.capture_logs() as logs:
        play(carrier, way, story, faulty_api=losing_dials)
    assert "webhook refused" in {log["event"] for log in logs}
    for secret in (THEM[1:], OURS[1:], "Thursday", REPLIES[0], "ticket"):
        assert secret not in repr(logs)


# --- what comes late -------------------------------------------------------------------------------------------------


@VENDORS
def test_news_of_a_call_that_is_long_over_begins_no_other(carrier: str) -> None:
    async def story(stage: Stage) -> None:
        board = stage.system.network.board
        board.faults.play(load_faults({"webhooks": [{"do": "delay", "ms": 200_000}]}))
        call_id = await stage.call(NeverAnswer())
        await stage.system.ended(call_id)
        assert board.report()["webhooks"]["acknowledged"] == 0
        await trio.sleep(240)
        assert board.report()["webhooks"]["acknowledged"] > 0
        assert stage.system.calls.supervisor.live_calls == 0
        async with stage.system.journal.streams("call/") as streams:
            assert [stream async for stream in streams] == [f"call/{call_id}"]

    play(carrier, {**CARRIED, "ringTimeoutMs": 20_000}, story)


def renaming_dials(fetch: Fetch) -> Fetch:
    """Plivo's answer to a dial names the request, and by another name than the call has."""

    async def renamed(request: HttpRequest) -> Exchange:
        exchange = await fetch(request)
        if exchange.response is None or b"request_uuid" not in exchange.response.body:
            return exchange
        body = json.dumps({"message": "call fired", "request_uuid": "a-request"}).encode()
        return change(exchange, response=change(exchange.response, body=body))

    return renamed


@pytest.mark.parametrize("late_ms", [0, 8_000], ids=["before the answer", "after the answer"])
def test_a_request_is_not_taken_for_its_call(late_ms: int) -> None:
    async def story(stage: Stage) -> None:
        stage.system.network.board.faults.play(load_faults({"rest": [{"do": "slow", "ms": late_ms, "times": 1}]}))
        call_id = await stage.call(Answer(rings=2), StaySilent())
        await stage.until(call_id, fact.DialAccepted)
        assert seen(stage)["answered"] is bool(late_ms)
        await stage.until(call_id, fact.CallAnswered)
        await stage.ask(call_id, EndCall())
        await stage.told(call_id)
        assert seen(stage)["ended"] == {"why": "hangup", "by": "api"}  # and not by the next document

    play("plivo", CARRIED, story, faulty_api=renaming_dials)
