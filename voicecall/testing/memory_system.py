"""A whole voicecall and a whole phone network in one process, without a socket, on any clock.

On ``trio.testing.MockClock(autojump_threshold=0)`` a five-minute call takes a fraction of a second. The journal may be
kept between two runs, as a disk is. To restart voicecall in the middle of a call, open a town: its network and the
people in it live on, and every ``serve`` is another process.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import trio
from attrs import define, field, frozen

from journal import Journal, MemoryJournal, Position
from voicecall.accounts import account_of
from voicecall.actors.checkpoint import load_directory
from voicecall.actors.supervisor import Accepted
from voicecall.actors.world import read_call, stream_of
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.adapters.speech.scripted import ScriptedSynthesizer, ScriptedTranscriber
from voicecall.assembly import Calls, Parts, assemble, carrier_of
from voicecall.config import Config, parse
from voicecall.config.current import Current
from voicecall.core.replay import Replay, replay
from voicecall.core.requests import PlaceCall
from voicecall.events import CallId, Entry, Instant, Mode
from voicecall.events.schema import decode_entry
from voicecall.policies import outbound_policy
from voicecall.ports import Agent, Fetch, HttpRequest, HttpResponse, Synthesizer, Transcriber
from voicecall.testing.memory_network import LinkEnd, MemoryNetwork, NotConnected, open_memory_network
from voicecall.testing.settings import carrier_settings
from voicecall.web.gate import receive

SECRET = "memory"
START_MS = 1_767_225_600_000
STEP_MS = 100
WEBHOOK_URL = "http://127.0.0.1:3334/voice/webhook"
MEDIA_URL = "ws://127.0.0.1:3334/voice/stream"
API_URL = "http://127.0.0.1:3335"
OURS = "+15550000000"
SCRIPT = ("I see. Is Thursday at ten good for you?", "Very well, I have written that down.", "Goodbye then.")


@frozen(kw_only=True)
class MemorySystem:
    """What a story needs: both ends of every call, and the journal between them."""

    current: Current
    calls: Calls
    network: MemoryNetwork
    journal: Journal
    _numbers: itertools.count[int] = field(factory=itertools.count)

    @property
    def config(self) -> Config:
        """What counts for calls that begin now."""
        return self.current.config

    async def place(
        self,
        callee: str,
        message: str = "Hello, this is voicecall.",
        *,
        mode: Mode = Mode.CONVERSATION,
        name: str = "",
        keys: str = "",
    ) -> CallId:
        """Call somebody. Raises ``AssertionError`` with the reason when it is refused."""
        carrier = carrier_of(self.config.provider)
        wish = PlaceCall(
            request_id=name or f"request-{next(self._numbers)}",
            carrier=carrier.name,
            caller=OURS,
            callee=callee,
            policy=outbound_policy(
                self.config, message=message, mode=mode, capabilities=carrier.capabilities, keys=keys
            ),
        )
        accepted = await self.calls.supervisor.place(wish)
        if not isinstance(accepted, Accepted):
            raise AssertionError(accepted.reason)
        return accepted.call_id

    async def entries(self, call_id: CallId) -> list[Entry]:
        """The journal of a call."""
        return await read_call(self.journal, call_id)

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


@define(kw_only=True)
class MemoryTown:
    """A phone network, a journal that is kept like a disk, and at most one voicecall at a time to answer.

    ``carrier`` names whose wire is between them.
    """

    carrier: str
    network: MemoryNetwork
    journal: Journal
    true_time: Callable[[], Instant]
    serving: list[Calls]
    _names: itertools.count[int] = field(factory=lambda: itertools.count(1))

    @asynccontextmanager
    async def serve(
        self,
        *,
        config: Config | None = None,
        settings: Mapping[str, Any] | None = None,
        agent: Agent | None = None,
        synthesizer: Synthesizer | None = None,
        transcriber: Transcriber | None = None,
        faulty_api: Callable[[Fetch], Fetch] = lambda fetch: fetch,
        set_back_ms: int = 0,
        observe: Callable[[CallId, Position, Entry], None] | None = None,
        current: Current | None = None,
        voices: Mapping[str, Synthesizer] | None = None,
    ) -> AsyncGenerator[MemorySystem]:
        """Run voicecall; leaving the context is a crash: its media streams break, its webhooks find nobody.

        ``settings`` are the configuration, besides what the account needs. ``faulty_api`` wraps the way of requests to
        the network; ``set_back_ms`` is how far its wall clock is behind; ``current`` holds the configuration where that
        is to change; ``voices`` are those of numbers that have one of their own.
        """
        config = config or self.config(settings or {})
        current = current or Current(config=config)
        parts = Parts(
            journal=self.journal,
            wall=lambda: Instant(self.true_time() - set_back_ms),
            fetch=faulty_api(self.network.fetch),
            carrier=carrier_of(config.provider),
            account=account_of(config, mock_secret=SECRET),
            synthesizer=synthesizer or ScriptedSynthesizer(),
            voices=voices or {},
            transcriber=transcriber or ScriptedTranscriber(),
            agent=agent or ScriptedAgent(SCRIPT),
            ticket_key=bytes(32),
            webhook_url=lambda: WEBHOOK_URL,
            media_url=lambda: MEDIA_URL,
            incarnation=lambda: f"w{next(self._names)}",
            fresh_code=lambda: f"{next(self._names):06d}",
            directory=await load_directory(self.journal),
            tick_ms=STEP_MS,
            rings=1,
            lead_s=2 * STEP_MS / 1000,
            threads=False,
            observe=observe,
            current=current,
        )
        async with assemble(config, parts) as calls:
            self.serving.append(calls)
            try:
                yield MemorySystem(current=current, calls=calls, network=self.network, journal=self.journal)
            finally:
                self.serving.clear()
                for link in self.network.links:
                    link.cut()

    def config(self, settings: Mapping[str, Any]) -> Config:
        """A configuration for the network's account. Raises ``ConfigError``."""
        account = carrier_settings(self.carrier, self.network.account, API_URL)
        usual = {"inboundPolicy": "open", "maxConcurrentCalls": 8, "fromNumber": OURS}
        streaming = {"provider": "offline", **settings.get("streaming", {})}
        given = {"provider": self.carrier, **usual, self.carrier: account, **settings, "streaming": streaming}
        return _config(json.dumps(given))


