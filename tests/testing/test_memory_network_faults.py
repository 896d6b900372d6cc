"""The network in memory when our side is slow, wrong or gone; and how it sees time pass."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.testing.stage import MEDIA_ORDER, SOMEBODY, Line, World, greet, ok, play
from voicecall.events import AnyEvent
from voicecall.events import facts as fact
from voicecall.ports import HttpResponse
from voicecall.testing.people import PEOPLE


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


def test_five_minutes_of_conversation_are_a_few_thousand_steps() -> None:
    turns = [step for _ in range(22) for step in ({"do": "hear"}, {"do": "say", "text": "Tell me more about that."})]

    async def story(world: World) -> None:
        await world.dial(SOMEBODY, ["answer", *turns, {"do": "wait", "ms": 200_000}, "hangUp"])
        call = await world.ended()
        assert len(call["said"]) == 22
        assert trio.current_time() > 300

    effort = play(story, on_line=greet)
    assert effort.steps < 10_000


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
