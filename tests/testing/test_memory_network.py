"""Calls with simulated people, in memory, on a clock that jumps."""

from __future__ import annotations

import time
from typing import Any

import pytest
import trio

from tests.testing.stage import MEDIA_ORDER, US, WEBHOOK, Line, World, actions, ok, play
from voicecall.events import AnyEvent
from voicecall.events import facts as fact
from voicecall.ports import HttpResponse, MediaDigits, MediaSpeech, MediaStop
from voicecall.testing.people import PEOPLE
from voicecall.testing.voice import say

SOMEBODY = "+15551112222"


def ms(seconds: float) -> int:
    return round(seconds * 1000)


async def greet(line: Line) -> None:
    """Say hello and answer whatever is said."""
    await line.until(lambda: bool(line.heard))
    line.speak("Hello, nice to meet you.", mark="greeting")
    for turn in range(1, 1_000):
        if not await line.until(lambda turn=turn: len(line.finals()) >= turn):
            return
        await trio.sleep(0.5)
        line.speak(f"You said {line.finals()[-1]}", mark=f"reply {turn}")


def test_a_whole_conversation() -> None:
    async def story(world: World) -> None:
        await world.dial("+15550001001")
        call = await world.ended()
        assert world.server.kinds() == ["call.initiated", "call.ringing", "call.answered", "call.ended"]
        assert (call["status"], call["answered"], call["reason"], call["dials"]) == ("ended", True, "hangup-user", 1)
        assert world.server.events[-1] == fact.CallEnded(reason="hangup-user", vendor_code="hangup-user")
        assert [one["text"] for one in call["said"]] == [
            "Hello, this is Alex. How are you?",
            "That sounds good to me. Thank you, goodbye.",
        ]
        (line,) = world.server.lines
        assert (line.start.vendor_call_id, line.start.ticket) == ("mock-c1", "t-1")
        assert line.of(MediaStop) == [MediaStop(reason="hangup-user")]
        assert call["marks"] == {"received": 3, "played": 3, "cleared": 0}
        assert len(call["heard"]) == 3
        assert call["mediaSockets"] == 1
        assert not call["mediaOpen"]

    play(story, on_line=greet)