@cache
def _config(given: str) -> Config:
    """A bench opens the same system thousands of times, and a configuration never changes."""
    return parse(json.loads(given), {})


@asynccontextmanager
async def open_memory_town(
    *, carrier: str = "mock", journal: Journal | None = None, faulty: Callable[[Fetch], Fetch] = lambda fetch: fetch
) -> AsyncGenerator[MemoryTown]:
    """A network whose calls outlive the voicecall that made them. ``faulty`` wraps the way of webhooks."""
    epoch = trio.current_time()
    serving: list[Calls] = []

    def wall() -> Instant:
        return Instant(START_MS + round((trio.current_time() - epoch) * 1000))

    def accept(request: HttpRequest, link: LinkEnd) -> None:
        if not serving:
            raise NotConnected("nobody listens")
        serving[0].plane.accept(link, carrier=carrier, codec=carrier_of(carrier).media(), peer="127.0.0.1")

    async def deliver(request: HttpRequest) -> HttpResponse | None:
        return await receive(serving[0].gate, request) if serving else None

    async with open_memory_network(
        secret=SECRET,
        carrier=carrier,
        deliver_webhook=deliver,
        accept_media=accept,
        wall=wall,
        step_ms=STEP_MS,
        faulty=faulty,
    ) as network:
        kept = journal or MemoryJournal()
        yield MemoryTown(carrier=carrier, network=network, journal=kept, true_time=wall, serving=serving)


@asynccontextmanager
async def open_memory_system(
    *,
    carrier: str = "mock",
    journal: Journal | None = None,
    config: Config | None = None,
    settings: Mapping[str, Any] | None = None,
    agent: Agent | None = None,
    synthesizer: Synthesizer | None = None,
    transcriber: Transcriber | None = None,
    faulty: Callable[[Fetch], Fetch] = lambda fetch: fetch,
    faulty_api: Callable[[Fetch], Fetch] = lambda fetch: fetch,
) -> AsyncGenerator[MemorySystem]:
    """Run both. ``faulty`` wraps the way of webhooks, ``faulty_api`` the way of requests to the network."""
    async with (
        open_memory_town(carrier=carrier, journal=journal, faulty=faulty) as town,
        town.serve(
            config=config,
            settings=settings,
            agent=agent,
            synthesizer=synthesizer,
            transcriber=transcriber,
            faulty_api=faulty_api,
        ) as system,
    ):
        yield system
