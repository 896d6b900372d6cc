"""The composition root: the one place where wall clock, chance, keys and files of the state directory come from.

``open_system`` makes the parts of a real system (journal on disk, HTTP, the door, RPC); ``assembly.py`` puts them
together.
"""

from __future__ import annotations

import os
import secrets
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import trio
from attrs import frozen

from journal import FileJournal, Journal, Position, open_journal
from voicecall.accounts import account_of
from voicecall.actors.checkpoint import Checkpoint, load_directory
from voicecall.actors.drain import Drain
from voicecall.adapters.agents.gateway import GatewayAgent
from voicecall.assembly import VERSION, Calls, Parts, assemble, carrier_of
from voicecall.collecting import nothing_to_collect
from voicecall.config import Config, parse
from voicecall.config.current import Current, Source
from voicecall.events import CallId, Entry, Instant
from voicecall.events.facts import CallPlaced
from voicecall.logs.once import Once
from voicecall.metrics.opening import open_metering
from voicecall.policies import known_phrases
from voicecall.ports import Capability, Fetch
from voicecall.talking import NOTHING_OWN, Mind, Own, open_mind
from voicecall.tunnels.opening import Public, open_public
from voicecall.watching import tell_metrics, watch_calls
from voicecall.web.exposure import base_url

if TYPE_CHECKING:
    import socket

    from voicecall.metrics.metering import Metering
    from voicecall.rpc.configuring import Configuring
    from voicecall.rpc.logs import LogFeed
    from voicecall.rpc.methods import Methods
    from voicecall.web.door import Door

KEY_BYTES = 32


def wall_clock() -> Callable[[], Instant]:
    """Wall time, read once, plus what has elapsed on trio's clock: a stepped wall clock cannot silence a call."""
    start, epoch = time.time_ns() // 1_000_000, trio.current_time()
    return lambda: Instant(start + round((trio.current_time() - epoch) * 1000))


def new_incarnation() -> str:
    """A name that no other writer has."""
    return f"w-{uuid.uuid4().hex[:12]}"


def new_request_id() -> str:
    """A name for a request that no other request has."""
    return uuid.uuid4().hex


def new_code() -> str:
    """Six digits that nobody can guess."""
    return f"{secrets.randbelow(1_000_000):06d}"


def keep_state(path: Path) -> None:
    """The state directory, made (mode 0700) when it is not there. Raises ``OSError``."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def keep_key(path: Path) -> bytes:
    """The key in ``path``, made (mode 0600) when it is not there. Raises ``OSError``, saying what to do."""
    return _keep(path, secrets.token_bytes(KEY_BYTES), at_least=KEY_BYTES)


def mock_secret(config: Config, state: Path) -> str:
    """The simulated network's secret: the configured one, or the state directory's own. See ``keep_secret``."""
    return config.mock.secret.reveal() if config.mock.secret else keep_secret(state / "mock.key")


def rpc_token(config: Config, state: Path) -> str:
    """What a client on the TCP port must know: the configured token, or the state directory's own."""
    return config.rpc.token.reveal() if config.rpc.token else keep_secret(state / "rpc.token")


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
class System:
    """A whole system that is running. ``voice`` says which voice speaks."""

    config: Config
    state: Path
    calls: Calls
    journal: FileJournal
    door: Door
    public: Public
    voice: str
    methods: Methods
    drain: Drain
    rpc_port: int | None = None
    """The TCP port that JSON-RPC is served on, besides the socket."""
    metrics_port: int | None = None
    """The TCP port that Prometheus may ask."""


