"""Stories of people who wait: somebody owes them sound, and a deadline says until when."""

from __future__ import annotations

from tests.core.story import answered, connected, conversing, kinds, open_media, spoken
from voicecall.core.requests import Ask, Say
from voicecall.core.state import Owing
from voicecall.events import Patience
from voicecall.events import effects as do
from voicecall.events import facts as fact


def test_a_slow_agent_is_bridged_then_apologized_for_then_hung_up_on() -> None:
    call = conversing()
    call.says("Tell me.")
    assert spoken(call.wait(2_500)) == ["One moment, please."]
    call.plays(2)
    assert spoken(call.wait(5_500)) == ["I am sorry, something went wrong on my side."]
    call.plays(3)
    assert call.wait(7_000) == (do.Hangup(reason="error"),)


def test_patience_is_what_the_policy_says() -> None:
    call = conversing(agent=Patience(filler_ms=100, apology_ms=200, hangup_ms=300), filler="Hm.", apology="Sorry.")
    call.says("Tell me.")
    assert spoken(call.wait(100)) == ["Hm."]
    call.plays(2)
    assert spoken(call.wait(100)) == ["Sorry."]
    call.plays(3)
    assert kinds(call.wait(100)) == ["hangup"]


def test_an_answer_that_is_heard_ends_the_wait() -> None:
    call = conversing()
    call.says("Tell me.")
    call.wait(2_000)
    call.replies("Here it is.")
    call.starts(2)
    call.thought()
    assert call.wait(1_000) == ()
    call.finishes(2)
    assert call.wait(60_000) == ()


def test_sound_that_never_reaches_the_ear_does_not_end_the_wait() -> None:
    call = conversing()
    call.says("Tell me.")
    call.replies("Here it is.")
    call.starts(2)
    call.thought()
    call.finishes(2, heard_ms=0)
    assert kinds(call.wait(2_500)) == ["ask_agent"]
    call.replies("Here it is.", turn=2)
    call.thought(turn=2)
    call.starts(3)
    call.finishes(3, heard_ms=0)
    assert spoken(call.wait(5_500)) == ["I am sorry, something went wrong on my side."]
    call.starts(4)
    call.finishes(4, heard_ms=0)
    assert call.wait(7_000) == (do.Hangup(reason="error"),)


def test_asking_again_does_not_reset_the_agents_time() -> None:
    call = conversing()
    call.says("Tell me.")
    call.wait(2_000)
    call.says("Hello?")
    assert call.timers()["silence"] == 500


def test_an_agent_that_stops_in_the_middle_of_its_answer_is_bridged_too() -> None:
    call = conversing()
    call.says("Is Thursday free?")
    call.replies("Let me look.")
    call.plays(2)
    assert call.state.owing is Owing.AGENT
    assert spoken(call.wait(2_500)) == ["One moment, please."]
    call.plays(3)
    assert spoken(call.replies("Yes, it is.")) == ["Yes, it is."]
    call.starts(4)
    call.thought()
    call.finishes(4)
    assert call.wait(60_000) == ()


def test_an_agent_that_finishes_after_its_last_word_was_heard_owes_nothing() -> None:
    call = conversing()
    call.says("Is Thursday free?")
    call.replies("Yes.")
    call.plays(2)
    call.thought()
    assert call.state.owing is Owing.NOBODY
    assert call.wait(60_000) == ()


def test_the_operator_says_something_while_the_agent_still_thinks() -> None:
    call = conversing()
    call.says("Is Thursday free?")
    call.ask(Say(text="Let us see."))
    call.plays(2)
    assert call.state.owing is Owing.AGENT


def test_an_operator_has_more_patience_from_the_person() -> None:
    call = conversing()
    call.ask(Ask(text="How many?"))
    call.plays(2)
    call.says("Three.")
    assert call.state.owing is Owing.OPERATOR
    assert call.timers()["silence"] == 10_000
    assert spoken(call.wait(10_000)) == ["One moment, please."]


def test_what_an_operator_said_in_vain_is_apologized_for_and_that_is_all() -> None:
    call = conversing()
    call.ask(Say(text="One more thing."))
    call.fails(do.Speak, "speech failed")
    assert spoken(call.wait(2_500)) == ["I am sorry, something went wrong on my side."]
    call.plays(3)
    assert call.wait(60_000) == ()


