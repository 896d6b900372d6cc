"""What a model writes for itself is not said."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.core.spoken.said import said, texts
from voicecall.core.spoken.reasoning import Planning, Reasoning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>He asks the time.</think>It is ten.", "It is ten."),
        ("<THINKING>a</Thinking >It is ten.", "It is ten."),
        ('<reasoning effort="high">a <b> c</reasoning>It is ten.', "It is ten."),
        ("<think>I could write <think> here, or </thinking>.</think>It is ten.", "It is ten."),
        ("It <think>a</think>is <analysis>b</analysis>ten.", "It is ten."),
        ("lost tags end nothing.</think> It is ten.", "lost tags end nothing. It is ten."),
        ("<think/>It is ten.", "It is ten."),
        ("It is ten.<think>and never ends </thin", "It is ten."),
        ("a < b, <thumb>, <thinker>, <think", "a < b, <thumb>, <thinker>, <think"),
        ("<" + "think " + "x" * 90 + ">", "<" + "think " + "x" * 90 + ">"),
    ],
)
def test_reasoning_between_tags(text: str, expected: str) -> None:
    assert said([text], Reasoning) == expected
    assert said(text, Reasoning) == expected


def test_nothing_else_is_held_back() -> None:
    reasoning = Reasoning()
    assert reasoning.feed("It is") == "It is"
    assert reasoning.feed(" ten. <") == " ten. "
    assert reasoning.feed("3") == "<3"
    assert reasoning.feed("<thi") == ""
    assert reasoning.feed("s>") == "<this>"


@given(texts("<think>", "</think>", "<thinking a>", "</thinking>", "<", ">", "/", "think"))
def test_reasoning_is_the_same_in_pieces(text_and_pieces: tuple[str, list[str]]) -> None:
    text, pieces = text_and_pieces
    assert said(pieces, Reasoning) == said([text], Reasoning) == said(text, Reasoning)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Reasoning: he asks.\n\nIt is ten.", "It is ten."),
        ("\n Thinking process: a\nb\n \nAnalysis: c\n\n\nIt is ten.\n\nBye.", "It is ten.\n\nBye."),
        ("The user wants the time. I should tell it.\n\nIt is ten.", "It is ten."),
        ("The user wants the time, so I'll tell it.\n\nIt is ten.", "It is ten."),
        ("The user guide is on its way.\n\nBye.", "The user guide is on its way.\n\nBye."),
        ("Reasoning: all there is.", "Reasoning: all there is."),
        ("Reasoning: all there is.\n\n", "Reasoning: all there is.\n\n"),
        ("It is ten.\n\nReasoning: he asked.", "It is ten.\n\nReasoning: he asked."),
        ("The", "The"),
        ("", ""),
    ],
)
def test_planning_before_the_answer(text: str, expected: str) -> None:
    assert said([text], Planning) == expected
    assert said(text, Planning) == expected


def test_only_what_begins_like_a_plan_is_held_back() -> None:
    planning = Planning()
    assert planning.feed("The") == ""
    assert planning.feed(" shop") == "The shop"
    assert planning.feed(" is open.") == " is open."


@given(texts("Reasoning: ", "the user ", "I should ", "\n\n", "Analysis:", "T"))
def test_planning_is_the_same_in_pieces(text_and_pieces: tuple[str, list[str]]) -> None:
    text, pieces = text_and_pieces
    assert said(pieces, Planning) == said([text], Planning) == said(text, Planning)
