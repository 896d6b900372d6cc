"""What a user does who has no checkout: installs the packed plugin, on a machine without our Python package."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import trio
from attrs import define

from tests.gateway.releases import ROOT
from tests.gateway.scene import PLUGIN, Scene

NUMBER = "+15551110041"
VENV_S = 220


@define
class ByUser:
    """One gateway into which the plugin is installed. ``source`` is what ``plugins install`` is given."""

    scene: Scene
    source: str = ""

    async def pack(self) -> str:
        """The package that would be published, with the wheel in it."""
        command = [sys.executable, str(ROOT / "scripts/pack_plugin.py"), str(self.scene.folder)]
        await trio.run_process(command, cwd=ROOT, capture_stdout=True)
        (package,) = self.scene.folder.glob("*.tgz")
        self.source = f"npm-pack:{package}"
        return f"{package.name}, {package.stat().st_size:,} bytes"

    async def from_folder(self) -> str:
        """A copy of the folder as it is in a fresh checkout: without the wheel."""
        copy = self.scene.folder / "unpacked"
        shutil.copytree(PLUGIN, copy, ignore=shutil.ignore_patterns("test", "node_modules", "wheel"))
        self.source = str(copy)
        return ""

    async def start_without(self) -> str:
        """The gateway as it was before."""
        self.scene.host.configure({"enabled": True})
        await self.scene.host.start()
        return ""

    async def install(self) -> str:
        """Into the gateway that runs, and then its settings."""
        # The old gateway asks about no capabilities, and knows no such option.
        accept = ("--accept-capabilities",) if self.scene.host.release.name == "new" else ()
        done = await self.scene.host.run("plugins", "install", self.source, "--force", *accept)
        assert done.code == 0, done
        file = self.scene.host.config_file
        config = json.loads(file.read_text(encoding="utf-8"))
        settings: dict[str, Any] = self.scene.settings()
        del settings["voicecall"], settings["store"]
        config["plugins"]["entries"]["voice-call"] = {"enabled": True, "config": settings}
        file.write_text(json.dumps(config, indent=2), encoding="utf-8")
        return (done.out.strip().splitlines() or [""])[-1]

    async def restart(self) -> str:
        await self.scene.host.stop()
        await self.scene.host.start()
        return ""

    async def makes_venv(self) -> str:
        """The plugin makes itself a Python, and serves with it."""
        pid = await self.scene.until("a server", self.scene.server_pid, within_s=VENV_S)
        python = program_of(pid)
        assert python.startswith(str(self.scene.host.state)), python
        return python.removeprefix(f"{self.scene.host.state}/")

    async def call(self) -> str:
        await self.scene.people(NUMBER, "answer", "hear", "hangUp")
        words = ("--to", NUMBER, "--message", "Hello from an installed plugin.")
        done = await self.scene.host.run("voicecall", "call", *words)
        assert done.json["callId"], done
        return await self.scene.ends(NUMBER)

    async def names_the_command(self) -> str:
        """There is nothing to install from; the answer is the one command that helps."""
        async with self.scene.host.client() as client:
            return await self._says_how(client)

    async def _says_how(self, client: Any) -> str:
        with trio.fail_after(60):
            while True:
                error = await client.refusal("voicecall.status")
                if "-m venv" in error.message:
                    assert error.code == "UNAVAILABLE", error
                    return error.message[:200]
                await trio.sleep(0.5)


def program_of(pid: int) -> str:
    """What a process was started as."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().partition("\0")[0]
