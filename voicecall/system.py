"""The composition root: the one place where wall clock, chance, keys and files of the state directory come from.

``assemble`` wires calls, sound and the webhook gate from parts. ``open_system`` makes the parts of a real system
(journal on disk, HTTP, the door, RPC) and assembles them; the test bench assembles the same from parts in memory.
"""

from __future__ import annotations

import os
import secrets
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

import trio
from attrs import field, frozen

from journal import FileJournal, Journal, Position, open_journal
from voicecall.accounts import account_of
from voicecall.actors.alarm import Alarm
from voicecall.actors.checkpoint import Checkpoint, load_directory
from voicecall.actors.pairing import Pairings
from voicecall.actors.supervisor import Supervisor
from voicecall.actors.world import World
from voicecall.audio.plane import LEAD_S, RINGS, TICK_MS, MediaPlane
from voicecall.config import Config
from voicecall.core.requests import Refused
from voicecall.events import CallId, Entry, Instant, Policy
from voicecall.policies import full_policy, inbound_policy, verdict
from voicecall.ports import Account, Agent, Carrier, Fetch, Heard, MediaStart, Synthesizer, Transcriber
from voicecall.projections.directory import Directory
from voicecall.web.exposure import base_url, exposure_of
from voicecall.web.gate import Gate
from voicecall.web.lessons import Lessons
from voicecall.web.refused_log import RefusedLog

if TYPE_CHECKING:
    import socket

    from voicecall.web.door import Door

VERSION = "0.1.0"
KEY_BYTES = 32


def wall_clock() -> Callable[[], Instant]:
    """Wall time, read once, plus what has elapsed on trio's clock: a stepped wall clock cannot silence a call."""
    start, epoch = time.time_ns() // 1_000_000, trio.current_time()
    return lambda: Instant(start + round((trio.current_time() - epoch) * 1000))


def new_incarnation() -> str:
    """A name that no other writer has."""
    return f"w-{uuid.uuid4().hex[:12]}"


def new_code() -> str:
    """Six digits that nobody can guess."""
    return f"{secrets.randbelow(1_000_000):06d}"


def keep_key(path: Path) -> bytes:
    """The key in ``path``, made (mode 0600) when it is not there. Raises ``OSError``, saying what to do."""
    return _keep(path, secrets.token_bytes(KEY_BYTES), at_least=KEY_BYTES)


def keep_secret(path: Path) -> str:
    """The text key in ``path``, made (mode 0600) when it is not there. Raises ``OSError``, saying what to do."""
    text = _keep(path, secrets.token_hex(KEY_BYTES).encode() + b"\n", at_least=1).strip()
    if not text or not text.isascii():
        raise _bad_key(path)
    return text.decode()


