"""Steps, one after the other: what each took, what it found, and whether all went well."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable

import trio
from attrs import define, field, frozen
from rich.console import Console
from rich.table import Table

STEP_S = 240

Step = Callable[[], Awaitable[str | None]]


@frozen
class Row:
    """One step that was done: ``note`` is what it found, or what went wrong."""

    name: str
    seconds: float
    ok: bool
    note: str


@define
class Steps:
    """``do`` them; a failure is written down and, unless the rest makes no sense, the next one is done."""

    console: Console
    rows: list[Row] = field(factory=list)
    began: float = field(factory=trio.current_time)

    async def do(self, name: str, step: Step) -> bool:
        """Carry one out; whether it went well."""
        start = trio.current_time()
        self.console.print(f"[dim]{start - self.began:6.1f} s[/dim]  {name} …")
        try:
            with trio.fail_after(STEP_S):
                note, ok = await step() or "", True
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what the step found
            note, ok = self._failure(error), False
        row = Row(name, trio.current_time() - start, ok, note)
        self.rows.append(row)
        said = "[green]ok[/green]" if ok else "[bold red]FAILED[/bold red]"
        now = trio.current_time() - self.began
        self.console.print(f"[dim]{now:6.1f} s[/dim]  {name}: {said} after {row.seconds:.1f} s", end="  ")
        self.console.print(note, style="dim" if ok else "red", markup=False, highlight=False)
        return ok

    async def all(self, *steps: tuple[str, Step]) -> None:
        """One after the other, as long as they go well: each builds on the one before."""
        for name, step in steps:
            if not await self.do(name, step):
                return

    def _failure(self, error: BaseException) -> str:
        inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())
        if inner:
            return "; ".join(self._failure(one) for one in inner)
        here = [one for one in traceback.extract_tb(error.__traceback__) if "/tests/gateway/" in one.filename]
        where = f" ({here[-1].filename.rpartition('/')[2]}:{here[-1].lineno})" if here else ""
        return f"{type(error).__name__}: {error}{where}"

    def table(self, title: str) -> Table:
        """All steps."""
        table = Table(title=title)
        table.add_column("step")
        table.add_column("s", justify="right")
        table.add_column("")
        for row in self.rows:
            style = "" if row.ok else "red"
            table.add_row(row.name, f"{row.seconds:.1f}", "ok" if row.ok else row.note[:300], style=style)
        return table

    @property
    def failed(self) -> list[str]:
        """The steps that went wrong."""
        return [row.name for row in self.rows if not row.ok]
