"""Parameters: what is wrong is named, with what would be right."""

from __future__ import annotations

from typing import Any

import pytest

from voicecall.events import Mode
from voicecall.rpc import params as read
from voicecall.rpc.protocol import INVALID_PARAMS, RpcError


def refusal(call: Any, *arguments: Any, **more: Any) -> tuple[str, str]:
    """The field and the words of the error."""
    with pytest.raises(RpcError) as caught:
        call(*arguments, **more)
    assert caught.value.code == INVALID_PARAMS
    assert caught.value.data is not None
    return caught.value.data["field"], caught.value.message


def test_text_is_trimmed() -> None:
    assert read.text({"message": "  hello \n"}, "message", "message required") == "hello"
    assert read.optional_text({"message": None}, "message") == ""
    assert read.optional_text({}, "message") == ""


@pytest.mark.parametrize("params", [{}, {"message": None}, {"message": ""}, {"message": " \t\n"}])
def test_blank_text_is_missing(params: dict[str, Any]) -> None:
    assert refusal(read.text, params, "message", "message required") == ("message", "message required")


@pytest.mark.parametrize(
    ("value", "words"),
    [(5, "a number"), (1.5, "a number"), (True, "true or false"), ([], "a list"), ({}, "an object")],
)
def test_text_must_be_text(value: Any, words: str) -> None:
    assert refusal(read.optional_text, {"message": value}, "message") == (
        "message",
        f"message: expected text, got {words}",
    )


def test_text_has_a_longest_length() -> None:
    assert read.optional_text({"message": "x" * read.LONGEST_TEXT}, "message")
    field, words = refusal(read.optional_text, {"message": "x" * (read.LONGEST_TEXT + 1)}, "message")
    assert (field, words) == ("message", "message: at most 10000 characters, got 10001")


@pytest.mark.parametrize("value", ["+15550001234", "+4930123", " +15550001234 "])
def test_a_number_is_e164(value: str) -> None:
    assert read.number({"to": value}, None) == value.strip()


@pytest.mark.parametrize(
    "value", ["15550001234", "+05550001234", "+1 555 000 1234", "+1555abc", "+1٣٣٣٣٣٣٣", "+" + "1" * 16]
)
def test_what_is_no_number_is_shown_with_the_format(value: str) -> None:
    field, words = refusal(read.number, {"to": value}, None)
    assert (field, words) == ("to", f"to: expected E.164 format, e.g. +15550001234, got {value!r}")


def test_the_configured_number_is_called_when_none_is_given() -> None:
    assert read.number({}, "+15550009999") == "+15550009999"
    field, words = refusal(read.number, {}, None)
    assert field == "to"
    assert words.startswith("to required")


def test_an_unknown_mode_counts_as_absent() -> None:
    assert read.mode({"mode": "notify"}) is Mode.NOTIFY
    assert read.mode({"mode": "conversation"}) is Mode.CONVERSATION
    assert read.mode({"mode": "shout"}) is None
    assert read.mode({}) is None
    assert refusal(read.mode, {"mode": 1})[0] == "mode"


def test_a_whole_number_is_no_truth_and_not_negative() -> None:
    assert read.whole_number({"after": 5}, "after", default=0) == 5
    assert read.whole_number({"after": None}, "after", default=3) == 3
    assert read.whole_number({}, "after", default=3) == 3
    for value, words in ((True, "true or false"), ("5", "text"), (1.5, "a number")):
        assert refusal(read.whole_number, {"after": value}, "after", default=0) == (
            "after",
            f"after: expected a whole number, got {words}",
        )
    assert refusal(read.whole_number, {"after": -1}, "after", default=0)[1] == "after: must be 0 or more, got -1"


def test_an_unknown_parameter_is_named_with_the_one_that_was_meant() -> None:
    read.only({"callId": "c"}, "callId", "message")
    assert refusal(read.only, {"callid": "c"}, "callId", "message") == (
        "callid",
        "callid: unknown parameter; did you mean callId?",
    )
    assert refusal(read.only, {"x" * 100: 1}, "callId", "message") == (
        "x" * 40,
        f"{'x' * 40}: unknown parameter; known: callId, message",
    )


def test_a_call_that_is_not_there_is_named_in_the_references_words() -> None:
    error = read.no_call("c" * 100)
    assert error.message.startswith("Call not found: callId 'cccc")
    assert len(error.message) < 160
    assert error.data == {"code": "UNAVAILABLE", "reason": "not-found", "field": "callId"}
