"""Stories of a voice that fails in the middle of an answer: half of one does not pass for the whole."""

from __future__ import annotations

from tests.core.story import Story, conversing, notifying, spoken
from voicecall.core.state import Owing
from voicecall.events import effects as do
from voicecall.events import facts as fact

SORRY = "I am sorry, something went wrong on my side."


def asked() -> Story:
    """The agent has begun to answer in two sentences, the first of which is being said."""
    call = conversing()
    call.says("Is Thursday free?")
    call.replies("I see.", "Thursday is free.")
    call.starts(2)
    return call


def loses(call: Story, utterance: int) -> None:
    """An utterance cannot be said."""
    names = {one.utterance: name for name, one in call.ledger.owed.items() if isinstance(one, do.Speak)}
    call.tell(fact.EffectFailed(settles=names[utterance], reason="speech failed"))


def breaks_off(call: Story, utterance: int) -> None:
    """Half of an utterance was said, and there is no more of it."""
    names = {one.utterance: name for name, one in call.ledger.owed.items() if isinstance(one, do.Speak)}
    call.tell(
        fact.PlaybackFinished(
            settles=names[utterance], utterance=utterance, heard_ms=300, sent_ms=300, interrupted=True, broken=True
        )
    )


def is_apologized_for(call: Story) -> None:
    assert call.state.owing is Owing.AGENT
    assert spoken(call.wait(2_500)) == [SORRY]
    call.plays(call.state.utterance)
    assert call.state.owing is Owing.NOBODY
    assert call.wait(60_000) == ()


def test_the_second_sentence_is_lost_while_the_first_is_said() -> None:
    call = asked()
    call.thought()
    loses(call, 3)
    call.finishes(2)
    is_apologized_for(call)


def test_the_agent_is_done_after_its_last_sentence_was_lost() -> None:
    call = asked()
    call.finishes(2)
    loses(call, 3)
    call.thought()
    is_apologized_for(call)


def test_a_sentence_breaks_off() -> None:
    call = asked()
    call.thought()
    loses(call, 3)
    breaks_off(call, 2)
    is_apologized_for(call)


def test_whatever_is_said_after_the_loss_settles_it() -> None:
    call = asked()
    loses(call, 3)
    call.finishes(2)
    assert spoken(call.replies("Shall I write it down?")) == ["Shall I write it down?"]
    call.plays(4)
    call.thought()
    assert call.state.owing is Owing.NOBODY


def test_a_message_that_breaks_off_is_said_again() -> None:
    call = notifying()
    call.starts(1)
    breaks_off(call, 1)
    assert spoken(call.wait(2_500)) == ["Hello, this is us."]


def test_a_voice_that_breaks_off_every_time_ends_the_call() -> None:
    call = asked()
    call.thought()
    loses(call, 3)
    breaks_off(call, 2)
    for _ in range(2):
        call.fire("silence")
        call.starts(call.state.utterance)
        breaks_off(call, call.state.utterance)
    assert call.fire("silence") == (do.Hangup(reason="error"),)
