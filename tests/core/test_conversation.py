"""Stories of turns: the person says something, the agent answers, somebody interrupts."""

from __future__ import annotations

from tests.core.story import connected, conversing, kinds, spoken
from voicecall.core.state import Floor, Owing
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.base import NO_EFFECT


def test_every_final_utterance_is_answered_and_a_blank_one_is_none() -> None:
    call = conversing()
    assert call.says("  ") == ()
    assert call.tell(fact.CallerHeard(text="Is Thu")) == ()
    assert call.says("Is Thursday free?") == (do.AskAgent(turn=1, text="Is Thursday free?"),)
    assert call.says("And Friday?") == (do.AskAgent(turn=2, text="And Friday?"),)


def test_the_answer_to_an_older_question_is_not_given() -> None:
    call = conversing()
    call.says("One?")
    call.says("Two?")
    assert call.replies("That was one.", turn=1) == ()
    assert call.thought(turn=1, reason="superseded") == ()
    assert spoken(call.replies("That was two.", turn=2)) == ["That was two."]


def test_who_says_something_new_hears_no_more_of_the_older_answer_though_no_voice_was_noticed() -> None:
    call = conversing()
    call.says("One?")
    call.replies("That is one.", "And more of it.")
    call.starts(2)
    assert call.says("  ") == ()
    assert call.says("Two?") == (do.StopSpeaking(utterance=3), do.AskAgent(turn=2, text="Two?"))
    call.done(do.StopSpeaking)
    call.finishes(2, heard_ms=500, interrupted=True)
    call.finishes(3, heard_ms=0, interrupted=True)
    assert call.state.owing is Owing.AGENT
    assert spoken(call.replies("That is two.", turn=2)) == ["That is two."]
    call.plays(4)
    call.thought(turn=2)
    assert [one.text for one in call.state.remarks[1:]] == ["One?", "Two?", "That", "That is two."]
    assert call.wait(60_000) == ()


def test_keys_are_something_new_too() -> None:
    call = conversing()
    call.says("One?")
    call.replies("That is one.")
    call.tell(fact.DigitsPressed(digits="2"))
    assert call.wait(1_500) == (do.StopSpeaking(utterance=2), do.AskAgent(turn=2, text="[keys 2]"))


def test_what_is_no_reply_is_said_to_its_end() -> None:
    call = connected()
    call.starts(1)
    assert call.says("One?") == (do.AskAgent(turn=1, text="One?"),)


def test_clauses_are_said_in_order_and_blank_ones_are_not() -> None:
    call = conversing()
    call.says("Tell me.")
    assert spoken(call.replies("First.", " ", "Second.")) == ["First.", "Second."]
    assert [one.number for one in call.state.saying] == [2, 3]
    assert all(one.turn == 1 for one in call.state.saying)


def test_the_caller_interrupts_and_hears_nothing_more_of_that_answer() -> None:
    call = conversing()
    call.says("Tell me everything.")
    call.replies("First.", "Second.")
    call.starts(2)
    assert call.state.floor is Floor.AGENT
    assert call.tell(fact.CallerStarted(offset_ms=9_000)) == (do.StopSpeaking(utterance=3),)
    assert call.state.floor is Floor.CALLER
    call.done(do.StopSpeaking)
    call.finishes(2, heard_ms=500, interrupted=True)
    call.finishes(3, heard_ms=0, interrupted=True)
    assert call.tell(fact.AgentReplied(turn=1, index=2, text="Third.")) == ()
    call.thought()
    assert [one.text for one in call.state.remarks] == ["Hello, this is us.", "Tell me everything."]
    assert call.says("Stop.") == (do.AskAgent(turn=2, text="Stop."),)


def test_what_was_heard_of_an_interrupted_answer_is_what_the_agent_remembers() -> None:
    call = conversing()
    call.says("When?")
    call.replies("On Thursday at ten in the morning.")
    call.starts(2)
    call.tell(fact.CallerStarted())
    call.finishes(2, heard_ms=400, interrupted=True)
    assert call.state.remarks[-1].text == "On Thursday"


def test_an_agent_that_goes_on_thinking_after_an_interruption_is_not_listened_to() -> None:
    call = conversing()
    call.says("Tell me.")
    call.replies("First.")
    call.plays(2)
    call.tell(fact.CallerStarted())
    assert call.tell(fact.AgentReplied(turn=1, index=1, text="Second.")) == ()


def test_a_cough_before_the_agent_has_answered_does_not_cost_the_answer() -> None:
    call = conversing()
    call.says("Tell me.")
    assert call.tell(fact.CallerStarted()) == ()
    assert spoken(call.replies("Here it is.")) == ["Here it is."]


def test_an_answer_stopped_before_its_first_sound_is_asked_for_again() -> None:
    call = conversing()
    call.says("Tell me.")
    call.replies("Here it is.")
    call.thought()
    call.tell(fact.CallerStarted())
    call.finishes(2, heard_ms=0, interrupted=True)
    assert call.wait(2_500) == (do.AskAgent(turn=2, text="Tell me."),)
    assert spoken(call.replies("Here it is.", turn=2)) == ["Here it is."]
    call.plays(3)
    call.thought(turn=2)
    assert call.state.owing is Owing.NOBODY


