"""What a checkup finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from attrs import frozen

Level = Literal["ok", "skip", "warn", "error"]
"""``skip``: it cannot be told now, and the message says why. ``warn``: calls work, but perhaps not as they should."""


@frozen(kw_only=True)
class Finding:
    """One thing that was looked at. ``message`` says how it is, ``fix`` what to do about it, each in one line."""

    id: str
    level: Level
    message: str
    fix: str = ""

    @property
    def ok(self) -> bool:
        """Whether calls can work as it is."""
        return self.level != "error"

    def plain(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        told = {"id": self.id, "ok": self.ok, "level": self.level, "message": self.message}
        return {**told, "fix": self.fix} if self.fix else told


Note = Callable[[Finding], None]
"""Where a check puts what it finds."""


def good(name: str, message: str) -> Finding:
    """It is as it should be."""
    return Finding(id=name, level="ok", message=message)


def skipped(name: str, message: str, fix: str = "") -> Finding:
    """Nobody can tell now."""
    return Finding(id=name, level="skip", message=message, fix=fix)


def doubtful(name: str, message: str, fix: str) -> Finding:
    """Calls work all the same."""
    return Finding(id=name, level="warn", message=message, fix=fix)


def wrong(name: str, message: str, fix: str) -> Finding:
    """Calls do not work like this."""
    return Finding(id=name, level="error", message=message, fix=fix)


def explained(name: str, text: str) -> Finding:
    """Wrong, in words that say what and then, behind a semicolon, what to do."""
    message, _, fix = text.partition("; ")
    return wrong(name, message, fix)
