"""Lines out of bytes, requests out of lines, and what a sender of anything else is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from voicecall.rpc.protocol import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    LINE_BYTES,
    PARSE_ERROR,
    BadRequest,
    Lines,
    RpcError,
    RpcRequest,
    error_line,
    invalid,
    notification_line,
    read_line,
    refused,
    result_line,
)


def bad(line: bytes | str) -> BadRequest:
    found = read_line(line.encode() if isinstance(line, str) else line)
    assert isinstance(found, BadRequest), found
    return found


def request(**fields: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": 7, "method": "voicecall.status", **fields})


@pytest.mark.parametrize("name", ["a", "", 0, 7, -1, 1.5, None])
def test_a_request_is_read_with_its_id(name: str | float | None) -> None:
    found = read_line(request(id=name, params={"callId": "c"}).encode())
    assert found == RpcRequest(method="voicecall.status", params={"callId": "c"}, id=name)


def test_a_request_without_params_has_none() -> None:
    found = read_line(request().encode())
    assert isinstance(found, RpcRequest)
    assert found.params == {}


def test_a_request_without_an_id_is_a_notification() -> None:
    found = read_line(b'{"jsonrpc":"2.0","method":"voicecall.end"}')
    assert found == RpcRequest(method="voicecall.end", params={}, notification=True)


@pytest.mark.parametrize(
    "line", ["", "{", "nonsense", '{"a":1} {"b":2}', "[" * 100_000, '"\\ud800"', b"\xff\xfe", b'{"jsonrpc":"2.0\x00"}']
)
def test_what_is_not_json_is_a_parse_error(line: bytes | str) -> None:
    found = bad(line)
    assert (found.error.code, found.id) == (PARSE_ERROR, None)
    assert found.error.message.startswith("line: not JSON: ")
    assert '"method"' in found.error.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[]", "batches are not supported; send one request a line"),
        (f"[{request()}]", "batches are not supported; send one request a line"),
        ("5", "got a number; expected {"),
        ("null", "got null; expected {"),
        ("true", "got true or false; expected {"),
    ],
)
def test_what_is_no_object_is_no_request(line: str, words: str) -> None:
    found = bad(line)
    assert (found.error.code, found.id) == (INVALID_REQUEST, None)
    assert found.error.message.startswith(words)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"jsonrpc": "1.0"}, "jsonrpc", 'jsonrpc: expected "2.0"'),
        ({"jsonrpc": 2}, "jsonrpc", 'jsonrpc: expected "2.0"'),
        ({"method": 5}, "method", "method: expected text, got a number"),
        ({"method": None}, "method", "method: expected text, got null"),
        ({"params": []}, "params", "params: expected an object with named parameters, got a list"),
        ({"params": "x"}, "params", "params: expected an object with named parameters, got text"),
        ({"params": None}, "params", "params: expected an object with named parameters, got null"),
    ],
)
def test_a_wrong_part_is_named_and_answered_under_the_requests_id(
    fields: dict[str, Any], field: str, words: str
) -> None:
    found = bad(request(**fields))
    assert found.id == 7
    assert found.error.code == (INVALID_PARAMS if field == "params" else INVALID_REQUEST)
    assert found.error.data is not None
    assert (found.error.data["field"], found.error.data["code"]) == (field, "INVALID_REQUEST")
    assert found.error.message.startswith(words)


@pytest.mark.parametrize(("name", "words"), [(True, "true or false"), ([1], "a list"), ({}, "an object")])
def test_an_id_that_cannot_be_one_is_not_echoed(name: Any, words: str) -> None:
    found = bad(request(id=name))
    assert (found.id, found.error.message) == (None, f"id: expected text or a number, got {words}")


def test_lines_come_whole_however_they_are_cut() -> None:
    text = b'{"a":1}\n\n  \r\n{"b":"\xc3\xa4"}\n{"c'
    for size in (1, 2, 3, 7, len(text)):
        lines = Lines()
        found = [one for start in range(0, len(text), size) for one in lines.feed(text[start : start + size])]
        assert found == [b'{"a":1}', b'{"b":"\xc3\xa4"}']
        assert lines.feed(b'":3}\n') == [b'{"c":3}']


@pytest.mark.parametrize("size", [1, 5, 100])
def test_a_long_line_is_passed_over_told_once_and_forgotten(size: int) -> None:
    text = b"short\n" + b"x" * 30 + b"\nafter\n" + b"y" * 10 + b"\n" + b"z" * 11 + b"\nlast\n"
    lines = Lines(limit=10)
    found = [one for start in range(0, len(text), size) for one in lines.feed(text[start : start + size])]
    assert found == [b"short", None, b"after", b"y" * 10, None, b"last"]


def test_a_long_line_is_told_before_its_end_and_not_kept() -> None:
    lines = Lines()
    assert lines.feed(b"x" * LINE_BYTES) == []
    assert lines.feed(b"x") == [None]
    for _ in range(50):
        assert lines.feed(b"x" * LINE_BYTES) == []
    assert len(lines._rest) == 0


def test_answers_are_one_line_each() -> None:
    answers = (
        result_line(1, {"text": "two\nlines"}),
        error_line(None, RpcError(PARSE_ERROR, "a\nb")),
        notification_line("voicecall.tail.line", {"position": 5}),
    )
    assert [json.loads(one) for one in answers] == [
        {"jsonrpc": "2.0", "id": 1, "result": {"text": "two\nlines"}},
        {"jsonrpc": "2.0", "id": None, "error": {"code": PARSE_ERROR, "message": "a\nb"}},
        {"jsonrpc": "2.0", "method": "voicecall.tail.line", "params": {"position": 5}},
    ]
    assert all(one.count(b"\n") == 1 for one in answers)


def test_errors_tell_programs_what_they_tell_people() -> None:
    wrong = json.loads(error_line("x", invalid("to", "to: wrong")))["error"]
    assert wrong == {
        "code": INVALID_PARAMS,
        "message": "to: wrong",
        "data": {"code": "INVALID_REQUEST", "field": "to"},
    }
    later = json.loads(error_line("x", refused("Call has ended", reason="ended")))["error"]
    assert later == {"code": -32000, "message": "Call has ended", "data": {"code": "UNAVAILABLE", "reason": "ended"}}
    assert str(invalid("to", "to: wrong")) == "to: wrong"
