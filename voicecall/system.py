"""The composition root: the one place where wall clock, chance, keys and files of the state directory come from.

``open_system`` makes the parts of a real system (journal on disk, HTTP, the door, RPC); ``assembly.py`` puts them
together.
"""

from __future__ import annotations

import gc
import os
import secrets
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
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
from voicecall.config import Config, parse
from voicecall.config.current import Current, Source
from voicecall.events import CallId, Entry, Instant
from voicecall.events.facts import CallPlaced
from voicecall.policies import known_phrases
from voicecall.ports import Capability, Fetch
from voicecall.talking import Mind, open_mind
from voicecall.tunnels.opening import Public, open_public
from voicecall.web.exposure import base_url

if TYPE_CHECKING:
    import socket

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


@asynccontextmanager
async def open_system(
    config: Config, *, state: Path, clock_rate: float = 1.0, logs: LogFeed | None = None, source: Source | None = None
) -> AsyncGenerator[System]:
    """Everything: journal, calls, sound, door and RPC, with its files in ``state``. ``clock_rate`` is how fast trio's
    clock runs; ``logs`` is where clients may read what is logged; ``source`` is where a changed configuration is from.

    Raises ``journal.api.JournalError`` (locked, corrupt, no permission), ``rpc.server.CannotServe``,
    ``web.listening.CannotListen`` and ``tunnels.problems.CannotExpose``: what to do; then no call was touched.
    """
    from voicecall.actors.fetch import open_fetch
    from voicecall.rpc.server import serve_rpc
    from voicecall.web.listening import open_listeners

    keep_state(state)
    current = Current(config=config)
    # Lock, socket, port and tunnel come before the calls: one that is woken may at once tell its carrier where we are.
    async with (
        open_journal(state / "journal") as journal,
        _entrances(config, state) as entrances,
        open_listeners(config.serve.bind, config.serve.port) as listeners,
        _open_public(config, state, listeners) as public,
        open_fetch() as fetch,
        open_mind(config, current) as mind,
    ):
        directory = await load_directory(journal, state / "directory.bin")
        checkpoint = Checkpoint(directory, state / "directory.bin")
        parts = _real_parts(
            config, state=state, public=public, journal=journal, fetch=fetch, mind=mind, checkpoint=checkpoint
        )
        parts = attrs.evolve(parts, clock_rate=clock_rate, current=current)
        async with assemble(config, parts) as calls, trio.open_nursery() as nursery:
            drain = Drain(calls.supervisor, journal, config.phrases.goodbye)
            nursery.start_soon(drain.run)
            door: Door = await nursery.start(_open_door, config, parts, calls, journal, public, listeners, drain)
            methods = _methods(current, source, parts, calls, logs, drain, _place(state, door))
            for listener, token in entrances:
                await nursery.start(serve_rpc, listener, methods, token)
            system = System(
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
            )
            current.changed = partial(_render_ahead, mind, parts.carrier.capabilities)
            current.changed(config)
            try:
                with nothing_to_collect():
                    yield system
                # The port closes, webhooks under way are answered; calls go on with their carrier and are found again.
                await door.stop()
            finally:
                checkpoint.save()
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
    current: Current,
    source: Source | None,
    parts: Parts,
    calls: Calls,
    logs: LogFeed | None,
    drain: Drain,
    place: Mapping[str, object],
) -> Methods:
    from voicecall.rpc.configuring import Configuring
    from voicecall.rpc.methods import Methods

    return Methods(
        configuring=Configuring(current=current, source=source or Source(interpret=partial(parse, env=os.environ))),
        supervisor=calls.supervisor,
        journal=parts.journal,
        directory=parts.directory,
        capabilities=parts.carrier.capabilities,
        pairings=calls.pairings,
        gateway=parts.agent if isinstance(parts.agent, GatewayAgent) else None,
        logs=logs,
        version=VERSION,
        place=place,
        drain=drain,
    )


def _open_public(
    config: Config, state: Path, listeners: list[trio.SocketListener]
) -> AbstractAsyncContextManager[Public]:
    port = int(listeners[0].socket.getsockname()[1])
    return open_public(config, state=state, port=port, otherwise=base_url(config, port))


@contextmanager
def nothing_to_collect() -> Generator[None]:
    """What a system consists of stays for its whole life: the garbage collector need not stop calls to look at it."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _open_door(
    config: Config,
    parts: Parts,
    calls: Calls,
    journal: FileJournal,
    public: Public,
    listeners: list[trio.SocketListener],
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
        app=build_app(
            calls.gate,
            journal_writable=lambda: journal.writable,
            plane_running=lambda: calls.plane.running,
            is_public=public.is_up,
            is_draining=lambda: drain.begun,
        ),
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
        observe=partial(_observe, checkpoint, mind),
    )


def _observe(checkpoint: Checkpoint, mind: Mind, call_id: CallId, position: Position, entry: Entry) -> None:
    """Told of every entry: the first words of a call that we place are made while the telephone rings."""
    checkpoint.seen(call_id, position, entry)
    if isinstance(mind.agent, GatewayAgent):
        mind.agent.observe(call_id, entry)
    if isinstance(entry.event, CallPlaced) and entry.event.policy.streaming:
        mind.ahead(entry.event.policy.greeting)
