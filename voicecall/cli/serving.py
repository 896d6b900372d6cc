"""``serve``: run the system until told to stop, for a carrier or beside a simulated phone network."""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from typing import Any, TextIO, cast

import attrs
import structlog
import trio
import trio.testing
from attrs import field, frozen

from journal.api import JournalError
from voicecall.cli.leaving import leave
from voicecall.cli.place import BAD_USAGE, Place, explain, fail
from voicecall.cli.reloading import Hangups, source_of
from voicecall.cli.simulating import NoNetwork, Plan, open_network
from voicecall.cli.speech import SpeechVendor
from voicecall.config import Config, ConfigError, parse
from voicecall.config.file import read_file
from voicecall.config.host import own_block
from voicecall.config.loading import understand
from voicecall.rpc.connection import converse
from voicecall.rpc.logs import LogFeed
from voicecall.rpc.protocol import notification_line
from voicecall.rpc.server import CannotServe
from voicecall.system import System, keep_state, open_system
from voicecall.tunnels.problems import CannotExpose, Misconfigured
from voicecall.web.listening import CannotListen

log = structlog.get_logger(__name__)


@frozen(kw_only=True)
class Serving:
    """What to serve. With a ``plan``, ``config`` is only what was known before the simulated network told more."""

    config: Config = field(repr=False)
    plan: Plan | None
    speech: SpeechVendor | None
    place: Place = field(repr=False)
    port: int | None
    clock_rate: float
    stdio: bool = False
    """Whether standard input and output carry JSON-RPC, too."""
    host_grace_s: float | None = None
    """How long to stay without a host and without a call; None: until told to stop."""

    def read(self, whole: Mapping[str, object]) -> Config:
        """A changed configuration, as the first was read. Raises ``ConfigError``."""
        environment = self.place.environment
        return self.speech.lay_over(own_block(whole), environment) if self.speech else parse(whole, environment)


def serve(
    place: Place,
    *,
    carrier: str | None,
    simulate: bool,
    speech: SpeechVendor | None,
    port: int | None,
    clock_rate: float,
    stdio: bool = False,
    host_grace_s: float | None = None,
) -> int:
    """0 after a clean stop (SIGTERM, SIGINT, the end of standard input with ``stdio``, a drain, no host), 1 when the
    system cannot run, 2 for a configuration it cannot use."""
    feed = LogFeed()
    set_up_logging(feed)
    problem = _problem(carrier, port, clock_rate, host_grace_s, simulate=simulate)
    if problem:
        return fail(problem, BAD_USAGE)
    code = 0
    try:
        whole = read_file(place.config) if place.config else {}
        plan = _plan(whole, carrier, speech, place.environment) if simulate else None
        serving = Serving(
            config=plan.before() if plan else _config(whole, speech, place.environment),
            plan=plan,
            speech=speech,
            place=place,
            port=port,
            clock_rate=clock_rate,
            stdio=stdio,
            host_grace_s=host_grace_s,
        )
        if not serving.config.enabled:
            return fail("enabled: is false in the configuration; set it to true to serve calls", BAD_USAGE)
        clock = trio.testing.MockClock(rate=clock_rate) if clock_rate != 1 else None
        trio.run(_run, serving, feed, clock=clock)
    except* ConfigError as errors:
        code = fail("the configuration cannot be used:\n" + "\n".join(_reasons(errors)), BAD_USAGE)
    except* Misconfigured as errors:
        code = fail("\n".join(_reasons(errors)), BAD_USAGE)
    except* (JournalError, CannotListen, CannotServe, CannotExpose, NoNetwork, OSError) as errors:
        code = fail("\n".join(dict.fromkeys(_reasons(errors))))
    return code


def _plan(
    whole: Mapping[str, object], carrier: str | None, speech: SpeechVendor | None, environment: Mapping[str, str]
) -> Plan:
    return Plan(plain=own_block(whole), carrier=carrier, speech=speech, environment=environment)


def _config(whole: Mapping[str, object], speech: SpeechVendor | None, environment: Mapping[str, str]) -> Config:
    """The configuration in a file, of which the log tells what had better be written otherwise."""
    if speech:
        return speech.lay_over(own_block(whole), environment)
    loaded = understand(whole, environment)
    for notice in loaded.notices:
        log.warning("the configuration", notice=notice.message)
    return loaded.config


