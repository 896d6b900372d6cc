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
    headers = {"authorization": f"Bearer {secret}", "connection": "close"}
    async with httpx.AsyncClient(headers=headers, timeout=START_S, trust_env=False) as client:
        if not await _runs(client, url):
            await _start(url, secret, state / "network.log", clock_rate)
        try:
            yield url
        finally:
            with trio.move_on_after(STOP_S, shield=True):
                await _stop(client, url)


async def _runs(client: httpx.AsyncClient, url: str) -> bool:
    try:
        answer = await client.get(f"{url}/report")
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


async def _stop(client: httpx.AsyncClient, url: str) -> None:
    with suppress(httpx.HTTPError):  # it may be gone already
        await client.post(f"{url}/stop")


async def _start(url: str, secret: str, log: Path, clock_rate: float) -> None:
    """Start the process in a session of its own: Ctrl-C at the terminal is for the server, which stops it in order."""
    parts = urlsplit(url)
    command = [sys.executable, "-m", "voicecall.testing.network", "--secret-file", "/dev/stdin"]
    command += ["--host", parts.hostname or "127.0.0.1", "--port", str(parts.port or 80)]
    command += ["--clock-rate", str(clock_rate)]
    with log.open("ab") as errors:
        process = await trio.lowlevel.open_process(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
    assert process.stdin is not None
    assert process.stdout is not None
    async with process.stdin, process.stdout:
        try:
            await process.stdin.send_all(secret.encode())
            await process.stdin.aclose()
            with trio.fail_after(START_S):
                said = await _first_line(process.stdout)
        except (trio.TooSlowError, trio.BrokenResourceError):
            said = {}
    if not said.get("ready"):
        process.kill()
        words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]  # noqa: ASYNC240 - at start
        raise NoNetwork(f"mock.apiUrl: no simulated phone network at {url}: {(words or ['it did not start'])[0]}")


async def _first_line(stream: trio.abc.ReceiveStream) -> dict[str, Any]:
    line = b""
    while not line.endswith(b"\n"):
        piece = await stream.receive_some()
        if not piece:
            return {}
        line += piece
    return json.loads(line)
