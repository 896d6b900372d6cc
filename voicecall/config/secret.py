"""A text that must not be seen."""

from __future__ import annotations

from attrs import field, frozen

MASK = "********"


class Hidden(str):
    """A text that a reference has led to. It is never shown, whatever key it is for."""

    __slots__ = ()


@frozen(repr=False, str=False)
class Secret:
    """A text whose ``repr``, ``str`` and format show only a mask. ``reveal()`` is the one way to read it."""

    _text: str = field()

    def reveal(self) -> str:
        """The text itself, for the one place that sends or checks it."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK
