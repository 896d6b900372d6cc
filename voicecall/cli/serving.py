"""``serve``: run the system until told to stop, optionally beside a simulated phone network."""

from __future__ import annotations

import math
import signal
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, TextIO, cast

import attrs
import structlog
import trio
import trio.testing
from attrs import frozen

from journal.api import JournalError
from voicecall.cli.place import BAD_USAGE, Place, explain, fail
from voicecall.cli.simulating import NoNetwork, open_network
from voicecall.config import Config, ConfigError, default_config, load
from voicecall.rpc.server import CannotServe
from voicecall.system import System, keep_state, open_system
from voicecall.web.listening import CannotListen


def serve(place: Place, *, simulate: bool, port: int | None, clock_rate: float) -> int:
    """0 after a clean stop (SIGTERM, SIGINT), 1 when the system cannot run, 2 for a configuration it cannot use."""
    set_up_logging()
    try:
        config = load(place.config, place.environment) if place.config else default_config(place.environment)
    except ConfigError as error:
        return fail(f"the configuration cannot be used:\n{error}", BAD_USAGE)
    problem = _problem(config, port, clock_rate)
    if problem:
        return fail(problem, BAD_USAGE)
    if port is not None:
        config = attrs.evolve(config, serve=attrs.evolve(config.serve, port=port))
    clock = trio.testing.MockClock(rate=clock_rate) if clock_rate != 1 else None

    async def main() -> None:
        await _run(config, place.state, simulate=simulate, clock_rate=clock_rate)

    code = 0
    try:
        trio.run(main, clock=clock)
    except* (JournalError, CannotListen, CannotServe, NoNetwork, OSError) as errors:
        code = fail("\n".join(dict.fromkeys(_reasons(errors))))
    return code


def _problem(config: Config, port: int | None, clock_rate: float) -> str:
    if not config.enabled:
        return "enabled: is false in the configuration; set it to true to serve calls"
    if port is not None and not 0 <= port <= 65_535:
        return f"--port: must be between 0 (any free one) and 65535, got {port}"
    if not 0 < clock_rate < math.inf:
        return f"--clock-rate: must be more than 0, got {clock_rate}"
    return ""


def _reasons(error: BaseException) -> list[str]:
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return [reason for one in inner for reason in _reasons(one)] if inner else [explain(error)]


def set_up_logging() -> None:
    """One line a message on stderr: for people on a terminal, else JSON. The code logs no secret and no number."""
    terminal = sys.stderr.isatty()
    render: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"), render],
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


async def _run(config: Config, state: Path, *, simulate: bool, clock_rate: float) -> None:
    told = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_until_told, told, nursery.cancel_scope)
        keep_state(state)
        async with (
            open_network(config, state, clock_rate=clock_rate) if simulate else nullcontext("") as network,
            open_system(config, state=state) as system,
        ):
            _announce(system, network)
            await told.wait()
        nursery.cancel_scope.cancel()


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


def _announce(system: System, network: str) -> None:
    config = system.config
    if not sys.stdout.isatty():
        import json

        ready = {"ready": True, "url": system.door.origin, "port": system.door.port, "state": str(system.state)}
        more = {"voice": system.voice, **({"network": network} if network else {})}
        sys.stdout.write(json.dumps({**ready, **more}) + "\n")
        sys.stdout.flush()
        return
    from rich.console import Console
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    grid.add_row("webhooks", system.calls.world.webhook_url())
    grid.add_row("media", system.calls.world.media_url())
    grid.add_row("state", str(system.state))
    grid.add_row("voice", system.voice)
    grid.add_row("carrier", f"simulated phone network at {network or config.mock.api_url}")
    grid.add_row("inbound", config.inbound_policy)
    console = Console()
    console.print("[bold green]voicecall is running[/bold green]")
    console.print(grid)
    console.print(f"[dim]try: voicecall call --state {system.state} --to +15550001001 --message 'Hello!'[/dim]")
    console.print("[dim]Ctrl-C stops[/dim]")
