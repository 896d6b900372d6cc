"""Stories of streamed calls in which no voice of ours can speak: the carrier's own does, where it has one."""

from __future__ import annotations

import pytest

from tests.core.story import Story, connected, conversing, kinds, notifying, spoken
from voicecall.core.deadlines import deadlines
from voicecall.core.fallback import LONGEST_PART, NO_VOICE
from voicecall.core.requests import Ask, Refused, Say
from voicecall.core.stance import after, stance
from voicecall.core.state import Media, Phase
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Stance

HOWS = pytest.mark.parametrize("how", ["beside", "instead"])


def mute(call: Story) -> tuple[object, ...]:
    """No voice can make the oldest utterance."""
    return call.fails(do.Speak, "speech failed: 401", vendor_code=NO_VOICE)


@HOWS
def test_the_first_words_are_said_again_by_the_carrier_and_the_conversation_goes_on(how: str) -> None:
    call = connected(voice_fallback=how)
    again = mute(call)
    assert spoken(again) == ["Hello, this is us."]
    (speak,) = again
    assert isinstance(speak, do.Speak)
    assert (speak.utterance, speak.purpose) == (2, "greeting")
    call.plays(2)
    assert call.state.greeted
    assert kinds(call.says("Who is there?")) == ["ask_agent"]
    assert call.decided_the_same_today()


def test_beside_the_stream_it_goes_on_to_carry_the_callers_words() -> None:
    call = connected(voice_fallback="beside")
    mute(call)
    assert call.state.streams
    assert call.state.by_carrier
    assert stance(call.state) is Stance.STREAM
    assert kinds(call.tell(fact.MediaClosed(stream_id="s1", reason="lost"))) == ["open_media"]


def test_instead_of_the_stream_nobody_asks_for_it_again() -> None:
    call = connected(voice_fallback="instead")
    mute(call)
    assert not call.state.streams
    assert after(call.state) is Stance.LISTEN
    assert call.tell(fact.MediaClosed(stream_id="s1", reason="lost")) == ()
    assert call.state.media is Media.CLOSED
    call.plays(2)
    assert "media" not in deadlines(call.state), "and nobody waits for it"
    assert call.tell(fact.FlowAsked(after="stream")) == ()
    assert call.tell(fact.MediaOpened(stream_id="s2", ticket="t2")) == (), "nor speaks on one that comes late"


def test_instead_of_the_stream_a_reply_is_said_when_it_is_whole() -> None:
    call = connected(voice_fallback="instead")
    mute(call)
    call.plays(2)
    call.says("Who is there?")
    assert call.replies("It is me.", "From the bakery.") == ()
    assert spoken(call.thought()) == ["It is me. From the bakery."]


def test_every_clause_that_could_not_be_made_is_said_again_in_order() -> None:
    call = conversing(voice_fallback="beside")
    call.says("Who is there?")
    call.replies("It is me.", "From the bakery.")
    assert spoken(mute(call)) == ["It is me."]
    assert spoken(mute(call)) == ["From the bakery."]
    assert [one.number for one in call.state.saying] == [4, 5]
    assert {one.turn for one in call.state.saying} == {1}


def test_whoever_waits_for_the_answer_to_a_question_does_so_still() -> None:
    call = conversing(voice_fallback="beside")
    call.ask(Ask(text="Is Thursday free?"))
    assert spoken(mute(call)) == ["Is Thursday free?"]
    call.plays(3)
    assert call.says("Yes, it is.") == (), "the agent is not asked: somebody waited for this"


def test_what_is_longer_than_a_carrier_says_at_once_is_said_in_parts() -> None:
    call = conversing(voice_fallback="beside")
    call.ask(Ask(text="word " * 599 + "word"))
    again = spoken(mute(call))
    assert len(again) == 2
    assert max(map(len, again)) <= LONGEST_PART
    assert call.state.waiting_for == 4, "the answer comes after the last of them"
    refused = call.ask(Say(text="x" * 3_001))
    assert isinstance(refused, Refused)


def test_what_was_interrupted_before_it_had_a_voice_is_not_said_again() -> None:
    call = conversing(voice_fallback="beside")
    call.says("Who is there?")
    call.replies("It is me.")
    assert kinds(call.tell(fact.CallerStarted())) == ["stop_speaking"]
    assert mute(call) == ()
    assert not call.state.carrier_speaks


def test_a_message_is_said_to_its_end_and_then_we_hang_up() -> None:
    call = notifying(voice_fallback="instead")
    assert spoken(mute(call)) == ["Hello, this is us."]
    assert stance(call.state) is Stance.WAIT
    call.plays(2)
    assert kinds(call.fire("notify")) == ["hangup"]


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [("none", NO_VOICE, []), ("beside", "", []), ("beside", "90034", []), ("beside", NO_VOICE, ["Hello, this is us."])],
)
def test_only_where_the_carrier_can_and_only_when_no_voice_of_ours_could(how: str, code: str, said: list[str]) -> None:
    call = connected(voice_fallback=how)
    assert spoken(call.fails(do.Speak, "no", vendor_code=code)) == said


def test_a_carrier_that_cannot_either_leaves_the_budget_for_silence_to_end_the_call() -> None:
    call = connected(voice_fallback="beside")
    mute(call)
    assert call.fails(do.Speak, "Telnyx refused: no") == ()
    while call.phase is Phase.LIVE:
        call.wait(1_000)
        if any(isinstance(effect, do.Speak) for effect in call.ledger.owed.values()):
            call.fails(do.Speak, "Telnyx refused: no")
    assert call.state.end_reason == "error"
