"""No voice of ours can speak on a streamed call: the person hears the carrier's own, and the conversation goes on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

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
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.adapters.speech.scripted import ScriptedSynthesizer
from voicecall.events import Mode
from voicecall.events import facts as fact
from voicecall.testing.memory_system import open_memory_system
from voicecall.testing.script import Answer, HangUp, Hear, Interrupt, StaySilent

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
