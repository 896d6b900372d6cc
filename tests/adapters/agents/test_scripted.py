"""An agent that follows a script."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.events import CallId
from voicecall.ports import Turn


def reply(agent: ScriptedAgent, number: int) -> tuple[list[str], float]:
    """The pieces of turn ``number``'s reply, and how long they took."""

    async def main() -> tuple[list[str], float]:
        turn = Turn(call_id=CallId("c1"), number=number, text="And now?")
        async with agent.reply(turn) as pieces:
            return [piece async for piece in pieces], trio.current_time()

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_turns_get_their_replies_in_order_and_the_last_one_again() -> None:
    agent = ScriptedAgent(["One.", "Two.", "Three."])
    replies = ["".join(reply(agent, number)[0]).strip() for number in (1, 2, 3, 4, 40)]
    assert replies == ["One.", "Two.", "Three.", "Three.", "Three."]


def test_words_come_one_after_another_as_from_somebody_who_thinks() -> None:
    pieces, took = reply(ScriptedAgent(["Very well, see you."], word_s=0.25), 1)
    assert pieces == ["Very ", "well, ", "see ", "you. "]
    assert took == pytest.approx(1.0)


def test_without_a_script_nothing_is_said() -> None:
    pieces, _ = reply(ScriptedAgent([]), 1)
    assert "".join(pieces).strip() == ""


def test_a_reply_can_be_left_in_the_middle() -> None:
    async def main() -> list[str]:
        heard: list[str] = []
        with trio.move_on_after(0.6):
            async with ScriptedAgent(["a b c d"], word_s=0.25).reply(
                Turn(call_id=CallId("c1"), number=1, text="")
            ) as it:
                async for piece in it:
                    heard.append(piece)
        return heard

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == ["a ", "b "]
