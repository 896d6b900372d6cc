"""How a running system is put together from parts: calls, their sound, and the gate that webhooks come through.

Nothing here knows where the parts come from: ``system.py`` makes those of a real system (journal on disk, HTTP, wall
clock, chance, keys), the test bench those of one in memory.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import cast

import trio
from attrs import field, frozen

from journal import Journal, Position
from voicecall.actors.alarm import Alarm
from voicecall.actors.memory import remember
from voicecall.actors.pairing import Pairings
from voicecall.actors.supervisor import Supervisor
from voicecall.actors.world import World, always, nothing_earlier
from voicecall.audio.plane import LEAD_S, RINGS, TICK_MS, Admit, Identify, MediaPlane
from voicecall.audio.voicing import Voiced, Voicing
from voicecall.config import Config
from voicecall.config.current import Current
from voicecall.config.root import number_for
from voicecall.config.silero import silero_model
from voicecall.core.requests import Refused
from voicecall.core.state import CallState
from voicecall.events import CallId, Entry, Instant, Policy
from voicecall.policies import full_policy, inbound_policy, reply_timeout_ms, verdict
from voicecall.ports import Account, Agent, Carrier, Fetch, Heard, Line, MediaStart, Synthesizer, Transcriber
from voicecall.projections.directory import Directory
from voicecall.web.exposure import exposure_of
from voicecall.web.gate import Gate
from voicecall.web.lessons import Lessons
from voicecall.web.refused_log import RefusedLog

VERSION = "0.1.0"


@frozen(kw_only=True)
class Parts:
    """What ``assemble`` wires: everything that differs between a real system and one in memory."""

    journal: Journal
    wall: Callable[[], Instant]
    fetch: Fetch
    carrier: Carrier
    account: Account = field(repr=False)
    synthesizer: Synthesizer
    voices: Mapping[str, Synthesizer] = {}
    """Of those of our numbers that have a voice of their own, as ``numbers`` writes them."""
    transcriber: Transcriber
    agent: Agent
    ticket_key: bytes = field(repr=False)
    webhook_url: Callable[[], str]
    media_url: Callable[[], str]
    is_public: Callable[[], bool] = always
    incarnation: Callable[[], str]
    fresh_code: Callable[[], str]
    directory: Directory = field(factory=Directory)
    recordings: Path | None = None
    gate_state: Path | None = None
    tick_ms: int = TICK_MS
    rings: int = RINGS
    lead_s: float = LEAD_S
    threads: bool = True
    clock_rate: float = 1.0
    current: Current | None = None
    """What calls go by, where that may change while the system runs."""
    observe: Callable[[CallId, Position, Entry], None] | None = None


@frozen(kw_only=True)
class Calls:
    """The running half of a system: calls, their sound, and the gate that webhooks come through."""

    supervisor: Supervisor
    plane: MediaPlane
    gate: Gate
    world: World
    directory: Directory
    pairings: Pairings


def carrier_of(name: str) -> Carrier:
    """The codec in ``adapters/carriers/<name>``; only the one that is used is imported."""
    return cast("Carrier", import_module(f"voicecall.adapters.carriers.{name}").carrier)


@asynccontextmanager
async def assemble(config: Config, parts: Parts) -> AsyncGenerator[Calls]:
    """Run calls and sound until the context is left; every call that has not ended is woken first."""

    def identify(carrier: str, start: MediaStart) -> CallId | Refused:
        return supervisor.identify(carrier, start)

    async def admit(carrier: str, start: MediaStart) -> CallId | Refused:
        return await supervisor.open_stream(carrier, start)

    current = parts.current or Current(config=config)
    current.living = parts.directory.living
    alarm = Alarm(parts.wall)
    plane = _plane(config, parts, identify, admit)
    world = _world(current, parts, alarm, plane)

    pairings = Pairings(
        journal=parts.journal, wall=parts.wall, fresh_code=parts.fresh_code, wrote=parts.directory.passed
    )
    await pairings.load()
    supervisor = _supervisor(current, parts, world, pairings)
    gate = _gate(config, parts, world, supervisor)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarm.run)
        nursery.start_soon(gate.refused.run)
        await nursery.start(plane.run)
        await nursery.start(supervisor.run)
        yield Calls(
            supervisor=supervisor, plane=plane, gate=gate, world=world, directory=parts.directory, pairings=pairings
        )
        nursery.cancel_scope.cancel()


def _voicing(config: Config) -> Callable[[], Voicing]:
    """What judges the callers' voices; onnxruntime is imported only where it does."""
    model = silero_model(config.streaming)
    if model is None:
        return Voiced
    from voicecall.audio.silero import load

    return load(model)


