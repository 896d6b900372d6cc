"""Stories of ``continue``: say something and wait for the person's next final words."""

from __future__ import annotations

from tests.core.story import Story, connected, conversing, kinds, spoken
from voicecall.core.requests import Ask, Refused
from voicecall.core.state import Owing
from voicecall.events import effects as do
from voicecall.events import facts as fact


def asked(text: str = "How many?", **settings: object) -> Story:
    call = conversing(**settings)
    assert spoken(call.ask(Ask(text=text))) == [text]
    return call


def test_the_next_final_words_are_the_answer_and_the_agent_is_not_asked() -> None:
    call = asked()
    call.plays(2)
    assert call.says("Three, please.") == ()
    assert call.state.waiting_since == 0
    assert call.state.owing is Owing.OPERATOR
    assert call.says("Are you there?") == (do.AskAgent(turn=1, text="Are you there?"),)


def test_whoever_waits_is_on_record_before_the_question_is_heard() -> None:
    call = asked()
    assert call.state.waiting_since == call.now
    assert call.says("Three.") == ()
    assert call.state.waiting_since == 0


def test_a_blank_transcript_and_a_partial_one_are_no_answer() -> None:
    call = asked()
    call.says("  ")
    call.tell(fact.CallerHeard(text="Th"))
    assert call.state.waiting_since > 0


def test_only_one_may_wait() -> None:
    call = asked()
    assert call.ask(Ask(text="How much?")) == Refused(code="busy", reason="Already waiting for transcript")
    call.plays(2)
    call.says("Three.")
    assert spoken(call.ask(Ask(text="How much?"))) == ["How much?"]


def test_the_time_for_an_answer_counts_from_the_end_of_the_question() -> None:
    call = asked(transcript_timeout_ms=5_000)
    call.starts(2)
    call.now += 20_000
    call.finishes(2)
    assert call.timers()["transcript"] == 5_000
    assert call.wait(4_999) == ()
    assert call.state.waiting_since > 0
    assert call.wait(1) == ()
    assert call.state.waiting_since == 0
    assert call.says("Three.") == (do.AskAgent(turn=1, text="Three."),)


def test_the_caller_may_answer_into_the_question() -> None:
    call = asked(transcript_timeout_ms=5_000)
    call.starts(2)
    assert kinds(call.tell(fact.CallerStarted())) == ["stop_speaking"]
    call.finishes(2, heard_ms=300, interrupted=True)
    assert call.timers()["transcript"] == 5_000
    call.says("Three!")
    assert call.state.owing is Owing.OPERATOR


def test_words_that_somebody_waits_for_do_not_end_an_older_reply() -> None:
    call = conversing()
    call.says("One?")
    call.replies("That is one.")
    call.ask(Ask(text="How many?"))
    assert call.says("Three.") == ()


def test_a_question_that_could_not_be_said_is_not_waited_for() -> None:
    call = asked()
    call.fails(do.Speak, "speech failed")
    assert call.state.waiting_since == 0
    assert spoken(call.fire("silence")) == ["I am sorry, something went wrong on my side."]
    call.plays(3)
    assert call.wait(60_000) == ()


def test_another_utterance_that_could_not_be_said_does_not_end_the_wait() -> None:
    call = connected()
    call.ask(Ask(text="How many?"))
    call.fails(do.Speak, "the greeting failed")
    assert call.state.waiting_since > 0


def test_keys_answer_too() -> None:
    call = asked()
    call.plays(2)
    call.tell(fact.DigitsPressed(digits="4"))
    assert call.state.waiting_since > 0
    assert call.wait(1_500) == ()
    assert call.state.waiting_since == 0
    assert call.state.remarks[-1].text == "[keys 4]"


def test_the_end_of_the_call_ends_the_wait() -> None:
    call = asked()
    call.tell(fact.CallEnded(reason="hangup-user"))
    assert call.state.waiting_since == 0


def test_a_wish_that_became_a_fact_too_late_is_odd_and_waits_for_nothing() -> None:
    call = conversing()
    call.tell(fact.CallEnded(reason="hangup-user"))
    for wish in (fact.SayRequested(text="Hello?"), fact.ListenRequested(text="Hello?")):
        assert call.tell(wish) == ()
    assert (call.state.anomalies, call.state.owing, call.state.waiting_since) == (2, Owing.NOBODY, 0)