def _keep(path: Path, fresh: bytes, *, at_least: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        kept = path.read_bytes()
        if len(kept) < at_least:
            raise _bad_key(path) from None
        return kept
    with open(descriptor, "wb") as file:
        file.write(fresh)
        file.flush()
        os.fsync(descriptor)
    return fresh


def _bad_key(path: Path) -> OSError:
    return OSError(f"{path}: this is no key; remove the file to have a new one made")


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
    incarnation: Callable[[], str] = new_incarnation
    fresh_code: Callable[[], str] = new_code
    directory: Directory = field(factory=Directory)
    recordings: Path | None = None
    gate_state: Path | None = None
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
    pairings: Pairings


@asynccontextmanager
async def assemble(config: Config, parts: Parts) -> AsyncGenerator[Calls]:
    """Run calls and sound until the context is left; every call that has not ended is woken first."""

    def identify(carrier: str, start: MediaStart) -> CallId | Refused:
        return supervisor.identify(carrier, start)

    def claimed(carrier: str, call_id: CallId, vendor_call_id: str) -> bool:
        return parts.directory.named(carrier, vendor_call_id) not in (None, call_id)

    async def admit(carrier: str, start: MediaStart) -> CallId | Refused:
        return await supervisor.open_stream(carrier, start)

    alarm = Alarm(parts.wall)
    name = parts.carrier.name
    plane = MediaPlane(
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
    world = World(
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
        claimed=claimed,
        version=VERSION,
        reply_timeout_ms=config.response_timeout_ms,
    )

    pairings = Pairings(
        journal=parts.journal, wall=parts.wall, fresh_code=parts.fresh_code, wrote=parts.directory.passed
    )
    await pairings.load()

    async def meet(heard: Heard) -> None:
        if config.inbound_policy == "pairing" and verdict(config, heard.caller) != "accept":
            await pairings.meet(heard.caller)

    def offer_policy(heard: Heard) -> Policy:
        pairing = config.inbound_policy == "pairing"
        return inbound_policy(
            config,
            caller=heard.caller,
            callee=heard.callee,
            capabilities=parts.carrier.capabilities,
            paired=pairing and pairings.knows(heard.caller),
            code=pairings.code_of(heard.caller) if pairing else "",
        )

    supervisor = Supervisor(
        world=world,
        directory=parts.directory,
        offer_policy=offer_policy,
        max_calls=config.max_concurrent_calls,
        meet=meet,
        full_policy=partial(full_policy, config) if config.when_busy == "notice" else None,
        observe=parts.observe,
    )
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


def _gate(config: Config, parts: Parts, world: World, supervisor: Supervisor) -> Gate:
    """The gate for webhooks, which says loudly what makes it less safe than usual."""
    state = parts.gate_state
    gate = Gate(
        provider=parts.carrier.name,
        carriers=world.carriers,
        accounts=world.accounts,
        path=config.serve.path,
        deliver=supervisor.receive,
        wall=parts.wall,
        skip_verification=config.skip_signature_verification,
        exposure=exposure_of(config, known=parts.webhook_url),
        refused=RefusedLog(state and state / "refused.jsonl"),
        lessons=Lessons(state and state / "lessons.json"),
    )
    gate.announce()
    return gate


@frozen(kw_only=True)
class System:
    """A whole system that is running. ``voice`` says which voice speaks."""

    config: Config
    state: Path
    calls: Calls
    journal: FileJournal
    door: Door
    voice: str


@asynccontextmanager
async def open_system(config: Config, *, state: Path) -> AsyncGenerator[System]:
    """Everything: journal, calls, sound, door and RPC, with its files in ``state``.

    Raises ``journal.api.JournalError`` (locked, corrupt, no permission), ``rpc.server.CannotServe`` and
    ``web.listening.CannotListen``, each saying what to do; then no call was touched.
    """
    from voicecall.actors.fetch import open_fetch
    from voicecall.rpc.client import SOCKET
    from voicecall.rpc.methods import Methods
    from voicecall.rpc.server import open_socket, serve_rpc
    from voicecall.web.app import build_app
    from voicecall.web.door import serve_door
    from voicecall.web.listening import open_listeners

    state.mkdir(mode=0o700, parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet
    # Lock, socket and port come before the calls: one that is woken may at once tell its carrier where we are.
    async with (
        open_journal(state / "journal") as journal,
        open_socket(state / SOCKET) as rpc_listener,
        open_listeners(config.serve.bind, config.serve.port) as listeners,
        open_fetch() as fetch,
    ):
        directory = await load_directory(journal, state / "directory.bin")
        checkpoint = Checkpoint(directory, state / "directory.bin")
        port = int(listeners[0].socket.getsockname()[1])
        parts = _real_parts(
            config, state=state, port=port, journal=journal, fetch=fetch, directory=directory, observe=checkpoint.seen
        )
        async with assemble(config, parts) as calls, trio.open_nursery() as nursery:

            def accept(sock: socket.socket, leftover: bytes, peer: str) -> None:
                carrier = parts.carrier
                calls.plane.accept_socket(sock, leftover, peer, carrier=carrier.name, codec=carrier.media())

            app = build_app(
                calls.gate, journal_writable=lambda: journal.writable, plane_running=lambda: calls.plane.running
            )

            async def open_door(task_status: trio.TaskStatus[Door] = trio.TASK_STATUS_IGNORED) -> None:
                await serve_door(
                    bind=config.serve.bind,
                    listeners=listeners,
                    app=app,
                    stream_path=config.streaming.stream_path,
                    media_room=calls.plane.has_room,
                    accept_media=accept,
                    client_of=calls.gate.exposure.client,
                    task_status=task_status,
                )

            door: Door = await nursery.start(open_door)
            methods = Methods(
                config=config,
                supervisor=calls.supervisor,
                journal=journal,
                directory=directory,
                capabilities=parts.carrier.capabilities,
                pairings=calls.pairings,
            )
            await nursery.start(serve_rpc, rpc_listener, methods)
            try:
                yield System(
                    config=config,
                    state=state,
                    calls=calls,
                    journal=journal,
                    door=door,
                    voice=parts.synthesizer.describe(),
                )
                # The port closes, webhooks under way are answered; calls go on with their carrier and are found again.
                await door.stop()
            finally:
                checkpoint.save()
                nursery.cancel_scope.cancel()


def carrier_of(name: str) -> Carrier:
    """The codec in ``adapters/carriers/<name>``; only the one that is used is imported."""
    return cast("Carrier", import_module(f"voicecall.adapters.carriers.{name}").carrier)


def _real_parts(
    config: Config,
    *,
    state: Path,
    port: int,
    journal: Journal,
    fetch: Fetch,
    directory: Directory,
    observe: Callable[[CallId, Position, Entry], None],
) -> Parts:
    from voicecall.adapters.agents.scripted import ScriptedAgent
    from voicecall.adapters.speech.offline import OfflineSynthesizer
    from voicecall.adapters.speech.scripted import ScriptedTranscriber

    secret = ""
    if config.provider == "mock":
        secret = config.mock.secret.reveal() if config.mock.secret else keep_secret(state / "mock.key")
    base = base_url(config, port)
    return Parts(
        journal=journal,
        wall=wall_clock(),
        fetch=fetch,
        carrier=carrier_of(config.provider),
        account=account_of(config, mock_secret=secret),
        synthesizer=OfflineSynthesizer(),
        transcriber=ScriptedTranscriber(),
        agent=ScriptedAgent(config.agent.script),
        ticket_key=keep_key(state / "ticket.key"),
        webhook_url=lambda: base + config.serve.path,
        media_url=lambda: base.replace("http", "ws", 1) + config.streaming.stream_path,
        directory=directory,
        recordings=state / "recordings" if config.recording else None,
        gate_state=state,
        observe=observe,
    )
