"""A whole voicecall and a whole phone network in one process, without a socket, on any clock.

On ``trio.testing.MockClock(autojump_threshold=0)`` a five-minute call takes a fraction of a second. The journal may be
kept between two runs, as a disk is: leaving the context is a crash, opening another with the same journal a restart.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import trio
from attrs import field, frozen

from journal import Journal, MemoryJournal
from voicecall.actors.checkpoint import load_directory
from voicecall.actors.supervisor import Accepted
from voicecall.actors.world import stream_of
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.adapters.carriers.mock import carrier
from voicecall.adapters.speech.scripted import ScriptedSynthesizer, ScriptedTranscriber
from voicecall.config import Config, parse
from voicecall.core.replay import Replay, replay
from voicecall.core.requests import PlaceCall
from voicecall.events import CallId, Entry, Instant, Mode
from voicecall.events.schema import decode_entry
from voicecall.policies import outbound_policy
from voicecall.ports import Account, Agent, Exchange, Fetch, HttpRequest, HttpResponse, Synthesizer
from voicecall.system import Calls, Parts, assemble
from voicecall.testing.memory_network import LinkEnd, MemoryNetwork, open_memory_network
from voicecall.web.gate import receive

SECRET = "memory"
START_MS = 1_767_225_600_000
STEP_MS = 100
WEBHOOK_URL = "http://127.0.0.1:3334/voice/webhook"
MEDIA_URL = "ws://127.0.0.1:3334/voice/stream"
SCRIPT = ("I see. Is Thursday at ten good for you?", "Very well, I have written that down.", "Goodbye then.")


@frozen(kw_only=True)
class MemorySystem:
    """What a story needs: both ends of every call, and the journal between them."""

    config: Config
    calls: Calls
    network: MemoryNetwork
    journal: Journal
    _numbers: itertools.count[int] = field(factory=itertools.count)

    async def place(
        self, callee: str, message: str = "Hello, this is voicecall.", *, mode: Mode = Mode.CONVERSATION, name: str = ""
    ) -> CallId:
        """Call somebody. Raises ``AssertionError`` with the reason when it is refused."""
        wish = PlaceCall(
            request_id=name or f"request-{next(self._numbers)}",
            carrier="mock",
            caller="+15550000000",
            callee=callee,
            policy=outbound_policy(self.config, message=message, mode=mode, capabilities=carrier.capabilities),
        )
        accepted = await self.calls.supervisor.place(wish)
        if not isinstance(accepted, Accepted):
            raise AssertionError(accepted.reason)
        return accepted.call_id

    async def entries(self, call_id: CallId) -> list[Entry]:
        """The journal of a call."""
        async with self.journal.read(stream_of(call_id)) as lines:
            return [decode_entry(line.body) async for line in lines]

    async def replayed(self, call_id: CallId) -> Replay:
        """The journal of a call, decided again."""
        return replay(await self.entries(call_id))

    async def until(self, call_id: CallId, holds: Callable[[Entry], bool]) -> Entry:
        """The first entry of a call for which ``holds``, also one that is still to come."""
        async with self.journal.follow(stream_of(call_id)) as lines:
            async for line in lines:
                entry = decode_entry(line.body)
                if holds(entry):
                    return entry
        raise AssertionError("a follower does not end")

    async def ended(self, call_id: CallId) -> Entry:
        """The terminal fact of a call."""
        return await self.until(call_id, lambda entry: type(entry.event).kind == "call.ended")


@asynccontextmanager
async def open_memory_system(
    *,
    journal: Journal | None = None,
    config: Config | None = None,
    agent: Agent | None = None,
    synthesizer: Synthesizer | None = None,
    faulty: Callable[[Fetch], Fetch] = lambda fetch: fetch,
    faulty_api: Callable[[Fetch], Fetch] = lambda fetch: fetch,
    incarnation: Callable[[], str] | None = None,
) -> AsyncGenerator[MemorySystem]:
    """Run both. ``faulty`` wraps the way of webhooks, ``faulty_api`` the way of requests to the network."""
    config = config or parse({"provider": "mock", "inboundPolicy": "open", "maxConcurrentCalls": 8}, {})
    journal = journal or MemoryJournal()
    names = itertools.count(1)
    epoch = trio.current_time()
    gates: list[Calls] = []
    networks: list[MemoryNetwork] = []

    def wall() -> Instant:
        return Instant(START_MS + round((trio.current_time() - epoch) * 1000))

    def accept(_: HttpRequest, link: LinkEnd) -> None:
        gates[0].plane.accept(link, carrier="mock", codec=carrier.media(), peer="127.0.0.1")

    async def deliver(request: HttpRequest) -> HttpResponse:
        return await receive(gates[0].gate, request)

    async def fetch(request: HttpRequest) -> Exchange:
        return await networks[0].fetch(request)

    async with open_memory_network(
        secret=SECRET, deliver_webhook=deliver, accept_media=accept, wall=wall, step_ms=STEP_MS, faulty=faulty
    ) as network:
        networks.append(network)
        parts = Parts(
            journal=journal,
            wall=wall,
            fetch=faulty_api(fetch),
            carrier=carrier,
            account=Account(api_url="http://127.0.0.1:3335", secrets={"webhook": SECRET}),
            synthesizer=synthesizer or ScriptedSynthesizer(),
            transcriber=ScriptedTranscriber(),
            agent=agent or ScriptedAgent(SCRIPT),
            ticket_key=bytes(32),
            webhook_url=lambda: WEBHOOK_URL,
            media_url=lambda: MEDIA_URL,
            incarnation=incarnation or (lambda: f"w{next(names)}"),
            directory=await load_directory(journal),
            tick_ms=STEP_MS,
            rings=1,
            lead_s=2 * STEP_MS / 1000,
            threads=False,
        )
        async with assemble(config, parts) as calls:
            gates.append(calls)
            yield MemorySystem(config=config, calls=calls, network=network, journal=journal)
