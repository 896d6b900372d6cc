"""``setup``: a checkup for people, with a bar while it lasts and a table at its end, or for programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trio

from voicecall.cli.place import FAILED, Place, print_json, wants_json
from voicecall.config import ConfigError
from voicecall.doctor.checkup import Patient, Progress, examine
from voicecall.doctor.findings import Finding, Level
from voicecall.system import new_incarnation, wall_clock

SIGNS: dict[Level, str] = {
    "ok": "[green]✓[/green]",
    "skip": "[dim]·[/dim]",
    "warn": "[yellow]![/yellow]",
    "error": "[red]✗[/red]",
}


def setup(state: Path | None, config: Path | None, *, json: bool) -> int:
    """0 when calls can be made, 1 when something was found that keeps them from it."""
    findings = look_through(state, config, json=json)
    if wants_json(json=json):
        print_json(report(findings))
    else:
        show_findings(findings)
    return 0 if is_fine(findings) else FAILED


def look_through(state: Path | None, config: Path | None, *, json: bool) -> list[Finding]:
    """The checkup of what these options mean; a configuration that cannot be read is a finding like any other."""
    try:
        place = Place.find(state, config, os.environ)
        known = place.state
        file = place.config
    except ConfigError:
        named = os.environ.get("VOICECALL_CONFIG")
        known, file = None, config or (Path(named) if named else None)

    async def main(progress: Progress) -> list[Finding]:
        patient = Patient(
            config=file, state=known, environment=os.environ, wall=wall_clock(), instance=new_incarnation()
        )
        return await examine(patient, progress)

    with _bar(quiet=wants_json(json=json) or not sys.stderr.isatty()) as progress:
        return trio.run(main, progress)


def is_fine(findings: Sequence[Finding]) -> bool:
    """Whether calls can be made."""
    return all(one.ok for one in findings)


def report(findings: Sequence[Finding]) -> dict[str, Any]:
    """As programs read it: the reference's ``{ok, checks}``."""
    return {"ok": is_fine(findings), "checks": [one.plain() for one in findings]}


def show_findings(findings: Sequence[Finding]) -> None:
    """A line each, what is to be done under it."""
    from rich.markup import escape
    from rich.table import Table

    from voicecall.cli.rendering import show

    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for one in findings:
        fix = f"\n[cyan]→ {escape(one.fix)}[/cyan]" if one.fix else ""
        table.add_row(SIGNS[one.level], one.id, f"{escape(one.message)}{fix}")
    show(table)
    wrong, doubtful = (sum(one.level == level for one in findings) for level in ("error", "warn"))
    remarks = f"[dim], {doubtful} remark{'s' if doubtful > 1 else ''}[/dim]" if doubtful else ""
    if wrong:
        show(f"\nVoice Call setup: [bold red]needs attention[/bold red] ({wrong} to mend){remarks}")
    else:
        show(f"\nVoice Call setup: [bold green]OK[/bold green]{remarks}")


@contextmanager
def _bar(*, quiet: bool) -> Generator[Progress]:
    """How far it is, and what it still waits for."""
    if quiet:
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (SpinnerColumn(), BarColumn(20), MofNCompleteColumn(), TextColumn("[dim]{task.description}[/dim]"))
    waiting: list[str] = []
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def begin(names: list[str]) -> None:
            waiting.extend(names)
            bar.update(task, total=len(names), description=", ".join(waiting))

        def end(name: str) -> None:
            waiting.remove(name)
            bar.update(task, advance=1, description=", ".join(waiting))

        yield Progress(begin=begin, end=end)
