"""The strict reader of documents: only what the tables know, and everything that they ask for."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecall.ports import HttpResponse
from voicecall.testing.verbs import BadDocument
from voicecall.testing.xml_reader import Shape, choice, integer, read_document

SAY = Shape(attributes={"voice", "loop"}, text="needed")
VERBS = {
    "Say": SAY,
    "Gather": Shape(needs={"action"}, attributes={"input"}, children={"Say": SAY}),
    "Hangup": Shape(),
    "Play": Shape(attributes={"digits"}, text="optional"),
}
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Response><Say>&b;</Say></Response>'


def answer(body: str | bytes, kind: str = "text/xml; charset=utf-8") -> HttpResponse:
    content = body if isinstance(body, bytes) else body.encode()
    return HttpResponse(status=200, headers={"content-type": kind}, body=content)


def test_a_good_document_is_read_as_it_stands() -> None:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!-- a comment --><Response>\n  <Gather action="/a?b=1&amp;c=2">\n'
        '    <Say voice="x">Grüße &lt;all&gt;</Say>\n  </Gather>\n  <Play digits="1"/><Hangup/>\n</Response>'
    )
    gather, play, hang_up = read_document(answer(body, "application/xml"), VERBS, limit=1_000)
    assert (gather.tag, gather.get("action"), [one.text for one in gather]) == ("Gather", "/a?b=1&c=2", ["Grüße <all>"])
    assert (play.get("digits"), hang_up.tag) == ("1", "Hangup")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<Response><Say>x</Response>", "not XML"),
        ("", "not XML"),
        ("<Response/><Response/>", "not XML"),
        (b"\xff\xfe<", "not XML"),
        ("<response/>", "the root must be <Response>"),
        ('<Response xmlns="urn:x"/>', "the root must be <Response>"),
        ("<Response><say>x</say></Response>", "Response: <say> does not belong here, only Say, Gather"),
        ("<Response><Say>x<Hangup/></Say></Response>", "Response/Say: there is text where none belongs"),
        ("<Response><Say></Say></Response>", "Response/Say: the text is missing"),
        ("<Response>hello<Hangup/></Response>", "Response: there is text where none belongs: 'hello'"),
        ("<Response><Hangup/>bye</Response>", "Response: there is text where none belongs: 'bye'"),
        ("<Response><Gather/></Response>", "Response/Gather: the attribute 'action' is missing"),
        ('<Response><Gather action="x" Input="y"/></Response>', "Response/Gather: there is no attribute 'Input'"),
        ('<Response><Gather action="x"><Hangup/></Gather></Response>', "Response/Gather: <Hangup> does not belong"),
        (BOMB, "document type"),
        ("<Response><Say>" + "x" * 1_000 + "</Say></Response>", "more than 1000"),
    ],
)
def test_anything_else_is_refused_with_its_place(body: str | bytes, words: str) -> None:
    with pytest.raises(BadDocument) as refused:
        read_document(answer(body), VERBS, limit=1_000)
    assert words in str(refused.value)


@pytest.mark.parametrize("kind", ["", "text/html", "application/json", "text/xmlish"])
def test_only_xml_is_xml(kind: str) -> None:
    with pytest.raises(BadDocument, match="content-type"):
        read_document(answer("<Response/>", kind), VERBS, limit=1_000)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(body: bytes) -> None:
    for whole in (body, b"<Response>" + body + b"</Response>"):
        with suppress(BadDocument):
            read_document(answer(whole), VERBS, limit=1_000)


def test_attributes_have_their_ranges() -> None:
    (say,) = read_document(answer('<Response><Say loop="7" voice="man">x</Say></Response>'), VERBS, limit=1_000)
    assert (integer(say, "loop", 1, 0, 9), integer(say, "missing", 3, 0, 9)) == (7, 3)
    assert (choice(say, "voice", "woman", "man", "woman"), choice(say, "none", "a", "a")) == ("man", "a")
    for bad in (lambda: integer(say, "loop", 1, 0, 6), lambda: integer(say, "voice", 1, 0, 6)):
        with pytest.raises(BadDocument, match="whole number"):
            bad()
    with pytest.raises(BadDocument, match="must be one of"):
        choice(say, "voice", "a", "b")
