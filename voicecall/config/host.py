"""A configuration inside the gateway's own: our block is under ``plugins.entries``, its voices are ``messages.tts``.

A file may hold our block alone, or the whole of the gateway's configuration. Then ``tts`` is the gateway's with ours
laid over it (behaviour page, sections 1.4 and 1.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from voicecall.config.problems import PREFIX, Problem

NAME = "voice-call"
NEVER = frozenset({"__proto__", "prototype", "constructor"})
FLAT = ("openai", "elevenlabs", "edge", "microsoft")
"""Vendors that older gateways had next to ``providers``."""
KNOWN = frozenset({
    *("auto", "enabled", "mode", "provider", "summaryModel", "modelOverrides", "prefsPath", "maxTextLength"),
    *("timeoutMs", "providers"),
})  # fmt: skip
"""Of the gateway's keys those that mean something here; what else it has is its own business."""

Plain = Mapping[str, object]


def own_block(data: Plain) -> dict[str, object]:
    """Our keys, wherever they are, with what the gateway says of voices under ours."""
    if "plugins" not in data:
        return dict(data)
    entry = _inside(data, "plugins", "entries", NAME)
    block = dict(_inside(entry, "config"))
    if isinstance(entry.get("enabled"), bool):
        block.setdefault("enabled", entry["enabled"])
    theirs, ours = _host_tts(data), block.get("tts", {})
    if theirs and isinstance(ours, Mapping):
        block["tts"] = _without_null(deep_merge(theirs, cast("Plain", ours)))
    return block


def deep_merge(base: Plain, override: Plain) -> dict[str, object]:
    """``override`` laid over ``base``: objects are merged, anything else replaces, ``null`` too."""
    merged = {name: value for name, value in base.items() if name not in NEVER}
    for name, value in override.items():
        if name in NEVER:
            continue
        under = merged.get(name)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        merged[name] = deep_merge(cast("Plain", under), cast("Plain", value)) if both else value
    return merged


def named_in_host(problem: Problem, data: Plain) -> Problem:
    """The same problem, by the path that it has in the gateway's file."""
    if "plugins" not in data or not problem.path or problem.message.startswith(PREFIX):
        return problem
    where = PREFIX
    parts = problem.path.partition(" ")[0].split(".")
    if parts[0] == "tts" and not _holds(_inside(data, "plugins", "entries", NAME, "config"), parts):
        if not _holds({"tts": _host_tts(data)}, parts):
            return problem
        where = "messages." if "tts" in _inside(data, "messages") else ""
    path = where + problem.path
    return Problem(path=path, value=problem.value, message=problem.message.replace(problem.path, path, 1))


def _host_tts(data: Plain) -> dict[str, object]:
    """The gateway's voices; newer ones have them at the top, older ones name vendors beside ``providers``."""
    given = _inside(data, "messages", "tts") or _inside(data, "tts")
    flat = {name: given[name] for name in FLAT if isinstance(given.get(name), Mapping)}
    theirs = {name: value for name, value in given.items() if name in KNOWN}
    if flat:
        theirs["providers"] = deep_merge(flat, _inside(given, "providers"))
    return theirs


def _inside(data: Plain, *names: str) -> Plain:
    for name in names:
        inner = data.get(name)
        if not isinstance(inner, Mapping):
            return {}
        data = cast("Plain", inner)
    return data


def _holds(data: Plain, path: list[str]) -> bool:
    return path[-1] in _inside(data, *path[:-1])


def _without_null(plain: Plain) -> dict[str, object]:
    """A null takes the gateway's value away: then there is none."""
    return {
        name: _without_null(cast("Plain", value)) if isinstance(value, Mapping) else value
        for name, value in plain.items()
        if value is not None
    }
