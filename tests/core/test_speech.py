"""What was heard of what was said, as far as playback proves it."""

from __future__ import annotations

import pytest

from tests.core.story import conversing
from voicecall.core.speech import heard_text, keys_text
from voicecall.core.state import REMARKS_KEPT


@pytest.mark.parametrize(
    ("heard_ms", "heard"),
    [
        (0, ""),
        (-20, ""),
        (100, ""),
        (600, "one"),
        (800, "one two"),
        (1_999, "one two three"),
        (2_000, "one two three four"),
        (2_500, "one two three four"),
    ],
)
def test_words_count_when_they_were_played_to_their_end(heard_ms: int, heard: str) -> None:
    assert heard_text("one two three four", heard_ms, 2_000) == heard


def test_of_one_word_that_was_cut_nothing_was_understood() -> None:
    assert heard_text("Hello", 900, 1_000) == ""
    assert heard_text("Hello", 1_000, 1_000) == "Hello"


def test_of_sound_that_was_never_sent_nothing_was_heard() -> None:
    assert heard_text("Hello", 100, 0) == ""


def test_keys_are_told_in_brackets() -> None:
    assert keys_text("123#") == "[keys 123#]"


def test_the_agent_is_given_a_bounded_memory() -> None:
    call = conversing()
    for number in range(REMARKS_KEPT + 5):
        call.says(f"Sentence {number}.")
    assert len(call.state.remarks) == REMARKS_KEPT
    assert call.state.remarks[-1].text == f"Sentence {REMARKS_KEPT + 4}."
