"""Writes the pages under ``docs/`` that are generated from the code; ``--check`` only tells which are stale.

A page is one function from nothing to its text. To add one, write the function and name it in ``PAGES``.
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
import operation_page

DOCS = Path(__file__).resolve().parent.parent / "docs"


PAGES: Mapping[str, Callable[[], str]] = {
    "carriers.md": carriers_page.page,
    "cli.md": cli_page.page,
    "configuration.md": configuration_page.page,
    "events.md": events_page.page,
    "operation.md": operation_page.page,
    "call-states.md": call_states_page.page,
}


def stale() -> list[str]:
    """The pages whose file is not what their function says."""
    return [name for name, page in PAGES.items() if not (DOCS / name).exists() or (DOCS / name).read_text() != page()]


def main(arguments: list[str]) -> int:
    """Write the pages, or with ``--check`` say which are stale; the exit status."""
    old = stale()
    if arguments == ["--check"]:
        sys.stderr.writelines(f"docs/{name} is stale: run python scripts/generate_docs.py\n" for name in old)
        return 1 if old else 0
    for name in old:
        (DOCS / name).write_text(PAGES[name]())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
