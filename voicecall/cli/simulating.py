"""The simulated phone network beside ``serve --simulate``: a process of its own, which survives a killed server.

It stands at ``mock.apiUrl`` whatever carrier's wire it speaks, and tells what the configuration has to say of the
account there: what the user's own says of a real one (credentials, public addresses, proxies) is not used beside it.
Nor are speech vendors unless ``--speech`` asks for one, and then only its voice unless ``--speech-url`` says where it
is: no real vendor understands simulated people.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import attrs
import httpx
import trio
from attrs import field, frozen

from voicecall.cli.speech import SpeechVendor
from voicecall.config import Config, parse
from voicecall.config.host import own_block
from voicecall.rpc.methods import MOCK_NUMBER
from voicecall.system import mock_secret

START_S = 30
STOP_S = 5
CARRIERS = ("mock", "twilio", "telnyx", "plivo")
FAR_AWAY = ("publicUrl", "tunnel", "tailscale", "webhookSecurity")
"""Keys about how a carrier elsewhere reaches us. The network is on this machine, and so are its webhooks."""


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


@frozen(kw_only=True)
class Plan:
    """A configuration file's keys (``plain``), to be served on a network that speaks the wire of ``carrier``.

    ``carrier`` None is the provider that the file names, mock where it names none.
    """

    plain: Mapping[str, object]
    carrier: str | None
    speech: SpeechVendor | None = None
    environment: Mapping[str, str] = field(repr=False)

    @property
    def wire(self) -> str:
        """Whose wire it is: one of ``CARRIERS``, or what the file has in the place of one."""
        return self.carrier or cast("str", self.plain.get("provider", "mock"))

    def before(self) -> Config:
        """The configuration as far as it can be read before there is an account. Raises ``ConfigError``."""
        known = self.wire in CARRIERS
        return self._spoken({**self._near(), **({"provider": "mock"} if known else {})})

    def lay_over(self, settings: Mapping[str, object]) -> Config:
        """The configuration for the account of which the network says ``settings``. Raises ``ConfigError``."""
        section = self._section(self.wire)
        number = {"fromNumber": self.plain.get("fromNumber") or MOCK_NUMBER}
        offline = {name: {**self._section(name), "provider": "offline"} for name in ("streaming", "tts")}
        plain = {**self._near(), **number, **offline, "provider": self.wire, self.wire: {**section, **settings}}
        return self._spoken(plain)

    def _spoken(self, plain: Mapping[str, object]) -> Config:
        if self.speech is None:
            return parse(plain, self.environment)
        return attrs.evolve(self.speech, voice_only=not self.speech.url).lay_over(plain, self.environment)

    def _section(self, name: str) -> Mapping[str, object]:
        return cast("Mapping[str, object]", self.plain.get(name) or {})

    def _near(self) -> dict[str, object]:
        return {key: value for key, value in self.plain.items() if key not in FAR_AWAY}


@asynccontextmanager
async def open_network(
    plan: Plan, state: Path, *, clock_rate: float
) -> AsyncGenerator[tuple[str, Config, Callable[[Mapping[str, object]], Config]]]:
    """The network at ``mock.apiUrl``: started, or the one that a killed server left behind. Stopped on leaving.

    Yields its URL, the configuration for an account there, and what reads a changed one for the same account. A network
    that was found stays when the system cannot run beside it: it may serve another. Raises ``NoNetwork``,
    ``ConfigError``.
    """
    config = plan.before()
    url = config.mock.api_url.removesuffix("/")
    secret = mock_secret(config, state)
    network = Network(url=url, secret=secret, clock_rate=clock_rate)
    settings = await _account(network, plan.wire)
    found = settings is not None
    if not found:
        parts = urlsplit(url)
        host, port, log = parts.hostname or "127.0.0.1", parts.port or 80, state / "network.log"
        network = await start_network(host, port, secret, log=log, carrier=plan.wire, clock_rate=clock_rate)
    try:
        if settings is None:
            settings = await _account(network, plan.wire) or {}
        account = settings
        yield url, plan.lay_over(account), lambda whole: attrs.evolve(plan, plain=own_block(whole)).lay_over(account)
        found = False
    finally:
        if not found:
            await network.stop()


async def _account(network: Network, carrier: str) -> dict[str, object] | None:
    """What the configuration says of the account at a network that runs there; None if none does."""
    url = network.url
    try:
        async with _client(network.secret, network.clock_rate) as client:
            answer = await client.get(f"{url}/_network/account")
    except httpx.ConnectError:
        return None
    except httpx.HTTPError as error:
        raise NoNetwork(
            f"mock.apiUrl: something at {url} is no simulated phone network ({type(error).__name__}); "
            "stop it, or set another mock.apiUrl"
        ) from error
    if answer.status_code == 200:
        account = answer.json()
        if account["carrier"] == carrier:
            return account["settings"]
        raise NoNetwork(
            f"mock.apiUrl: the simulated phone network at {url} speaks {account['carrier']}, not {carrier}; stop the "
            f"server that it belongs to (if that was killed: serve --simulate {account['carrier']} once, and stop it), "
            "or set another mock.apiUrl"
        )
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