def test_an_answer_that_could_not_be_synthesized_is_asked_for_again_once() -> None:
    call = conversing()
    call.says("Tell me.")
    call.replies("Here it is.")
    call.thought()
    call.fails(do.Speak, "speech failed")
    assert kinds(call.wait(2_500)) == ["ask_agent"]
    call.replies("Here it is.", turn=2)
    call.thought(turn=2)
    call.fails(do.Speak, "speech failed")
    assert spoken(call.wait(5_500)) == ["I am sorry, something went wrong on my side."]
    call.plays(4)
    assert call.wait(60_000) == ()


def test_an_agent_that_is_still_answering_is_not_asked_again() -> None:
    call = conversing()
    call.says("Tell me.")
    call.replies("Here it is.")
    call.fails(do.Speak, "speech failed")
    assert spoken(call.wait(2_500)) == ["One moment, please."]


def test_an_agent_that_fails_is_apologized_for_at_once() -> None:
    call = conversing()
    call.says("Tell me.")
    decided = call.thought(reason="failed")
    assert decided == (do.Speak(utterance=2, text="I am sorry, something went wrong on my side.", purpose="apology"),)
    call.plays(2)
    assert call.wait(60_000) == ()


def test_an_agent_that_fails_in_the_middle_is_apologized_for_when_the_person_waits() -> None:
    call = conversing()
    call.says("Tell me.")
    call.replies("Let me look.")
    call.plays(2)
    assert spoken(call.thought(reason="failed")) == ["I am sorry, something went wrong on my side."]


def test_an_agent_that_fails_after_the_caller_interrupted_it_needs_no_apology() -> None:
    call = conversing()
    call.says("Tell me.")
    call.replies("Let me look.")
    call.starts(2)
    call.tell(fact.CallerStarted())
    assert call.thought(reason="failed") == ()


def test_a_greeting_that_the_callee_talked_over_at_its_first_sound_is_said_again() -> None:
    call = connected()
    call.starts(1)
    call.tell(fact.CallerStarted())
    call.finishes(1, heard_ms=0, interrupted=True)
    assert spoken(call.fire("silence")) == ["Hello, this is us."]
    call.plays(2)
    assert call.wait(60_000) == ()


def test_a_greeting_of_which_something_was_heard_is_not_said_again() -> None:
    call = connected()
    call.starts(1)
    call.tell(fact.CallerStarted())
    call.finishes(1, heard_ms=300, interrupted=True)
    assert call.wait(60_000) == ()


def test_an_older_turn_that_fails_is_nobodys_business() -> None:
    call = conversing()
    call.says("One?")
    call.says("Two?")
    assert call.thought(turn=1, reason="failed") == ()


def test_an_agent_may_choose_to_say_nothing() -> None:
    call = conversing()
    call.says("Hm.")
    assert call.state.owing is Owing.AGENT
    assert call.thought() == ()
    assert call.state.owing is Owing.NOBODY
    assert call.wait(60_000) == ()


def test_an_agent_that_is_done_with_an_older_turn_does_not_settle_the_newer_one() -> None:
    call = conversing()
    call.says("One?")
    call.says("Two?")
    call.thought(turn=1)
    assert call.state.owing is Owing.AGENT


def test_playback_of_what_was_never_said_means_nothing() -> None:
    call = conversing()
    before = call.state
    call.tell(fact.PlaybackStarted(utterance=99))
    call.tell(fact.PlaybackFinished(settles=NO_EFFECT, utterance=99, heard_ms=100))
    assert (call.state.floor, call.state.remarks, call.state.saying) == (before.floor, before.remarks, before.saying)


def test_speech_outside_a_live_call_is_only_kept() -> None:
    call = conversing()
    call.tell(fact.CallEnded(reason="hangup-user"))
    assert call.says("Hello?") == ()
    assert call.tell(fact.CallerStarted()) == ()
    assert [one.text for one in call.state.remarks] == ["Hello, this is us."]


def test_what_was_playing_at_the_end_counts_as_far_as_it_was_heard() -> None:
    call = conversing()
    call.says("When?")
    call.replies("On Thursday at ten in the morning.")
    call.starts(2)
    call.tell(fact.CallEnded(reason="hangup-user"))
    call.finishes(2, heard_ms=400, interrupted=True)
    assert call.state.remarks[-1].text == "On Thursday"
    assert (call.state.saying, call.state.owing) == ((), Owing.NOBODY)


def test_speech_that_fails_after_the_end_is_owed_to_nobody() -> None:
    call = conversing()
    call.says("When?")
    call.replies("On Thursday.")
    call.tell(fact.CallEnded(reason="hangup-user"))
    call.fails(do.Speak, "no media stream is open")
    assert (call.state.saying, call.state.owing) == ((), Owing.NOBODY)
