"""The simulated phone network beside ``serve --simulate``: a process of its own, which survives a killed server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import trio
from attrs import field, frozen

from voicecall.config import Config
from voicecall.system import keep_secret

START_S = 30
STOP_S = 5


class NoNetwork(Exception):
    """The simulated phone network cannot be used. The text names the setting and the fix."""


@frozen(kw_only=True)
class Network:
    """A running network. ``process`` is None for one that somebody else has started."""

    url: str
    secret: str = field(repr=False)
    process: trio.Process | None = None
    clock_rate: float = 1.0

    async def stop(self) -> None:
        """Ask it to end, and wait until it has. Does not wait for ever, and is not cancelled half way."""
        with trio.move_on_after(STOP_S * self.clock_rate, shield=True):
            async with _client(self.secret, self.clock_rate) as client:
                with suppress(httpx.HTTPError):
                    await client.post(f"{self.url}/_network/stop")
            if self.process is not None:
                await self.process.wait()
        if self.process is not None:
            self.process.kill()


@asynccontextmanager
async def open_network(config: Config, state: Path, *, clock_rate: float) -> AsyncGenerator[str]:
    """The network at ``mock.apiUrl``: started, or the one that a killed server left behind. Stopped on leaving.

    One that was found stays when the system cannot run beside it: it may serve another. Raises ``NoNetwork``.
    """
    url = config.mock.api_url.removesuffix("/")
    secret = config.mock.secret.reveal() if config.mock.secret else keep_secret(state / "mock.key")
    network = Network(url=url, secret=secret, clock_rate=clock_rate)
    found = await _runs(network)
    if not found:
        parts = urlsplit(url)
        host, port = parts.hostname or "127.0.0.1", parts.port or 80
        network = await start_network(host, port, secret, log=state / "network.log", clock_rate=clock_rate)
    try:
        yield url
        found = False
    finally:
        if not found:
            await network.stop()


async def _runs(network: Network) -> bool:
    url = network.url
    try:
        async with _client(network.secret, network.clock_rate) as client:
            answer = await client.get(f"{url}/_network/report")
    except httpx.ConnectError:
        return False
    except httpx.HTTPError as error:
        raise NoNetwork(
            f"mock.apiUrl: something at {url} is no simulated phone network ({type(error).__name__}); "
            "stop it, or set another mock.apiUrl"
        ) from error
    if answer.status_code == 200:
        return True
    raise NoNetwork(
        f"mock.apiUrl: what answers at {url} does not know this state directory's key ({answer.status_code}), perhaps "
        "the network of another state directory; stop it, or set another mock.apiUrl"
    )


async def start_network(
    host: str, port: int, secret: str, *, log: Path, carrier: str = "mock", clock_rate: float = 1.0
) -> Network:
    """Start the process, speaking the wire of ``carrier``; ``port`` 0 picks a free one. Raises ``NoNetwork``.

    It gets a session of its own: Ctrl-C at the terminal is for the server, which stops it in order.
    """
    command = [sys.executable, "-m", "voicecall.testing.network", "--secret-file", "/dev/stdin"]
    command += ["--carrier", carrier, "--host", host, "--port", str(port), "--clock-rate", str(clock_rate)]
    errors = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = await trio.lowlevel.open_process(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
    finally:
        os.close(errors)
    said: dict[str, Any] = {}
    try:
        said = await _introduce(process, secret, clock_rate)
    finally:
        if not said.get("ready"):
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
    if not said.get("ready"):
        raise NoNetwork(f"mock.apiUrl: no simulated phone network on {host} port {port}: {_last_words(log)}")
    return Network(url=str(said["url"]), secret=secret, process=process, clock_rate=clock_rate)


def _last_words(log: Path) -> str:
    words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return words[-1] if words else "it did not start"


async def _introduce(process: trio.Process, secret: str, clock_rate: float) -> dict[str, Any]:
    """Tell it the secret; what it says when it is ready, or nothing."""
    assert process.stdin is not None
    assert process.stdout is not None
    async with process.stdin, process.stdout:
        with suppress(trio.TooSlowError, trio.BrokenResourceError), trio.fail_after(START_S * clock_rate):
            await process.stdin.send_all(secret.encode())
            await process.stdin.aclose()
            return await first_line(process.stdout)
    return {}


def _client(secret: str, clock_rate: float) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {secret}", "connection": "close"}
    return httpx.AsyncClient(headers=headers, timeout=STOP_S * clock_rate, trust_env=False)


async def first_line(stream: trio.abc.ReceiveStream) -> dict[str, Any]:
    """What a process says of itself when it is ready, one JSON object; nothing when it ends without a word."""
    line = b""
    while not line.endswith(b"\n"):
        piece = await stream.receive_some()
        if not piece:
            return {}
        line += piece
    return json.loads(line)
