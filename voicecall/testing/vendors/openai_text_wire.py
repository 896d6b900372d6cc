"""The wire shapes of a simulated language model: chunks of a chat completion, events of a response, errors. Pure."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

from attrs import frozen

CREATED = 1_767_225_600
"""When everything was made, in seconds: this vendor has no clock."""

Body = dict[str, Any]


@frozen
class Call:
    """A tool that the model wants to be called: its name and its arguments as JSON."""

    name: str
    arguments: str = "{}"


@frozen(kw_only=True)
class Answer:
    """What the model does when it is asked. Seconds pass before the headers, the first word and every further one.

    ``status`` other than 200 refuses with ``code``. ``breaks`` says what happens in the middle: the text is cut off
    with the connection (``cut``) or without an end (``end``), an ``error`` event comes, or the ``filter`` for content
    steps in. ``stalls`` says where it falls silent for good.
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    head_s: float = 0.0
    first_s: float = 0.0
    word_s: float = 0.0
    status: int = 200
    code: str = "server_error"
    message: str = "The server had an error."
    breaks: str = ""
    stalls: str = ""


def words(text: str) -> list[str]:
    """The text in pieces as a model gives it: a word with the white space before it."""
    return re.findall(r"\s*\S+|\s+\Z", text)


def error(answer: Answer) -> Body:
    """The body of a refusal."""
    kind = "invalid_request_error" if answer.status < 429 else answer.code
    return {"error": {"message": answer.message, "type": kind, "param": None, "code": answer.code}}


def line(body: Body, name: str = "") -> str:
    """One server-sent event."""
    return (f"event: {name}\n" if name else "") + f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


# --- chat completions ------------------------------------------------------------------------------------------------


def _chunk(model: str, delta: Body, finish: str | None = None) -> Body:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model,
        "choices": [choice],
    }


def chat(answer: Answer, model: str) -> Iterator[tuple[str, str]]:
    """What a chat completion streams: the kind of each event ("" for what surrounds the words) and its text."""
    yield "", line(_chunk(model, {"role": "assistant", "content": "", "refusal": None}))
    for word in words(answer.reasoning):
        yield "reasoning", line(_chunk(model, {"reasoning_content": word}))
    for word in words(answer.text):
        yield "word", line(_chunk(model, {"content": word}))
    for index, call in enumerate(answer.calls):
        begun = {"index": index, "id": f"call_{index}", "type": "function"}
        yield "", line(_chunk(model, {"tool_calls": [{**begun, "function": {"name": call.name, "arguments": ""}}]}))
        for piece in _halves(call.arguments):
            yield "", line(_chunk(model, {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
    finish = "content_filter" if answer.breaks == "filter" else "tool_calls" if answer.calls else "stop"
    yield "", line(_chunk(model, {}, finish))
    yield "", "data: [DONE]\n\n"


def chat_error(answer: Answer, number: int) -> str:
    """An error in the middle of a chat completion."""
    return line(error(answer))


# --- responses -------------------------------------------------------------------------------------------------------


def _response(model: str, status: str, output: list[Body], **more: object) -> Body:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "model": model,
        "output": output,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "top_p": 1.0,
        "tool_choice": "auto",
        "tools": [],
        **more,
    }


def _message(text: str, status: str) -> Body:
    part: Body = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": [part] if text else []}


def _function(index: int, call: Call, status: str, arguments: str) -> Body:
    return {
        "id": f"fc_{index}",
        "type": "function_call",
        "status": status,
        "call_id": f"call_{index}",
        "name": call.name,
        "arguments": arguments,
    }


def responses(answer: Answer, model: str) -> Iterator[tuple[str, str]]:
    """What a response streams: the kind of each event ("" for what surrounds the words) and its text."""
    for number, (kind, body) in enumerate(_events(answer, model)):
        yield kind, line({**body, "sequence_number": number}, body["type"])


def response_error(answer: Answer, number: int) -> str:
    """An error in the middle of a response."""
    body = {"type": "error", "code": answer.code, "message": answer.message, "param": None}
    return line({**body, "sequence_number": number}, "error")


def _events(answer: Answer, model: str) -> Iterator[tuple[str, Body]]:
    yield "", {"type": "response.created", "response": _response(model, "in_progress", [])}
    output: list[Body] = []
    for parts in (_reasoning_events(answer), _text_events(answer), _call_events(answer)):
        for kind, body in parts:
            place = len(output)
            if body["type"] == "response.output_item.done":
                output.append(body["item"])
            yield kind, {**body, "output_index": place}
    if answer.breaks == "filter":
        stopped = _response(model, "incomplete", output, incomplete_details={"reason": "content_filter"})
        yield "", {"type": "response.incomplete", "response": stopped}
        return
    yield "", {"type": "response.completed", "response": _response(model, "completed", output)}


def _reasoning_events(answer: Answer) -> Iterator[tuple[str, Body]]:
    if not answer.reasoning:
        return
    item: Body = {"id": "rs_1", "type": "reasoning", "summary": []}
    place = {"item_id": "rs_1", "content_index": 0}
    yield "", {"type": "response.output_item.added", "item": item}
    for word in words(answer.reasoning):
        yield "reasoning", {"type": "response.reasoning_text.delta", **place, "delta": word}
    yield "", {"type": "response.output_item.done", "item": item}


def _text_events(answer: Answer) -> Iterator[tuple[str, Body]]:
    if not answer.text:
        return
    place = {"item_id": "msg_1", "content_index": 0}
    done = _message(answer.text, "completed")
    empty: Body = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    yield "", {"type": "response.output_item.added", "item": _message("", "in_progress")}
    yield "", {"type": "response.content_part.added", **place, "part": empty}
    for word in words(answer.text):
        yield "word", {"type": "response.output_text.delta", **place, "delta": word, "logprobs": []}
    yield "", {"type": "response.output_text.done", **place, "text": answer.text, "logprobs": []}
    yield "", {"type": "response.content_part.done", **place, "part": done["content"][0]}
    yield "", {"type": "response.output_item.done", "item": done}


def _call_events(answer: Answer) -> Iterator[tuple[str, Body]]:
    for index, call in enumerate(answer.calls):
        name = f"fc_{index}"
        yield "", {"type": "response.output_item.added", "item": _function(index, call, "in_progress", "")}
        for piece in _halves(call.arguments):
            yield "", {"type": "response.function_call_arguments.delta", "item_id": name, "delta": piece}
        whole = {"item_id": name, "arguments": call.arguments}
        yield "", {"type": "response.function_call_arguments.done", **whole}
        yield "", {"type": "response.output_item.done", "item": _function(index, call, "completed", call.arguments)}


def _halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [piece for piece in itertools.chain((text[:middle], text[middle:])) if piece]
