"""What a gateway with our plugin needs around it: a simulated phone network with people, a model, a place on disk."""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import trio
from attrs import define

from tests.gateway.host import Host, base_environment
from tests.gateway.model import StandIn
from tests.gateway.releases import ROOT, Release
from tests.system.street import reserved_port
from voicecall.cli.simulating import Network, start_network
from voicecall.rpc.client import SOCKET
from voicecall.testing.settings import carrier_settings
from voicecall.testing.switchboard import vendor_of
from voicecall.testing.vendors.listening import open_vendor

PLUGIN = ROOT / "plugin/openclaw"
OURS = "+15550000000"
SECRET = "a-secret-of-the-simulated-network"
PATIENCE_S = 60
LOOK_S = 0.1
QUIET_S = 1.2
CREDENTIALS = struct.Struct("3i")
Plain = dict[str, Any]


class NotSeen(Exception):
    """Something that had to happen did not, in a minute."""


@define(kw_only=True)
class Scene:
    """``host`` is not started yet. ``calls`` is the state directory of the calls, ``folder`` of everything."""

    folder: Path
    host: Host
    model: StandIn
    network: Network
    carrier: str
    door: int
    calls: Path

    def settings(self, **more: Any) -> Plain:
        """Our block of the gateway's configuration."""
        account = vendor_of(self.carrier).account(SECRET)
        section = carrier_settings(self.carrier, account, self.network.url)
        if self.carrier == "mock":
            section["secret"] = SECRET
        return {
            "provider": self.carrier,
            "fromNumber": OURS,
            "inboundPolicy": "open",
            "inboundGreeting": "Good day, this is the gateway.",
            "maxConcurrentCalls": 8,
            "store": str(self.calls),
            "serve": {"port": self.door},
            "outbound": {"notifyHangupDelaySec": 1},
            "streaming": {"enabled": True, "provider": "offline"},
            "tts": {"provider": "offline"},
            self.carrier: section,
            "responseTimeoutMs": 120_000 if self.host.release.name == "old" else 30_000,
            "voicecall": {"python": sys.executable},
            **more,
        }

    def plugins(self, *, enabled: bool = True, **more: Any) -> Plain:
        """The ``plugins`` part of the gateway's configuration, with our plugin from the checkout."""
        entry = {"enabled": enabled, "config": self.settings(**more)}
        return {"allow": ["voice-call"], "load": {"paths": [str(PLUGIN)]}, "entries": {"voice-call": entry}}

    def configure(self, *, enabled: bool = True, **more: Any) -> None:
        """Write the gateway's configuration; each has its own place for speech settings."""
        speech = {"auto": "off"}
        where = {"tts": speech} if self.host.release.name == "new" else {"messages": {"tts": speech}}
        self.host.configure(self.plugins(enabled=enabled, **more), **where)

    async def start(self) -> str:
        """Start the gateway, and wait until the plugin has a process."""
        await self.host.start()
        return f"pid {await self.until('a server', self.server_pid)}"

    async def inspect(self) -> str:
        """What the gateway says of the plugin."""
        done = await self.host.run("plugins", "inspect", "voice-call", "--runtime", "--json")
        told = done.out
        missing = [word for word in ("voice_call", "voicecall.status") if word not in told]
        assert not missing, (missing, told[:2000])
        return ""

    def forget_python(self) -> None:
        """From now on the gateway finds no Python that has our package."""
        environment, ours = self.host.environment, str(Path(sys.prefix) / "bin")
        del environment["PYTHONPATH"]
        environment["PATH"] = os.pathsep.join(one for one in environment["PATH"].split(os.pathsep) if one != ours)

    # --- the network ---------------------------------------------------------------------------------------------

    async def api(self, method: str, path: str, body: object = None) -> Any:
        """The network's own API."""
        headers = {"authorization": f"Bearer {SECRET}"}
        async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=30) as client:
            answer = await client.request(method, f"{self.network.url}/_network/{path}", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def people(self, number: str, *steps: object) -> str:
        """From now on these steps are what somebody at ``number`` does."""
        await self.api("POST", "people", {"number": number, "script": list(steps)})
        return number

    async def seen(self, number: str) -> Plain:
        """The last call with this person, as the network saw it; empty before it came."""
        calls = (await self.api("GET", "report"))["calls"]
        return next((call for call in reversed(calls) if number in (call["to"], call["from"])), {})

    async def hears(self, number: str, *, more_than: int = 0) -> Plain:
        """Wait until the person has heard sound (more of it than before, in ms)."""
        await self.until(f"{number} hears something", lambda: self._hears(number, more_than))
        return await self.seen(number)

    async def falls_quiet(self, number: str) -> None:
        """Wait until the person has heard something and then nothing for longer than makes one stretch of it."""
        before, now = -1, (await self.hears(number))["heardMs"]
        while now != before:
            await trio.sleep(QUIET_S)
            before, now = now, (await self.seen(number))["heardMs"]

    async def _hears(self, number: str, more_than: int) -> bool:
        return (await self.seen(number)).get("heardMs", 0) > more_than

    async def ends(self, number: str, *, within_s: float = PATIENCE_S) -> str:
        """Wait until the call with this person is over; how it ended."""
        await self.until(f"the call to {number} ends", lambda: self._over(number), within_s=within_s)
        return (await self.seen(number))["reason"]

    async def _over(self, number: str) -> bool:
        return (await self.seen(number)).get("status") == "ended"

    # --- the process of the calls --------------------------------------------------------------------------------

    def server_pid(self) -> int:
        """The process that serves calls, 0 when there is none: who listens on the socket, as the kernel knows it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, suppress(OSError):
            probe.connect(os.fspath(self.calls / SOCKET))
            options = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
            return CREDENTIALS.unpack(options)[0]
        return 0

    def kill_server(self) -> int:
        """SIGKILL to the process that serves calls; which it was."""
        pid = self.server_pid()
        assert pid, "no server is running"
        os.kill(pid, signal.SIGKILL)
        return pid

    async def until(self, what: str, holds: Callable[[], Any], *, within_s: float = PATIENCE_S) -> Any:
        """What ``holds`` (or what it awaits) returns, as soon as it is true. Raises ``NotSeen``."""
        with trio.move_on_after(within_s):
            while True:
                found = holds()
                if hasattr(found, "__await__"):
                    found = await found
                if found:
                    return found
                await trio.sleep(LOOK_S)
        raise NotSeen(f"{what}: not within {within_s} s")


@asynccontextmanager
async def open_scene(folder: Path, release: Release, carrier: str = "mock") -> AsyncGenerator[Scene]:
    """Everything but the gateway, which is not started; whatever it leaves running is ended."""
    model = StandIn()
    with reserved_port() as port, reserved_port() as door:
        network = await start_network("127.0.0.1", 0, SECRET, log=folder / "network.log", carrier=carrier)
        try:
            async with open_vendor(model.app) as url:
                python = {"PYTHONPATH": str(ROOT)}
                environment = {**base_environment(), **release.environment, **python}
                host = Host(release=release, folder=folder, port=port, model_url=url, environment=environment)
                scene = Scene(
                    folder=folder,
                    host=host,
                    model=model,
                    network=network,
                    carrier=carrier,
                    door=door,
                    calls=folder / "calls",
                )
                try:
                    yield scene
                finally:
                    _end(scene)
        finally:
            await network.stop()


def _end(scene: Scene) -> None:
    """A server that outlives its gateway has done what it should, and must go now."""
    pid = scene.server_pid()
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def is_alive(pid: int) -> bool:
    """Whether there is such a process; one that has ended and that nobody has asked about is none."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    return False
