"""Both ends of the socket without a socket: the real methods over the whole system in memory, on a jumping clock."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import trio
import trio.testing
from attrs import define, evolve, field, frozen

from journal import Journal, Position
from tests.rpc.conforming import conforms, conforms_to_us
from voicecall.actors.drain import Drain
from voicecall.adapters.agents.gateway import GatewayAgent
from voicecall.assembly import carrier_of
from voicecall.config import parse
from voicecall.config.current import Current, Source
from voicecall.events import CallId, Entry
from voicecall.ports import Agent
from voicecall.rpc.asking import DELTA
from voicecall.rpc.client import Client
from voicecall.rpc.configuring import Configuring
from voicecall.rpc.connection import converse
from voicecall.rpc.methods import Methods
from voicecall.rpc.protocol import Lines, RpcError
from voicecall.testing.memory_system import MemorySystem, MemoryTown, open_memory_town
from voicecall.thinking import agent_of

FRIENDLY = "+15550001001"
LISTENER = "+15550001002"
NEVER_ANSWERS = "+15550001003"
SAYS_ONE_THING = "+15550001007"
Plain = dict[str, Any]


@define
class Line:
    """A client's end, for what no proper client would send. What it reads conforms to the schema."""

    stream: trio.abc.Stream
    lines: Lines = field(factory=partial(Lines, limit=1 << 30))
    _ready: list[Plain] = field(factory=list)
    _asked: dict[object, list[str]] = field(factory=dict)

    async def send(self, *requests: Plain | bytes) -> None:
        """Requests as they are, or whatever else."""
        raw = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in requests]
        for one in requests:
            if isinstance(one, dict) and isinstance(one.get("id"), str | int) and "method" in one:
                self._asked.setdefault(one["id"], []).append(one["method"])
        await self.stream.send_all(b"".join(one + b"\n" for one in raw))

    async def next(self) -> Plain:
        """The next line of the server."""
        while not self._ready:
            data = await self.stream.receive_some(65_536)
            assert data, "the server has closed the connection"
            self._ready = [json.loads(one) for one in self.lines.feed(bytes(data)) if one is not None]
        message = self._ready.pop(0)
        if "method" in message:
            conforms_to_us(message)
        elif asked := self._asked.get(message["id"]):
            method = asked.pop(0 if "result" in message else -1)  # of two with one name the later one is refused
            if "result" in message and method != DELTA:
                conforms(method, message["result"])
        return message


@frozen
class Stage:
    """``system`` answers whoever ``connect``s."""

    town: MemoryTown
    system: MemorySystem
    methods: Methods
    nursery: trio.Nursery

    def line(self, journal: Journal | None = None) -> Line:
        """A new connection, on which nobody can send what nobody reads; ``journal`` instead of the system's."""
        ours, theirs = trio.testing.lockstep_stream_pair()
        methods = self.methods if journal is None else evolve(self.methods, journal=journal)
        self.nursery.start_soon(partial(converse, theirs, methods=methods))
        return Line(ours)

    def client(self) -> Client:
        """A new client."""
        return Client(self.line().stream, Path("state"))

    async def call(self, method: str, **params: Any) -> Plain:
        """Ask once, on a connection of its own."""
        answer = await self.client().call(f"voicecall.{method}", params)
        conforms(f"voicecall.{method}", answer)
        return answer

    async def refusal(self, method: str, **params: Any) -> tuple[str, Plain]:
        """The words and the data of the error that the answer is."""
        try:
            answer = await self.call(method, **params)
        except RpcError as error:
            return error.message, dict(error.data or {})
        raise AssertionError(f"expected a refusal, got {answer}")

    async def place(self, to: str = FRIENDLY, name: str = "r1", **more: Any) -> str:
        """Call somebody; the call's id."""
        params = {"to": to, "message": "Hello, this is voicecall.", "mode": "conversation", **more}
        return str((await self.call("initiate", requestId=name, **params))["callId"])

    async def saw(self, call_id: str, kind: str, times: int = 1) -> None:
        """Wait until a call's journal has so many facts of a kind."""
        left = times
        async with self.system.journal.follow(f"call/{call_id}") as lines:
            async for line in lines:
                left -= json.loads(line.body)["event"]["type"] == kind
                if not left:
                    return

    @property
    def dials(self) -> int:
        """How often the network was asked to dial."""
        return self.town.network.board.report()["dials"]


def _watch(agent: Agent) -> Callable[[CallId, Position, Entry], None] | None:
    """As the composition root does it."""
    return (lambda call_id, _, entry: agent.observe(call_id, entry)) if isinstance(agent, GatewayAgent) else None


Story = Callable[[Stage], Awaitable[None]]


def play(*stories: Story, jumping: bool = True, **config: Any) -> None:
    """Play stories with a crash and a restart between two; nothing may be left afterwards."""

    async def main() -> None:
        before = trio.lowlevel.current_statistics().tasks_living
        plain = {"provider": "mock", "maxConcurrentCalls": 8, **config}
        async with open_memory_town() as town:
            for story in stories:
                parsed = parse(plain, {})
                current = Current(config=parsed)
                async with (
                    agent_of(parsed, current) as agent,
                    town.serve(config=parsed, agent=agent, observe=_watch(agent), current=current) as system,
                    trio.open_nursery() as nursery,
                ):
                    supervisor, directory = system.calls.supervisor, system.calls.directory
                    drain = Drain(supervisor, system.journal, parsed.phrases.goodbye)
                    nursery.start_soon(drain.run)
                    methods = Methods(
                        configuring=Configuring(current=current, source=Source(interpret=partial(parse, env={}))),
                        supervisor=supervisor,
                        journal=system.journal,
                        directory=directory,
                        capabilities=carrier_of(system.config.provider).capabilities,
                        pairings=system.calls.pairings,
                        gateway=agent if isinstance(agent, GatewayAgent) else None,
                        drain=drain,
                    )
                    await story(Stage(town, system, methods, nursery))
                    nursery.cancel_scope.cancel()
        assert trio.lowlevel.current_statistics().tasks_living == before

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0) if jumping else None)
