"""What a node already serves, as ``tailscale serve status --json`` tells it, and whether our paths may be added."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, cast

from attrs import frozen

Mode = Literal["serve", "funnel"]


@frozen(kw_only=True)
class Mount:
    """A public path on the node's https ``port`` and the local address that it leads to."""

    mode: Mode
    port: int
    path: str
    target: str


@frozen(kw_only=True)
class Served:
    """What a node serves: by port and path, what it leads to; and the ports that are public (a funnel)."""

    paths: Mapping[tuple[int, str], str]
    funnels: frozenset[int]

    def leads(self, mount: Mount) -> bool:
        """Whether the path of a mount leads where the mount does, for whomever."""
        return self.paths.get((mount.port, mount.path)) == mount.target

    def holds(self, mount: Mount) -> bool:
        """Whether a mount is there just as it is wanted."""
        return self.leads(mount) and (mount.port in self.funnels) == (mount.mode == "funnel")


def read_served(text: str) -> Served:
    """What the JSON says; a node that serves nothing says nothing, or null. Raises ``ValueError``."""
    found: Any = json.loads(text.strip() or "null")
    plain = _mapping(found or {})
    paths: dict[tuple[int, str], str] = {}
    for where, about in _mapping(plain.get("Web")).items():
        for path, handler in _mapping(_mapping(about).get("Handlers")).items():
            paths[_port(where), path] = _target(_mapping(handler))
    funnels = {_port(where) for where, allowed in _mapping(plain.get("AllowFunnel")).items() if allowed}
    return Served(paths=paths, funnels=frozenset(funnels))


def objection(served: Served, wanted: Iterable[Mount], ours: Iterable[Mount] = ()) -> str:
    """Why ``wanted`` may not be added: it would change what belongs to somebody else. "" if it may.

    Who may reach a port holds for all its paths: a funnel beside other paths would publish them, a serve beside a
    funnel would hide it. ``ours`` are mounts that we have made before.
    """
    wanted, mine = tuple(wanted), {(one.port, one.path): one.target for one in ours}
    for mount in wanted:
        here = (mount.port, mount.path)
        leads_to = served.paths.get(here)
        if leads_to not in (None, mount.target, mine.get(here)):
            return (
                f"{mount.path} on port {mount.port} already leads to {leads_to}, which is not ours; set another path, "
                f"set tailscale.port to another port, or remove it: `{' '.join(off(mount))}`"
            )
        known = {(one.port, one.path) for one in wanted} | set(mine)
        others = [path for port, path in served.paths if port == mount.port and (port, path) not in known]
        if others and (mount.port in served.funnels) != (mount.mode == "funnel"):
            what = "make it public" if mount.mode == "funnel" else "take it from the internet"
            free = "443, 8443 or 10000, whichever is free" if mount.mode == "funnel" else "a free port"
            return (
                f"port {mount.port} also serves {others[0]}, and a {mount.mode} would {what}; set tailscale.port to "
                f"{free}"
            )
    return ""


def on(mount: Mount) -> tuple[str, ...]:
    """The command that adds a mount."""
    return ("tailscale", mount.mode, "--bg", "--yes", *_https(mount), "--set-path", mount.path, mount.target)


def off(mount: Mount) -> tuple[str, ...]:
    """The command that removes a mount."""
    return ("tailscale", mount.mode, *_https(mount), "--set-path", mount.path, "off")


def _https(mount: Mount) -> tuple[str, ...]:
    return () if mount.port == 443 else ("--https", str(mount.port))


def _port(where: str) -> int:
    port = where.rpartition(":")[2]
    return int(port) if port.isdecimal() else 0


def _target(handler: Mapping[str, Any]) -> str:
    """Where a path leads: another server, a folder, or a text."""
    return str(handler.get("Proxy") or handler.get("Path") or "a text")


def _mapping(value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, got {type(value).__name__}")
    return cast("Mapping[str, Any]", value)
