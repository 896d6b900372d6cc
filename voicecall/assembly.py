"""How a running system is put together from parts: calls, their sound, and the gate that webhooks come through.

Nothing here knows where the parts come from: ``system.py`` makes those of a real system (journal on disk, HTTP, wall
clock, chance, keys), the test bench those of one in memory.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from attrs import field, frozen

from journal import Journal, Position
from voicecall.actors.alarm import Alarm
from voicecall.actors.supervisor import Supervisor
from voicecall.actors.world import World
from voicecall.audio.plane import LEAD_S, RINGS, TICK_MS, Admit, Identify, MediaPlane
from voicecall.config import Config
from voicecall.core.requests import Refused
from voicecall.events import CallId, Entry, Instant, Policy
from voicecall.policies import inbound_policy
from voicecall.ports import Account, Agent, Carrier, Fetch, Heard, MediaStart, Synthesizer, Transcriber
from voicecall.projections.directory import Directory
from voicecall.web.gate import Gate

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
    transcriber: Transcriber
    agent: Agent
    ticket_key: bytes = field(repr=False)
    webhook_url: Callable[[], str]
    media_url: Callable[[], str]
    incarnation: Callable[[], str]
    directory: Directory = field(factory=Directory)
    recordings: Path | None = None
    tick_ms: int = TICK_MS
    rings: int = RINGS
    lead_s: float = LEAD_S
    threads: bool = True
    observe: Callable[[CallId, Position, Entry], None] | None = None


@frozen(kw_only=True)
class Calls:
    """The running half of a system: calls, their sound, and the gate that webhooks come through."""

    supervisor: Supervisor
    plane: MediaPlane
    gate: Gate
    world: World
    directory: Directory


@asynccontextmanager
async def assemble(config: Config, parts: Parts) -> AsyncGenerator[Calls]:
    """Run calls and sound until the context is left; every call that has not ended is woken first."""

    def identify(carrier: str, start: MediaStart) -> CallId | Refused:
        return supervisor.identify(carrier, start)

    async def admit(carrier: str, start: MediaStart) -> CallId | Refused:
        return await supervisor.open_stream(carrier, start)

    alarm = Alarm(parts.wall)
    plane = _plane(config, parts, identify, admit)
    world = _world(config, parts, alarm, plane)

    def offer_policy(heard: Heard) -> Policy:
        return inbound_policy(config, caller=heard.caller, callee=heard.callee)

    supervisor = Supervisor(
        world=world,
        directory=parts.directory,
        offer_policy=offer_policy,
        max_calls=config.max_concurrent_calls,
        observe=parts.observe,
    )
    gate = _gate(config, parts, world, supervisor)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarm.run)
        await nursery.start(plane.run)
        await nursery.start(supervisor.run)
        yield Calls(supervisor=supervisor, plane=plane, gate=gate, world=world, directory=parts.directory)
        nursery.cancel_scope.cancel()


def _plane(config: Config, parts: Parts, identify: Identify, admit: Admit) -> MediaPlane:
    return MediaPlane(
        synthesizer=parts.synthesizer,
        transcriber=parts.transcriber,
        identify=identify,
        admit=admit,
        recordings=parts.recordings,
        tick_ms=parts.tick_ms,
        rings=parts.rings,
        lead_s=parts.lead_s,
        silence_ms=config.silence_timeout_ms,
        start_timeout_s=config.streaming.pre_start_timeout_ms / 1000,
        max_pending=config.streaming.max_pending_connections,
        max_pending_per_peer=config.streaming.max_pending_connections_per_ip,
        max_connections=config.streaming.max_connections,
        threads=parts.threads,
    )


def _world(config: Config, parts: Parts, alarm: Alarm, plane: MediaPlane) -> World:
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
        version=VERSION,
        reply_timeout_ms=config.response_timeout_ms,
    )


def _gate(config: Config, parts: Parts, world: World, supervisor: Supervisor) -> Gate:
    return Gate(
        provider=parts.carrier.name,
        carriers=world.carriers,
        accounts=world.accounts,
        path=config.serve.path,
        deliver=supervisor.receive,
        wall=parts.wall,
        skip_verification=config.skip_signature_verification,
    )
