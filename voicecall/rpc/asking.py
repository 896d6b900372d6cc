"""Questions from us to a client: the agent that a host lends to callers.

``agent.reply`` is a request of ours on the client's connection. The host may send words as it thinks of them, each with
the notification ``agent.delta {"id", "text"}``, and answers the request once it is done: ``{"text"}`` is the whole
reply of a host that has sent nothing before, and is not looked at otherwise. ``agent.cancel {"id"}`` tells it that
nobody waits any more (the person spoke again, or hung up); what it sends after that is dropped. ``agent.warm
{"callId"}`` tells it that a conversation has begun to ring.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from itertools import count
from math import inf
from typing import Any

import trio
from attrs import asdict, define, field

from voicecall.events import CallId
from voicecall.ports import Line, Turn
from voicecall.rpc.protocol import Params, RpcAnswer, notification_line, request_line, type_of

ATTACH, REPLY, DELTA, CANCEL = "voicecall.agent.attach", "agent.reply", "agent.delta", "agent.cancel"
WARM = "agent.warm"
LONGEST = 100_000
"""Characters of a reply: two hours of speech. A host that sends more is out of order."""


class NoReply(Exception):
    """The host gave no complete reply. The text says why."""


@define
class _Question:
    inbox: trio.MemorySendChannel[str]
    fault: str = ""
    characters: int = 0


@define
class RemoteAgent:
    """See ``voicecall.ports.Agent``: the host at the other end of one connection. ``send`` queues a line for it, in
    order, and never waits; False when too much is waiting for it."""

    send: Callable[[bytes], bool]
    settings: Callable[[Turn], Mapping[str, Any]]
    _open: dict[str, _Question] = field(factory=dict[str, _Question])
    _numbers: count[int] = field(factory=lambda: count(1))

    @asynccontextmanager
    async def reply(self, turn: Turn) -> AsyncGenerator[AsyncIterator[str]]:
        """See ``Agent.reply``. What the iterator raises is ``NoReply``."""
        name = f"agent-{next(self._numbers)}"
        inbox, words = trio.open_memory_channel[str](inf)
        question = self._open[name] = _Question(inbox)
        try:
            if not self.send(request_line(name, REPLY, {**plain(turn), **self.settings(turn)})):
                raise NoReply("the host does not read what it is asked")
            async with aclosing(_words(question, words)) as pieces:
                yield pieces
        finally:
            words.close()
            if self._open.pop(name, None) is not None:
                self.send(notification_line(CANCEL, {"id": name}))

    def warm(self, call_id: CallId) -> None:
        """See ``voicecall.adapters.agents.gateway.Host``."""
        self.send(notification_line(WARM, {"callId": call_id}))

    def hear(self, params: Params) -> None:
        """Words of a reply. Nobody may be waiting for them any more."""
        question = self._open.get(str(params.get("id")))
        text = params.get("text")
        if question is None:
            return
        if not isinstance(text, str):
            self._settle(str(params["id"]), f"{DELTA}: text: expected text, got {type_of(text)}")
        else:
            self._pour(str(params["id"]), question, text)

    def settle(self, answer: RpcAnswer) -> None:
        """The host is done with a question, or cannot answer it."""
        name = str(answer.id)
        question = self._open.get(name)
        if question is None:
            return
        if answer.error is not None:
            self._settle(name, f"the host refused: {answer.error}")
            return
        text = answer.result.get("text", "")
        if not question.characters and isinstance(text, str) and text:
            self._pour(name, question, text)
        self._settle(name, "")

    def close(self) -> None:
        """The host is gone."""
        for name in tuple(self._open):
            self._settle(name, "the host went away before it had answered")

    def _pour(self, name: str, question: _Question, text: str) -> None:
        question.characters += len(text)
        if question.characters > LONGEST:
            self._settle(name, f"the host sent more than {LONGEST} characters")
        else:
            question.inbox.send_nowait(text)

    def _settle(self, name: str, fault: str) -> None:
        question = self._open.pop(name, None)
        if question is not None:
            question.fault = fault
            question.inbox.close()


async def _words(question: _Question, words: trio.MemoryReceiveChannel[str]) -> AsyncGenerator[str]:
    async for piece in words:
        yield piece
    if question.fault:
        raise NoReply(question.fault)


def plain(turn: Turn) -> dict[str, Any]:
    """A turn as a host gets it."""
    return {
        "callId": turn.call_id,
        "turn": turn.number,
        "text": turn.text,
        "history": [_line(one) for one in turn.history],
        "earlier": [_line(one) for one in turn.earlier],
        "direction": turn.direction,
        "peer": turn.peer,
        "ours": turn.ours,
    }


def _line(line: Line) -> dict[str, Any]:
    return asdict(line)
