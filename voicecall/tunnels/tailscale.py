"""Tailscale: paths that the node's daemon serves until they are taken away, whether we live or not.

What we have added is written down before it is added, and only that is ever removed, and only while it still leads
where we made it lead.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import trio
from attrs import frozen

from voicecall.log import get_logger
from voicecall.tunnels.problems import CannotExpose, Misconfigured
from voicecall.tunnels.program import Done, failed, one_line, run
from voicecall.tunnels.serve_config import Mode, Mount, Served, objection, off, on, read_served

log = get_logger(__name__)

STATUS_S, ON_S, OFF_S = 2.5, 10.0, 5.0
"""How long the program may take to say how things are, to add a path, to remove one."""
LOOK_S = 60.0
"""How often it is looked whether our paths are still there."""
RECORD = "tailscale.json"
_COMING = ("NoState", "Starting")
_ENABLE = re.compile(r"https://login\.tailscale\.com/\S+")


@frozen(kw_only=True)
class Node:
    """This machine in its tailnet: its public host name, and the page on which a mode is allowed for it."""

    host: str
    node_id: str

    def enable_url(self, mode: Mode) -> str:
        """Where the owner of the tailnet allows ``mode``."""
        return f"https://login.tailscale.com/f/{mode}?node={self.node_id}" if self.node_id else ""

    def origin(self, port: int) -> str:
        """The address without path."""
        return f"https://{self.host}" + ("" if port == 443 else f":{port}")


@frozen(kw_only=True)
class Tailscale:
    """Paths that lead to the door. ``setting`` is the one that asks for them, ``record`` where ours are written down.

    Without a record they are for good: somebody else removes them.
    """

    setting: str
    mounts: tuple[Mount, ...]
    record: Path | None = None

    async def hold(self, tell: Callable[[str], None]) -> None:
        """Add the paths, and again when they have gone; tell the address. Raises ``CannotExpose``."""
        while True:
            tell(await self.add())
            await trio.sleep(LOOK_S)

    async def add(self) -> str:
        """Add what is not there yet, all or nothing; the address without path. Raises ``CannotExpose``."""
        node = await find_node(self.setting)
        served = await find_served(self.setting)
        ours = [one for one in self._recorded() if served.leads(one)]
        if stale := [one for one in ours if one not in self.mounts]:
            await remove(self.setting, stale)
            served = await find_served(self.setting)
        if problem := objection(served, self.mounts, ours):
            raise Misconfigured(f"{self.setting}: {problem}")
        missing = [one for one in self.mounts if not served.holds(one)]
        if missing:
            self._write([one for one in self.mounts if one in missing or one in ours])
            await self._add_all(missing, node)
        return node.origin(self.mounts[0].port)

    async def close(self) -> None:
        """Remove what we have added. What cannot be removed now stays written down for the next time."""
        recorded = self._recorded()
        try:
            served = await find_served(self.setting) if recorded else None
            if served is not None:
                await remove(self.setting, [one for one in recorded if served.leads(one)])
        except CannotExpose as error:
            log.warning("paths stay public until voicecall serves again", error=str(error))
        else:
            if self.record is not None:
                self.record.unlink(missing_ok=True)

    async def _add_all(self, missing: list[Mount], node: Node) -> None:
        try:
            for mount in missing:
                done = await run(self.setting, *on(mount), limit_s=ON_S)
                # It ends well, too, when it has only said what is to be done first.
                if done.code != 0 or _ENABLE.search(done.out):
                    raise refusal(self.setting, mount, done, node)
            served = await find_served(self.setting)
            if not all(served.holds(one) for one in missing):
                raise CannotExpose(f"{self.setting}: tailscale did not add our paths; see `tailscale serve status`")
        except BaseException:
            with trio.CancelScope(shield=True), suppress(CannotExpose):
                served = await find_served(self.setting)
                await remove(self.setting, [one for one in missing if served.leads(one)])
            raise

    # --- what is ours ------------------------------------------------------------------------------------------------

    def _recorded(self) -> list[Mount]:
        if self.record is None or not self.record.exists():
            return []
        try:
            found: list[Any] = json.loads(self.record.read_bytes())["mounts"]
            return [Mount(**one) for one in found]
        except (ValueError, KeyError, TypeError) as error:
            log.warning("nobody knows which paths are ours", file=str(self.record), error=type(error).__name__)
            return []

    def _write(self, mounts: list[Mount]) -> None:
        if self.record is None:
            return
        fresh = self.record.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            json.dump({"mounts": [attrs.asdict(one) for one in mounts]}, file)
        fresh.replace(self.record)


async def find_node(setting: str) -> Node:
    """Who we are in the tailnet. Raises ``CannotExpose``, also when we are nobody."""
    done = await run(setting, "tailscale", "status", "--json", limit_s=STATUS_S)
    told: dict[str, Any] = {}
    with suppress(ValueError):
        told = json.loads(done.out) or {}
    myself: dict[str, Any] = told.get("Self") or {}
    state = told.get("BackendState", "Running")
    host = str(myself.get("DNSName") or "").rstrip(".")
    if done.code == 0 and host and state == "Running":
        return Node(host=host, node_id=str(myself.get("ID") or ""))
    what = f"{setting}: Could not get Tailscale DNS name. Is Tailscale running?"
    if done.code is None:
        raise CannotExpose(f"{what} `tailscale status` did not end within {STATUS_S:g} s; restart tailscaled")
    if done.code != 0:
        raise CannotExpose(f"{what} ({done.text}); start its daemon, tailscaled")
    if state in _COMING:
        raise CannotExpose(f"{what} (its state is {state}); it may be running in a moment")
    fix = "log in with `sudo tailscale up`, and enable MagicDNS in the tailnet"
    raise Misconfigured(f"{what} (its state is {state}); {fix}")


async def find_served(setting: str) -> Served:
    """What the node serves. Raises ``CannotExpose``."""
    command = ("tailscale", "serve", "status", "--json")
    done = await run(setting, *command, limit_s=STATUS_S)
    if done.code == 0:
        with suppress(ValueError):
            return read_served(done.out)
    raise failed(setting, " ".join(command), done, STATUS_S)


async def remove(setting: str, mounts: Iterable[Mount]) -> None:
    """Remove paths. Raises ``CannotExpose``."""
    for mount in mounts:
        done = await run(setting, *off(mount), limit_s=OFF_S)
        if done.code != 0:
            raise failed(setting, " ".join(off(mount)), done, OFF_S)


def refusal(setting: str, mount: Mount, done: Done, node: Node) -> CannotExpose:
    """Why a path was not added, and what to do."""
    text = one_line(f"{done.err} {done.out}")
    error = f"tailscale {mount.mode}: {text}"
    if "denied" in text:
        fix = "let this user change it: `sudo tailscale set --operator=$USER`"
        return Misconfigured(f"{setting}: {error}; {fix}")
    if "not allowed for funnel" in text:
        fix = "set tailscale.port to 443, 8443 or 10000, or allow it in the tailnet's policy"
        return Misconfigured(f"tailscale.port: got {mount.port}: {error}; {fix}")
    if "already exists for port" in text or "already serving" in text:
        return Misconfigured(f"tailscale.port: got {mount.port}: {error}; set it to a port that nobody uses")
    if "not enabled" in text or "not available" in text or _ENABLE.search(text):
        found = _ENABLE.search(text)
        where = found[0] if found else node.enable_url(mount.mode)
        fix = f"enable it for this machine at {where or 'https://login.tailscale.com/admin'}"
        return Misconfigured(f"{setting}: {error}; {fix}", enable_url=where)
    # It may be waiting for somebody to allow it.
    where = node.enable_url(mount.mode) if done.code is None else ""
    return failed(setting, " ".join(on(mount)), done, ON_S, enable_url=where)
