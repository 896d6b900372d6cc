"""Who said what, and what of ours was heard."""

from __future__ import annotations

from tests.core.story import conversing, placed
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.projections.transcript import transcript


def test_remarks_are_in_order_and_name_the_speaker() -> None:
    call = conversing()
    call.says("Is Thursday free?")
    call.says("  ")
    call.tell(fact.CallerHeard(text="hm"))
    call.replies("Yes.", "At ten.")
    call.plays(2)
    call.plays(3)
    assert [(one.speaker, one.said) for one in transcript(call.entries)] == [
        ("bot", "Hello, this is us."),
        ("user", "Is Thursday free?"),
        ("bot", "Yes."),
        ("bot", "At ten."),
    ]


def test_said_and_heard_are_two_things() -> None:
    call = conversing()
    call.says("When?")
    call.replies("On Thursday at ten in the morning.")
    call.starts(2)
    call.finishes(2, heard_ms=400, interrupted=True)
    last = transcript(call.entries)[-1]
    assert (last.said, last.heard) == ("On Thursday at ten in the morning.", "On Thursday")
    assert (last.heard_ms, last.sent_ms, last.interrupted) == (400, 1_000, True)


def test_what_the_voice_says_of_its_words_counts_here_too() -> None:
    call = conversing()
    call.says("When?")
    call.replies("On Thursday at ten.", "Or at noon.")
    call.tell(fact.SpeechChunk(utterance=2, index=0, duration_ms=1_000, instead="Thursday, ten."))
    call.plays(2)
    call.tell(fact.SpeechChunk(utterance=3, index=0, duration_ms=1_000, words=((2, 100), (5, 800))))
    call.starts(3)
    call.finishes(3, heard_ms=800, interrupted=True)
    reworded, cut = transcript(call.entries)[-2:]
    assert (reworded.said, reworded.heard, reworded.interrupted) == ("On Thursday at ten.", "Thursday, ten.", False)
    assert (cut.said, cut.heard, cut.interrupted) == ("Or at noon.", "Or at", True)


def test_of_what_no_mark_proves_nothing_was_heard() -> None:
    call = conversing()
    call.says("When?")
    call.replies("On Thursday.")
    call.starts(2)
    call.finishes(2, heard_ms=0)
    last = transcript(call.entries)[-1]
    assert (last.said, last.heard, last.interrupted) == ("On Thursday.", "", False)


def test_what_could_not_be_said_is_no_remark() -> None:
    call = conversing()
    call.says("When?")
    call.replies("On Thursday.")
    call.fails(do.Speak, "speech failed")
    assert [one.said for one in transcript(call.entries)] == ["Hello, this is us.", "When?"]


def test_keys_are_one_remark_although_a_timer_fired_between_them() -> None:
    call = conversing()
    call.tell(fact.DigitsPressed(digits="1"))
    call.tell(fact.DigitsPressed(digits="2"), after_ms=1_000)
    call.wait(5_000)
    assert [one.said for one in transcript(call.entries)][1:] == ["[keys 12]"]


def test_keys_pressed_just_before_the_end_are_not_lost() -> None:
    call = conversing()
    call.tell(fact.DigitsPressed(digits="9"))
    call.tell(fact.CallEnded(reason="hangup-user"))
    last = transcript(call.entries)[-1]
    assert (last.speaker, last.said, last.heard) == ("user", "[keys 9]", "[keys 9]")


def test_a_call_without_talk_has_an_empty_transcript() -> None:
    assert transcript(placed().entries) == []