@asynccontextmanager
async def open_system(
    config: Config,
    *,
    state: Path,
    clock_rate: float = 1.0,
    logs: LogFeed | None = None,
    source: Source | None = None,
    own: Own = NOTHING_OWN,
) -> AsyncGenerator[System]:
    """Everything: journal, calls, sound, door and RPC, with its files in ``state``. ``clock_rate`` is how fast trio's
    clock runs; ``logs`` is where clients may read what is logged (without it calls are not logged); ``source`` is where
    a changed configuration is from; ``own`` is what a host brings itself.

    Raises ``journal.api.JournalError`` (locked, corrupt, no permission), ``rpc.server.CannotServe``,
    ``web.listening.CannotListen`` and ``tunnels.problems.CannotExpose``, each saying what to do; then no call was
    touched.
    """
    from voicecall.actors.fetch import open_fetch
    from voicecall.rpc.configuring import Configuring
    from voicecall.web.listening import open_listeners

    keep_state(state)
    current = Current(config=config)
    # Lock, socket, port and tunnel come before the calls: one that is woken may at once tell its carrier where we are.
    async with (
        open_metering(config.metrics) as metering,
        open_journal(state / "journal", disk=metering and metering.disk()) as journal,
        _entrances(config, state) as entrances,
        open_listeners(config.serve.bind, config.serve.port) as listeners,
        _open_public(config, state, listeners) as public,
        open_fetch() as fetch,
        open_mind(config, current, own=own) as mind,
    ):
        checkpoint = Checkpoint(await load_directory(journal, state / "directory.bin"), state / "directory.bin")
        parts = _real_parts(
            config, state=state, public=public, journal=journal, fetch=fetch, mind=mind, checkpoint=checkpoint
        )
        observe = partial(
            _observe, checkpoint, mind, watch_calls(config, parts, journal, metering, logged=logs is not None)
        )
        parts = attrs.evolve(parts, clock_rate=clock_rate, current=current, observe=observe)
        configuring = Configuring(current=current, source=source or Source(interpret=partial(parse, env=os.environ)))
        async with (
            assemble(config, parts) as calls,
            _running(
                config, state, parts, calls, journal, public, listeners, entrances, configuring, logs, mind, metering
            ) as system,
        ):
            current.changed = partial(_render_ahead, mind, parts.carrier.capabilities)
            current.changed(config)
            try:
                live = calls.supervisor
                async with nullcontext() if own.process else nothing_to_collect(lambda: not live.live_calls):
                    yield system
                # The port closes, webhooks under way are answered; calls go on with their carrier and are found again.
                await system.door.stop()
            finally:
                checkpoint.save()


@asynccontextmanager
async def _running(
    config: Config,
    state: Path,
    parts: Parts,
    calls: Calls,
    journal: FileJournal,
    public: Public,
    listeners: list[trio.SocketListener],
    entrances: list[tuple[trio.SocketListener, str]],
    configuring: Configuring,
    logs: LogFeed | None,
    mind: Mind,
    metering: Metering | None,
) -> AsyncGenerator[System]:
    """The door is open, and clients can come in."""
    from voicecall.rpc.server import serve_rpc

    async with trio.open_nursery() as nursery:
        instance, drain = new_incarnation(), Drain(calls.supervisor, journal, config.phrases.goodbye)
        nursery.start_soon(drain.run)
        checks = {"journal": lambda: journal.writable, "public": public.is_up, **calls.checks(parts.clock_rate)}
        door: Door = await nursery.start(partial(_open_door, config, parts, calls, checks, listeners, instance, drain))
        await tell_metrics(metering, nursery, calls, journal, checks)
        methods = _methods(configuring, parts, calls, logs, instance, drain, _place(state, door))
        for listener, token in entrances:
            await nursery.start(serve_rpc, listener, methods, token)
        yield System(
            config=config,
            state=state,
            calls=calls,
            journal=journal,
            door=door,
            public=public,
            voice=mind.voice.describe(),
            methods=methods,
            drain=drain,
            rpc_port=_tcp_port(entrances),
            metrics_port=metering and metering.port,
        )
        nursery.cancel_scope.cancel()


def _tcp_port(entrances: list[tuple[trio.SocketListener, str]]) -> int | None:
    return next((listener.socket.getsockname()[1] for listener, token in entrances if token), None)


@asynccontextmanager
async def _entrances(config: Config, state: Path) -> AsyncGenerator[list[tuple[trio.SocketListener, str]]]:
    """Where clients come in, and the token they need there: the socket, and a TCP port if one is wanted."""
    from voicecall.rpc.client import SOCKET
    from voicecall.rpc.server import open_socket
    from voicecall.web.listening import open_listeners

    async with open_socket(state / SOCKET) as here:
        if config.rpc.port is None:
            yield [(here, "")]
            return
        async with open_listeners("127.0.0.1", config.rpc.port, setting="rpc") as [there]:
            yield [(here, ""), (there, rpc_token(config, state))]


