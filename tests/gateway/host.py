"""A gateway process: started, spoken to, stopped or killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import trio
from attrs import define, field, frozen

from tests.gateway.client import GatewayClient, open_client
from tests.gateway.releases import Release

START_S, STOP_S, COMMAND_S = 150, 40, 90
"""A first start compiles and installs; a machine may be busy."""
READY = b"[gateway] ready"
TOKEN = "test-token"


class GatewayFailed(Exception):
    """It did not start, or a command of it failed. The text has its last words."""


@frozen
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output for programs; it must have succeeded. Notes of the gateway may stand before it."""
        assert self.code == 0, self
        start = re.search(r"^[\[{]", self.out, re.MULTILINE)
        assert start, self
        return json.loads(self.out[start.start() :])


@define(kw_only=True)
class Host:
    """One gateway installation with a home of its own in ``folder``, on ``port``."""

    release: Release
    folder: Path
    port: int
    model_url: str
    environment: dict[str, str] = field(repr=False)
    process: trio.Process | None = None

    @property
    def state(self) -> Path:
        """Its state directory."""
        return self.folder / "state"

    @property
    def config_file(self) -> Path:
        """Its configuration."""
        return self.state / "openclaw.json"

    @property
    def log(self) -> Path:
        """What it and its plugins say."""
        return self.folder / "gateway.log"

    def configure(self, plugins: dict[str, Any], **more: Any) -> None:
        """Write the configuration: ``plugins``, and what a gateway needs to run without the world."""
        self.state.mkdir(parents=True, exist_ok=True)
        (self.folder / "home").mkdir(exist_ok=True)
        model = {"id": "fake-1", "name": "fake-1", "reasoning": False, "input": ["text"], "contextWindow": 128_000}
        price = {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}
        provider = {"baseUrl": f"{self.model_url}/v1", "apiKey": "x", "api": "openai-completions"}
        config = {
            "gateway": {
                "mode": "local",
                "port": self.port,
                "bind": "loopback",
                "auth": {"mode": "token", "token": TOKEN},
            },
            "discovery": {"mdns": {"mode": "off"}},
            "update": {"checkOnStart": False},
            "agents": {"defaults": {"model": {"primary": "fake/fake-1"}, "heartbeat": {"every": "0m"}}},
            "models": {"providers": {"fake": {**provider, "models": [{**model, "maxTokens": 4096, "cost": price}]}}},
            "logging": {"file": str(self.folder / "openclaw.log")},
            "plugins": plugins,
            **more,
        }
        fresh = self.config_file.with_suffix(".fresh")
        fresh.write_text(json.dumps(config, indent=2), encoding="utf-8")
        fresh.replace(self.config_file)

    def _environment(self) -> dict[str, str]:
        own = {
            "HOME": str(self.folder / "home"),
            "OPENCLAW_STATE_DIR": str(self.state),
            "OPENCLAW_GATEWAY_TOKEN": TOKEN,
        }
        return {**self.release.environment, **self.environment, **own}

    async def start(self) -> None:
        """Return once it is ready. Raises ``GatewayFailed``."""
        told = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = await trio.lowlevel.open_process(
                [*self.release.command, "gateway", "run"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                cwd=self.folder,
            )
        with trio.move_on_after(START_S):
            while READY not in self.log.read_bytes()[told:]:
                with trio.move_on_after(0.1):
                    await self.process.wait()
                    break
            else:
                return
        raise GatewayFailed(f"the gateway did not start:\n{self.last_words()}")

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-3000:] if self.log.exists() else ""

    async def stop(self) -> None:
        """SIGTERM, and wait until it has ended. Raises ``trio.TooSlowError``."""
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            with trio.fail_after(STOP_S):
                await self.process.wait()

    async def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def close(self) -> None:
        """Stop it if it runs, in order if it can."""
        try:
            await self.stop()
        except trio.TooSlowError:
            await self.kill()

    async def run(self, *arguments: str, timeout_s: float = COMMAND_S) -> Done:
        """``openclaw`` with these arguments, in a process of its own. Raises ``GatewayFailed`` when it hangs."""
        with trio.move_on_after(timeout_s):
            done = await trio.run_process(
                [*self.release.command, *arguments],
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                env=self._environment(),
                cwd=self.folder,
            )
            return Done(done.returncode, done.stdout.decode(), done.stderr.decode())
        raise GatewayFailed(f"openclaw {' '.join(arguments)}: no end after {timeout_s} s")

    async def lines(
        self, *arguments: str, enough: Callable[[list[str]], bool], timeout_s: float = COMMAND_S
    ) -> list[str]:
        """What ``openclaw`` with these arguments prints, until that is enough; then it is killed."""
        lines: list[str] = []
        async with trio.open_nursery() as nursery:
            start = partial(
                trio.run_process, [*self.release.command, *arguments], stdout=subprocess.PIPE, check=False,
                stderr=subprocess.DEVNULL, env=self._environment(), cwd=self.folder,
            )  # fmt: skip
            process: trio.Process = await nursery.start(start)
            assert process.stdout is not None
            said = b""
            with trio.move_on_after(timeout_s):
                async for piece in process.stdout:
                    said += piece
                    lines = [line.decode() for line in said.split(b"\n")[:-1]]
                    if enough(lines):
                        break
            nursery.cancel_scope.cancel()
        return lines

    def client(self, **options: Any) -> AbstractAsyncContextManager[GatewayClient]:
        """A connection to it. See ``open_client``."""
        return open_client(self.port, TOKEN, **options)


def base_environment() -> dict[str, str]:
    """Nothing of the user's own configuration."""
    kept = ("LANG", "LC_ALL", "TZ", "TMPDIR", "PATH")
    return {name: os.environ[name] for name in kept if name in os.environ}
