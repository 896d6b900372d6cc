"""An agent outside this process: the host program that has attached itself to answer callers.

Several may be attached; the one that came last is asked. A question that finds none waits for one a little while: a
host that restarts is back soon, and the call core says something to the person meanwhile.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol

import trio

from voicecall.events import CallId, Entry, Mode
from voicecall.events import facts as fact
from voicecall.ports import Agent, Turn

PATIENCE_S = 5.0
"""How long a question waits for a host."""


class NoHost(Exception):
    """Nobody is attached who could answer. The text says what to do."""


class Host(Agent, Protocol):
    """An agent that may need a while for its first reply."""

    def warm(self, call_id: CallId) -> None:
        """A call has begun for which ``reply`` will probably be asked. Does not wait."""
        ...


class GatewayAgent:
    """See ``voicecall.ports.Agent``. ``settings``: what the configuration says of a turn's agent, as plain data."""

    def __init__(self, settings: Callable[[Turn], Mapping[str, Any]]) -> None:
        self.settings = settings
        self._hosts: list[Host] = []
        self._mute: set[CallId] = set()
        self._expected: dict[CallId, None] = {}
        self._arrived = trio.Event()

    @contextmanager
    def attached(self, host: Host) -> Generator[None]:
        """``host`` answers as long as the context lasts, unless another one comes later."""
        self._hosts.append(host)
        self._arrived.set()
        for call_id in self._expected:
            host.warm(call_id)
        try:
            yield
        finally:
            self._hosts.remove(host)

    def observe(self, call_id: CallId, entry: Entry) -> None:
        """Told of every entry of every call: who will be asked is warmed when a conversation first rings or is
        answered."""
        match entry.event:
            case fact.CallPlaced(policy=policy) | fact.CallOffered(policy=policy) if policy.mode is Mode.NOTIFY:
                self._mute.add(call_id)
            case fact.CallOffered(policy=policy) if policy.verdict == "accept":
                self._expect(call_id)
            case fact.CallRinging() | fact.CallAnswered():
                self._expect(call_id)
            case fact.CallEnded():
                self._mute.discard(call_id)
                self._expected.pop(call_id, None)
            case _:
                pass

    def _expect(self, call_id: CallId) -> None:
        if call_id not in self._expected and call_id not in self._mute:
            self._expected[call_id] = None
            if self._hosts:
                self._hosts[-1].warm(call_id)

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
