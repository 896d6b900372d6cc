"""Whole calls in memory whose every word travels in the sound: what people say is what the journal holds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

import pytest
import trio
import trio.testing
from attrs import frozen

from voicecall.events import AnyEvent, Entry
from voicecall.events import facts as fact
from voicecall.events.effects import AskAgent, StopSpeaking
from voicecall.testing.memory_system import MemorySystem, open_memory_system
from voicecall.testing.script import load_script

SOMEBODY = "+15551112222"
GREETING = "Hello, this is voicecall. I am calling about Thursday, because there is something that I have to ask you."
F = TypeVar("F", bound=AnyEvent)


@frozen
class Told:
    """What the journal and the network say of one call; times in milliseconds since the call was answered."""

    entries: list[Entry]
    report: dict[str, Any]

    def of(self, kind: type[F]) -> list[tuple[int, F]]:
        answered = next(entry.at for entry in self.entries if isinstance(entry.event, fact.CallAnswered))
        return [(entry.at - answered, entry.event) for entry in self.entries if isinstance(entry.event, kind)]

    @property
    def said(self) -> list[str]:
        """What the person said, by the journal. The network's own report must agree."""
        texts = [event.text for _, event in self.of(fact.CallerSaid)]
        assert texts == [one["text"] for one in self.report["said"]]
        return texts

    def causes(self, kind: type[Any]) -> list[AnyEvent]:
        """The facts that a kind of effect was decided upon."""
        return [entry.event for entry in self.entries if any(isinstance(one, kind) for one in entry.effects)]


def call(*steps: Any, check: Callable[[Told], None]) -> None:
    """Call somebody who does this."""

    async def main() -> None:
        async with open_memory_system() as system:
            check(await _take(system, load_script(list(steps))))

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def _take(system: MemorySystem, script: Any) -> Told:
    system.network.board.people[SOMEBODY] = script
    call_id = await system.place(SOMEBODY, GREETING)
    await system.ended(call_id)
    (report,) = system.network.board.report()["calls"]
    return Told(await system.entries(call_id), report)


def say(text: str) -> dict[str, str]:
    return {"do": "say", "text": text}


def test_every_word_of_a_conversation_arrives_after_it_was_said() -> None:
    sentences = ["Yes, of course.", "Größer als 5 €? 你好! 🎂", "Let me see: that will be fine, I think. Thank you."]
    steps = [step for sentence in sentences for step in ("hear", say(sentence))]

    def check(told: Told) -> None:
        assert told.said == sentences
        for (at, event), spoken in zip(told.of(fact.CallerSaid), told.report["said"], strict=True):
            assert spoken["endMs"] - 100 < at < spoken["endMs"] + 400
            assert (event.started_ms, event.ended_ms) == pytest.approx((spoken["startMs"], spoken["endMs"]), abs=140)
        assert told.causes(AskAgent) == [event for _, event in told.of(fact.CallerSaid)]

    call("answer", *steps, "hear", "hangUp", check=check)


def test_two_utterances_in_a_row_are_two() -> None:
    def check(told: Told) -> None:
        assert told.said == ["Wait a moment, please.", "Where was I?", "Ah, yes."]
        starts = [event.started_ms for _, event in told.of(fact.CallerSaid)]
        ends = [event.ended_ms for _, event in told.of(fact.CallerSaid)]
        assert all(end < start for end, start in zip(ends, starts[1:], strict=False))

    call(
        "answer",
        "hear",
        say("Wait a moment, please."),
        say("Where was I?"),
        say("Ah, yes."),
        "hear",
        "hangUp",
        check=check,
    )


def test_words_right_after_picking_up_are_heard() -> None:
    def check(told: Told) -> None:
        assert told.said == ["Alex speaking."]

    call("answer", say("Alex speaking."), "hear", "hangUp", check=check)


def test_an_interruption_stops_us_and_is_understood() -> None:
    def check(told: Told) -> None:
        assert told.said == ["Tell me everything.", "Sorry, is Thursday free?"]
        (stopped,) = told.causes(StopSpeaking)
        assert isinstance(stopped, fact.CallerStarted)
        (cut,) = [event for _, event in told.of(fact.PlaybackFinished) if event.interrupted]
        assert cut.heard_ms < cut.sent_ms
        started = next(at for at, event in told.of(fact.CallerStarted) if event == stopped)
        understood = told.of(fact.CallerSaid)[-1][0]
        partials = [event.text for at, event in told.of(fact.CallerHeard) if at > started]
        assert started < understood - 1_000
        assert partials
        assert all("Sorry, is Thursday free?".startswith(text) for text in partials)

    interrupt = {"do": "interrupt", "text": "Sorry, is Thursday free?", "afterMs": 800}
    call("answer", "hear", say("Tell me everything."), interrupt, "hear", "hangUp", check=check)


def test_a_long_speech_is_one_stretch_of_voice() -> None:
    speech = "And then I went to the market, where I bought three melons. " * 10

    def check(told: Told) -> None:
        assert told.said == [speech.strip()]
        assert len(told.of(fact.CallerStarted)) == 1
        heard = [at for at, _ in told.of(fact.CallerHeard)]
        assert len(heard) > 20
        assert min(after - before for before, after in pairwise(heard)) >= 500

    call("answer", "hear", say(speech.strip()), "hear", "hangUp", check=check)
