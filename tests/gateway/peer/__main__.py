"""Measure ours and the reference side by side, print the table, write ``bench-peer.json``.

A row whose figure was not taken has a dash and says why. Exit code 1 when a part failed, or a goal was missed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from tempfile import mkdtemp

import trio
from rich.console import Console

from tests.gateway.peer import commands, sound, webhooks
from tests.gateway.peer.rows import Row, table
from tests.gateway.releases import NEW, OLD, install

Part = Callable[[Path, Callable[[str], None]], Awaitable[list[Row]]]
PARTS: dict[str, Part] = {
    "commands": commands.rows,
    "webhooks": webhooks.rows,
    "sound": sound.rows,
}


async def until_told(wanted: list[str], folder: Path, console: Console) -> list[Row]:
    """All rows, or none for who is told to stop: that ends what it has started."""
    rows = [Row(name="all", unit="", met=False, note="interrupted")]
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_stop, signals, nursery.cancel_scope)
            rows = await run(wanted, folder, console)
            nursery.cancel_scope.cancel()
    return rows


async def _stop(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for _ in signals:
        scope.cancel()


async def run(wanted: list[str], folder: Path, console: Console) -> list[Row]:
    """All rows; a part that failed has one that says so."""
    began, rows = trio.current_time(), list[Row]()

    def progress(what: str) -> None:
        console.print(f"[dim]{trio.current_time() - began:6.1f} s[/dim]  {what} …")

    for release in (OLD, NEW):
        progress(f"openclaw {release.version}: {await install(release)}")
    for name in wanted:
        place = folder / name
        place.mkdir()
        try:
            rows += await PARTS[name](place, progress)
        except Exception as error:  # noqa: BLE001 - the other parts have something to say
            console.print(f"[red]{name} failed[/red]")
            console.print("".join(traceback.format_exception(error)), markup=False, highlight=False)
            rows.append(Row(name=name, unit="", met=False, note=f"not measured: {type(error).__name__}"))
    return rows


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.gateway.peer", description=__doc__)
    parser.add_argument("--only", choices=list(PARTS), action="append", help="one part; again: another")
    parser.add_argument("--out", type=Path, default=Path("bench-peer.json"), help="where the rows are written")
    given = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=180)
    folder = Path(mkdtemp(prefix="vc-peer-"))
    rows = trio.run(until_told, given.only or list(PARTS), folder, console)
    console.print(table(rows))
    given.out.write_text(json.dumps([row.plain() for row in rows], indent=2) + "\n", encoding="utf-8")
    console.print(f"written to {given.out}")
    missed = [row.name for row in rows if row.met is False]
    if missed:
        console.print(f"[red]missed: {', '.join(missed)}[/red]; logs are in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
