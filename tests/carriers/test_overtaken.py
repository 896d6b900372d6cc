"""What was to be said is not said any more once the person has interrupted it, however the order to stop travels."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from tests.carriers.stage import MESSAGE, THEM
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.testing.memory_system import open_memory_system
from voicecall.testing.script import Answer, HangUp, Hear, Interrupt, Say, Script, Step, Wait

PARTS = ("one " * 375).strip(), ("two " * 375).strip()
"""Each as long as what a carrier's voice is given at a time."""
AFTERWARDS = "Of course, let us talk about Friday."


def said(carrier: str, *steps: Step) -> list[str]:
    """What the carrier's voice began to say of two replies, the first of which it is given in parts."""

    async def main() -> list[str]:
        agent = ScriptedAgent((" ".join(PARTS), AFTERWARDS), word_s=0.001)
        with trio.fail_after(600):
            async with open_memory_system(
                carrier=carrier, settings={"streaming": {"enabled": False}}, agent=agent
            ) as system:
                system.network.board.people[THEM] = Script(steps=steps)
                call_id = await system.place(THEM, MESSAGE)
                await system.ended(call_id)
                assert (await system.replayed(call_id)).divergences == ()
                (call,) = system.network.board.report()["calls"]
                return [one["text"] for one in call["carrierSaid"]]

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


FIRST = (Answer(), Hear(), Say(text="Count for me."))
VOICES = pytest.mark.parametrize("carrier", ["twilio", "telnyx", "plivo"])


@VOICES
def test_a_reply_in_parts_is_said_to_its_end(carrier: str) -> None:
    assert said(carrier, *FIRST, Hear(quiet_ms=6_000, limit_ms=300_000), HangUp())[1:] == list(PARTS)


@VOICES
def test_a_part_that_was_not_begun_is_not_said_after_the_person_interrupted_the_one_before(carrier: str) -> None:
    stop = Interrupt(text="Stop, what about Friday?", after_ms=3_000)
    assert said(carrier, *FIRST, stop, Hear(), Wait(ms=8_000), HangUp())[1:] == [PARTS[0], AFTERWARDS]
