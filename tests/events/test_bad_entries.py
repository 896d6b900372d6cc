"""Bytes that are no entry are refused, and the refusal says what is wrong and where."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecall.events.schema import SCHEMA, BadEntry, decode_entry, encode_entry, event_from_plain
from voicecall.testing.strategies import PLAIN

GOOD: dict[str, Any] = {
    "v": SCHEMA,
    "seq": 7,
    "at": 1767225600412,
    "writer": "w2",
    "event": {"type": "caller.said", "text": "Hi"},
    "effects": [{"type": "hangup", "reason": "timeout"}],
}
PLACED: dict[str, Any] = {"type": "call.placed", "carrier": "c", "caller": "", "callee": "", "rules": 1, "policy": {}}


def refusal(**changes: Any) -> str:
    with pytest.raises(BadEntry) as refused:
        decode_entry(json.dumps({**GOOD, **changes}).encode())
    return str(refused.value)


def test_the_good_one_is_good() -> None:
    assert decode_entry(json.dumps(GOOD).encode()).seq == 7


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"v":1} x', b"[" * 100_000])
def test_what_is_not_json_is_named(body: bytes) -> None:
    with pytest.raises(BadEntry, match="not JSON"):
        decode_entry(body)


@pytest.mark.parametrize(("body", "kind"), [(b"[]", "list"), (b"7", "int"), (b"null", "NoneType")])
def test_what_is_not_an_object_is_named(body: bytes, kind: str) -> None:
    with pytest.raises(BadEntry, match=f"an entry is a JSON object, got {kind}"):
        decode_entry(body)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seq": "7"}, "expected a whole number, got '7' @ $.seq"),
        ({"seq": 7.0}, "expected a whole number, got 7.0 @ $.seq"),
        ({"at": True}, "expected a whole number, got True @ $.at"),
        ({"writer": None}, "expected text, got None @ $.writer"),
        ({"verified": "false"}, "expected true or false, got 'false' @ $.verified"),
        ({"event": []}, "expected an object with a 'type', got list @ $.event"),
        ({"event": {"type": "caller.said"}}, "required field missing @ $.event.text"),
        ({"event": {"type": "caller.said", "text": None}}, "expected text, got None @ $.event.text"),
        (
            {"event": {"type": "caller.said", "text": "Hi", "confidence": "high"}},
            "expected a number, got 'high' @ $.event.confidence",
        ),
        ({"event": {"type": "call.answered", "by": "cat"}}, "expected one of human, machine, unknown @ $.event.by"),
        ({"event": {**PLACED, "policy": 5}}, "expected an object, got 5 @ $.event.policy"),
        ({"event": {**PLACED, "policy": {"mode": "shout"}}}, "'shout' is not a valid Mode @ $.event.policy.mode"),
        ({"event": {**PLACED, "policy": {"agent": [1]}}}, "expected an object, got [1] @ $.event.policy.agent"),
        ({"effects": 5}, "expected a list @ $.effects"),
        ({"effects": [7]}, "expected an object with a 'type', got int @ $.effects[0]"),
        (
            {"effects": [{"type": "start_timer", "name": "x", "due": "soon"}]},
            "expected a whole number, got 'soon' @ $.effects[0].due",
        ),
    ],
)
def test_the_wrong_part_is_named(changes: dict[str, Any], message: str) -> None:
    assert refusal(**changes) == message


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert refusal(seq="7", writer=5) == ("expected a whole number, got '7' @ $.seq; expected text, got 5 @ $.writer")


def test_a_missing_event_is_named() -> None:
    body = json.dumps({name: value for name, value in GOOD.items() if name != "event"}).encode()
    with pytest.raises(BadEntry, match=r"required field missing @ \$\.event"):
        decode_entry(body)


def test_a_whole_number_may_stand_where_a_fraction_is_expected() -> None:
    entry = decode_entry(json.dumps({**GOOD, "event": {"type": "caller.said", "text": "x", "confidence": 1}}).encode())
    assert repr(getattr(entry.event, "confidence", None)) == "1.0"


def test_plain_data_of_an_event_is_read_as_strictly() -> None:
    with pytest.raises(BadEntry, match="required field missing"):
        event_from_plain({"type": "digits.pressed"})


@given(PLAIN, st.sampled_from(["seq", "at", "writer", "key", "event", "effects", "verified"]))
def test_no_value_anywhere_raises_anything_else(value: Any, name: str) -> None:
    try:
        entry = decode_entry(json.dumps({**GOOD, name: value}).encode())
    except BadEntry:
        return
    assert decode_entry(encode_entry(entry)) == entry


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    with pytest.raises(BadEntry):
        decode_entry(body)
