"""Everything that a checkup looks at, in order and on real sockets: a simulated carrier, vendors, a state directory.

Network and checkup have one clock; what a test changes is the one thing that is wrong.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
import trio.testing
from attrs import define, field

from tests.system.street import reserved_port
from voicecall.doctor.checkup import Patient, Progress, examine
from voicecall.doctor.findings import Finding
from voicecall.events import Instant
from voicecall.ports import Exchange, HttpRequest
from voicecall.testing.console import Console
from voicecall.testing.faults import Faults
from voicecall.testing.front import Front
from voicecall.testing.http_server import serve_connection
from voicecall.testing.media_client import connect_socket
from voicecall.testing.settings import carrier_settings
from voicecall.testing.switchboard import Switchboard, vendor_of

FAST = 5
"""How fast the clock runs where somebody waits for nothing; elsewhere it runs like any other."""
START_MS = 1_794_036_000_000
OURS = "+15550000000"
Plain = dict[str, Any]


def wall() -> Instant:
    return Instant(START_MS + round(trio.current_time() * 1000))


@define(kw_only=True)
class Stage:
    """``plain`` is the configuration, ``late_s`` how much our clock is behind that of the carrier."""

    folder: Path
    plain: Plain
    console: Console
    faults: Faults
    url: str
    account: Plain
    """Where the network is, and what opens it."""
    environment: dict[str, str] = field(factory=lambda: {"PATH": os.environ["PATH"]})
    off_s: int = 0

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.folder / "state"

    @property
    def door(self) -> str:
        """Our own address."""
        return f"http://127.0.0.1:{self.plain['serve']['port']}"

    def set(self, section: str, **values: Any) -> None:
        """Change the configuration."""
        self.plain[section] = {**self.plain.get(section, {}), **values}

    async def findings(self) -> list[Finding]:
        """What the checkup finds."""
        file = self.folder / "voicecall.json5"
        file.write_text(json.dumps(self.plain))
        begun: list[str] = []
        ended: list[str] = []
        patient = Patient(
            config=file,
            state=self.state,
            environment=self.environment,
            wall=lambda: Instant(wall() + self.off_s * 1000),
            instance="w-checkup",
        )
        found = await examine(patient, Progress(begin=begun.extend, end=ended.append))
        assert sorted(begun) == sorted(ended)
        return found

    async def complaints(self) -> list[str]:
        """What is not as it should be: ``level id: message → fix``; everything else is in order."""
        found = await self.findings()
        assert len(set(found)) == len(found)
        bad = [one for one in found if one.level in ("warn", "error")]
        assert [one for one in bad if not one.fix] == []
        return [f"{one.level} {one.id}: {one.message} → {one.fix}" for one in bad]


def play(folder: Path, carrier: str, story: Callable[[Stage], Awaitable[None]], *, rate: float = 1) -> None:
    """Tell a story about a checkup."""

    async def main() -> None:
        with reserved_port() as port, trio.fail_after(60 * rate):
            async with open_stage(folder, carrier, port) as stage:
                await story(stage)

    trio.run(main, clock=trio.testing.MockClock(rate=rate))


async def nobody(request: HttpRequest) -> Exchange:
    """A checkup places no call, so there is no webhook."""
    raise AssertionError(request.url)


@asynccontextmanager
async def open_stage(folder: Path, carrier: str, port: int) -> AsyncGenerator[Stage]:
    """A network that speaks the wire of ``carrier``, and a configuration with which nothing is wrong."""
    vendor = vendor_of(carrier)
    account = vendor.account("hush")
    async with trio.open_nursery() as nursery:
        board = Switchboard(vendor=vendor, account=account, fetch=nobody, connect=connect_socket, wall=wall)
        front = Front(board, secret="hush")
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"

        async def serve(stream: trio.SocketStream) -> None:
            await serve_connection(stream, front.answer)

        nursery.start_soon(trio.serve_listeners, serve, [listener])
        board.console.webhook_url = f"http://127.0.0.1:{port}/voice/webhook"
        (folder / "state").mkdir(mode=0o700)
        plain: Plain = {
            "provider": carrier,
            "fromNumber": OURS,
            "inboundPolicy": "open",
            "serve": {"port": port},
            carrier: carrier_settings(carrier, account, url),
        }
        yield Stage(folder=folder, plain=plain, console=board.console, faults=board.faults, url=url, account=account)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def stranger(answer: bytes, *, port: int = 0) -> AsyncGenerator[int]:
    """Somebody else at a port, who says the same to everybody; the port."""
    sock = socket.create_server(("127.0.0.1", port))
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(sock))

    async def say(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            await stream.send_all(answer)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, say, [listener])
        yield sock.getsockname()[1]
        nursery.cancel_scope.cancel()
