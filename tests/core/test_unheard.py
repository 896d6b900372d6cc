"""Stories of people who speak and are not understood: they are never left alone with it."""

from __future__ import annotations

import pytest

from tests.core.story import Story, connected, conversing, kinds, notifying, spoken
from voicecall.core.requests import Ask
from voicecall.core.state import Floor, Owing
from voicecall.events import Patience
from voicecall.events import effects as do
from voicecall.events import facts as fact

AGAIN, SORRY, FILLER = "Pardon?", "I am sorry, something went wrong on my side.", "One moment, please."
STEPS = Patience(progress_ms=5_500)


def talking(**settings: object) -> Story:
    """The greeting was heard, and the person has begun to speak."""
    call = conversing(**{"unheard": AGAIN, "agent": STEPS, **settings})
    call.tell(fact.CallerStarted(offset_ms=100))
    return call


def speaks_in_vain(call: Story) -> None:
    """A voice starts and stops, and no words come of it."""
    call.tell(fact.CallerStarted())
    call.tell(fact.CallerStopped(), after_ms=900)


def test_whoever_is_not_understood_is_asked_to_say_it_again() -> None:
    call = talking()
    call.tell(fact.CallerStopped(offset_ms=900))
    assert (call.state.floor, call.state.owing) == (Floor.NOBODY, Owing.EAR)
    assert spoken(call.wait(2_500)) == [FILLER]
    call.plays(2)
    assert spoken(call.wait(5_499)) == []
    assert spoken(call.wait(1)) == [AGAIN]
    call.plays(3)
    assert call.state.owing is Owing.NOBODY
    assert call.wait(60_000) == ()


def test_words_that_come_late_are_answered_and_the_wait_began_when_the_voice_stopped() -> None:
    call = talking()
    call.tell(fact.CallerStopped())
    call.wait(2_000)
    assert kinds(call.says("Is Thursday free?")) == ["ask_agent"]
    assert call.state.owing is Owing.AGENT
    assert call.timers()["silence"] == 500


def test_a_voice_whose_words_came_before_it_stopped_is_owed_nothing_more() -> None:
    call = talking()
    call.says("Goodbye.")
    call.replies("Goodbye.")
    call.plays(2)
    call.thought()
    call.tell(fact.CallerStopped())
    assert call.state.owing is Owing.NOBODY


def test_a_partial_transcript_is_not_yet_what_was_said() -> None:
    call = talking()
    call.tell(fact.CallerHeard(text="Is Thurs"))
    call.tell(fact.CallerStopped())
    assert spoken(call.wait(2_500)) == [FILLER]


def test_the_third_time_in_vain_is_apologized_for_and_the_last() -> None:
    call = talking()
    for number in (2, 4):
        speaks_in_vain(call)
        assert spoken(call.wait(8_000)) == [FILLER]
        call.plays(number)
        assert spoken(call.wait(0)) == [AGAIN]
        call.plays(number + 1)
    speaks_in_vain(call)
    call.wait(2_500)
    call.plays(6)
    assert spoken(call.wait(5_500)) == [SORRY]
    call.plays(7)
    assert call.wait(7_000) == (do.Hangup(reason="error"),)


def test_words_in_between_begin_the_count_anew() -> None:
    call = talking()
    for _ in range(5):
        speaks_in_vain(call)
        for text, wait_ms in ((FILLER, 2_500), (AGAIN, 5_500)):
            assert spoken(call.wait(wait_ms)) == [text]
            call.plays(call.state.utterance)
        call.tell(fact.CallerStarted())
        call.says("Yes.")
        call.replies("Well.", turn=call.state.turn)
        call.plays(call.state.utterance)
        call.thought(turn=call.state.turn)
    assert call.state.misses == 0


def test_an_ear_that_fails_while_somebody_speaks_is_no_reason_to_ask_again() -> None:
    call = talking()
    call.tell(fact.TranscriberFailed(detail="reset"))
    assert call.state.owing is Owing.EAR  # nobody waits for the end of a voice that is not heard
    call.tell(fact.CallerStopped(), after_ms=1_000)
    assert spoken(call.wait(1_500)) == [FILLER]
    call.plays(2)
    assert spoken(call.wait(5_500)) == [SORRY]
    call.plays(3)
    assert call.wait(7_000) == (do.Hangup(reason="error"),)