def _plane(config: Config, parts: Parts, identify: Identify, admit: Admit) -> MediaPlane:
    def voice_for(call_id: CallId) -> Synthesizer:
        row = parts.directory.row(call_id)
        number = number_for(config, row.callee) if row is not None and row.direction == "inbound" else None
        return parts.voices.get(number or "", parts.synthesizer)

    return MediaPlane(
        synthesizer=parts.synthesizer,
        voice_for=voice_for,
        transcriber=parts.transcriber,
        identify=identify,
        admit=admit,
        recordings=parts.recordings,
        tick_ms=parts.tick_ms,
        rings=parts.rings,
        lead_s=parts.lead_s,
        voicing=_voicing(config),
        silence_ms=config.silence_timeout_ms,
        start_timeout_s=config.streaming.pre_start_timeout_ms / 1000,
        max_pending=config.streaming.max_pending_connections,
        max_pending_per_peer=config.streaming.max_pending_connections_per_ip,
        max_connections=config.streaming.max_connections,
        threads=parts.threads,
    )


def _world(current: Current, parts: Parts, alarm: Alarm, plane: MediaPlane) -> World:
    def claimed(carrier: str, call_id: CallId, vendor_call_id: str) -> bool:
        return parts.directory.named(carrier, vendor_call_id) not in (None, call_id)

    name = parts.carrier.name
    return World(
        journal=parts.journal,
        wall=parts.wall,
        incarnation=parts.incarnation,
        alarm=alarm,
        carriers={name: parts.carrier},
        accounts={name: parts.account},
        fetch=parts.fetch,
        sound=plane,
        agent=parts.agent,
        ticket_key=parts.ticket_key,
        webhook_url=parts.webhook_url,
        media_url=parts.media_url,
        is_public=parts.is_public,
        claimed=claimed,
        earlier=_earlier(current, parts),
        version=VERSION,
        reply_timeout_ms=lambda call_id, dialed: reply_timeout_ms(current.of(call_id), dialed),
        clock_rate=parts.clock_rate,
    )


def _earlier(current: Current, parts: Parts) -> Callable[[CallId, CallState], Awaitable[tuple[Line, ...]]]:
    """What the agent may remember of other calls; a script remembers nothing, a host has a memory of its own."""
    if current.config.agent.provider != "openai":
        return nothing_earlier
    with_the_same = remember(parts.journal, parts.directory, parts.wall, anybody=False)
    with_anybody = remember(parts.journal, parts.directory, parts.wall, anybody=True)

    async def earlier(call_id: CallId, state: CallState) -> tuple[Line, ...]:
        match current.of(call_id).session_scope:
            case "per-call":
                return ()
            case "per-phone":
                return await with_the_same(state)
            case "main":
                return await with_anybody(state)

    return earlier


def _supervisor(current: Current, parts: Parts, world: World, pairings: Pairings) -> Supervisor:
    """Who supervises the calls, and judges those that are offered to us."""

    async def meet(heard: Heard) -> None:
        config = current.config
        if config.inbound_policy == "pairing" and verdict(config, heard.caller) != "accept":
            await pairings.meet(heard.caller)

    def offer_policy(heard: Heard) -> Policy:
        config = current.config
        pairing = config.inbound_policy == "pairing"
        return inbound_policy(
            config,
            caller=heard.caller,
            callee=heard.callee,
            capabilities=parts.carrier.capabilities,
            paired=pairing and pairings.knows(heard.caller),
            code=pairings.code_of(heard.caller) if pairing else "",
        )

    def when_full(policy: Policy) -> Policy | None:
        return full_policy(current.config, policy) if current.config.when_busy == "notice" else None

    return Supervisor(
        world=world,
        directory=parts.directory,
        offer_policy=offer_policy,
        max_calls=lambda: current.config.max_concurrent_calls,
        meet=meet,
        full_policy=when_full,
        observe=parts.observe,
    )


def _gate(config: Config, parts: Parts, world: World, supervisor: Supervisor) -> Gate:
    """The gate for webhooks, which says loudly what makes it less safe than usual."""
    state = parts.gate_state
    gate = Gate(
        provider=parts.carrier.name,
        carriers=world.carriers,
        accounts=world.accounts,
        path=config.serve.path,
        deliver=supervisor.receive,
        expects=supervisor.expects,
        wall=parts.wall,
        skip_verification=config.skip_signature_verification,
        exposure=exposure_of(config, known=parts.webhook_url),
        refused=RefusedLog(state and state / "refused.jsonl"),
        lessons=Lessons(state and state / "lessons.json"),
    )
    gate.announce()
    return gate
