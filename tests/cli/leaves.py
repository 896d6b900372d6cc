"""Every command that does something, whoever has added it."""

from __future__ import annotations

from collections.abc import Iterator

from cyclopts import App


def leaves(parent: App, prefix: str = "") -> Iterator[tuple[str, App]]:
    """The full name of each, without the program's, and what it is to cyclopts."""
    for name in parent:
        if not name.startswith("-"):
            command = parent[name]
            if command.default_command is not None:
                yield f"{prefix}{name}", command
            yield from leaves(command, f"{prefix}{name} ")
