"""The words that were heard of a text: by the voice's own account where there is one, else evenly."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecall.core.heard import heard_text, word_ends

TEXT = "one two three four"
ENDS = ((3, 900), (7, 1_000), (13, 1_500), (18, 1_800))


@pytest.mark.parametrize(
    ("heard_ms", "heard"),
    [
        (0, ""),
        (-20, ""),
        (100, ""),
        (600, "one"),
        (800, "one two"),
        (1_999, "one two three"),
        (2_000, TEXT),
        (2_500, TEXT),
    ],
)
def test_words_count_when_they_were_played_to_their_end(heard_ms: int, heard: str) -> None:
    assert heard_text(TEXT, heard_ms, 2_000) == heard


@pytest.mark.parametrize(
    ("heard_ms", "heard"),
    [(899, ""), (900, "one"), (999, "one"), (1_499, "one two"), (1_500, "one two three"), (1_800, TEXT), (2_000, TEXT)],
)
def test_the_voice_knows_better_where_its_words_end(heard_ms: int, heard: str) -> None:
    assert heard_text(TEXT, heard_ms, 2_000, ENDS) == heard


def test_what_the_voice_did_not_tell_is_spread_over_the_rest() -> None:
    """From "one two" on, eleven characters in a second."""
    assert heard_text(TEXT, 1_500, 2_000, ENDS[:2]) == "one two"
    assert heard_text(TEXT, 1_550, 2_000, ENDS[:2]) == "one two three"
    assert heard_text(TEXT, 1_500, 2_000, ((3, 900), (7, 2_100))) == "one"


def test_sound_that_is_shorter_than_the_voice_told_is_no_trouble() -> None:
    assert heard_text(TEXT, 950, 1_000, (*ENDS[:1], (7, 1_000))) == "one"
    assert heard_text(TEXT, 1_000, 900, ENDS) == TEXT
    assert heard_text(TEXT, 850, 900, ((3, 850), (7, 900))) == "one"


def test_of_one_word_that_was_cut_nothing_was_understood() -> None:
    assert heard_text("Hello", 900, 1_000) == ""
    assert heard_text("Hello", 1_000, 1_000) == "Hello"


def test_of_sound_that_was_never_sent_nothing_was_heard() -> None:
    assert heard_text("Hello", 100, 0) == ""


def test_where_no_spaces_are_written_each_character_is_a_word() -> None:
    assert heard_text("今日は金曜日です。", 500, 900) == "今日は金曜"
    assert heard_text("Bob 是老师。", 600, 800) == "Bob 是老"


def test_a_word_ends_with_the_marks_around_it() -> None:
    assert word_ends("“Yes,” at 3.5 — it's… ok?") == {3: 6, 8: 9, 12: 13, 19: 21, 23: 25}


@settings(derandomize=True, deadline=None, max_examples=200, database=None)
@given(
    st.text(alphabet="ab ,.\n日", max_size=30),
    st.integers(0, 3_000),
    st.integers(0, 3_000),
    st.integers(1, 2_000),
    st.lists(st.integers(0, 2_500), max_size=8),
)
def test_never_is_more_heard_than_was_said_and_never_less_by_hearing_on(
    text: str, heard_ms: int, more_ms: int, length_ms: int, told: list[int]
) -> None:
    ends = tuple(zip(sorted(word_ends(text).values()), sorted(told), strict=False))
    heard = heard_text(text, heard_ms, length_ms, ends)
    assert text.startswith(heard)
    assert heard_text(text, heard_ms + more_ms, length_ms, ends).startswith(heard)
    assert heard_text(text, length_ms, length_ms, ends) == text
    following = text[len(heard) : len(heard) + 1]
    assert heard == text or heard == "" or following.isspace() or "日" in (following, heard[-1])
