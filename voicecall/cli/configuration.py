"""``config``: look at a configuration, and let a server read its own again."""

from __future__ import annotations

import json as json_text
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voicecall.cli.place import BAD_USAGE, Place, print_json, wants_json
from voicecall.config.file import read_text, read_whole_text
from voicecall.config.lines import lines_of
from voicecall.config.loading import understand
from voicecall.config.origins import DEFAULT, Setting, settings
from voicecall.config.problems import ConfigError

LONGEST = 60


def check_file(config: Path | None, *, json: bool) -> int:
    """Say every problem, and what had better be written otherwise."""
    file = _file(config)
    try:
        text = _text(file)
        notices = understand(read_text(text, origin=f"{file}: "), os.environ).notices
        problems: list[dict[str, Any]] = []
    except ConfigError as error:
        notices, problems = (), [{"path": one.path, "value": one.value, "message": one.message} for one in error.errors]
    lines = _lines(file)
    told: list[dict[str, Any]] = [{"path": one.path, "message": one.message} for one in notices]
    for one in (*problems, *told):
        one["line"] = lines.get(one["path"])
    code = BAD_USAGE if problems else 0
    if json:
        print_json({"ok": not problems, "file": file and str(file), "problems": problems, "notices": told})
        return code
    for one in problems:
        sys.stderr.write(f"{_where(file, one)}{one['message']}\n")
    for one in told:
        sys.stdout.write(f"{_where(file, one)}note: {one['message']}\n")
    if not problems:
        sys.stdout.write(f"{file or 'no file, all defaults'}: can be used\n")
    return code


def show_settings(config: Path | None, *, everything: bool, json: bool) -> int:
    """What the configuration comes to. Raises ``ConfigError``."""
    file = _file(config)
    found, loaded = settings(_text(file), os.environ)
    chosen = [one for one in found if everything or one.origin != DEFAULT]
    if wants_json(json=json):
        values = {one.path: _plain(one) for one in chosen}
        notices = [{"path": one.path, "message": one.message} for one in loaded.notices]
        print_json({"file": file and str(file), "settings": values, "notices": notices})
        return 0
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_edge=False, pad_edge=False)
    for heading in ("key", "value", "from"):
        table.add_column(heading, overflow="fold")
    for one in chosen:
        table.add_row(Text(one.path), Text(_short(one.value)), Text(_from(one), "dim" if one.origin == DEFAULT else ""))
    console = Console()
    console.print(table if chosen else Text("all defaults (--all shows them)", "dim"))
    for notice in loaded.notices:
        console.print(Text(f"note: {notice.message}", "yellow"))
    return 0


def reload_server(place: Place, *, json: bool) -> int:
    """Let the server read its file again."""
    from voicecall.cli.calling import ask_server

    def show(answer: dict[str, Any]) -> None:
        if wants_json(json=json):
            print_json(answer)
            return
        applied, waiting = answer["applied"], answer["needsRestart"]
        sys.stdout.write(f"counts from the next call on: {', '.join(applied) or 'nothing new'}\n")
        if waiting:
            sys.stdout.write(f"waits for a restart: {', '.join(waiting)}\n")

    return ask_server(place, "voicecall.config.reload", {}, show)


def _file(config: Path | None) -> Path | None:
    named = os.environ.get("VOICECALL_CONFIG")
    return config or (Path(named) if named else None)


def _text(file: Path | None) -> str:
    return "{}" if file is None else read_whole_text(file)


def _lines(file: Path | None) -> Mapping[str, int]:
    """Where the keys are, as far as the file can be read."""
    try:
        text = _text(file)
        read_text(text)
    except ConfigError:
        return {}
    return lines_of(text)


def _where(file: Path | None, told: Mapping[str, Any]) -> str:
    return f"{file}:{told['line']}: " if told["line"] else ""


def _plain(one: Setting) -> dict[str, Any]:
    line = {} if one.line is None else {"line": one.line}
    return {"value": one.value, "from": one.origin, **line, "live": one.live}


def _from(one: Setting) -> str:
    renamed = "" if one.origin.endswith(one.path) else f" ({one.origin})"
    return f"line {one.line}{renamed}" if one.line else one.origin


def _short(value: object) -> str:
    text = json_text.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
