"""Who answered: what the mock wire tells of it, when, and what a machine's greeting sounds like."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.testing.desk import Desk
from tests.testing.desk import play as play_paper
from tests.testing.stage import SOMEBODY, World, ms, play
from voicecall.testing.happenings import GreetingEnded, MachineDetected
from voicecall.testing.voice import beep, say

GREETING = "You have reached nobody."
LENGTH_MS = len(say(GREETING)) // 8
BEEP_MS = len(beep()) // 8


def voicemail(**more: Any) -> list[Any]:
    return [{"do": "voicemail", "greeting": GREETING, "rings": 1, "quietMs": 3_000, **more}]


def results(world: World) -> list[tuple[str, str]]:
    told = [one for one in world.server.raw if one["type"].startswith("call.machine")]
    return [(one["type"], one.get("result") or one.get("how")) for one in told]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (["answer", "staySilent"], [("call.machine", "human")]),
        (voicemail(), [("call.machine", "machine"), ("call.machine.finished", "beep")]),
        (voicemail(beep=False), [("call.machine", "machine"), ("call.machine.finished", "silence")]),
        ({"steps": ["answer", "staySilent"], "answeredBy": "fax"}, [("call.machine", "fax")]),
        ({"steps": ["answer", "staySilent"], "answeredBy": "unknown"}, [("call.machine", "unknown")]),
        ({"steps": voicemail(), "answeredBy": "human"}, [("call.machine", "human")]),
    ],
)
def test_the_mock_wire_tells_who_answered_when_it_is_asked_to(script: Any, expected: list[tuple[str, str]]) -> None:
    async def story(world: World) -> None:
        await world.dial(SOMEBODY, script, detectMachine=True)
        await trio.sleep(15)
        assert results(world) == expected

    play(story)


def test_nobody_is_told_who_did_not_ask() -> None:
    async def story(world: World) -> None:
        await world.dial(SOMEBODY, voicemail())
        await trio.sleep(15)
        assert results(world) == []

    play(story)


@pytest.mark.parametrize(("beeps", "after_ms"), [(True, BEEP_MS), (False, 1_500)])
def test_the_end_of_a_greeting_is_told_after_the_beep_or_some_silence(beeps: bool, after_ms: int) -> None:
    async def story(world: World) -> None:
        await world.dial(SOMEBODY, {"steps": voicemail(beep=beeps), "detectionMs": 700}, detectMachine=True)
        await trio.sleep(20)
        at = {one["type"]: one["timestamp"] for one in world.server.raw}
        assert at["call.machine"] - at["call.answered"] == pytest.approx(700, abs=10)
        greeted = at["call.answered"] + 1_000 + LENGTH_MS + 200
        assert at["call.machine.finished"] - greeted == pytest.approx(after_ms, abs=250)
        call = await world.ended()
        assert ("beep" in [one["what"] for one in call["timeline"]]) is beeps

    play(story)


@pytest.mark.parametrize(
    ("plan", "script", "expected"),
    [
        ({"detect": "result"}, voicemail(), [MachineDetected(result="machine", after_ms=1_500)]),
        (
            {"detect": "greeting", "detect_timeout_s": 1.0},
            {"steps": voicemail(), "detectionMs": 1_200},
            [MachineDetected(result="unknown", after_ms=1_000)],
        ),
        (
            {"detect": "greeting", "detect_timeout_s": 1.6},
            voicemail(greeting="This is a very long greeting. " * 10),
            [MachineDetected(result="machine", after_ms=1_500), GreetingEnded(how="other", after_ms=1_600)],
        ),
    ],
)
def test_detection_takes_as_long_as_it_may_and_no_longer(plan: Any, script: Any, expected: list[Any]) -> None:
    async def story(desk: Desk) -> None:
        control = await desk.dial(script, **plan)
        await trio.sleep(15)
        assert [one for one in control.heard if isinstance(one, MachineDetected | GreetingEnded)] == expected

    play_paper(story)


def test_a_call_that_ends_before_the_decision_is_never_decided() -> None:
    async def story(world: World) -> None:
        await world.dial(SOMEBODY, ["answer", {"do": "wait", "ms": 1_000}, "hangUp"], detectMachine=True)
        began = trio.current_time()
        await world.ended()
        await trio.sleep(5)
        assert results(world) == []
        assert ms(trio.current_time() - began) > 5_000

    play(story)
