"""Server-sent events, read piece by piece."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecall.adapters.agents.openai.failing import NoReply
from voicecall.adapters.agents.openai.stream import ChatReading, DataLines, ResponsesReading
from voicecall.adapters.agents.openai.tools import ToolCall

STREAM = b': PROCESSING\n\nevent: a\ndata: {"x":\ndata: "\xe2\x80\xa8"}\r\n\r\nid: 1\ndata:y\n\n\ndata: cut'


@given(st.lists(st.integers(0, len(STREAM)), max_size=6))
def test_events_are_the_same_however_the_bytes_come(cuts: list[int]) -> None:
    lines = DataLines()
    edges = [0, *sorted(cuts), len(STREAM)]
    found = [data for start, end in itertools.pairwise(edges) for data in lines.feed(STREAM[start:end])]
    assert found == [b'{"x":\n"\xe2\x80\xa8"}', b"y"]


def chunk(finish: str | None = None, **delta: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode()


def test_the_words_of_a_chat_completion() -> None:
    reading = ChatReading()
    events = [
        b'{"choices": [], "prompt_filter_results": []}',
        b'{"choices": null}',
        chunk(role="assistant", content=None),
        chunk(reasoning_content="hm", reasoning="hm"),
        chunk(content="It is"),
        chunk(content=[{"type": "thinking", "thinking": []}, {"type": "text", "text": " ten."}]),
        chunk(refusal=" No."),
    ]
    assert "".join([reading.receive(event) for event in events]) == "It is ten. No."
    assert not reading.over
    assert reading.receive(chunk("stop")) == ""
    assert reading.over
    assert reading.receive(b'{"choices": [], "usage": {}}') == ""


def test_a_chat_completion_is_over_at_the_latest_when_it_says_so() -> None:
    reading = ChatReading()
    assert reading.receive(b"[DONE]") == ""
    assert reading.over


def test_the_calls_of_a_chat_completion_are_put_together() -> None:
    reading = ChatReading()
    parts = [
        {"index": 1, "id": "b", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "id": "a", "function": {"name": "g", "arguments": '{"x"'}},
        {"index": 0, "function": {"arguments": ": 1}"}},
        {"index": 1},
    ]
    for part in parts:
        reading.receive(chunk(tool_calls=[part]))
    reading.receive(chunk("tool_calls"))
    assert reading.calls == [
        ToolCall(call_id="a", name="g", arguments='{"x": 1}'),
        ToolCall(call_id="b", name="f", arguments=""),
    ]


def test_the_words_and_calls_of_a_response() -> None:
    reading = ResponsesReading()
    events: list[Any] = [
        {"type": "response.created", "response": {}},
        {"type": "response.reasoning_text.delta", "delta": "hm"},
        {"type": "response.output_text.delta", "delta": "It is ten."},
        {"type": "response.refusal.delta", "delta": " No."},
        {"type": "response.output_item.done", "item": {"type": "message", "content": []}},
        {"type": "response.output_item.done",
         "item": {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}},
        {"type": "response.something.new", "delta": {"x": 1}},
    ]  # fmt: skip
    assert "".join([reading.receive(json.dumps(event).encode()) for event in events]) == "It is ten. No."
    assert (reading.over, reading.calls) == (False, [ToolCall(call_id="a", name="f", arguments="{}")])
    assert reading.receive(b'{"type": "response.completed", "response": {}}') == ""
    assert reading.receive(b"[DONE]") == ""
    assert reading.over


@pytest.mark.parametrize("finish", ["length", "stop"])
def test_a_reply_that_was_cut_short_is_still_one(finish: str) -> None:
    reading = ChatReading()
    assert reading.receive(chunk(content="It is")) == "It is"
    reading.receive(chunk(finish))
    assert reading.over
    other = ResponsesReading()
    other.receive(b'{"type": "response.output_text.delta", "delta": "It"}')
    other.receive(
        b'{"type": "response.incomplete", "response": {"incomplete_details": {"reason": "max_output_tokens"}}}'
    )
    assert other.over


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (chunk("content_filter"), "the vendor's content filter stopped the reply (content_filter)"),
        (chunk("length", content=" "), "the reply was cut off before its first word (length)"),
        (b'{"error": {"message": "Slow down.", "type": "x", "code": 429}}', "429: Slow down."),
        (b'{"error": "overloaded"}', "overloaded"),
        (b"<html>", "an event is not as expected: JSON is malformed: invalid character (byte 0)"),
        (b'{"choices": [{"delta": {"content": 5}}]}', "an event is not as expected: Expected `str | array | null`, "
         "got `int` - at `$.choices[0].delta.content`"),
    ],
)  # fmt: skip
def test_a_chat_completion_that_fails(data: bytes, why: str) -> None:
    with pytest.raises(NoReply) as caught:
        ChatReading().receive(data)
    assert str(caught.value) == why


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"type": "error", "code": "server_error", "message": "Oh."}, "server_error: Oh."),
        ({"type": "error", "error": {"type": "overloaded", "message": "Oh."}}, "overloaded: Oh."),
        ({"type": "response.failed", "response": {"error": {"code": "limit", "message": "Oh."}}}, "limit: Oh."),
        ({"type": "response.failed", "response": {}}, "no reason given"),
        ({"type": "response.incomplete", "response": {"incomplete_details": {"reason": "content_filter"}}},
         "the vendor's content filter stopped the reply (content_filter)"),
        ({"type": "response.incomplete", "response": {"incomplete_details": {"reason": "max_output_tokens"}}},
         "the reply was cut off before its first word (max_output_tokens)"),
    ],
)  # fmt: skip
def test_a_response_that_fails(event: object, why: str) -> None:
    with pytest.raises(NoReply) as caught:
        ResponsesReading().receive(json.dumps(event).encode())
    assert str(caught.value) == why
