"""A carrier speaks and listens for us: what was heard of its voice, and what becomes of an ear that is not there."""

from __future__ import annotations

from tests.core.story import Story, dialed, kinds
from voicecall.core.state import Owing
from voicecall.events import EffectId
from voicecall.events import effects as do
from voicecall.events import facts as fact

GREETING = "Hello, this is voicecall, calling about Thursday."


def answered() -> Story:
    call = dialed(streaming=False, greeting=GREETING)
    assert kinds(call.tell(fact.CallAnswered())) == ["listen", "speak"]
    return call


def said(call: Story, *, interrupted: bool = False) -> fact.PlaybackFinished:
    utterance = call.state.saying[0].number
    settles = call.owed(do.Speak)
    return fact.PlaybackFinished(
        settles=settles, utterance=utterance, heard_ms=0, interrupted=interrupted, told="carrier"
    )


def written(call: Story) -> fact.PlaybackFinished:
    event = call.entries[-1].event
    assert isinstance(event, fact.PlaybackFinished)
    return event


def test_what_a_carrier_said_to_its_end_was_heard_as_a_whole() -> None:
    call = answered()
    call.tell(fact.PlaybackStarted(utterance=1))
    call.tell(said(call), after_ms=4_000)
    assert written(call).heard_ms == written(call).sent_ms > 0
    assert [one.text for one in call.state.remarks] == [GREETING]
    assert call.state.greeted
    assert call.state.owing is Owing.NOBODY


def test_an_utterance_that_was_stopped_was_heard_only_as_long_as_it_was_spoken_even_if_its_end_looks_usual() -> None:
    call = answered()
    call.tell(fact.PlaybackStarted(utterance=1))
    assert kinds(call.tell(fact.CallerHeard(text="Who"), after_ms=1_000)) == ["stop_speaking"]
    call.tell(said(call), after_ms=200)
    assert written(call).interrupted
    assert written(call).heard_ms == 1_200
    assert [one.text for one in call.state.remarks] == ["Hello, this is"]


def test_the_end_of_an_utterance_that_nobody_saw_begin_leaves_nothing_of_it_when_it_was_cut() -> None:
    call = answered()
    call.tell(said(call, interrupted=True), after_ms=5_000)
    assert written(call).heard_ms == 0
    assert call.state.remarks == ()


def test_the_end_of_an_utterance_that_we_know_nothing_of_is_written_as_it_came() -> None:
    call = answered()
    call.tell(fact.PlaybackFinished(settles=EffectId(""), utterance=9, heard_ms=0, told="carrier"))
    assert written(call).sent_ms == 0


def test_a_carrier_that_could_not_be_asked_to_listen_is_asked_again_when_it_has_spoken() -> None:
    call = answered()
    call.tell(fact.EffectFailed(settles=call.owed(do.Listen), reason="429"))
    call.tell(fact.PlaybackStarted(utterance=1))
    assert kinds(call.tell(said(call), after_ms=2_000)) == ["listen"]
    call.tell(fact.EffectSucceeded(settles=call.owed(do.Listen)))
    call.tell(fact.SayRequested(text="One more thing."))
    call.tell(fact.PlaybackStarted(utterance=2))
    assert kinds(call.tell(said(call), after_ms=2_000)) == []
