"""An agent outside this process: the host program that has attached itself to answer callers.

Several may be attached; the one that came last is asked. A question that finds none waits for one a little while: a
host that restarts is back soon, and the call core says something to the person meanwhile.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import trio

from voicecall.ports import Agent, Turn

PATIENCE_S = 5.0
"""How long a question waits for a host."""


class NoHost(Exception):
    """Nobody is attached who could answer. The text says what to do."""


class GatewayAgent:
    """See ``voicecall.ports.Agent``. ``settings``: what the configuration says of a turn's agent, as plain data."""

    def __init__(self, settings: Callable[[Turn], Mapping[str, Any]]) -> None:
        self.settings = settings
        self._hosts: list[Agent] = []
        self._arrived = trio.Event()

    @contextmanager
    def attached(self, host: Agent) -> Generator[None]:
        """``host`` answers as long as the context lasts, unless another one comes later."""
        self._hosts.append(host)
        self._arrived.set()
        try:
            yield
        finally:
            self._hosts.remove(host)

    @asynccontextmanager
    async def reply(self, turn: Turn) -> AsyncGenerator[AsyncIterator[str]]:
        """See ``Agent.reply``. Raises ``NoHost``."""
        host = await self._host()
        async with host.reply(turn) as words:
            yield words

    async def _host(self) -> Agent:
        with trio.move_on_after(PATIENCE_S):
            while not self._hosts:
                self._arrived = trio.Event()
                await self._arrived.wait()
        if not self._hosts:
            raise NoHost("no host is attached to think (voicecall.agent.attach); start the gateway, or its plugin")
        return self._hosts[-1]
