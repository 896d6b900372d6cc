"""What was heard becomes a remark, and the agent knows no more than that."""

from __future__ import annotations

from tests.core.story import conversing
from voicecall.core.speech import keys_text
from voicecall.core.state import REMARKS_KEPT
from voicecall.events import facts as fact

REPLY = "On Thursday at ten in the morning."


def interrupted(*chunks: fact.SpeechChunk, heard_ms: int, length_ms: int = 0) -> str:
    """What the agent knows of its own reply, of which so much was heard."""
    call = conversing()
    call.says("When?")
    call.replies(REPLY)
    call.starts(2)
    for chunk in chunks:
        call.tell(chunk)
    call.finishes(2, heard_ms=heard_ms, length_ms=length_ms, interrupted=True)
    last = call.state.remarks[-1]
    return last.text if last.speaker == "agent" else ""


def chunk(*words: tuple[int, int], utterance: int = 2, instead: str = "") -> fact.SpeechChunk:
    return fact.SpeechChunk(utterance=utterance, index=0, duration_ms=500, words=words, instead=instead)


def test_of_an_interrupted_reply_the_words_that_ended_are_remembered() -> None:
    """1 s was sent of a reply that is 3 s long."""
    assert interrupted(heard_ms=900, length_ms=3_000) == "On"
    assert interrupted(heard_ms=900) == "On Thursday at ten in the"


def test_they_are_those_that_the_voice_told_where_it_told_any() -> None:
    assert interrupted(chunk((2, 100), (11, 200)), chunk((14, 850), (18, 950)), heard_ms=900) == "On Thursday at"
    assert interrupted(chunk(), chunk((18, 10), utterance=1), heard_ms=900, length_ms=3_000) == "On"


def test_who_says_it_in_other_words_is_remembered_with_these() -> None:
    other = chunk(instead="Thursday, ten o'clock sharp.")
    assert interrupted(chunk((2, 50)), other, chunk(), heard_ms=500) == "Thursday, ten"
    assert interrupted(other, heard_ms=1_000) == "Thursday, ten o'clock sharp."


def test_keys_are_told_in_brackets() -> None:
    assert keys_text("123#") == "[keys 123#]"


def test_the_agent_is_given_a_bounded_memory() -> None:
    call = conversing()
    for number in range(REMARKS_KEPT + 5):
        call.says(f"Sentence {number}.")
    assert len(call.state.remarks) == REMARKS_KEPT
    assert call.state.remarks[-1].text == f"Sentence {REMARKS_KEPT + 4}."