def test_what_is_said_arrives_to_the_last_sample_and_so_does_what_is_heard() -> None:
    async def story(world: World) -> None:
        await world.dial(SOMEBODY, ["answer", {"do": "hear"}, {"do": "say", "text": "One two three four."}, "hangUp"])
        call = await world.ended()
        (line,) = world.server.lines
        expected = say("One two three four.")
        assert line.sound[: len(expected)] == expected
        assert set(line.sound[len(expected) :]) <= {0xFF}
        assert call["framesOut"] == -(-len(expected) // 160)
        (said,), (heard,) = call["said"], call["heard"]
        assert said["endMs"] - said["startMs"] == pytest.approx(len(expected) / 8, abs=100)
        greeting_ms = len(say("Hello, nice to meet you.")) // 8
        assert heard["endMs"] - heard["startMs"] == pytest.approx(greeting_ms, abs=40)
        assert call["framesIn"] == -(-greeting_ms // 20)
        assert said["startMs"] - heard["endMs"] == pytest.approx(700, abs=150)

    async def hello(line: Line) -> None:
        await trio.sleep(0.1)
        line.speak("Hello, nice to meet you.")

    play(story, on_line=hello)


def test_hints_follow_the_sound() -> None:
    async def story(world: World) -> None:
        await world.dial(SOMEBODY, ["answer", {"do": "wait", "ms": 1000}, {"do": "say", "text": "Is it open?"}])
        await trio.sleep(10)
        (line,) = world.server.lines
        length_ms = len(say("Is it open?")) // 8
        partial, final = line.of(MediaSpeech)
        assert (partial.text, partial.final, final.text, final.final) == ("Is", False, "Is it open?", True)
        assert final.started_ms == pytest.approx(1000, abs=60)
        assert final.ended_ms - final.started_ms == pytest.approx(length_ms, abs=120)
        told_at = next(at for at, one in line.heard if one is final)
        opened_at = line.heard[0][0]
        assert ms(told_at - opened_at) == pytest.approx(final.ended_ms + 200, abs=120)
        await world.ask("POST", "/calls/mock-c1/hangup", {"reason": "hangup-bot"})
        await world.ended()

    play(story)


# --- playout, marks and clear ----------------------------------------------------------------------------------------


def test_a_mark_comes_back_when_the_sound_before_it_was_really_played() -> None:
    async def story(world: World) -> None:
        await world.dial(SOMEBODY, ["answer", "staySilent"])
        await trio.sleep(5)
        (line,) = world.server.lines
        begun = trio.current_time()
        line.end.send(b'{"event":"mark","streamId":"s","name":"nothing before me"}')
        line.speak("A sentence of some length.", mark="one")
        line.speak("Another one.", mark="two")
        await trio.sleep(10)
        (first, _), (one, _), (two, _) = line.marks()
        length = len(say("A sentence of some length.")) / 8_000
        assert first - begun < 0.11
        assert one - begun == pytest.approx(length, abs=0.16)
        assert two - one == pytest.approx(len(say("Another one.")) / 8_000, abs=0.16)
        assert one - begun >= length
        await world.ask("POST", "/calls/mock-c1/hangup", {})
        call = await world.ended()
        assert call["marks"] == {"received": 3, "played": 3, "cleared": 0}

    play(story)


def test_clear_drops_what_was_not_played_and_returns_its_marks_at_once() -> None:
    async def story(world: World) -> None:
        await world.dial(SOMEBODY, ["answer", "staySilent"])
        await trio.sleep(5)
        (line,) = world.server.lines
        text = "A sentence that is long enough to be interrupted in the middle of it."
        line.speak(text, mark="end")
        await trio.sleep(1)
        line.end.send(b'{"event":"clear","streamId":"s"}')
        cleared = trio.current_time()
        await trio.sleep(5)
        ((at, name),) = line.marks()
        assert name == "end"
        assert at - cleared < 0.06
        await world.ask("POST", "/calls/mock-c1/hangup", {})
        call = await world.ended()
        assert call["marks"] == {"received": 1, "played": 0, "cleared": 1}
        assert call["clears"] == 1
        (heard,) = call["heard"]
        played_ms = heard["endMs"] - heard["startMs"]
        assert played_ms == pytest.approx(1000, abs=160)
        assert played_ms + call["droppedMs"] == pytest.approx(len(say(text)) / 8, abs=60)

    play(story)


def test_an_interrupter_speaks_while_it_is_spoken_to() -> None:
    async def story(world: World) -> None:
        steps = ["answer", {"do": "interrupt", "text": "Stop, please.", "afterMs": 1000}]
        await world.dial(SOMEBODY, steps)
        await trio.sleep(20)
        await world.ask("POST", "/calls/mock-c1/hangup", {})
        call = await world.ended()
        (said,), (heard,) = call["said"], call["heard"]
        assert said["startMs"] - heard["startMs"] == pytest.approx(1000, abs=160)
        assert heard["endMs"] > said["endMs"]

    async def talk(line: Line) -> None:
        await trio.sleep(0.5)
        line.speak("I could go on about this for a very long time, and as you see I do, without a pause.")

    play(story, on_line=talk)


# --- how a phone is answered or not ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "reason", "kinds", "seconds"),
    [
        ("+15550001003", "no-answer", ["call.initiated", "call.ringing", "call.ended"], 12),
        ("+15550001004", "busy", ["call.initiated", "call.ended"], 0),
        ("+15550001005", "declined", ["call.initiated", "call.ringing", "call.ended"], 2),
    ],
)
def test_not_everybody_picks_up(number: str, reason: str, kinds: list[str], seconds: int) -> None:
    async def story(world: World) -> None:
        begun = trio.current_time()
        await world.dial(number, ringTimeoutMs=12_000)
        call = await world.ended()
        assert world.server.kinds() == kinds
        assert (call["answered"], call["reason"]) == (False, reason)
        assert trio.current_time() - begun == pytest.approx(seconds, abs=0.3)

    play(story)


def test_rings_take_their_time() -> None:
    async def story(world: World) -> None:
        script = {"steps": [{"do": "answer", "rings": 3}, "staySilent"], "ringMs": 500}
        await world.dial(SOMEBODY, script)
        await trio.sleep(3)
        times = {one["what"]: one["atMs"] for one in world.network.board.report()["calls"][0]["timeline"]}
        assert times["call.answered"] - times["call.ringing"] == 1_500

    play(story)


def test_a_voicemail_greets_beeps_records_and_hangs_up() -> None:
    async def story(world: World) -> None:
        await world.dial("+15550001006")
        call = await world.ended()
        assert call["reason"] == "hangup-user"
        assert "beep" in [one["what"] for one in call["timeline"]]
        assert call["heardMs"] > 1_000
        (line,) = world.server.lines
        assert any(one.text.startswith("You have reached") for one in line.of(MediaSpeech))

    async def leave_message(line: Line) -> None:
        await trio.sleep(8)
        line.speak("Please call me back, it is important.")

    play(story, on_line=leave_message)


def test_keys_travel_both_ways() -> None:
    async def story(world: World) -> None:
        await world.dial(SOMEBODY, ["answer", {"do": "wait", "ms": 500}, {"do": "press", "digits": "12#"}])
        await trio.sleep(5)
        (line,) = world.server.lines
        assert line.of(MediaDigits) == [MediaDigits(digits=one) for one in "12#"]
        assert await world.ask("POST", "/calls/mock-c1/digits", {"digits": "4w2"}) == (200, {"status": "answered"})
        assert (await world.ask("POST", "/calls/mock-c1/digits", {"digits": "x"}))[0] == 400
        await world.ask("POST", "/calls/mock-c1/hangup", {})
        assert (await world.ended())["keysHeard"] == "4w2"

    play(story)


def test_without_a_media_stream_speech_and_keys_come_as_webhooks() -> None:
    def no_media(event: AnyEvent | None, _: dict[str, Any]) -> HttpResponse | None:
        return ok() if isinstance(event, fact.CallAnswered) else None

    async def story(world: World) -> None:
        steps = ["answer", {"do": "say", "text": "Is anybody there?"}, {"do": "press", "digits": "5"}, "hangUp"]
        await world.dial(SOMEBODY, steps)
        call = await world.ended()
        assert fact.CallerSaid(text="Is anybody there?") in world.server.events
        assert fact.DigitsPressed(digits="5") in world.server.events
        assert call["mediaSockets"] == 0

    play(story, answer=no_media)


# --- inbound ---------------------------------------------------------------------------------------------------------


def test_somebody_calls_us_and_the_reply_answers_and_carries_the_sound() -> None:
    async def story(world: World) -> None:
        body = {"from": SOMEBODY, "to": US, "webhookUrl": WEBHOOK}
        status, offered = await world.ask("POST", "/offers", body)
        assert (status, offered["direction"], offered["status"]) == (201, "inbound", "initiated")
        call = await world.ended()
        assert world.server.raw[0]["from"] == SOMEBODY
        assert world.server.kinds() == ["call.initiated", "call.answered", "call.ended"]
        assert (call["answered"], call["mediaSockets"], call["reason"]) == (True, 1, "hangup-user")
        assert len(call["said"]) == 2

    play(story, on_line=greet)


def test_an_inbound_call_may_be_rejected_or_left_ringing() -> None:
    async def story(world: World) -> None:
        for caller in ("+15550002222", "+15550003333"):
            await world.ask("POST", "/offers", {"from": caller, "to": US, "webhookUrl": WEBHOOK})
        await trio.sleep(60)
        rejected, ignored = world.network.board.report()["calls"]
        assert (rejected["answered"], rejected["reason"]) == (False, "rejected")
        assert (ignored["answered"], ignored["reason"]) == (False, "hangup-user")
        assert rejected["providerCallId"] != ignored["providerCallId"]

    def refuse(_: AnyEvent | None, plain: dict[str, Any]) -> HttpResponse | None:
        return actions({"reject": {"reason": "not-allowed"}}) if plain["from"] == "+15550002222" else ok()

    play(story, answer=refuse)


# --- when our side fails ---------------------------------------------------------------------------------------------


def test_webhooks_are_tried_again_in_order_with_the_same_id() -> None:
    refused = 0

    def busy_at_first(_: AnyEvent | None, plain: dict[str, Any]) -> HttpResponse | None:
        nonlocal refused
        if plain["type"] == "call.ringing" and refused < 3:
            refused += 1
            return HttpResponse(status=503)
        return None

    async def story(world: World) -> None:
        await world.dial(SOMEBODY, ["answer", {"do": "wait", "ms": 15_000}, "hangUp"])
        await world.ended()
        ringing = [one for one in world.server.raw if one["type"] == "call.ringing"]
        assert len(ringing) == 4
        assert len({one["id"] for one in ringing}) == 1
        assert world.server.kinds()[5:] == ["call.answered", "call.ended"]
        tally = world.network.board.report()["webhooks"]
        assert tally == {"sent": 4, "acknowledged": 4, "refused": 0, "retried": 3, "givenUp": 0}

    play(story, answer=busy_at_first)


def test_a_webhook_is_given_up_after_a_minute_and_a_refused_one_at_once() -> None:
    def never(_: AnyEvent | None, plain: dict[str, Any]) -> HttpResponse | None:
        return HttpResponse(status=401 if plain["type"] == "call.initiated" else 500)

    async def story(world: World) -> None:
        await world.dial("+15550001004")
        await trio.sleep(100)
        tally = world.network.board.report()["webhooks"]
        assert (tally["sent"], tally["refused"], tally["givenUp"], tally["acknowledged"]) == (2, 1, 1, 0)

    play(story, answer=never)


def test_a_broken_media_stream_is_led_back_to_us() -> None:
    async def story(world: World) -> None:
        await world.dial(SOMEBODY, ["answer", "staySilent"])
        await trio.sleep(5)
        world.server.lines[0].end.cut()
        await trio.sleep(2)
        first, second = world.server.lines
        assert first.start.stream_id != second.start.stream_id
        answered = [one for one in world.server.raw if one["type"] == "call.answered"]
        assert len({one["id"] for one in answered}) == 2
        second.speak("I am back.", mark="back")
        await trio.sleep(5)
        assert [name for _, name in second.marks()] == ["back"]
        await world.ask("POST", "/calls/mock-c1/hangup", {})
        assert (await world.ended())["mediaSockets"] == 2

    play(story)


def test_a_stream_that_nobody_wants_back_ends_the_call_after_a_minute() -> None:
    asked: list[float] = []

    def once(event: AnyEvent | None, _: dict[str, Any]) -> HttpResponse | None:
        if isinstance(event, fact.CallAnswered):
            asked.append(trio.current_time())
            return None if len(asked) == 1 else ok()
        return None

    async def story(world: World) -> None:
        await world.dial(SOMEBODY, ["answer", "staySilent"])
        await trio.sleep(5)
        cut = trio.current_time()
        world.server.lines[0].end.cut()
        call = await world.ended()
        assert call["reason"] == "error"
        assert trio.current_time() - cut == pytest.approx(60, abs=0.5)
        assert len(asked) > 5

    play(story, answer=once)


def test_the_stream_can_also_be_opened_by_request_but_only_one_at_a_time() -> None:
    async def story(world: World) -> None:
        await world.dial(SOMEBODY, ["answer", "staySilent"])
        await trio.sleep(1)
        assert (await world.ask("POST", "/calls/mock-c1/media", MEDIA_ORDER))[0] == 409
        await trio.sleep(4)
        assert (await world.ask("POST", "/calls/mock-c1/media", MEDIA_ORDER))[0] == 200
        await trio.sleep(1)
        assert len(world.server.lines) == 1
        assert (await world.ask("POST", "/calls/mock-c1/media", MEDIA_ORDER))[0] == 409
        assert (await world.ask("POST", "/calls/mock-c1/media", {}))[0] == 400
        await world.ask("POST", "/calls/mock-c1/hangup", {"reason": "timeout"})
        assert (await world.ended())["reason"] == "timeout"
        assert (await world.ask("POST", "/calls/mock-c1/hangup", {}))[0] == 404

    def no_media(event: AnyEvent | None, _: dict[str, Any]) -> HttpResponse | None:
        return ok() if isinstance(event, fact.CallAnswered) else None

    play(story, answer=no_media)


# --- time and silence ------------------------------------------------------------------------------------------------


def test_five_minutes_of_conversation_take_less_than_a_second() -> None:
    turns = [step for _ in range(22) for step in ({"do": "hear"}, {"do": "say", "text": "Tell me more about that."})]

    async def story(world: World) -> None:
        await world.dial(SOMEBODY, ["answer", *turns, {"do": "wait", "ms": 200_000}, "hangUp"])
        call = await world.ended()
        assert len(call["said"]) == 22
        assert trio.current_time() > 300

    begun = time.perf_counter()
    play(story, on_line=greet)
    assert time.perf_counter() - begun < 1.0


def test_the_longest_silence_after_the_person_spoke_is_known() -> None:
    async def story(world: World) -> None:
        steps: list[Any] = ["answer", {"do": "say", "text": "Hello?"}, {"do": "hear"}, {"do": "wait", "ms": 9_000}]
        await world.dial(
            SOMEBODY, [*steps, {"do": "say", "text": "Are you there?"}, {"do": "wait", "ms": 5_000}, "hangUp"]
        )
        call = await world.ended()
        assert call["longestSilenceMs"] == pytest.approx(5_200, abs=150)

    async def answer_late(line: Line) -> None:
        await line.until(lambda: bool(line.finals()))
        await trio.sleep(3)
        line.speak("Yes, I am.")

    play(story, on_line=answer_late)


def test_everybody_in_the_table_is_reachable() -> None:
    async def story(world: World) -> None:
        for index, number in enumerate(PEOPLE):
            await world.dial(number, call_id=f"c{index}")
        await trio.sleep(200)
        for index in range(len(PEOPLE)):
            await world.ask("POST", f"/calls/mock-c{index}/hangup", {})
        await trio.sleep(5)
        report = world.network.board.report()
        assert (report["living"], report["mediaSocketsOpen"], report["dials"]) == (0, 0, len(PEOPLE))

    play(story, on_line=greet)
