"""A simulated language model behind OpenAI's API: ``/v1/chat/completions`` and ``/v1/responses``, streaming.

It answers as scripted, in order, the last answer again; it notes what it was asked and how each answer ended. Errors,
latencies and faults are in the script (see ``Answer``).
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, Literal

import trio
from attrs import define, field
from quart import Response, request
from quart_trio import QuartTrio

from voicecall.testing.vendors.openai_text_wire import (
    Answer,
    Body,
    Call,
    chat,
    chat_error,
    error,
    response_error,
    responses,
    words,
)

__all__ = ["Answer", "Asked", "Call", "TextVendor"]

Stream = Callable[[Answer, str], Iterator[tuple[str, str]]]


class _Cut(Exception):
    """The connection is lost in the middle of an answer."""


@define(kw_only=True)
class Asked:
    """One request, and how its answer ended: ``abandoned`` means that the client went away before."""

    path: str
    body: Body
    ended: Literal["", "done", "abandoned", "cut"] = ""
    sent: list[str] = field(factory=list[str], repr=False)
    over: trio.Event = field(factory=trio.Event, repr=False)

    def end(self, how: Literal["done", "abandoned", "cut"]) -> None:
        """Note how it ended."""
        self.ended = how
        self.over.set()


class TextVendor:
    """Serve ``app`` with ``listening.open_vendor``; the API is below ``/v1``. An empty ``key``: any will do.

    ``by_turn``: what it answers depends on how often the conversation's user has spoken, not on who asked before.
    """

    def __init__(self, *script: Answer, key: str = "sk-simulated", by_turn: bool = False) -> None:
        self.script = list(script)
        self.key = key
        self.by_turn = by_turn
        self.asked: list[Asked] = []
        self.app = QuartTrio("openai_text")
        self.app.add_url_rule("/v1/chat/completions", view_func=self._chat, methods=["POST"])
        self.app.add_url_rule("/v1/responses", view_func=self._responses, methods=["POST"])

    async def _chat(self) -> Response:
        return await self._answer(chat, chat_error)

    async def _responses(self) -> Response:
        return await self._answer(responses, response_error)

    async def _answer(self, stream: Stream, broken: Callable[[Answer, int], str]) -> Response:
        asked = Asked(path=request.path, body=await request.get_json())
        self.asked.append(asked)
        answer = self._refusal() or self._next(asked.body)
        try:
            await trio.sleep(answer.head_s)
            if answer.stalls == "headers":
                await trio.sleep_forever()
        except trio.Cancelled:
            asked.end("abandoned")
            raise
        if answer.status != 200:
            asked.end("done")
            return _json(error(answer), answer.status)
        body = _tell(asked, answer, stream(answer, asked.body["model"]), broken)
        response = Response(body, content_type="text/event-stream; charset=utf-8")
        response.timeout = None
        return response

    def _next(self, body: Body) -> Answer:
        if self.by_turn:
            said = [one for one in body.get("messages") or body["input"] if one.get("role") == "user"]
            return self.script[min(len(said), len(self.script)) - 1]
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def _refusal(self) -> Answer | None:
        """What the vendor says to a wrong key, quoting it as the real one does."""
        given = request.headers.get("authorization", "")
        quoted = given.removeprefix("Bearer ")
        if quoted != given and quoted and self.key in ("", quoted):
            return None
        return Answer(status=401, code="invalid_api_key", message=f"Incorrect API key provided: {quoted}.")


async def _tell(
    asked: Asked, answer: Answer, events: Iterator[tuple[str, str]], broken: Callable[[Answer, int], str]
) -> AsyncGenerator[bytes]:
    """The events in their time, with the faults of the script."""
    said, middle = 0, math.ceil(len(words(answer.text)) / 2)
    try:
        for number, (kind, event) in enumerate(events):
            if kind:
                await trio.sleep(answer.word_s if said else answer.first_s)
                if answer.stalls == "first" or (answer.stalls == "middle" and said == middle):
                    await trio.sleep_forever()
                if said == middle and answer.breaks in ("cut", "end", "error"):
                    if answer.breaks == "cut":
                        raise _Cut
                    if answer.breaks == "error":
                        asked.sent.append(broken(answer, number))
                        yield asked.sent[-1].encode()
                    asked.end("done")
                    return
                said += kind == "word"
            asked.sent.append(event)
            yield event.encode()
        asked.end("done")
    except _Cut:
        asked.end("cut")
        raise
    except BaseException:
        asked.end("abandoned")
        raise


def _json(body: Body, status: int) -> Response:
    import json

    headers: dict[str, Any] = {"retry-after": "1"} if status == 429 else {}
    return Response(json.dumps(body), status=status, content_type="application/json", headers=headers)
