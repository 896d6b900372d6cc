"""What a simulated OpenAI does, and what it has seen: set by a test, read by a test."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import Any, Literal

import trio
from attrs import define, field

Fault = Literal[
    "",
    "400",
    "401",
    "429",
    "500",
    "cut",
    "late cut",
    "stall",
    "expired",
    "failed",
    "error",
    "refused",
    "silent",
    "nonsense",
    "forgotten",
]
"""What goes wrong with a request or a connection.

A number: it is refused with this status. ``cut``: it breaks off at the first sound; ``late cut``: when a turn is over
and its transcript is due. ``stall``: nothing comes any more at that moment. ``expired``: a session reaches its limit at
the first sound. ``failed``: a turn is not transcribed, a response fails. ``error``: an error that is no reason to stop.
``refused``: the session's first update is refused. ``silent``: there is no sound in the answer.
``nonsense``: at the first sound comes a message that nobody can read. ``forgotten``: a turn's transcript never comes,
while everything else goes on.
"""


@define(kw_only=True)
class OpenAiScript:
    """``faults`` befall the next requests and connections, one each; when there are no more, everything works.

    An empty ``api_key`` means that any will do.

    Latencies are in seconds: ``first_sound_s`` to the first audio, ``recognition_s`` to a final transcript. So many
    transcripts as ``backwards`` says come in the opposite order of their turns. ``rewords`` maps a text to what the
    model says instead. ``received`` and ``sent`` are the messages of all sockets, ``requests`` the bodies of HTTP
    requests and ``peers`` the connections that they came through. ``connections`` counts sockets, ``open_now`` those
    that are still open.
    """

    api_key: str = "sk-simulated-0123456789"
    faults: deque[Fault] = field(factory=deque[Fault])
    first_sound_s: float = 0.0
    recognition_s: float = 0.0
    backwards: int = 0
    refuses_pcmu: bool = False
    rewords: dict[str, str] = field(factory=dict[str, str])
    received: list[dict[str, Any]] = field(factory=list[dict[str, Any]])
    sent: list[dict[str, Any]] = field(factory=list[dict[str, Any]])
    requests: list[dict[str, Any]] = field(factory=list[dict[str, Any]])
    peers: set[Any] = field(factory=set[Any])
    connections: int = 0
    open_now: int = 0
    _waiting: list[trio.Event] = field(factory=list[trio.Event])
    _left: trio.Event = field(factory=trio.Event)
    _names: count[int] = field(factory=lambda: count(1))

    @contextmanager
    def connected(self) -> Generator[None]:
        """While a socket is open."""
        self.connections += 1
        self.open_now += 1
        try:
            yield
        finally:
            self.open_now -= 1
            self._left.set()
            self._left = trio.Event()

    async def nobody_connected(self) -> None:
        """Until no socket is open."""
        while self.open_now:
            await self._left.wait()

    def fault(self) -> Fault:
        """The fate of the request or connection that begins now."""
        return self.faults.popleft() if self.faults else ""

    @asynccontextmanager
    async def recognition(self) -> AsyncGenerator[None]:
        """The time to give a transcript, whose turn has just ended."""
        await trio.sleep(self.recognition_s)
        if self.backwards:
            mine = trio.Event()
            self._waiting.append(mine)
            if len(self._waiting) == self.backwards:
                mine.set()
            await mine.wait()
        yield
        if self._waiting:
            self._waiting.pop()
            self.backwards = len(self._waiting)
        if self._waiting:
            self._waiting[-1].set()

    def name(self, kind: str) -> str:
        """A fresh id."""
        return f"{kind}_{next(self._names)}"


def problem(status: int) -> dict[str, Any]:
    """The body of an HTTP error, in OpenAI's shape; like OpenAI it quotes half of a wrong key."""
    kinds = {
        400: ("invalid_request_error", None, "Invalid value."),
        401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-simul*************6789."),
        404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
        429: ("rate_limit_error", "rate_limit_exceeded", "Rate limit reached. Please try again later."),
    }
    kind, code, message = kinds.get(status, ("server_error", None, "The server had an error. Sorry about that!"))
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