def _render_ahead(mind: Mind, capabilities: frozenset[Capability], config: Config) -> None:
    """What calls that begin will probably say."""
    for number in ("", *(number for number in mind.voices if number in config.numbers)):
        for phrase in known_phrases(config, capabilities, number):
            mind.ahead(phrase, number)


def _place(state: Path, door: Door) -> dict[str, object]:
    """Where this server is, for a hello."""
    return {"state": str(state), "url": door.origin, "pid": os.getpid()}


def _methods(
    configuring: Configuring,
    parts: Parts,
    calls: Calls,
    logs: LogFeed | None,
    instance: str,
    drain: Drain,
    place: Mapping[str, object],
) -> Methods:
    from voicecall.rpc.methods import Methods

    return Methods(
        configuring=configuring,
        supervisor=calls.supervisor,
        journal=parts.journal,
        directory=parts.directory,
        capabilities=parts.carrier.capabilities,
        pairings=calls.pairings,
        gateway=parts.agent if isinstance(parts.agent, GatewayAgent) else None,
        logs=logs,
        version=VERSION,
        instance=instance,
        webhook_url=parts.webhook_url,
        place=place,
        drain=drain,
    )


def _open_public(
    config: Config, state: Path, listeners: list[trio.SocketListener]
) -> AbstractAsyncContextManager[Public]:
    port = int(listeners[0].socket.getsockname()[1])
    return open_public(config, state=state, port=port, otherwise=base_url(config, port))


async def _open_door(
    config: Config,
    parts: Parts,
    calls: Calls,
    checks: Mapping[str, Callable[[], bool]],
    listeners: list[trio.SocketListener],
    instance: str,
    drain: Drain,
    *,
    task_status: trio.TaskStatus[Door] = trio.TASK_STATUS_IGNORED,
) -> None:
    from voicecall.web.app import build_app
    from voicecall.web.door import serve_door

    def accept(sock: socket.socket, leftover: bytes, peer: str) -> None:
        carrier = parts.carrier
        calls.plane.accept_socket(sock, leftover, peer, carrier=carrier.name, codec=carrier.media())

    await serve_door(
        bind=config.serve.bind,
        listeners=listeners,
        app=build_app(calls.gate, checks=checks, is_draining=lambda: drain.begun, instance=instance),
        stream_path=config.streaming.stream_path,
        media_room=calls.plane.has_room,
        accept_media=accept,
        client_of=calls.gate.exposure.client,
        task_status=task_status,
    )


def _real_parts(
    config: Config,
    *,
    state: Path,
    public: Public,
    journal: Journal,
    fetch: Fetch,
    mind: Mind,
    checkpoint: Checkpoint,
) -> Parts:
    return Parts(
        journal=journal,
        wall=wall_clock(),
        incarnation=new_incarnation,
        fresh_code=new_code,
        fetch=fetch,
        carrier=carrier_of(config.provider),
        account=account_of(config, mock_secret=mock_secret(config, state) if config.provider == "mock" else ""),
        synthesizer=mind.voice,
        voices=mind.voices,
        transcriber=mind.ear,
        agent=mind.agent,
        ticket_key=keep_key(state / "ticket.key"),
        webhook_url=public.webhook_url,
        media_url=public.media_url,
        is_public=public.is_up,
        directory=checkpoint.directory,
        recordings=state / "recordings" if config.recording else None,
        gate_state=state,
    )


def _observe(
    checkpoint: Checkpoint, mind: Mind, watch: Once, call_id: CallId, position: Position, entry: Entry
) -> None:
    """Told of every entry: the first words of a call that we place are made while the telephone rings."""
    checkpoint.seen(call_id, position, entry)
    if isinstance(mind.agent, GatewayAgent):
        mind.agent.observe(call_id, entry)
    watch(call_id, position, entry)
    if isinstance(entry.event, CallPlaced) and entry.event.policy.streaming:
        mind.ahead(entry.event.policy.greeting)
