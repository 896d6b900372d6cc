"""The simulated phone network as a process of its own: ``python -m voicecall.testing.network --carrier mock``.

It outlives ``voicecall serve``, as a real carrier does: kill the server in the middle of a call and the network keeps
the person on the line, tries its webhooks again and asks where the sound should go. One line of JSON on stdout says
that it is ready and on which port; SIGTERM and SIGINT end it.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import trio
import trio.testing
from attrs import field, frozen

from voicecall.actors.fetch import open_fetch
from voicecall.events import Instant
from voicecall.testing.faults import BadFaults, FaultScript, load_faults
from voicecall.testing.front import Front
from voicecall.testing.http_server import serve_connection
from voicecall.testing.media_client import connect_socket
from voicecall.testing.script import BadScript, Script, load_script
from voicecall.testing.switchboard import NoVendor, Switchboard, vendor_of


class BadOption(ValueError):
    """An option cannot be used. The text names it and the fix."""


@frozen(kw_only=True)
class Settings:
    """What the command line says."""

    host: str = "127.0.0.1"
    port: int = 3335
    carrier: str = "mock"
    secret: str = field(repr=False)
    account: dict[str, str] = field(factory=dict[str, str], repr=False)
    faults: FaultScript = field(factory=FaultScript)
    people: dict[str, Script] = field(factory=dict[str, Script])
    clock_rate: float = 1.0


async def serve(settings: Settings, *, wall: Callable[[], Instant], ready: Callable[[int], None]) -> None:
    """Run the network until cancelled or asked to stop; ``ready`` is told the port."""
    async with open_fetch() as fetch, trio.open_nursery() as nursery:
        board = Switchboard(
            vendor=vendor_of(settings.carrier),
            account=settings.account,
            fetch=fetch,
            connect=connect_socket,
            wall=wall,
        )
        board.people.update(settings.people)
        board.faults.play(settings.faults)
        await nursery.start(board.run)
        stopping = trio.Event()
        front = Front(board, secret=settings.secret, stop=stopping.set)
        try:
            listeners = await trio.open_tcp_listeners(settings.port, host=settings.host)
        except OSError as error:
            raise BadOption(f"--port: cannot listen on {settings.host}:{settings.port} ({error.strerror})") from error

        async def serve_client(stream: trio.SocketStream) -> None:
            await serve_connection(stream, front.answer)
            if stopping.is_set():  # only now does the one who asked have the answer
                nursery.cancel_scope.cancel()

        ready(listeners[0].socket.getsockname()[1])
        await trio.serve_listeners(serve_client, listeners)


async def _run(settings: Settings) -> None:
    start_ms, start = time.time_ns() // 1_000_000, trio.current_time()

    def wall() -> Instant:
        return Instant(start_ms + round((trio.current_time() - start) * 1000))

    def ready(port: int) -> None:
        url = f"http://{settings.host}:{port}"
        _say({"ready": True, "carrier": settings.carrier, "port": port, "url": url})

    async with trio.open_nursery() as nursery:
        nursery.start_soon(_until_told, nursery.cancel_scope)
        await serve(settings, wall=wall, ready=ready)
        nursery.cancel_scope.cancel()


async def _until_told(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()


def read_options(arguments: list[str]) -> Settings:
    """The settings of a command line. Raises ``BadOption``."""
    parser = argparse.ArgumentParser(
        prog="python -m voicecall.testing.network", description="A simulated phone network."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=3335, help="port to listen on; 0 picks one (default %(default)s)")
    parser.add_argument("--carrier", default="mock", help="whose wire it speaks (default %(default)s)")
    parser.add_argument("--secret-file", type=Path, required=True, help="file with the network's secret")
    parser.add_argument("--account", type=Path, help="JSON file: what else than the secret implies opens the API")
    parser.add_argument("--clock-rate", type=float, default=1.0, help="how many seconds pass in one (default 1)")
    parser.add_argument("--script", type=Path, help="JSON file: number (or *) to script")
    parser.add_argument("--faults", type=Path, help="JSON file: what goes wrong, and a seed")
    given = parser.parse_args(arguments)
    if not 0 <= given.port <= 65_535:
        raise BadOption("--port: must be between 0 and 65535")
    if not given.clock_rate > 0:
        raise BadOption("--clock-rate: must be more than 0")
    secret = _secret(given.secret_file)
    return Settings(
        host=given.host,
        port=given.port,
        carrier=given.carrier,
        secret=secret,
        account=_account(given.carrier, secret, given.account),
        faults=_faults(given.faults) if given.faults else FaultScript(),
        people=_people(given.script) if given.script else {},
        clock_rate=given.clock_rate,
    )


def _secret(path: Path) -> str:
    secret = _text(path, "--secret-file").strip()
    if not secret:
        raise BadOption(f"--secret-file: {path} is empty")
    return secret


def _account(carrier: str, secret: str, path: Path | None) -> dict[str, str]:
    try:
        account = vendor_of(carrier).account(secret)
    except NoVendor as error:
        raise BadOption(f"--carrier: {error}") from error
    for name, value in _object(path, "--account").items() if path else ():
        if name not in account or not isinstance(value, str) or not value:
            raise BadOption(f"--account: {name}: must be text, and one of {', '.join(account)}")
        account[name] = value
    return account


def _faults(path: Path) -> FaultScript:
    try:
        return load_faults(_object(path, "--faults"))
    except BadFaults as error:
        raise BadOption(f"--faults: {error}") from error


def _people(path: Path) -> dict[str, Script]:
    try:
        return {number: load_script(script, number) for number, script in _object(path, "--script").items()}
    except BadScript as error:
        raise BadOption(f"--script: {error}") from error


def _object(path: Path, option: str) -> dict[str, Any]:
    try:
        data = json.loads(_text(path, option))
    except ValueError as error:
        raise BadOption(f"{option}: {path} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise BadOption(f"{option}: {path} must be an object")
    return cast("dict[str, Any]", data)


def _text(path: Path, option: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise BadOption(f"{option}: cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _say(plain: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(plain) + "\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """The command. 2 for options that cannot be used."""
    try:
        settings = read_options(sys.argv[1:] if arguments is None else arguments)
        clock = trio.testing.MockClock(rate=settings.clock_rate) if settings.clock_rate != 1 else None
        trio.run(_run, settings, clock=clock)
    except BaseExceptionGroup as group:
        refused, others = group.split(BadOption)
        if others is not None or refused is None:
            raise
        return _refuse(refused)
    except BadOption as error:
        return _refuse(error)
    return 0


def _refuse(error: BaseException) -> int:
    inner = cast("tuple[BaseException, ...]", getattr(error, "exceptions", ()))
    if inner:
        return _refuse(inner[0])
    sys.stderr.write(f"{error}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
