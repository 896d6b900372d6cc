"""The simulated phone network beside ``serve --simulate``: a process of its own, which survives a killed server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import trio

from voicecall.config import Config
from voicecall.system import keep_secret

START_S = 30
STOP_S = 5


class NoNetwork(Exception):
    """The simulated phone network cannot be used. The text names the setting and the fix."""


@asynccontextmanager
async def open_network(config: Config, state: Path, *, clock_rate: float) -> AsyncGenerator[str]:
    """The network at ``mock.apiUrl``: started, or the one that a killed server left behind. Stopped on leaving.

    Raises ``NoNetwork``.
    """
    url = config.mock.api_url.removesuffix("/")
    secret = config.mock.secret.reveal() if config.mock.secret else keep_secret(state / "mock.key")
    if not await _runs(url, secret):
        parts = urlsplit(url)
        host, port = parts.hostname or "127.0.0.1", parts.port or 80
        await start_network(host, port, secret, log=state / "network.log", clock_rate=clock_rate)
    try:
        yield url
    finally:
        with trio.move_on_after(STOP_S * clock_rate, shield=True):
            await stop_network(url, secret)


async def _runs(url: str, secret: str) -> bool:
    try:
        async with _client(secret) as client:
            answer = await client.get(f"{url}/_network/report")
    except httpx.ConnectError:
        return False
    except httpx.HTTPError as error:
        raise NoNetwork(f"mock.apiUrl: {url}: {type(error).__name__}: something else listens there") from error
    if answer.status_code == 200:
        return True
    raise NoNetwork(
        f"mock.apiUrl: something that does not know this state directory's key answers at {url} "
        f"({answer.status_code}), perhaps the network of another state directory; stop it or set another mock.apiUrl"
    )


async def start_network(host: str, port: int, secret: str, *, log: Path, clock_rate: float = 1.0) -> str:
    """Start the process and return its URL; ``port`` 0 picks a free one. Raises ``NoNetwork``.

    It gets a session of its own: Ctrl-C at the terminal is for the server, which stops it in order.
    """
    command = [sys.executable, "-m", "voicecall.testing.network", "--secret-file", "/dev/stdin"]
    command += ["--host", host, "--port", str(port), "--clock-rate", str(clock_rate)]
    with log.open("ab") as errors:
        process = await trio.lowlevel.open_process(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
    assert process.stdin is not None
    assert process.stdout is not None
    said: dict[str, Any] = {}
    async with process.stdin, process.stdout:
        with suppress(trio.TooSlowError, trio.BrokenResourceError), trio.fail_after(START_S * clock_rate):
            await process.stdin.send_all(secret.encode())
            await process.stdin.aclose()
            said = await _first_line(process.stdout)
    if not said.get("ready"):
        process.kill()
        words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()  # noqa: ASYNC240 - at start
        why = words[-1] if words else "it did not start"
        raise NoNetwork(f"mock.apiUrl: no simulated phone network on {host} port {port}: {why}")
    return str(said["url"])


async def stop_network(url: str, secret: str) -> None:
    """Ask the network to end, if it is there."""
    async with _client(secret) as client:
        with suppress(httpx.HTTPError):
            await client.post(f"{url}/_network/stop")


def _client(secret: str) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {secret}", "connection": "close"}
    return httpx.AsyncClient(headers=headers, timeout=STOP_S, trust_env=False)


async def _first_line(stream: trio.abc.ReceiveStream) -> dict[str, Any]:
    line = b""
    while not line.endswith(b"\n"):
        piece = await stream.receive_some()
        if not piece:
            return {}
        line += piece
    return json.loads(line)
