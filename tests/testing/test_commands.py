"""What a vendor of commands can ask of a call: its voice, its ears, keys, and what it is told of them."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.testing.desk import HOME, Desk, play
from tests.testing.paper import PaperControl
from voicecall.testing.dialect import Webhook
from voicecall.testing.happenings import (
    Ended,
    Ending,
    Happening,
    KeyPressed,
    KeysGathered,
    Recognized,
    SpeakEnded,
    SpeakStarted,
)

QUIET = ["answer", "staySilent"]


def of(control: PaperControl, *kinds: type[Any]) -> list[Any]:
    return [one for one in control.heard if isinstance(one, kinds)]


async def answered(desk: Desk, script: Any, **more: Any) -> tuple[PaperControl, str]:
    control = await desk.dial(script, **more)
    await trio.sleep(2.2)
    return control, f"/{control.call.party.vendor_call_id}"


def test_the_carriers_voice_says_one_thing_after_the_other_and_tells() -> None:
    async def story(desk: Desk) -> None:
        control, path = await answered(desk, QUIET)
        for name, text in (("a", "First."), ("b", "Second.")):
            await desk.ask(f"{path}/speak", name=name, text=text)
        await trio.sleep(5)
        assert [(type(one).__name__, one.name) for one in of(control, SpeakStarted, SpeakEnded)] == [
            ("SpeakStarted", "a"),
            ("SpeakEnded", "a"),
            ("SpeakStarted", "b"),
            ("SpeakEnded", "b"),
        ]
        assert {one.how for one in of(control, SpeakEnded)} == {"completed"}
        await desk.ask(f"{path}/end")
        call = await desk.over()
        assert [(one["text"], one["whole"]) for one in call["carrierSaid"]] == [("First.", True), ("Second.", True)]
        assert call["heardMs"] == pytest.approx(2 * 420, abs=500)

    play(story)


def test_what_is_ordered_while_a_document_speaks_is_said_after_it() -> None:
    async def story(desk: Desk) -> None:
        control, path = await answered(desk, QUIET, flow=f"{HOME}/answer")
        await desk.ask(f"{path}/speak", name="a", text="And this.")
        call = await desk.over()
        assert [(one["text"], one["whole"]) for one in call["carrierSaid"]] == [
            ("First of all this.", True),
            ("And this.", True),
        ]
        assert of(control, SpeakEnded) == [SpeakEnded(name="a", how="completed")]

    play(story, answer="<Say>First of all this.</Say><Pause length='5'/>")


@pytest.mark.parametrize(("everything", "said"), [(True, ["Long"]), (False, ["Long", "Next."])])
def test_it_can_be_stopped_with_or_without_what_is_queued(everything: bool, said: list[str]) -> None:
    async def story(desk: Desk) -> None:
        control, path = await answered(desk, QUIET)
        await desk.ask(f"{path}/speak", name="long", text="Long" * 50)
        await desk.ask(f"{path}/speak", name="next", text="Next.")
        await trio.sleep(1)
        assert (await desk.ask(f"{path}/stop_speaking", everything=everything))["done"]
        await trio.sleep(4)
        assert not (await desk.ask(f"{path}/stop_speaking"))["done"]
        await desk.ask(f"{path}/end")
        call = await desk.over()
        assert [one["text"][: len(want)] for one, want in zip(call["carrierSaid"], said, strict=True)] == said
        assert of(control, SpeakEnded)[0] == SpeakEnded(name="long", how="stopped")

    play(story)


def test_the_end_of_the_call_ends_what_is_under_way_before_it_is_told() -> None:
    async def story(desk: Desk) -> None:
        control, path = await answered(desk, QUIET, url=f"{HOME}/events")
        await desk.ask(f"{path}/speak", name="a", text="This takes a while to say.")
        assert (await desk.ask(f"{path}/gather_keys", name="k"))["done"]
        await trio.sleep(0.5)
        await desk.ask(f"{path}/end")
        await desk.over()
        assert [type(one).__name__ for one in control.heard[-3:]] == ["SpeakEnded", "KeysGathered", "Ended"]
        assert [one.how for one in control.heard[-3:-1]] == ["ended", "ended"]
        assert len(desk.told("/events")) == len(control.heard)

    play(story)


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("off", []),
        ("final", [("Yes, I am here.", True)]),
        ("interim", [("Yes, I", False), ("Yes, I am here.", True)]),
    ],
)
def test_transcription_tells_as_much_as_was_asked_for(mode: str, told: list[tuple[str, bool]]) -> None:
    async def story(desk: Desk) -> None:
        steps = ["answer", {"do": "wait", "ms": 2_000}, {"do": "say", "text": "Yes, I am here."}, "staySilent"]
        control, path = await answered(desk, steps)
        await desk.ask(f"{path}/transcribe", mode=mode)
        await trio.sleep(6)
        assert [(one.text, one.final) for one in of(control, Recognized)] == told
        assert all(one.ended > one.started > 4 for one in of(control, Recognized))

    play(story)


@pytest.mark.parametrize(
    ("pressed", "wanted", "result"),
    [
        ("12#", {}, ("12", "valid")),
        ("1234", {"maximum": 3}, ("123", "valid")),
        ("1", {"minimum": 2, "between_s": 2}, ("1", "timeout")),
        ("#", {"minimum": 1}, ("", "invalid")),
        ("192", {"valid": "12", "between_s": 2}, ("12", "valid")),
        ("", {"first_s": 3}, ("", "timeout")),
        ("1", {"first_s": 9, "between_s": 30, "total_s": 4}, ("1", "valid")),
    ],
)
def test_keys_are_collected(pressed: str, wanted: dict[str, Any], result: tuple[str, str]) -> None:
    async def story(desk: Desk) -> None:
        press = [{"do": "press", "digits": pressed}] if pressed else []
        control, path = await answered(desk, ["answer", {"do": "wait", "ms": 1_000}, *press, "staySilent"])
        assert (await desk.ask(f"{path}/gather_keys", name="k", **wanted))["done"]
        assert not (await desk.ask(f"{path}/gather_keys", name="second"))["done"]
        await trio.sleep(20)
        assert of(control, KeysGathered) == [KeysGathered(name="k", digits=result[0], how=result[1])]
        assert [one.digit for one in of(control, KeyPressed)] == list(pressed)
        assert (await desk.ask(f"{path}/gather_keys", name="third"))["done"]

    play(story)


def test_collecting_keys_can_be_stopped() -> None:
    async def story(desk: Desk) -> None:
        control, path = await answered(desk, ["answer", {"do": "press", "digits": "4"}, "staySilent"])
        assert not (await desk.ask(f"{path}/stop_gathering"))["done"]
        await desk.ask(f"{path}/gather_keys", name="k", first_s=60)
        assert (await desk.ask(f"{path}/stop_gathering"))["done"]
        await trio.sleep(1)
        happened: list[Happening] = of(control, KeysGathered)
        assert happened == [KeysGathered(name="k", digits="", how="canceled")]

    play(story)


def test_nothing_is_told_after_the_end_whatever_happens_in_the_same_instant() -> None:
    async def story(desk: Desk) -> None:
        for _ in range(20):
            steps = ["answer", "notice", {"do": "press", "digits": "1"}]
            control, path = await answered(desk, steps, url=f"{HOME}/events")
            await desk.ask(f"{path}/speak", name="a", text="Press any key.")
            # The same sound wakes the person, who will press, and whoever ends the call: either may come first.
            await control.call.ear.pulse.wait()
            control.call.end(Ending(why="hangup", by="api"))
            control.call.post(Webhook(kind="late", url=f"{HOME}/events"))
            await trio.sleep(1)
            assert isinstance(control.heard[-1], Ended)
        assert len(desk.asked) == sum(len(one.heard) for one in desk.vendor.dialect.controls.values())

    play(story)


def test_a_call_lasts_as_long_as_it_may() -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(QUIET, time_limit_s=30.0)
        await trio.sleep(33)
        (call,) = desk.network.board.report()["calls"]
        assert (call["reason"], call["ended"]) == ("timeout", {"why": "time-limit", "by": "network"})

    play(story)


def test_nobody_lives_there_and_a_number_that_rings_too_long() -> None:
    async def story(desk: Desk) -> None:
        await desk.dial(["unreachable"])
        await trio.sleep(1)
        await desk.dial(["neverAnswer"], ring_timeout_s=7.0)
        await trio.sleep(10)
        ends = [(one["reason"], one["ended"]) for one in desk.network.board.report()["calls"]]
        assert ends == [
            ("failed", {"why": "unreachable", "by": "network"}),
            ("no-answer", {"why": "no-answer", "by": "network"}),
        ]

    play(story)
