"""What the account's owner has set in a simulated carrier's console: numbers, and where their calls are announced.

A dialect shows it by its API, in its own shape. ``changes`` lays values over what it would show, by the name that the
dialect gives a resource (``account``, ``number``, ``application`` and so on) and the wire's own field names; None
in the place of a resource: there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

Plain = dict[str, Any]
NUMBER = "+15550000000"


@define
class Console:
    """All numbers are set alike. An empty ``webhook_url``: nothing is set."""

    webhook_url: str = ""
    numbers: tuple[str, ...] = (NUMBER,)
    changes: dict[str, Mapping[str, Any] | None] = field(factory=dict[str, "Mapping[str, Any] | None"])

    def show(self, resource: str, plain: Plain) -> Plain | None:
        """A resource as it is shown; None: there is none."""
        laid = self.changes.get(resource, {})
        return None if laid is None else {**plain, **laid}
