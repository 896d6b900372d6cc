"""Text that streams in, cut into what can be spoken by itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecall.actors.clauses import LONG, Clauses


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


def test_a_sentence_without_an_end_is_cut_at_a_comma() -> None:
    clauses = Clauses()
    text = "and then, " * (LONG // 10 + 1)
    (first,) = clauses.feed(text)
    assert first.endswith(",")
    assert len(first) > LONG // 2


@settings(derandomize=True, deadline=None, max_examples=200, database=None)
@given(st.lists(st.text(alphabet="ab .,!?\n\"'。", max_size=12), max_size=12))
def test_no_word_is_lost_or_changed_however_the_text_is_cut(pieces: list[str]) -> None:
    assert "".join("".join(spoken(*pieces)).split()) == "".join("".join(pieces).split())


@settings(derandomize=True, deadline=None, max_examples=100, database=None)
@given(st.text(alphabet="ab .!?\n", max_size=60))
def test_pieces_give_the_same_clauses_as_the_whole(text: str) -> None:
    assert spoken(*text) == spoken(text)
