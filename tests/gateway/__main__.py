"""Install a real gateway, and use it with our plugin as people, programs, agents and accidents would.

Prints a line a step and a table at the end. Exit code 1 when a step failed, 0 also where no node can be had: there is
no gateway to be tested on such a machine.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import mkdtemp

import trio
from attrs import define
from rich.console import Console

from tests.gateway import stories
from tests.gateway.releases import RELEASES, NoNode, Release, install
from tests.gateway.running import Steps

INTERRUPTED = 130
STORIES = {
    "mock": stories.mock,
    "twilio": stories.twilio,
    "installed": stories.installed,
    "folder": stories.folder,
}
LANES = (("mock",), ("twilio", "folder", "installed"))
"""Two gateways at a time: much of what they do is to wait."""


@define
class Installation:
    """How the gateway came here."""

    release: Release
    no_node: str = ""

    async def step(self) -> str:
        try:
            return await install(self.release)
        except NoNode as error:
            self.no_node = str(error)
            return self.no_node


async def run(release: Release, wanted: list[str], folder: Path, console: Console) -> int:
    """The exit code. Who is told to stop still ends what it has started."""
    code = INTERRUPTED
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_until_told, signals, nursery.cancel_scope)
            code = await _run(release, wanted, folder, console)
            nursery.cancel_scope.cancel()
    return code


async def _until_told(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for _ in signals:
        scope.cancel()


async def _run(release: Release, wanted: list[str], folder: Path, console: Console) -> int:
    steps, installation = Steps(console), Installation(release)
    if not await steps.do(f"install openclaw@{release.version} and node@{release.node}", installation.step):
        return 1
    if installation.no_node:
        console.print(f"[yellow]skipped: this machine cannot run the gateway: {installation.no_node}[/yellow]")
        return 0

    async def tell(lane: tuple[str, ...]) -> None:
        for name in lane:
            if name in wanted:
                await STORIES[name](steps, folder, release)

    async with trio.open_nursery() as nursery:
        for lane in LANES:
            nursery.start_soon(tell, lane)
    console.print(steps.table(f"openclaw {release.version} on node {release.node}"))
    if steps.failed:
        console.print(f"[bold red]{len(steps.failed)} failed[/bold red]; logs are in {folder}")
    return 1 if steps.failed else 0


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.gateway", description="Our plugin in a real gateway.")
    parser.add_argument("release", choices=list(RELEASES), nargs="?", default="new", help="which gateway")
    parser.add_argument("--only", choices=list(STORIES), action="append", help="one story; again: another")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs also when all went well")
    given = parser.parse_args()
    folder = Path(mkdtemp(prefix="voicecall-gw-"))
    console = Console() if sys.stdout.isatty() else Console(width=160)
    code = trio.run(run, RELEASES[given.release], given.only or list(STORIES), folder, console)
    if code == 0 and not given.keep:
        shutil.rmtree(folder)
    else:
        console.print(f"logs: {folder}")
    return code


if __name__ == "__main__":
    sys.exit(main())
