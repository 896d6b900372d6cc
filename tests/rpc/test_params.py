"""Parameters: what is wrong is named, with what would be right."""

from __future__ import annotations

from typing import Any

import pytest

from voicecall.rpc.params import given, no_call
from voicecall.rpc.protocol import INVALID_PARAMS, Params, RpcError

CALL = {"to": "+15550001234", "message": "Hello", "requestId": "r"}
PLACED = "voicecall.initiate"
TAIL = "voicecall.tail.subscribe"


def refusal(method: str, params: Params) -> tuple[str, str]:
    """The field and the words of the error."""
    with pytest.raises(RpcError) as caught:
        given(method, params)
    assert caught.value.code == INVALID_PARAMS
    assert caught.value.data is not None
    return caught.value.data["field"], caught.value.message


def test_text_is_trimmed_and_what_is_blank_is_not_there() -> None:
    assert given(PLACED, {**CALL, "message": "  hello \n", "by": " \t", "sessionKey": None}) == {
        **CALL,
        "message": "hello",
    }


@pytest.mark.parametrize("params", [{}, {"message": None}, {"message": ""}, {"message": " \t\n"}])
def test_blank_text_is_missing(params: Params) -> None:
    assert refusal(PLACED, {"to": "+15550001234", "requestId": "r", **params}) == ("message", "message required")


@pytest.mark.parametrize(
    ("value", "words"),
    [(5, "a number"), (1.5, "a number"), (True, "true or false"), ([], "a list"), ({}, "an object")],
)
def test_text_must_be_text(value: Any, words: str) -> None:
    assert refusal(PLACED, {**CALL, "message": value}) == ("message", f"message: expected text, got {words}")


def test_text_has_a_longest_length() -> None:
    assert given(PLACED, {**CALL, "message": "x" * 10_000})["message"]
    words = "message: at most 10000 characters, got 10001"
    assert refusal(PLACED, {**CALL, "message": "x" * 10_001}) == ("message", words)


@pytest.mark.parametrize("value", ["+15550001234", "+4930123", " +15550001234 "])
def test_a_number_is_e164(value: str) -> None:
    assert given(PLACED, {**CALL, "to": value})["to"] == value.strip()


@pytest.mark.parametrize(
    "value", ["15550001234", "+05550001234", "+1 555 000 1234", "+1555abc", "+1٣٣٣٣٣٣٣", "+" + "1" * 16, "+1\n5"]
)
def test_what_is_no_number_is_shown_with_the_format(value: str) -> None:
    words = f"to: expected E.164 format, e.g. +15550001234, got {value!r}"
    assert refusal(PLACED, {**CALL, "to": value}) == ("to", words)
    assert len(refusal(PLACED, {**CALL, "to": "x" * 10_000})[1]) < 120


def test_an_unknown_mode_counts_as_absent_and_an_unknown_level_does_not() -> None:
    assert given(PLACED, {**CALL, "mode": "notify"})["mode"] == "notify"
    assert "mode" not in given(PLACED, {**CALL, "mode": "shout"})
    assert refusal(PLACED, {**CALL, "mode": 1})[0] == "mode"
    words = "level: expected one of debug, info, warning, error, critical, got 'loud'"
    assert refusal("voicecall.log.subscribe", {"level": "loud"}) == ("level", words)


def test_a_whole_number_is_no_truth_and_not_negative() -> None:
    assert given(TAIL, {"after": 5}) == {"after": 5}
    assert given(TAIL, {"after": None}) == {}
    for value, words in ((True, "true or false"), ("5", "text"), (1.5, "a number")):
        assert refusal(TAIL, {"after": value}) == ("after", f"after: expected a whole number, got {words}")
    assert refusal(TAIL, {"after": -1}) == ("after", "after: must be 0 or more, got -1")


def test_other_types_are_named_as_people_name_them() -> None:
    assert refusal("voicecall.hello", {"host": "yes"}) == ("host", "host: expected true or false, got text")
    assert refusal("voicecall.cancel", {"id": []}) == ("id", "id: expected text or a number, got a list")
    words = "config: expected an object, got text"
    assert refusal("voicecall.config.update", {"config": "{}", "requestId": "r"}) == ("config", words)
    assert given("voicecall.cancel", {"id": 1.5}) == {"id": 1.5}
    assert given("voicecall.cancel", {"id": " "}) == {"id": " "}
    assert given("voicecall.hello", {"host": False}) == {"host": False}


def test_an_alias_is_the_parameter_that_it_is_another_name_of() -> None:
    assert given("voicecall.status", {"sid": " CA1 "}) == {"callId": "CA1"}
    assert given("voicecall.status", {"callId": "c", "sid": "CA1"}) == {"callId": "c"}
    assert refusal("voicecall.status", {"sid": 5}) == ("sid", "sid: expected text, got a number")


def test_an_unknown_parameter_is_named_with_the_one_that_was_meant() -> None:
    assert refusal("voicecall.end", {"callid": "c"}) == ("callid", "callid: unknown parameter; did you mean callId?")
    words = f"{'x' * 40}: unknown parameter; known: callId, requestId, by"
    assert refusal("voicecall.end", {"x" * 100: 1}) == ("x" * 40, words)
    assert refusal("voicecall.ping", {"x": 1}) == ("x", "x: unknown parameter; known: none")


def test_a_call_that_is_not_there_is_named_in_the_references_words() -> None:
    error = no_call("c" * 100)
    assert error.message == "Call not found"
    assert error.data is not None
    assert (error.data["code"], error.data["reason"], error.data["field"]) == ("UNAVAILABLE", "not-found", "callId")
    assert len(error.data["hint"]) < 140
