"""Stories of calls without a media stream: the carrier speaks and listens, the same core decides."""

from __future__ import annotations

from tests.core.story import Story, answered, dialed, kinds, offered, placed
from voicecall.core.requests import Ask, Say
from voicecall.core.stance import after, stance
from voicecall.core.state import Floor, Owing, Phase
from voicecall.events import Mode
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Stance


def said(call: Story, utterance: int, *, interrupted: bool = False) -> tuple[object, ...]:
    """The carrier tells that it has said an utterance."""
    call.starts(utterance)
    name = call.owed(do.Speak)
    return call.tell(
        fact.PlaybackFinished(settles=name, utterance=utterance, heard_ms=0, told="carrier", interrupted=interrupted)
    )


def conversing() -> Story:
    call = answered(streaming=False)
    said(call, 1)
    call.done(do.Listen)
    return call


def test_the_first_words_and_the_ear_come_with_the_answer_and_once() -> None:
    call = dialed(streaming=False)
    assert kinds(call.tell(fact.CallAnswered())) == ["listen", "speak"]
    assert call.tell(fact.CallAnswered()) == ()


def test_without_first_words_we_listen() -> None:
    call = dialed(streaming=False, greeting="")
    assert kinds(call.tell(fact.CallAnswered())) == ["listen"]


def test_an_offer_is_answered_with_the_greeting_so_that_one_document_holds_both() -> None:
    call = offered(streaming=False)
    assert kinds(call.entries[-1].effects)[:3] == ["answer", "listen", "speak"]


def test_a_message_is_said_and_nobody_listens() -> None:
    call = dialed(streaming=False, mode=Mode.NOTIFY)
    assert kinds(call.tell(fact.CallAnswered())) == ["speak"]
    said(call, 1)
    assert call.timers()["notify"] == 3_000
    assert (stance(call.state), after(call.state)) == (Stance.WAIT, Stance.WAIT)


def test_what_may_have_been_cut_was_heard_as_far_as_there_was_time() -> None:
    for after_ms, whole in ((500, False), (60_000, True)):
        call = answered(streaming=False)
        call.starts(1)
        finished = fact.PlaybackFinished(
            settles=call.owed(do.Speak), utterance=1, heard_ms=0, told="carrier", interrupted=True
        )
        call.tell(finished, after_ms=after_ms)
        told = call.entries[-1].event
        assert isinstance(told, fact.PlaybackFinished)
        assert (told.heard_ms == told.sent_ms, told.interrupted) == (whole, not whole)


def test_a_reply_is_said_when_it_is_whole() -> None:
    call = conversing()
    assert kinds(call.says("Is Thursday free?")) == ["ask_agent"]
    assert (stance(call.state), after(call.state)) == (Stance.WAIT, Stance.LISTEN)
    assert call.replies("Let me see.", " ", "Yes, it is.") == ()
    assert call.thought() == (do.Speak(utterance=2, text="Let me see. Yes, it is.", turn=1, purpose="reply"),)
    said(call, 2)
    assert [one.text for one in call.state.remarks][-1] == "Let me see. Yes, it is."
    assert (stance(call.state), call.state.owing) == (Stance.LISTEN, Owing.NOBODY)


def test_a_long_reply_is_given_in_parts_that_a_carrier_takes() -> None:
    call = conversing()
    call.says("Tell me everything.")
    call.replies("word " * 700)
    parts = call.thought()
    assert [part.utterance for part in parts if isinstance(part, do.Speak)] == [2, 3, 4]
    assert all(len(part.text) <= 1_500 for part in parts if isinstance(part, do.Speak))


def test_what_a_failed_agent_had_said_is_said_and_nothing_at_all_is_apologized_for() -> None:
    call = conversing()
    call.says("Is Thursday free?")
    call.replies("One moment.")
    assert [one.text for one in call.thought(reason="failed") if isinstance(one, do.Speak)] == ["One moment."]
    other = conversing()
    other.says("Is Thursday free?")
    assert [one.text for one in other.thought(reason="failed") if isinstance(one, do.Speak)] == [
        other.state.policy.apology
    ]


