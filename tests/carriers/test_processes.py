"""The same calls on every carrier over real HTTP and real media sockets, between processes, one of which may be killed.

What a call comes to in memory (``scenarios.py``) it comes to here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
import trio
from attrs import evolve, frozen

from tests.carriers.processes import RATE, live, open_carrier, open_voicecall
from tests.carriers.restarting import BACK
from tests.carriers.scenarios import LONG, MESSAGE, QUESTION, REPLIES
from tests.carriers.told import BOT, OFFERED, TALKED, TOLD, USER, Told, sum_up
from tests.carriers.wires import STREAMS, WIRES, Wire
from voicecall.events import Entry
from voicecall.events import facts as fact

STORY = " ".join([LONG] * 4)
"""So long that nobody is too slow to interrupt it."""
HELLO = "Hello, it is us."
THANKS = "Thank you, goodbye."
AWAY_S = 1.5
"""Longer than it takes a person to be sure that we have finished: what comes then is heard as something else."""
BACK_LIMIT_MS = 10_000
"""How soon after a new incarnation has claimed a call the person has heard from us."""
SILENT_LIMIT_MS = 1_500
"""How soon after the person has begun to speak we are silent, at the pace of life."""


@frozen
class Pace:
    """How fast clocks run, and how patient people are: on a fast clock a busy machine delivers a sentence in pieces,
    tells late what was heard of it, and is slow to fall silent for somebody who ``asks``."""

    rate: int
    rings: int
    after_ms: int
    quiet_ms: int
    asks: str

    @property
    def answer(self) -> dict[str, Any]:
        return {"do": "answer", "rings": self.rings}

    @property
    def hear(self) -> dict[str, Any]:
        return {"do": "hear", "quietMs": self.quiet_ms, "limitMs": 240_000}


LATE = "Sorry, before you tell me any more of that: do you know if Thursday is free?"
REAL = Pace(1, rings=0, after_ms=1_000, quiet_ms=1_000, asks=QUESTION)
FAST = Pace(RATE, rings=1, after_ms=4_000, quiet_ms=8_000, asks=LATE)
BRISK = evolve(FAST, quiet_ms=4_000)
"""Where the carrier listens: after five seconds of silence it asks again, and words that fall into that are lost."""
Direction = Literal["out", "in"]


def check_network(report: Mapping[str, Any]) -> dict[str, Any]:
    """What the network says of its only call; of us it got an answer to everything, and none that it could not use."""
    (call,) = report["calls"]
    assert (report["webhooks"]["refused"], report["webhooks"]["givenUp"]) == (0, 0), call["timeline"]
    return call


async def converse(folder: Path, wire: Wire, direction: Direction, pace: Pace) -> dict[str, Any]:
    """The person interrupts us with a question, is answered, says goodbye, is answered and hangs up; what the network
    saw of that."""
    interrupt = {"do": "interrupt", "text": pace.asks, "afterMs": pace.after_ms, "limitMs": 240_000}
    talk = (interrupt, pace.hear, {"do": "say", "text": THANKS}, pace.hear, "hangUp")
    settings = {**wire.settings, "inboundGreeting": STORY}
    async with (
        open_carrier(folder, wire.carrier, rate=pace.rate) as carrier,
        open_voicecall(folder, carrier, rate=pace.rate, **settings) as voicecall,
    ):
        out = direction == "out"
        call_id = await (voicecall.call(STORY, pace.answer, *talk) if out else voicecall.answer(*talk))
        entries, report = await voicecall.over(call_id)
    call = check_network(report)
    assert sum_up(entries, call) == Told(
        reason="hangup-user",
        said=(f"user: {pace.asks}", f"bot: {REPLIES[0]}", f"user: {THANKS}", f"bot: {REPLIES[1]}"),
        cut=(STORY,),
        ended=USER,
        facts=TALKED if out else OFFERED,
    )
    cut = next(one.event for one in entries if isinstance(one.event, fact.PlaybackFinished))
    assert 0 < cut.heard_ms <= cut.sent_ms
    assert (call["dials"], call["mediaSockets"], call["clears"] > 0) == (int(out), int(wire.streaming), wire.streaming)
    assert [one["whole"] for one in call["carrierSaid"]] == ([] if wire.streaming else [False, True, True])
    return call


@pytest.mark.parametrize("direction", ["out", "in"])
@pytest.mark.parametrize("wire", WIRES, ids=str)
def test_a_conversation_in_which_the_person_interrupts_us(wire: Wire, direction: Direction, tmp_path: Path) -> None:
    async def story() -> None:
        await converse(tmp_path, wire, direction, FAST if wire.streaming else BRISK)

    live(story)


@pytest.mark.parametrize("wire", STREAMS, ids=str)
def test_a_conversation_at_the_pace_of_life(wire: Wire, tmp_path: Path) -> None:
    async def story() -> None:
        call = await converse(tmp_path, wire, "out", REAL)
        assert call["heard"][0]["endMs"] - call["said"][0]["startMs"] < SILENT_LIMIT_MS

    live(story, rate=1)


@pytest.mark.parametrize("wire", WIRES, ids=str)
def test_a_message_that_is_heard_whole(wire: Wire, tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            open_carrier(tmp_path, wire.carrier) as carrier,
            open_voicecall(tmp_path, carrier, **wire.settings) as voicecall,
        ):
            call_id = await voicecall.call(MESSAGE, FAST.answer, "staySilent", mode="notify")
            entries, report = await voicecall.over(call_id)
        call = check_network(report)
        told = Told(reason="hangup-bot", said=(f"bot: {MESSAGE}",), ended=BOT, facts=TOLD | {"hangup"})
        assert sum_up(entries, call) == told
        assert (call["dials"], call["mediaSockets"], call["clears"]) == (1, int(wire.streaming), 0)
        assert [one["whole"] for one in call["carrierSaid"]] == ([] if wire.streaming else [True])
        assert call["marks"]["cleared"] == 0
        assert call["heardMs"] > 1_000

    live(story)


def opened(entries: list[Entry]) -> list[fact.MediaOpened]:
    """The media streams that a call had."""
    return [one.event for one in entries if isinstance(one.event, fact.MediaOpened)]


@pytest.mark.parametrize("wire", STREAMS, ids=str)
def test_who_is_on_the_line_when_we_are_killed_is_served_on(wire: Wire, tmp_path: Path) -> None:
    async def story() -> None:
        steps = (REAL.answer, REAL.hear, REAL.hear, {"do": "say", "text": QUESTION}, REAL.hear, "hangUp")
        async with open_carrier(tmp_path, wire.carrier, rate=1) as carrier:
            async with open_voicecall(tmp_path, carrier, rate=1, **wire.settings) as voicecall:
                call_id = await voicecall.call(HELLO, *steps)
                await voicecall.saw(call_id, fact.PlaybackFinished)
                await voicecall.kill()
            await trio.sleep(AWAY_S)
            async with open_voicecall(tmp_path, carrier, port=voicecall.port, rate=1, **wire.settings) as voicecall:
                claimed = await voicecall.saw(call_id, fact.ActorStarted, 2)
                heard = await voicecall.saw(call_id, fact.PlaybackFinished, 2)
                assert heard.at - claimed.at < BACK_LIMIT_MS
                entries, report = await voicecall.over(call_id)
        (call,) = report["calls"]
        said = (f"bot: {HELLO} {BACK}", f"user: {QUESTION}", f"bot: {REPLIES[0]}")
        assert sum_up(entries, call) == Told(reason="hangup-user", said=said, ended=USER)
        assert (call["dials"], call["mediaSockets"]) == (1, 2)
        first, second = opened(entries)
        assert first.ticket != second.ticket
        assert first.stream_id != second.stream_id

    live(story, rate=1)
