"""Stories of notify calls: one message, then a hang-up a while after it was heard."""

from __future__ import annotations

from tests.core.story import Story, kinds, notifying, open_media, spoken
from voicecall.core.requests import Ask, Say
from voicecall.core.state import Owing, Phase
from voicecall.events import effects as do
from voicecall.events import facts as fact


def heard(**settings: object) -> Story:
    call = notifying(**settings)
    call.plays(1)
    return call


def test_the_hang_up_comes_when_the_message_was_heard_and_not_when_it_was_sent() -> None:
    call = notifying(notify_hangup_delay_ms=3_000)
    call.starts(1)
    assert "notify" not in call.timers()
    call.now += 20_000
    call.finishes(1)
    assert call.timers()["notify"] == 3_000
    assert call.fire("notify") == (do.Hangup(reason="hangup-bot"),)
    call.done(do.Hangup)
    call.tell(fact.CallEnded(reason="completed"))
    assert (call.phase, call.state.end_reason) == (Phase.ENDED, "hangup-bot")


def test_a_delay_of_zero_hangs_up_at_once() -> None:
    call = heard(notify_hangup_delay_ms=0)
    assert call.timers()["notify"] == 0
    assert kinds(call.wait(0)) == ["hangup"]


def test_the_message_is_not_interrupted_and_nobody_answers_the_person() -> None:
    call = notifying()
    call.starts(1)
    assert call.state.saying[0].interruptible is False
    assert call.tell(fact.CallerStarted()) == ()
    assert call.says("Who is this?") == ()
    call.finishes(1)
    assert call.state.owing is Owing.NOBODY


def test_what_comes_after_the_message_is_not_taken_back_while_it_plays() -> None:
    call = notifying()
    call.starts(1)
    assert spoken(call.ask(Say(text="One more thing."))) == ["One more thing."]
    assert call.tell(fact.CallerStarted()) == ()
    call.finishes(1)
    assert call.tell(fact.CallerStarted()) == (do.StopSpeaking(utterance=2),)


def test_a_message_that_was_cut_off_by_a_lost_stream_is_said_again() -> None:
    call = notifying()
    call.starts(1)
    call.finishes(1, heard_ms=400, interrupted=True)
    assert "notify" not in call.timers()
    assert kinds(call.tell(fact.MediaClosed(stream_id="s1", reason="lost"))) == ["open_media"]
    assert spoken(open_media(call, "s2")) == ["Hello, this is us."]


def test_a_stream_that_comes_back_after_the_message_says_nothing_more() -> None:
    call = heard()
    call.tell(fact.MediaClosed(stream_id="s1", reason="lost"))
    assert kinds(open_media(call, "s2")) == ["listen"]
    assert "notify" in call.timers()


def test_a_message_that_was_sent_but_never_confirmed_is_not_said_twice() -> None:
    call = notifying()
    call.starts(1)
    call.finishes(1, heard_ms=0)
    assert kinds(call.wait(3_000)) == ["hangup"]


def test_a_message_without_a_sound_is_still_owed() -> None:
    call = notifying()
    call.finishes(1, heard_ms=0, sent_ms=0)
    assert "notify" not in call.timers()
    assert spoken(call.fire("silence")) == ["Hello, this is us."]
    call.plays(2)
    assert kinds(call.wait(3_000)) == ["hangup"]


def test_a_message_that_never_makes_a_sound_ends_the_call() -> None:
    call = notifying()
    for utterance in (1, 2, 3):
        call.finishes(utterance, heard_ms=0, sent_ms=0)
        decided = call.fire("silence")
    assert decided == (do.Hangup(reason="error"),)


def test_whoever_speaks_during_the_delay_is_not_cut_off() -> None:
    call = heard(notify_hangup_delay_ms=3_000)
    assert spoken(call.ask(Say(text="One more thing."), after_ms=2_000)) == ["One more thing."]
    assert call.wait(5_000) == ()
    call.plays(2)
    assert call.wait(2_999) == ()
    assert kinds(call.wait(1)) == ["hangup"]


def test_a_question_during_the_delay_is_given_time_for_its_answer() -> None:
    call = heard(notify_hangup_delay_ms=3_000, transcript_timeout_ms=20_000)
    call.ask(Ask(text="Did you get that?"))
    call.plays(2)
    assert call.wait(19_000) == ()
    call.says("Yes.")
    assert call.state.owing is Owing.OPERATOR
    assert spoken(call.ask(Say(text="Good bye."))) == ["Good bye."]
    call.plays(3)
    assert kinds(call.wait(3_000)) == ["hangup"]


def test_a_notify_call_without_a_message_stays_open_for_whoever_drives_it() -> None:
    call = notifying(greeting="")
    assert call.wait(60_000) == ()
    assert spoken(call.ask(Say(text="Hello?"))) == ["Hello?"]
    call.plays(1)
    assert call.wait(60_000) == ()
