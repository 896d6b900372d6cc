"""A configuration inside the gateway's own: our block is under ``plugins.entries``, its voices are ``messages.tts``.

A file may hold our block alone, or the whole of the gateway's configuration. Then ``tts`` is the gateway's with ours
laid over it (behaviour page, sections 1.4 and 1.5). Older shapes are translated on the way (``legacy.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from attrs import frozen

from voicecall.config.legacy import VENDORS, Notice, deep_merge, translate, translate_voices
from voicecall.config.problems import PREFIX, Problem
from voicecall.config.references import with_places

NAME = "voice-call"
KNOWN = frozenset({
    *("auto", "enabled", "mode", "provider", "summaryModel", "modelOverrides", "prefsPath", "maxTextLength"),
    *("timeoutMs", "providers"),
})  # fmt: skip
"""Of the gateway's keys those that mean something here; what else it has is its own business."""

Plain = Mapping[str, object]


@frozen(kw_only=True)
class Block:
    """Our keys in their canonical shape, the gateway's voices under ours, and what was translated for that.

    The paths of ``notices`` begin at the block.
    """

    keys: dict[str, object]
    notices: tuple[Notice, ...] = ()


def own_block(data: Plain) -> dict[str, object]:
    """Our keys, wherever they are, see ``Block``."""
    return read_block(data).keys


def read_block(data: Plain) -> Block:
    """Our keys, and what was translated."""
    if not is_whole(data):
        block, notices = translate(cast("Plain", with_places(data, {})))
        return Block(keys=block, notices=notices)
    entry, secrets = _inside(data, "plugins", "entries", NAME), _inside(data, "secrets")
    block, notices = translate(cast("Plain", with_places(_inside(entry, "config"), secrets)))
    if isinstance(entry.get("enabled"), bool):
        block.setdefault("enabled", entry["enabled"])
    theirs, ours = cast("Plain", with_places(_host_tts(data), secrets)), block.get("tts", {})
    if theirs and isinstance(ours, Mapping):
        block["tts"] = _without_null(deep_merge(theirs, cast("Plain", ours)))
    return Block(keys=block, notices=notices)


def is_whole(data: Plain) -> bool:
    """Whether this is the gateway's configuration rather than our block alone."""
    return "plugins" in data or "messages" in data


def written(data: Plain, path: str, notices: tuple[Notice, ...] = ()) -> str:
    """Where the file has what came to be at ``path`` in our block: its older name, and its place in the gateway's."""
    for one in notices:
        if one.now and (path == one.now or path.startswith(f"{one.now}.")):
            path = one.path + path.removeprefix(one.now)
            break
    if not is_whole(data):
        return path
    parts = path.split(".")
    if path == "enabled" and not _holds(_inside(data, "plugins", "entries", NAME, "config"), parts):
        return f"plugins.entries.{NAME}.enabled"
    if parts[0] != "tts" or _holds(_inside(data, "plugins", "entries", NAME, "config"), parts):
        return PREFIX + path
    if not _holds({"tts": _host_tts(data)}, parts):
        return path
    return ("messages." if "tts" in _inside(data, "messages") else "") + path


def named_as_written(problem: Problem, data: Plain, notices: tuple[Notice, ...] = ()) -> Problem:
    """The same problem, by the path that it has in the file."""
    if not problem.path or problem.message.startswith(PREFIX):
        return problem
    key = re.split(r"[ \[]", problem.path, maxsplit=1)[0]  # without an index, and without what is said of it
    path = written(data, key, notices) + problem.path.removeprefix(key)
    return Problem(path=path, value=problem.value, message=problem.message.replace(problem.path, path, 1))


def noticed_as_written(notice: Notice, data: Plain) -> Notice:
    """The same notice, by the path that it has in the file."""
    if not is_whole(data):
        return notice
    path = PREFIX + notice.path
    return Notice(path=path, now=notice.now, message=notice.message.replace(notice.path, path, 1))


def _host_tts(data: Plain) -> dict[str, object]:
    """The gateway's voices; newer ones have them at the top, older ones name vendors beside ``providers``."""
    given = _inside(data, "messages", "tts") or _inside(data, "tts")
    kept = {name: value for name, value in given.items() if name in KNOWN or name in VENDORS}
    return {name: value for name, value in translate_voices(kept).items() if name in KNOWN}


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
