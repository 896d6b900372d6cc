"""Writes the pages under ``docs/`` and what else is generated from the code; ``--check`` only tells what is stale.

A page is one function from nothing to its text. To add one, write the function and name it in ``PAGES``; anything else
is named in ``FILES``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import call_states_page
import carriers_page
import cli_page
import configuration_page
import events_page
import rpc_page
import rpc_types

ROOT = Path(__file__).resolve().parent.parent


PAGES: Mapping[str, Callable[[], str]] = {
    "carriers.md": carriers_page.page,
    "cli.md": cli_page.page,
    "configuration.md": configuration_page.page,
    "events.md": events_page.page,
    "call-states.md": call_states_page.page,
    "rpc.md": rpc_page.page,
}
FILES: Mapping[str, Callable[[], str]] = {
    **{f"docs/{name}": page for name, page in PAGES.items()},
    "plugin/openclaw/generated/tool.js": rpc_types.tool,
    "plugin/openclaw/generated/rpc.d.ts": rpc_types.types,
}


def stale() -> list[str]:
    """The files that are not what their function says."""
    return [name for name, page in FILES.items() if not (ROOT / name).exists() or (ROOT / name).read_text() != page()]


def main(arguments: list[str]) -> int:
    """Write the files, or with ``--check`` say which are stale; the exit status."""
    old = stale()
    if arguments == ["--check"]:
        sys.stderr.writelines(f"{name} is stale: run python scripts/generate_docs.py\n" for name in old)
        return 1 if old else 0
    for name in old:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(FILES[name]())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
