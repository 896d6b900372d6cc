"""Adds golden journals: runs scenarios on the system in memory and keeps what they wrote.

``python scripts/record_golden.py NAME …`` adds ``tests/golden/rules-<n>/NAME.jsonl`` for the rules in force; ``--all``
adds every scenario that has no journal yet; ``--show NAME`` prints one and keeps nothing. A file that exists is never
overwritten: it says what older code decided, and nothing else can.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import trio
import trio.testing
from golden_scenarios import SCENARIOS, town_of

from journal.lines import build
from voicecall.events import RULES

GOLDEN = Path(__file__).resolve().parent.parent / "tests/golden"
AFTERWARDS_S = 30.0
"""How long the town goes on after the story: late callbacks belong to it."""


def main(arguments: list[str]) -> int:
    """Record; the exit status."""
    parser = argparse.ArgumentParser(prog="python scripts/record_golden.py", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(SCENARIOS)}")
    parser.add_argument("--all", action="store_true", help="every scenario that has no journal yet")
    parser.add_argument("--show", action="store_true", help="print instead of keeping")
    chosen = parser.parse_args(arguments)
    folder = GOLDEN / f"rules-{RULES}"
    names: list[str] = chosen.names
    if chosen.all:
        names = [name for name in SCENARIOS if not (folder / f"{name}.jsonl").exists()]
    problems = [f"{name}: there is no such scenario" for name in names if name not in SCENARIOS]
    if not chosen.show:
        problems += [
            f"{name}.jsonl exists, and is never overwritten" for name in names if (folder / f"{name}.jsonl").exists()
        ]
    if problems or not names:
        sys.stderr.writelines(f"{problem}\n" for problem in problems or ["name a scenario, or use --all"])
        return 1
    for name in names:
        journal = recorded(name)
        if chosen.show:
            sys.stdout.write(journal.decode())
        else:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / f"{name}.jsonl").open("xb") as file:
                file.write(journal)
    return 0


def recorded(name: str) -> bytes:
    """The journal lines of one scenario, on a clock that jumps."""
    return trio.run(_recorded, name, clock=trio.testing.MockClock(autojump_threshold=0))


async def _recorded(name: str) -> bytes:
    async with town_of(name) as town:
        await SCENARIOS[name](town)
        async with town.serve():
            await trio.sleep(AFTERWARDS_S)
        async with town.journal.read() as lines:
            return b"".join([build(line.position, line.stream, line.body) async for line in lines])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
