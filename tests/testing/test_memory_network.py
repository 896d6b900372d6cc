"""Calls with simulated people, in memory, on a clock that jumps: what is said and heard."""

from __future__ import annotations

import pytest
import trio

from tests.testing.stage import SOMEBODY, Line, World, greet, ms, play
from voicecall.events import facts as fact
from voicecall.ports import MediaStop
from voicecall.testing.voice import say


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


def test_who_has_heard_somebody_out_waits_for_what_is_said_next() -> None:
    async def story(world: World) -> None:
        await world.dial(SOMEBODY, ["answer", "hear", "hear", {"do": "say", "text": "Both heard."}, "hangUp"])
        call = await world.ended()
        (said,), (first, second) = call["said"], call["heard"]
        assert second["startMs"] - first["endMs"] > 3_000
        assert said["startMs"] - second["endMs"] == pytest.approx(700, abs=150)

    async def twice(line: Line) -> None:
        await trio.sleep(0.1)
        line.speak("Hello, nice to meet you.")
        await trio.sleep(10)
        line.speak("Hello again.")

    play(story, on_line=twice)


def test_the_words_are_in_the_sound() -> None:
    async def story(world: World) -> None:
        await world.dial(SOMEBODY, ["answer", {"do": "wait", "ms": 1000}, {"do": "say", "text": "Is it open?"}])
        await trio.sleep(10)
        (line,) = world.server.lines
        ((told_at, said),) = line.said
        assert said.text == "Is it open?"
        assert said.ended_ms - said.started_ms == pytest.approx(len(say("Is it open?")) // 8, abs=40)
        opened_at = line.heard[0][0]
        assert ms(told_at - opened_at) == pytest.approx(1000 + said.ended_ms, abs=120)
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
