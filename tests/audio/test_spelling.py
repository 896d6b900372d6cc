"""A voice spells what it says: where the words of the text end in its sound, as long as it says these."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from voicecall.audio.spelling import Spelling
from voicecall.core.heard import word_ends
from voicecall.ports import Wording


def spelled(text: str, *wordings: Wording) -> list[tuple[int, int]]:
    spelling = Spelling(text)
    return [end for wording in wordings for end in spelling.take(wording)]


def evenly(text: str, *, each_ms: int = 10, after_ms: int = 0) -> Wording:
    return Wording(text=text, ends_ms=tuple(after_ms + each_ms * (place + 1) for place in range(len(text))))


def test_words_end_with_their_last_letter() -> None:
    assert spelled("Hi there, you.", evenly("Hi there, you.")) == [(2, 20), (9, 80), (14, 130)]


def test_a_word_may_come_in_parts() -> None:
    parts = evenly("Hi the"), evenly("re, ", after_ms=60), evenly("you.", after_ms=100)
    assert spelled("Hi there, you.", *parts) == [(2, 20), (9, 80), (14, 130)]


def test_white_space_case_and_marks_may_be_others() -> None:
    assert spelled("Hi \n “there”", evenly(' hi "There" ')) == [(2, 30), (12, 100)]


def test_other_words_are_not_followed() -> None:
    assert spelled("At 10:30 then", evenly("At "), evenly("ten thirty then"), evenly("then")) == [(2, 20)]
    assert spelled("Yes", evenly("Yes"), evenly("and"), evenly("no")) == [(3, 30)]


def test_time_does_not_run_backwards() -> None:
    assert spelled("a b c", Wording(text="abc", ends_ms=(50, 20, 70))) == [(1, 50), (3, 50), (5, 70)]


@settings(derandomize=True, deadline=None, max_examples=100, database=None)
@given(st.text(alphabet="abß ,.\n日…", max_size=20), st.integers(1, 5))
def test_however_it_is_cut_every_word_is_told_once_and_in_order(text: str, size: int) -> None:
    pieces = [evenly(text[at : at + size], after_ms=10 * at) for at in range(0, len(text), size)]
    assert spelled(text, *pieces) == [(end, 10 * (place + 1)) for place, end in sorted(word_ends(text).items())]
