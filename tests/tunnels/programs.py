"""An ngrok and a tailscale that behave like the real ones, errors included, and know no network.

They are scripts in a folder that is the whole of PATH; see ``fakes/``.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
import trio
import trio.testing
from attrs import define, frozen

PATIENCE_S = 120
"""After this long a story hangs; the longest one jumps over a minute."""
HOST = "node.tail1234.ts.net"

FAKES = Path(__file__).with_name("fakes")


@frozen
class Programs:
    """The folder with the programs; it is the whole of PATH."""

    folder: Path
    fifo: int

    def ngrok(self, **does: Any) -> None:
        """How ngrok behaves from now on."""
        (self.folder / "ngrok.does").write_text(json.dumps(does))

    def tailscale(self, **does: str) -> None:
        """How tailscale behaves from now on."""
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in does.items()]
        (self.folder / "tailscale.does").write_text("".join(lines))

    def calls(self) -> list[dict[str, Any]]:
        """What was asked of ngrok, and when it ended."""
        return [json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()]

    def commands(self) -> list[str]:
        """What was asked of tailscale."""
        return _lines(self.folder / "commands")

    def changes(self) -> list[str]:
        """Those of them that were to change what the node serves."""
        return [command for command in self.commands() if " status " not in command]

    def web(self, paths: dict[str, str], *, port: int = 443, funnel: bool = False) -> None:
        """What the node serves on a port, and nothing else: by path, what it leads to."""
        (self.folder / "served").write_text("".join(f"{port} {path} {to}\n" for path, to in paths.items()))
        (self.folder / "funnels").write_text(f"{port}\n" if funnel else "")

    def served(self, port: int = 443) -> dict[str, str]:
        """What the node serves on a port: by path, what it leads to."""
        rows = [line.split() for line in _lines(self.folder / "served")]
        return {path: target for at, path, target in rows if at == str(port)}

    def funnels(self) -> list[str]:
        """The ports that are public."""
        return _lines(self.folder / "funnels")

    async def said(self, word: str) -> None:
        """Wait until a program says a word."""
        heard = b""
        while word.encode() + b"\n" not in heard:
            await trio.lowlevel.wait_readable(self.fifo)
            heard += os.read(self.fifo, 1_000)


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


@contextmanager
def programs(folder: Path, *names: str) -> Generator[Programs]:
    """Make the programs of these names; there is no other on PATH."""
    folder.mkdir()
    texts = {
        "ngrok": f"#!{sys.executable} -IS\n" + (FAKES / "ngrok.py").read_text(),
        "tailscale": (FAKES / "tailscale.sh").read_text(),
    }
    for name in names:
        file = folder / name
        file.write_text(texts[name])
        file.chmod(0o755)
    os.mkfifo(folder / "fifo")
    fifo = os.open(folder / "fifo", os.O_RDWR | os.O_NONBLOCK)
    before = os.environ["PATH"]
    os.environ["PATH"] = str(folder)
    try:
        yield Programs(folder, fifo)
    finally:
        os.environ["PATH"] = before
        os.close(fifo)


@define
class Logs:
    """What is logged, as it comes."""

    lines: list[dict[str, Any]]
    _send: trio.MemorySendChannel[dict[str, Any]]
    _receive: trio.MemoryReceiveChannel[dict[str, Any]]

    async def until(self, event: str) -> dict[str, Any]:
        """The next line about ``event``."""
        while True:
            line = await self._receive.receive()
            if line["event"] == event:
                return line

    def __call__(self, _logger: object, level: str, line: dict[str, Any]) -> dict[str, Any]:
        self.lines.append({**line, "level": level})
        self._send.send_nowait(line)
        raise structlog.DropEvent


@contextmanager
def logs() -> Iterator[Logs]:
    """Hear what is logged."""
    found = Logs([], *trio.open_memory_channel[dict[str, Any]](1_000))
    structlog.configure(processors=[found])
    yield found


def clock() -> trio.testing.MockClock:
    """Real time for real programs, that a test may jump over."""
    return trio.testing.MockClock(rate=1)


def run(story: Any) -> None:
    """Run a story; one that hangs fails."""

    async def main() -> None:
        with trio.fail_after(PATIENCE_S):
            await story()

    trio.run(main, clock=clock())
