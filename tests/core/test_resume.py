"""Somebody interrupts us and then says nothing: we go on where we were."""

from __future__ import annotations

import pytest

from tests.core.story import Story, connected, conversing, spoken
from voicecall.core.state import Owing
from voicecall.events import AnyEvent
from voicecall.events import effects as do
from voicecall.events import facts as fact

WORDS = "It comes on Thursday at ten."


def cut_off(*, thought: bool = True, heard_ms: int = 500, **settings: object) -> Story:
    """A noise like a voice cut an answer off, and is over."""
    call = conversing(**({"resume_ms": 2_000} | settings))
    call.says("When does it come?")
    call.replies(WORDS)
    if thought:
        call.thought()
    call.starts(2)
    call.tell(fact.CallerStarted(), after_ms=500)
    call.finishes(2, heard_ms=heard_ms, sent_ms=1_000, interrupted=True)
    assert "resume" not in call.timers()
    call.tell(fact.CallerStopped(), after_ms=800)
    return call


def test_the_rest_is_said_when_no_words_follow() -> None:
    call = cut_off()
    assert call.timers()["resume"] == 2_000
    assert spoken(call.wait(2_000)) == ["Thursday at ten."]
    assert call.state.saying[0].turn == 1
    call.plays(3)
    assert [one.text for one in call.state.remarks][-2:] == ["It comes on", "Thursday at ten."]
    assert (call.state.owing, "resume" in call.timers()) == (Owing.NOBODY, False)
    assert call.decided_the_same_today()


@pytest.mark.parametrize(
    "event", [fact.CallerHeard(text="No"), fact.CallerSaid(text="No, wait."), fact.DigitsPressed(digits="1")]
)
def test_words_and_keys_are_what_we_were_interrupted_for(event: AnyEvent) -> None:
    call = cut_off()
    call.tell(event, after_ms=1_000)
    assert WORDS.split(" ", 3)[-1] not in spoken(call.wait(10_000))
    assert call.state.cut == ""


def test_sounds_without_words_are_none() -> None:
    call = cut_off()
    call.tell(fact.CallerHeard(text=" "))
    call.tell(fact.CallerSaid(text=""))
    assert spoken(call.wait(2_000)) == ["Thursday at ten."]


def test_nobody_is_talked_over_while_they_speak() -> None:
    call = cut_off()
    call.tell(fact.CallerStarted(), after_ms=1_000)
    assert call.wait(5_000) == ()
    call.tell(fact.CallerStopped())
    assert spoken(call.wait(2_000)) == ["Thursday at ten."]


def test_an_agent_that_had_more_to_say_is_asked_again() -> None:
    call = cut_off(thought=False)
    assert call.wait(2_000) == (do.AskAgent(turn=2, text="When does it come?"),)
    assert call.state.cut == ""


def test_a_greeting_of_which_nothing_was_heard_is_said_from_the_start() -> None:
    call = connected(resume_ms=2_000)
    call.starts(1)
    call.tell(fact.CallerStarted())
    call.finishes(1, heard_ms=0, interrupted=True)
    call.tell(fact.CallerStopped())
    assert spoken(call.wait(2_000)) == ["Hello, this is us."]
    assert call.state.saying[0].purpose == "greeting"


def test_everything_that_was_cut_off_is_said_again() -> None:
    call = conversing(resume_ms=2_000)
    for text in ("First.", "Second."):
        call.tell(fact.SayRequested(text=text))
    call.starts(2)
    call.tell(fact.CallerStarted())
    call.finishes(2, heard_ms=0, interrupted=True)
    call.finishes(3, heard_ms=0, sent_ms=0, interrupted=True)
    call.tell(fact.CallerStopped())
    assert spoken(call.wait(2_000)) == ["First. Second."]


def test_where_it_is_not_wanted_nothing_is_said_again() -> None:
    call = cut_off(resume_ms=0)
    assert call.wait(20_000) == ()
