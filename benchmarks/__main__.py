"""Run every benchmark, print one table, and write the same rows to ``bench.json``.

Rows are ``{"name", "unit", "value", "p50", "p99"}``; names never change, so that two runs can be compared. Figures are
for comparing within one run: machines drift.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

Row = dict[str, Any]
Rows = Callable[[Callable[[str, float], None]], Iterator[Row]]

MODULES = ("journal_rows", "projection_rows", "actor_rows", "web_rows", "media_rows", "turn_rows", "density_rows")
NAMES = (
    "journal appends, 1 appender",
    "journal appends, 50 appenders",
    "journal appends, 500 appenders",
    "journal open, 1000000 past calls",
    "journal read one call of 100000",
    "replay entries",
    "core step",
    "actors idle per GB",
    "actor dispatch at 10000 actors",
    "status without server",
    "cli start",
    "webhook to durable reply",
    "media tick, 100000 past calls",
    "engine time",
    "media open to greeting",
    "speech onset to clear",
    "caller stopped to first frame, 300/350/150 ms vendors",
    "quart-trio echo streams per core",
    "calls per core, energy detector",
    "calls per core, transcription sockets",
    "calls per core, silero",
)
"""The rows that every run must have, in the order they are printed; others follow."""


def main() -> int:
    """Run, print, write. Exit code 1 when a row is missing."""
    names = ", ".join(MODULES)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help=f"run only the modules ({names}) whose name contains this")
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="where the rows are written")
    arguments = parser.parse_args()
    console = Console()
    rows = _run(console, [name for name in MODULES if arguments.only in name])
    console.print(_table(rows))
    arguments.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    console.print(f"written to {arguments.out}")
    missing = [] if arguments.only else [name for name in NAMES if name not in {row["name"] for row in rows}]
    if missing:
        console.print(f"[red]missing rows: {', '.join(missing)}[/red]")
    return 1 if missing else 0


def _run(console: Console, modules: list[str]) -> list[Row]:
    rows: list[Row] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        overall = progress.add_task("all benchmarks", total=len(modules))
        current = progress.add_task("", total=1.0)
        for module in modules:
            measure: Rows = import_module(f"benchmarks.{module}").rows

            def show(name: str, fraction: float) -> None:
                progress.update(current, description=name, completed=min(fraction, 1.0))

            rows += measure(show)
            progress.advance(overall)
    order = {name: index for index, name in enumerate(NAMES)}
    return sorted(rows, key=lambda row: order.get(row["name"], len(NAMES)))


def _table(rows: list[Row]) -> Table:
    table = Table(title="voicecall on this machine")
    table.add_column("row")
    for heading in ("value", "p50", "p99"):
        table.add_column(heading, justify="right")
    table.add_column("unit")
    for row in rows:
        table.add_row(row["name"], *(_figure(row.get(key)) for key in ("value", "p50", "p99")), row["unit"])
    return table


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.3g}"


if __name__ == "__main__":
    raise SystemExit(main())
