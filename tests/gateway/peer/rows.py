"""What was measured: ours, the reference's, and how they compare."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from rich.table import Table


@frozen(kw_only=True)
class Row:
    """One figure of both. None is one that was not taken; ``note`` says why, or what else there is to know.

    ``goal`` is what ours has to reach, in words; ``met`` whether it did.
    """

    name: str
    unit: str
    ours: float | None = None
    reference: float | None = None
    goal: str = ""
    met: bool | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours to the reference's."""
        return self.ours / self.reference if self.ours is not None and self.reference else None

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "name": self.name, "unit": self.unit, "ours": self.ours, "reference": self.reference, "ratio": self.ratio,
            "goal": self.goal, "met": self.met, "note": self.note,
        }  # fmt: skip


def median(figures: list[float]) -> float:
    """The middle one; of two in the middle, the smaller."""
    return sorted(figures)[(len(figures) - 1) // 2]


def p99(figures: list[float]) -> float:
    """99 of 100 are no larger."""
    return sorted(figures)[len(figures) * 99 // 100]


def table(rows: list[Row]) -> Table:
    """For people."""
    made = Table(title="voicecall beside the reference, one machine, one run")
    made.add_column("row")
    for heading in ("ours", "reference", "ratio"):
        made.add_column(heading, justify="right")
    for heading in ("unit", "goal", "note"):
        made.add_column(heading)
    for row in rows:
        style = "red" if row.met is False else ""
        figures = (_figure(one) for one in (row.ours, row.reference, row.ratio))
        made.add_row(row.name, *figures, row.unit, row.goal, row.note, style=style)
    return made


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.3g}"