def test_an_ear_that_works_again_is_forgiven() -> None:
    call = talking()
    call.tell(fact.TranscriberFailed(detail="reset"))
    call.tell(fact.CallerStopped())
    call.wait(2_500)
    call.plays(2)
    assert kinds(call.says("Is Thursday free?")) == ["ask_agent"]
    assert (call.state.misses, call.state.owing) == (0, Owing.AGENT)
    assert spoken(call.replies("It is.")) == ["It is."]
    call.plays(3)
    call.thought()
    assert call.wait(60_000) == ()


def test_an_ear_that_fails_while_nobody_speaks_disturbs_nobody() -> None:
    call = conversing(unheard=AGAIN)
    call.tell(fact.TranscriberFailed(detail="reset"))
    assert call.wait(60_000) == ()


def test_an_ear_that_failed_before_somebody_spoke_has_one_more_chance() -> None:
    call = conversing(unheard=AGAIN, agent=STEPS)
    for _ in range(3):
        call.tell(fact.TranscriberFailed(detail="reset"))
    for text in (AGAIN, SORRY):
        speaks_in_vain(call)
        call.wait(2_500)
        call.plays(call.state.utterance)
        assert spoken(call.wait(5_500)) == [text]
        call.plays(call.state.utterance)
    assert call.wait(7_000) == (do.Hangup(reason="error"),)


def test_whoever_talks_over_the_question_says_it_again() -> None:
    call = talking()
    call.tell(fact.CallerStopped())
    call.wait(2_500)
    call.plays(2)
    assert spoken(call.wait(5_500)) == [AGAIN]
    call.starts(3)
    call.tell(fact.CallerStarted())
    call.finishes(3, heard_ms=0, interrupted=True)
    assert call.state.owing is Owing.NOBODY
    call.tell(fact.CallerStopped())
    assert call.timers()["silence"] == 2_500


def test_somebody_who_speaks_while_we_think_waits_for_the_same_answer() -> None:
    call = conversing(unheard=AGAIN)
    call.says("Is Thursday free?")
    call.tell(fact.CallerStarted())
    call.tell(fact.CallerStopped())
    assert call.state.owing is Owing.AGENT


def test_an_answer_to_an_operator_is_asked_for_again_too() -> None:
    call = conversing(unheard=AGAIN, agent=STEPS)
    call.ask(Ask(text="How many?"))
    call.plays(2)
    speaks_in_vain(call)
    assert spoken(call.wait(2_500)) == [FILLER]
    call.plays(3)
    call.says("Three.")
    assert call.state.owing is Owing.OPERATOR


@pytest.mark.parametrize("call", [talking(unheard=""), notifying(unheard=AGAIN), connected(unheard=AGAIN)])
def test_a_voice_alone_is_nothing_where_nobody_is_to_be_understood(call: Story) -> None:
    before = call.state.owing
    speaks_in_vain(call)
    assert call.state.owing is before


def test_a_voice_that_was_not_heard_to_start_does_not_stop() -> None:
    call = conversing(unheard=AGAIN)
    call.tell(fact.CallerStopped())
    assert call.state.owing is Owing.NOBODY


def test_a_slow_agent_is_bridged_twice_where_there_is_a_word_of_progress() -> None:
    call = conversing(agent=STEPS)
    call.says("Tell me.")
    said = ("One moment, please.", "I am still working on it.", SORRY)
    for number, (text, wait_ms) in enumerate(zip(said, (2_500, 3_000, 2_500), strict=True), 2):
        assert spoken(call.wait(wait_ms)) == [text]
        call.plays(number)
    assert call.wait(7_000) == (do.Hangup(reason="error"),)


def test_all_of_it_is_decided_the_same_by_the_journal() -> None:
    call = talking()
    speaks_in_vain(call)
    call.wait(2_500)
    call.plays(2)
    call.tell(fact.TranscriberFailed(detail="reset"))
    call.wait(5_500)
    assert call.decided_the_same_today()
