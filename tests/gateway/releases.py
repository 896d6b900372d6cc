"""Which gateways there are, and how they get into the checkout's ``.gateway`` folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import trio
from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".gateway"
INSTALL_S = 200


class NoNode(Exception):
    """npm is not there, or cannot get node: the machine cannot run a gateway."""


class NotInstalled(Exception):
    """node is there, the gateway is not. The text says why."""


@frozen
class Release:
    """A published gateway, the node that runs it, and where its own speech settings are in its configuration."""

    name: str
    version: str
    node: str

    @property
    def folder(self) -> Path:
        """Where it is installed."""
        return CACHE / self.name

    @property
    def command(self) -> list[str]:
        """What runs it."""
        return [
            str(self.folder / "node_modules/node/bin/node"),
            str(self.folder / "node_modules/openclaw/openclaw.mjs"),
        ]

    @property
    def environment(self) -> dict[str, str]:
        """What it needs in its environment wherever it runs. The old one installs dependencies when it first starts;
        they are kept here."""
        path = f"{self.folder / 'node_modules/.bin'}{os.pathsep}{os.environ['PATH']}"
        stage = str(self.folder / "stage")
        return {"PATH": path, "OPENCLAW_PLUGIN_STAGE_DIR": stage, "NO_COLOR": "1", **_npm_settings()}


@cache
def _npm_settings() -> dict[str, str]:
    """A gateway has a home and a Node of its own, but where npm gets its packages the user's npm knows."""
    npm = shutil.which("npm")
    if npm is None:
        return {}
    found: dict[str, str] = {}
    for name in ("userconfig", "globalconfig"):
        told = subprocess.run([npm, "config", "get", name], capture_output=True, text=True, check=False)
        found[f"NPM_CONFIG_{name.upper()}"] = told.stdout.strip()
    return {name: value for name, value in found.items() if value}


NEW = Release("new", "2026.9.6", "24")
OLD = Release("old", "2026.4.30-beta.1", "22")
RELEASES = {one.name: one for one in (NEW, OLD)}


async def install(release: Release) -> str:
    """Have it in its folder; what was done, in a few words. Raises ``NoNode``, ``NotInstalled``.

    Node comes first: the gateway refuses to be installed by another one.
    """
    mark = release.folder / "installed"
    wanted = f"node@{release.node} openclaw@{release.version}"
    if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
        return "was there"
    npm = shutil.which("npm")
    if npm is None:
        raise NoNode("npm is not on PATH")
    await trio.Path(release.folder).mkdir(parents=True, exist_ok=True)
    (release.folder / "package.json").write_text(json.dumps({"private": True}), encoding="utf-8")
    reason = await _npm(npm, release, f"node@{release.node}")
    if reason:
        raise NoNode(reason)
    reason = await _npm(npm, release, f"openclaw@{release.version}")
    if reason:
        raise NotInstalled(reason)
    _let_it_find_npm(npm, release)
    mark.write_text(wanted, encoding="utf-8")
    return wanted


async def _npm(npm: str, release: Release, package: str) -> str:
    """Install one package; why not, or nothing."""
    command = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error", package]
    environment = {**os.environ, **release.environment}
    with trio.move_on_after(INSTALL_S) as scope:
        done = await trio.run_process(
            command, cwd=release.folder, env=environment, capture_stdout=True, stderr=subprocess.STDOUT, check=False
        )
        return "" if done.returncode == 0 else f"{' '.join(command[1:])}:\n{done.stdout.decode()[-2000:]}"
    assert scope.cancelled_caught
    return f"{' '.join(command[1:])}: not done after {INSTALL_S} s"


def _let_it_find_npm(npm: str, release: Release) -> None:
    """The old gateway looks for npm beside its node."""
    modules = release.folder / "node_modules/node/lib/node_modules"
    modules.mkdir(parents=True, exist_ok=True)
    link = modules / "npm"
    link.unlink(missing_ok=True)
    link.symlink_to(Path(npm).resolve().parents[1])
