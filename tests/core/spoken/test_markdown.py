"""Marks for the eye are not said, words are."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.core.spoken.said import said, texts
from voicecall.core.spoken import SpokenText
from voicecall.core.spoken.markdown import Markdown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is **ten**, *not* ___nine___ and ~~never~~ `eleven`.", "It is ten, not nine and never eleven."),
        ("***Ten.*** **\"Yes\"**, he_said_so, 3 * 4, 2**3, ~5, 5*", 'Ten. "Yes", he_said_so, 3 * 4, 2**3, ~5, 5'),
        ("# Title\n## Next ##\n#5 stays", "Title\nNext ##\n#5 stays"),
        ("- one\n* two\n+ three\n  • four\n- - five\n- [ ] 6\n- [x] 7", "one\ntwo\nthree\nfour\nfive\n6\n7"),
        ("1. one\n24. Dezember\n-5 degrees\n+49 30 1", "1. one\n24. Dezember\n-5 degrees\n+49 30 1"),
        ("> quoted\n>> twice\n***\n---\nover\n====\n", "quoted\ntwice\nover\n"),
        ("see [our *page*](https://a.example/x_(y)_z \"title\") now", "see our page now"),
        ("![a map](m.png) and ![](n.png)[ref][1], a fact[^1] or [12].", "a map and ref, a fact or ."),
        ("[laughs] no (link) [open [a](b) c", "[laughs] no (link) [open a c"),
        ("[keys 123#]", "[keys 123#]"),
        ("[a](not\nclosed", "[a](not\nclosed"),
        ("Wow![not](", "Wow![not]("),
        ("Wow! Yes!", "Wow! Yes!"),
        ("[" + "x" * 400 + "](u)", "[" + "x" * 400 + "](u)"),
        ("[a](" + "u" * 2_000 + ")", "[a](" + "u" * 2_000 + ")"),
        ("[a", "[a"),
        ("| day | hour |\n|:----|-----:|\n| **Monday** | ten  o |\n|a||b|", "day, hour\nMonday, ten o\na, b"),
        ("| a |", "a"),
        ("| a ", "a "),
        ("day | hour\n--- | ---\nMonday | ten", "day hour\nMonday ten"),
        ("Look:\n```python\nprint('**hi**')\n\n~~~\n```x\n```\nDone.", "Look:\nDone."),
        ("```\nIt is **ten**.\n```", "It is ten.\n"),
        ("~~~ text\nIt is ten.\n~~~\n```js\nno", "It is ten.\n"),
        ("```js", ""),
        ("```code``` and so", "code and so"),
        ("```prose```", "prose"),
        ("<b>Ten</b><br/>o'clock<p class=\"x\">or</p><final>not</final>", "Ten\no'clock\nor\nnot"),
        ("<https://a.example> <me@a.example> 5 < 6, a <b and c>, <3, <x", 
         "https://a.example me@a.example 5 < 6, a <b and c>, <3, <x"),
        ("<" + "a" * 400, "<" + "a" * 400),
        ("Tom &amp; Jerry&nbsp;&#233; AT&T & co &", "Tom & Jerry é AT&T & co &"),
        ("\\*literal\\* \\d \\\nnext\\", "*literal* \\d \nnext"),
        ("one\r\ntwo   three\n\n\n four\t\xa0five", "one\ntwo three\nfour five"),
        ("a**", "a"),
        ("**", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_words_without_their_marks(text: str, expected: str) -> None:
    assert said([text]) == expected
    assert said(text) == expected


@pytest.mark.parametrize(
    ("pieces", "given_at_once"),
    [
        (["It is", " ten. ", "And **you", "**? ", "Good"], ["It is", " ten. ", "And you", "? ", "Good"]),
        (["- ", "One", "\n", "- Two"], ["", "One", "\n", "Two"]),
        (["Wow!", " [a", "](", "u)", " b"], ["Wow", "! ", "", "a", " b"]),
    ],
)
def test_little_is_held_back(pieces: list[str], given_at_once: list[str]) -> None:
    spoken = SpokenText()
    assert [spoken.feed(piece) for piece in pieces] == given_at_once


MARKS = (
    "**", "*", "_", "~~", "`", "```", "```js\n", "~~~", "[", "](", "]", ")", "![", "<b>", "<", ">", "&amp;", "&", ";",
    "|", " | ", "# ", "- ", "\n", "\n\n", "\\", "---", "1. ", "[x] ", "https://a.b/", "@", "=", "\r\n", "(",
)  # fmt: skip


@given(texts(*MARKS))
def test_marks_are_the_same_in_pieces(text_and_pieces: tuple[str, list[str]]) -> None:
    text, pieces = text_and_pieces
    assert said(pieces, Markdown) == said([text], Markdown) == said(text, Markdown)


@given(texts(*MARKS, "<think>", "</think>", '{"spoken": "', '"}', "Reasoning: "))
def test_a_whole_reply_is_the_same_in_pieces(text_and_pieces: tuple[str, list[str]]) -> None:
    text, pieces = text_and_pieces
    assert said(pieces) == said([text]) == said(text)


def test_one_filter_hands_on_to_the_next() -> None:
    reply = '<think>Hm.</think>\n```json\n{"spoken": "**Ten** o\'clock.\\n- or [eleven](x)"}\n```'
    assert said(reply) == said([reply]) == "Ten o'clock.\nor eleven "
