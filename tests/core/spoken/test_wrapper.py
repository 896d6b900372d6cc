"""Of a JSON object only what is to be spoken is said."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.spoken.said import said, texts
from voicecall.core.spoken.wrapper import Wrapper


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"spoken": "It is ten."}', "It is ten. "),
        ('{"spoken": ""}', " "),
        ('```json\n{"spoken": "It is ten."}\n```', "It is ten. "),
        ('```\n{"spoken": "It is ten."}', "It is ten. "),
        ('```json\n{"spoken": "a"} and on', "a  and on"),
        ('{"mood": "kind", "more": {"spoken": "no", "x": ["}", {}]}, "n": [1, 2], "spoken": "It is ten.", "end": 1}',
         "It is ten. "),
        ('{"text": "never said"}', " "),
        ("{}", " "),
        ('{ \n "spoken" : "He said \\"no\\".\\nThen \\u00e9\\u20ac \\/ \\ud83d\\ude00"}',
         'He said "no".\nThen é€ / \U0001f600 '),
        ('{"spoken": "raw\nl, \\q, \\u12x4, \\ud83d, \\ud83dx, \\ud83d\\n, \\ud83d\\ud83d\\ude00, \\ude00, \\ud83d"}',
         "raw\nl, q, 12x4, \ufffd, \ufffdx, \ufffd\n, \ufffd\U0001f600, \ufffd, \ufffd "),
        ('{"spoken": "cut in the mid', "cut in the mid"),
        ('Well. {"spoken": "It is ten."}{"spoken": "Bye."}', "Well. It is ten. Bye. "),
        ("{smile} a ``b` ```c", "{smile} a ``b` ```c"),
        ("a {", "a {"),
        ('```json\n{"spoken": "a"}\n``', "a "),
        ('{"k\\u00e9y": 1, "\\u0073poken": "a"}', "a "),
    ],
)  # fmt: skip
def test_what_is_said_of_an_object(text: str, expected: str) -> None:
    assert said([text], Wrapper) == expected
    assert said(text, Wrapper) == expected


def test_words_are_said_while_the_object_streams_in() -> None:
    wrapper = Wrapper()
    assert [wrapper.feed(piece) for piece in ("{", '"spok', 'en":"It', " is ten", "\\", "n", '."', "}")] == [
        "", "", "It", " is ten", "", "\n", ".", " ",
    ]  # fmt: skip


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])), st.booleans())
def test_whatever_is_wrapped_comes_out(text: str, ascii_only: bool) -> None:
    wrapped = json.dumps({"mood": "kind", "spoken": text}, ensure_ascii=ascii_only)
    assert said(wrapped, Wrapper) == text + " "


@given(texts('{"spoken":"', '"spoken": ', "{", "}", "[", "]", '"', "\\", "\\u", "\\ud83d", "\\ude00", "```", ",", ":"))
def test_objects_are_the_same_in_pieces(text_and_pieces: tuple[str, list[str]]) -> None:
    text, pieces = text_and_pieces
    whole = said([text], Wrapper)
    assert said(pieces, Wrapper) == whole == said(text, Wrapper)
    whole.encode()
