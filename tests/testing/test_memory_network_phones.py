"""Phones in memory: who picks up and who does not, keys, and people who call us."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.testing.stage import SOMEBODY, US, WEBHOOK, Line, World, actions, greet, ok, play
from voicecall.events import AnyEvent
from voicecall.events import facts as fact
from voicecall.ports import HttpResponse, MediaDigits


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
        assert [one.startswith("You have reached") for one in line.finals()] == [True]

    async def leave_message(line: Line) -> None:
        await trio.sleep(8)
        line.speak("Please call me back, it is important.")

    play(story, on_line=leave_message)


@pytest.mark.parametrize(
    "script", [["voicemail", {"do": "press", "digits": "1"}], ["answer", "hangUp", {"do": "press", "digits": "1"}]]
)
def test_whoever_has_hung_up_does_nothing_more(script: list[Any]) -> None:
    async def story(world: World) -> None:
        await world.dial(SOMEBODY, script)
        call = await world.ended()
        assert call["reason"] == "hangup-user"
        assert "pressed 1" not in [one["what"] for one in call["timeline"]]

    play(story)


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
        status, offered = await world.ask("POST", "/_network/offers", body)
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
            await world.ask("POST", "/_network/offers", {"from": caller, "to": US, "webhookUrl": WEBHOOK})
        await trio.sleep(60)
        rejected, ignored = world.network.board.report()["calls"]
        assert (rejected["answered"], rejected["reason"]) == (False, "rejected")
        assert (ignored["answered"], ignored["reason"]) == (False, "hangup-user")
        assert rejected["providerCallId"] != ignored["providerCallId"]

    def refuse(_: AnyEvent | None, plain: dict[str, Any]) -> HttpResponse | None:
        return actions({"reject": {"reason": "not-allowed"}}) if plain["from"] == "+15550002222" else ok()

    play(story, answer=refuse)