def test_a_voice_that_is_gone_for_good_ends_the_call() -> None:
    call = conversing()
    call.ask(Say(text="One more thing."))
    for _ in range(2):
        call.fails(do.Speak, "speech failed")
        assert spoken(call.fire("silence")) == ["I am sorry, something went wrong on my side."]
    call.fails(do.Speak, "speech failed")
    assert call.fire("silence") == (do.Hangup(reason="error"),)


def test_a_greeting_that_could_not_be_said_is_tried_again() -> None:
    call = connected()
    call.fails(do.Speak, "speech failed")
    assert spoken(call.fire("silence")) == ["Hello, this is us."]
    call.plays(2)
    assert call.wait(60_000) == ()


def test_a_person_without_a_greeting_is_waited_for() -> None:
    call = connected(greeting="")
    assert call.state.owing is Owing.NOBODY
    assert call.wait(60_000) == ()
    assert kinds(call.says("Hello?")) == ["ask_agent"]


def test_sound_that_does_not_come_at_all_ends_the_call() -> None:
    call = connected()
    assert call.timers()["playback"] == 15_000
    assert call.wait(15_000) == (do.Hangup(reason="error"),)


def test_queueing_more_to_say_does_not_give_the_first_sound_more_time() -> None:
    call = connected()
    call.wait(10_000)
    call.ask(Say(text="Are you there?"))
    assert kinds(call.wait(5_000)) == ["hangup"]


def test_a_playback_that_never_ends_ends_the_call() -> None:
    call = connected(greeting="x" * 100)
    call.starts(1)
    assert call.wait(41_999) == ()
    assert call.wait(1) == (do.Hangup(reason="error"),)


def test_a_media_stream_that_never_comes_ends_the_call() -> None:
    call = answered(media_timeout_ms=8_000)
    assert call.timers()["media"] == 8_000
    assert call.wait(8_000) == (do.Hangup(reason="error"),)


def test_a_carrier_without_a_stream_is_not_waited_for() -> None:
    call = answered(streaming=False)
    assert "media" not in call.timers()
    assert "playback" in call.timers()


def test_a_call_lasts_as_long_as_it_may_and_no_longer() -> None:
    call = answered(max_duration_ms=60_000)
    call.now += 1_000
    open_media(call)
    call.plays(1)
    assert call.timers()["max_duration"] == 58_800
    assert call.wait(58_800) == (do.Hangup(reason="timeout"),)
    call.tell(fact.CallEnded(reason="completed"))
    assert call.state.end_reason == "timeout"


def test_a_timer_whose_reason_is_gone_does_nothing() -> None:
    call = conversing()
    call.says("Tell me.")
    call.replies("Here.")
    call.plays(2)
    call.thought()
    assert call.fire("silence") == ()
    assert "silence" not in call.timers()


def test_a_timer_whose_deadline_moved_is_armed_again() -> None:
    call = conversing()
    call.tell(fact.DigitsPressed(digits="1"))
    call.tell(fact.DigitsPressed(digits="2"), after_ms=1_000)
    assert call.timers()["keys"] == 500
    assert call.fire("keys") == ()
    assert call.timers()["keys"] == 1_000
    assert kinds(call.fire("keys")) == ["ask_agent"]


def test_whoever_talks_over_our_return_may_have_said_what_was_lost_and_is_told_so() -> None:
    call = conversing()
    call.tell(fact.MediaClosed(stream_id="s1", reason="lost"))
    assert spoken(open_media(call, "s2")) == [call.state.policy.return_phrase]
    call.tell(fact.CallerStarted(offset_ms=40))
    number = call.state.utterance
    call.finishes(number, heard_ms=0, sent_ms=200, interrupted=True)
    assert spoken(call.wait(call.state.policy.agent.filler_ms)) == [call.state.policy.apology]


def test_a_return_that_was_heard_is_owed_nothing_more() -> None:
    call = conversing()
    call.tell(fact.MediaClosed(stream_id="s1", reason="lost"))
    open_media(call, "s2")
    call.plays(call.state.utterance)
    assert "silence" not in call.timers()


def test_whoever_answers_into_every_reply_is_not_hung_up_on() -> None:
    """Their words come without a voice that was detected, so each reply is cut off by the next turn before its end."""
    call = conversing()
    for turn in range(1, 7):
        call.says(f"And number {turn}?")
        if turn > 1:
            call.finishes(turn, heard_ms=4_900, sent_ms=5_000, interrupted=True)
        assert kinds(call.wait(100)) == []
        call.replies(f"The answer to number {turn} is a long one.", turn=turn)
        call.thought(turn=turn)
        call.starts(turn + 1)
        assert kinds(call.wait(5_000)) == []
    assert call.decided_the_same_today()
