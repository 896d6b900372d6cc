"""Text that streams in, cut into what can be spoken by itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecall.actors.clauses import LONG, LONGEST, Clauses

WORDS = st.sampled_from(
    ["Dr. ", "a.m. ", "e.g. ", "J. ", "3.5 ", "etc.", "word, ", "and another word ", "End. ", "好的\uff0c"]
)


def spoken(*pieces: str) -> list[str]:
    clauses = Clauses()
    found = [clause for piece in pieces for clause in clauses.feed(piece)]
    return [*found, *clauses.rest()]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["Hello. How are you?"], ["Hello.", "How are you?"]),
        (["Hel", "lo. ", "How", " are you", "? "], ["Hello.", "How are you?"]),
        (["It costs 3.50 euros. Good?"], ["It costs 3.50 euros.", "Good?"]),
        (['He said "No!" Then he left.'], ['He said "No!"', "Then he left."]),
        (["First line\nsecond line"], ["First line", "second line"]),
        (["你好。再见\uff01"], ["你好。", "再见\uff01"]),
        (["「はい。", "」そうです。"], ["「はい。」", "そうです。"]),
        (["Dr. Who and J. R. Smith, e.g. on Monday. Good?"], ["Dr. Who and J. R. Smith, e.g. on Monday.", "Good?"]),
        (["It is at 10:30 a.m. on Thursday."], ["It is at 10:30 a.m. on Thursday."]),
        (["It is at 10:30 a.m.", " ", "Good?"], ["It is at 10:30 a.m.", "Good?"]),
        (["So do I. (Mr. X said so.) Well... yes?!"], ["So do I.", "(Mr. X said so.)", "Well...", "yes?!"]),
        (["1. First\n2. Second"], ["1. First", "2. Second"]),
        ([". And? "], [".", "And?"]),
        (["   ", "\n\n", " "], []),
        ([], []),
        (["no end"], ["no end"]),
    ],
)
def test_clauses_end_where_sentences_end(pieces: list[str], expected: list[str]) -> None:
    assert spoken(*pieces) == expected


def test_a_clause_is_given_as_soon_as_the_next_one_begins() -> None:
    clauses = Clauses()
    assert clauses.feed("One moment, please.") == []
    assert clauses.feed(" I") == ["One moment, please."]
    assert clauses.rest() == ["I"]
    assert clauses.rest() == []


def test_the_first_clause_does_not_wait_for_the_end_of_a_long_sentence() -> None:
    clauses = Clauses()
    assert clauses.feed("Well, of course I can tell you all about our opening hours,") == []
    assert clauses.feed(" which") == ["Well, of course I can tell you all about our opening hours,"]
    assert clauses.feed(" are long and many, and I could talk about each of them for a while, if you let me.") == []
    assert clauses.rest() == [
        "which are long and many, and I could talk about each of them for a while, if you let me."
    ]


def test_a_letter_that_says_more_counts_more() -> None:
    assert spoken("好的\uff0c我可以告诉您我们的营业时间\uff0c每天都不一样。") == [
        "好的\uff0c我可以告诉您我们的营业时间\uff0c",
        "每天都不一样。",
    ]


def test_a_sentence_without_an_end_is_cut_at_a_comma() -> None:
    text = "Well. " + "and then, " * 40
    first, *then = spoken(text)
    assert first == "Well."
    assert all(one.endswith(",") for one in then)
    assert all(LONG <= len(one) < LONG + 10 for one in then[:-1])


def test_words_without_end_are_cut_between_two_of_them() -> None:
    text = "and then " * 60
    *full, _ = spoken(text)
    assert all(LONGEST <= len(one) < LONGEST + 9 for one in full)


@settings(derandomize=True, deadline=None, max_examples=200, database=None)
@given(st.lists(st.text(alphabet="ab .,!?\n\"'。」\uff0c", max_size=12) | WORDS, max_size=12))
def test_no_word_is_lost_or_changed_however_the_text_is_cut(pieces: list[str]) -> None:
    assert "".join("".join(spoken(*pieces)).split()) == "".join("".join(pieces).split())


@settings(derandomize=True, deadline=None, max_examples=100, database=None)
@given(st.text(alphabet="ab .,!?\n。」\uff0c", max_size=60) | st.lists(WORDS, max_size=30).map("".join))
def test_pieces_give_the_same_clauses_as_the_whole(text: str) -> None:
    assert spoken(*text) == spoken(text)
    assert all(len(clause) <= LONGEST + 30 for clause in spoken(text))
