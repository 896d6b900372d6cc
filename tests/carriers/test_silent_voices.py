"""No voice of ours can speak on a streamed call: the person hears the carrier's own, and the conversation goes on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from tests.carriers.restarting import BACK, facts
from tests.carriers.restarting import live as live_town
from tests.carriers.scenarios import (
    BOT,
    CONVERSATION,
    FRIENDLY,
    GREETING,
    LONG,
    LONGEST_S,
    MESSAGE,
    PATIENT_MS,
    QUESTION,
    REPLIES,
    USER,
    Stage,
)
from tests.carriers.stage import THEM
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.adapters.speech.scripted import ScriptedSynthesizer
from voicecall.core.fallback import NO_VOICE
from voicecall.events import Mode
from voicecall.events import facts as fact
from voicecall.testing.memory_system import MemoryTown, open_memory_system
from voicecall.testing.script import Answer, HangUp, Hear, Interrupt, Say, Script, StaySilent, Wait

CARRIERS = pytest.mark.parametrize("carrier", ["twilio", "telnyx", "plivo"])
BESIDE = pytest.mark.parametrize("carrier", ["telnyx", "plivo"])
INBOUND = pytest.mark.parametrize("inbound", [False, True], ids=["we call", "they call"])


class DyingVoice:
    """Speaks so many utterances, and then none."""

    def __init__(self, utterances: int) -> None:
        self._left = utterances
        self._voice = ScriptedSynthesizer()

    def describe(self) -> str:
        return "dying"

    @asynccontextmanager
    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[AsyncIterator[bytes]]:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("401 Incorrect API key")
        async with self._voice.speak(clauses) as pieces:
            yield pieces


def live(carrier: str, *steps: Any, lasts: int = 0, inbound: bool = False, **placed: Any) -> tuple[Any, Any, list[Any]]:
    """A call: what it came to, what the network says of it, and the facts of its journal."""

    async def main() -> tuple[Any, Any, list[Any]]:
        with trio.fail_after(LONGEST_S):
            async with open_memory_system(
                carrier=carrier,
                settings={"inboundGreeting": GREETING, "streaming": {"enabled": True}},
                agent=ScriptedAgent(REPLIES, word_s=0.1),
                synthesizer=DyingVoice(lasts),
            ) as system:
                stage = Stage(system=system)
                call_id = await (stage.ring_us(*steps) if inbound else stage.call(Answer(), *steps, **placed))
                told = await stage.told(call_id)
                (call,) = system.network.board.report()["calls"]
                assert (await system.replayed(call_id)).divergences == ()
                return told, call, [entry.event for entry in await system.entries(call_id)]

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def heard_of_carrier(call: dict[str, Any]) -> list[str]:
    """What the carrier's own voice said to its end."""
    return [one["text"] for one in call["carrierSaid"] if one["whole"]]


@CARRIERS
@INBOUND
@pytest.mark.parametrize("lasts", [0, 1, 2])
def test_the_conversation_goes_on_in_the_carriers_voice(carrier: str, inbound: bool, lasts: int) -> None:
    told, call, facts = live(carrier, *FRIENDLY, inbound=inbound, lasts=lasts)
    first = GREETING if inbound else MESSAGE
    assert (told.reason, told.said, told.ended) == ("hangup-user", (f"bot: {first}", *CONVERSATION), USER)
    assert heard_of_carrier(call) == [first, *REPLIES][lasts:]
    failed = [one.reason for one in facts if isinstance(one, fact.EffectFailed)]
    assert failed
    assert set(failed) == {"speech failed: RuntimeError: 401 Incorrect API key"}, "and every step is on record"
    assert call["mediaSockets"] == 1, "nobody opens another stream"


@CARRIERS
def test_a_message_is_said_to_its_end_and_then_we_hang_up(carrier: str) -> None:
    told, call, _ = live(carrier, StaySilent(), mode=Mode.NOTIFY)
    assert (told.reason, told.said, told.ended) == ("hangup-bot", (f"bot: {MESSAGE}",), BOT)
    assert heard_of_carrier(call) == [MESSAGE]


@BESIDE
def test_the_carriers_voice_is_interrupted_like_ours(carrier: str) -> None:
    told, call, _ = live(
        carrier, Interrupt(text=QUESTION, after_ms=2_000), Hear(quiet_ms=PATIENT_MS), HangUp(), message=LONG
    )
    assert (told.reason, told.said) == ("hangup-user", (f"user: {QUESTION}", f"bot: {REPLIES[0]}"))
    assert told.cut == (LONG,)
    assert heard_of_carrier(call) == [REPLIES[0]]


def test_a_carrier_without_a_voice_ends_the_call() -> None:
    told, _, _ = live("mock", Hear(), StaySilent())
    assert (told.reason, told.said) == ("error", ())


@CARRIERS
@pytest.mark.parametrize("back", [0, 100], ids=["still no voice", "our voice is back"])
def test_whoever_comes_after_us_goes_on_in_the_carriers_voice(carrier: str, back: int) -> None:
    """The process dies after the switch; that our voices could not speak is known from the journal alone."""
    steps = (Answer(), Hear(), Say(text="Hello?"), Hear(), Wait(ms=9_000), Say(text="Still there?"), Hear(), HangUp())

    async def story(town: MemoryTown) -> None:
        def served(lasts: int) -> Any:
            agent, voice = ScriptedAgent(REPLIES), DyingVoice(lasts)
            return town.serve(settings={"streaming": {"enabled": True}}, agent=agent, synthesizer=voice)

        async with served(0) as system:
            town.network.board.people[THEM] = Script(steps=steps)
            call_id = await system.place(THEM, MESSAGE, mode=Mode.CONVERSATION)
            await Stage(system=system).until(call_id, fact.PlaybackFinished, 2)
            await trio.sleep(0.5)
        before = len(town.network.board.report()["calls"][0]["carrierSaid"])
        await trio.sleep(2)
        async with served(back) as system:
            told = await Stage(system=system).told(call_id)
            (call,) = town.network.board.report()["calls"]
            assert told.reason == "hangup-user"
            back_again = () if carrier == "twilio" else (BACK,)  # its call goes on without a stream: nothing broke
            assert [one["text"] for one in call["carrierSaid"]][before:] == [*back_again, REPLIES[1]]
            assert told.said == (
                f"bot: {MESSAGE}",
                "user: Hello?",
                " ".join((f"bot: {REPLIES[0]}", *back_again)),
                "user: Still there?",
                f"bot: {REPLIES[1]}",
            )
            failures = [entry.event.vendor_code for entry in await facts(system, call_id, fact.EffectFailed)]
            assert failures.count(NO_VOICE) == 1, "nobody tries ours again"
            assert (await system.replayed(call_id)).divergences == ()

    live_town(carrier, story)