def test_the_first_words_of_the_caller_stop_what_is_being_said() -> None:
    call = conversing()
    call.says("Tell me.")
    call.replies("A long story.")
    call.thought()
    call.starts(2)
    assert call.tell(fact.CallerHeard(text=" ")) == ()
    assert call.tell(fact.CallerHeard(text="Wait")) == (do.StopSpeaking(utterance=2),)
    assert call.state.floor is Floor.CALLER
    name = call.owed(do.Speak)
    call.now += 400
    call.tell(fact.PlaybackFinished(settles=name, utterance=2, heard_ms=0, interrupted=True, told="carrier"))
    assert [one.text for one in call.state.remarks][-1] == "A long"
    assert kinds(call.says("Wait, one question.")) == ["ask_agent"]


def test_a_reply_that_was_overtaken_is_not_said() -> None:
    call = conversing()
    call.says("Is Thursday free?")
    call.replies("Yes.")
    assert kinds(call.says("Or Friday?")) == ["ask_agent"]
    assert call.tell(fact.AgentReplied(turn=1, index=1, text="It is.")) == ()
    assert call.tell(fact.AgentFinished(settles=call.owed(do.AskAgent), turn=1, reason="superseded")) == ()
    assert call.state.draft == ""


def test_silent_words_change_nothing() -> None:
    call = conversing()
    assert call.says("  ") == ()
    assert stance(call.state) is Stance.LISTEN


def test_an_ear_that_failed_is_opened_again_at_the_next_answer() -> None:
    call = answered(streaming=False)
    said(call, 1)
    call.fails(do.Listen)
    assert kinds(call.tell(fact.CallAnswered())) == ["listen"]


def test_a_continue_is_listened_for_even_in_a_notify_call() -> None:
    call = dialed(streaming=False, mode=Mode.NOTIFY)
    call.tell(fact.CallAnswered())
    said(call, 1)
    call.ask(Ask(text="Is that fine?"))
    assert after(call.state) is Stance.LISTEN


def test_more_than_a_carrier_takes_is_refused_before_it_is_tried() -> None:
    refused = conversing().ask(Say(text="x" * 3_001))
    assert getattr(refused, "reason", "").startswith("message: at most 3000 characters")


def test_a_call_that_ends_is_hung_up_whatever_is_asked() -> None:
    call = conversing()
    call.tell(fact.HangupRequested())
    assert (stance(call.state), after(call.state)) == (Stance.HANG_UP, Stance.HANG_UP)
    assert call.tell(fact.CallerHeard(text="Hello?")) == ()


def test_a_carrier_that_asks_what_to_do_is_given_the_stream_again_and_asked_once() -> None:
    call = answered()
    assert call.tell(fact.FlowAsked(after="stream")) == ()  # the stream is on order
    call.done(do.OpenMedia)
    assert call.tell(fact.FlowAsked(after="wait")) == ()
    assert kinds(call.tell(fact.FlowAsked(after="stream"))) == ["open_media"]
    assert stance(call.state) is Stance.STREAM
    assert placed().tell(fact.FlowAsked()) == ()


def test_whoever_hung_up_is_presumed_to_be_the_person_unless_it_was_us() -> None:
    call = conversing()
    call.tell(fact.CallEnded(reason="hangup-user", presumed=True))
    assert (call.phase, call.state.end_reason) == (Phase.ENDED, "hangup-user")
    ours = conversing()
    ours.tell(fact.HangupRequested())
    ours.tell(fact.CallEnded(reason="hangup-user", presumed=True))
    assert ours.state.end_reason == "hangup-bot"


def test_pauses_of_a_telephone_are_made_what_every_carrier_takes() -> None:
    call = conversing()
    assert call.tell(fact.DigitsRequested(digits="1,2p3wa")) == (do.SendDigits(digits="1WW2WW3wA"),)


def test_an_ear_that_was_refused_is_asked_for_again_when_we_have_spoken() -> None:
    call = answered(streaming=False)
    call.fails(do.Listen, "not while I speak")
    assert kinds(said(call, 1)) == ["listen"]