def _problem(
    carrier: str | None, port: int | None, clock_rate: float, host_grace_s: float | None, *, simulate: bool
) -> str:
    if carrier is not None and not simulate:
        return f"serve {carrier}: names a carrier only with --simulate; a real one is provider in the configuration"
    if port is not None and not 0 <= port <= 65_535:
        return f"--port: must be between 0 (any free one) and 65535, got {port}"
    if not 0 < clock_rate < math.inf:
        return f"--clock-rate: must be more than 0, got {clock_rate}"
    if host_grace_s is not None and not 0 < host_grace_s < math.inf:
        return f"--host-grace: must be more than 0 seconds, got {host_grace_s}"
    return ""


def _reasons(error: BaseException) -> list[str]:
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return [reason for one in inner for reason in _reasons(one)] if inner else [explain(error)]


def set_up_logging(feed: LogFeed) -> None:
    """One line a message on stderr: for people on a terminal, else JSON; and to whoever reads the ``feed``.

    The code logs no secret and no number.
    """
    terminal = sys.stderr.isatty()
    render: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"), feed, render],
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", Unfailing(sys.stderr))),
    )


@frozen
class Unfailing:
    """A stream for logs. Nobody may be reading it any more, or it is closed, and no call must end for that."""

    stream: TextIO

    def write(self, text: str) -> None:
        """Write if possible."""
        with suppress(OSError, ValueError):
            self.stream.write(text)

    def flush(self) -> None:
        """Flush if possible."""
        with suppress(OSError, ValueError):
            self.stream.flush()


async def _run(serving: Serving, feed: LogFeed) -> None:
    told = trio.Event()
    plan, rate, state = serving.plan, serving.clock_rate, serving.place.state
    carrier = open_network(plan, state, clock_rate=rate) if plan else nullcontext(("", serving.config, serving.read))
    hangups = Hangups()
    async with trio.open_nursery() as nursery:
        await nursery.start(_until_told, told, nursery.cancel_scope)
        await nursery.start(hangups.run, told)
        keep_state(state)
        async with (
            carrier as (network, config, read),
            open_system(
                _at_port(config, serving.port),
                state=state,
                clock_rate=rate,
                logs=feed,
                source=source_of(serving.place.config, lambda whole: _at_port(read(whole), serving.port)),
            ) as system,
        ):
            hangups.configuring = system.methods.configuring
            if serving.stdio:
                nursery.start_soon(_converse, system, network, told)
            else:
                _announce(system, network)
            nursery.start_soon(leave, system, serving.host_grace_s, told)
            await told.wait()
        nursery.cancel_scope.cancel()


def _at_port(config: Config, port: int | None) -> Config:
    return config if port is None else attrs.evolve(config, serve=attrs.evolve(config.serve, port=port))


async def _until_told(
    told: trio.Event, scope: trio.CancelScope, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """The first signal stops in order, a second one at once."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            if told.is_set():
                scope.cancel()
            told.set()


async def _converse(system: System, network: str, told: trio.Event) -> None:
    """JSON-RPC with whoever started us, until its end: then there is nobody left to serve for."""
    out, into = (trio.lowlevel.FdStream(os.dup(descriptor)) for descriptor in (1, 0))
    await out.send_all(notification_line("voicecall.ready", _ready(system, network)))
    await converse(trio.StapledStream(out, into), methods=system.methods)
    told.set()


def _ready(system: System, network: str) -> dict[str, Any]:
    ready = {"ready": True, "url": system.door.origin, "port": system.door.port, "state": str(system.state)}
    ready["webhookUrl"] = system.public.webhook_url()
    more = {} if system.rpc_port is None else {"rpcPort": system.rpc_port}
    speaks = {"carrier": system.config.provider, "voice": system.voice}
    return {**ready, **more, **speaks, **({"network": network} if network else {})}


def _announce(system: System, network: str) -> None:
    config = system.config
    if not sys.stdout.isatty():
        import json

        sys.stdout.write(json.dumps(_ready(system, network)) + "\n")
        sys.stdout.flush()
        return
    from rich.console import Console
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    grid.add_row("webhooks", system.public.webhook_url())
    grid.add_row("media", system.public.media_url())
    grid.add_row("state", str(system.state))
    grid.add_row("voice", system.voice)
    elsewhere = config.mock.api_url if config.provider == "mock" else ""
    simulated = f" (simulated phone network at {network or elsewhere})" if network or elsewhere else ""
    grid.add_row("carrier", f"{config.provider}{simulated}")
    grid.add_row("inbound", config.inbound_policy)
    console = Console()
    console.print("[bold green]voicecall is running[/bold green]")
    console.print(grid)
    console.print(f"[dim]try: voicecall call --state {system.state} --to +15550001001 --message 'Hello!'[/dim]")
    console.print("[dim]Ctrl-C stops[/dim]")
