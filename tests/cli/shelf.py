"""Journals to look at without a server, and a terminal to look at them on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import trio
import trio.testing
from attrs import define, evolve, frozen

from journal import Line, MemoryJournal
from journal.lines import build
from tests.system.street import PATIENCE_S
from voicecall.testing.memory_system import open_memory_system

FRIENDLY = "+15550001001"
NEVER_ANSWERS = "+15550001003"
SEGMENT = f"{1:020}.jsonl"
COLOR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
Plain = dict[str, Any]

TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


@frozen
class Past:
    """What happened: a conversation that is over, and a call that still rings."""

    lines: tuple[Line, ...]
    over: str
    ringing: str

    def of(self, call_id: str) -> list[Line]:
        """The lines of one call."""
        return [line for line in self.lines if line.stream == f"call/{call_id}"]


@cache
def past() -> Past:
    """Made by the real system in memory."""
    journal = MemoryJournal()

    async def main() -> Past:
        async with open_memory_system(journal=journal) as system:
            over = await system.place(FRIENDLY)
            await system.ended(over)
            await trio.sleep(5)
            ringing = await system.place(NEVER_ANSWERS)
            await system.until(ringing, lambda entry: type(entry.event).kind == "call.ringing")
            async with journal.read() as lines:
                return Past(tuple([line async for line in lines]), over, ringing)

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def text(lines: tuple[Line, ...] | list[Line]) -> bytes:
    """Lines as a segment has them."""
    return b"".join(build(line.position, line.stream, line.body) for line in lines)


def shelve(state: Path, lines: tuple[Line, ...] | list[Line] | None = None) -> Path:
    """A state directory with a journal of these lines; the segment's path."""
    path = state / "journal" / SEGMENT
    path.parent.mkdir(parents=True)
    path.write_bytes(text(past().lines if lines is None else lines))
    return path


def doctor(line: Line, change: Callable[[Plain], None]) -> Line:
    """The line, with something else in its entry."""
    entry = msgspec.json.decode(line.body)
    change(entry)
    return evolve(line, body=msgspec.json.encode(entry))


@frozen
class Shown:
    """What a command showed: ``out`` without colors, ``raw`` with them."""

    code: int
    out: str
    raw: str


@define
class Terminal:
    """A command that runs on a terminal of its own."""

    process: subprocess.Popen[bytes]
    shown: str = ""

    def until(self, words: str) -> str:
        """Read on until something is on the screen; everything so far."""
        assert self.process.stdout is not None
        while words not in self.shown:
            data = os.read(self.process.stdout.fileno(), 65_536)
            assert data, f"the screen never said {words!r}: {self.shown}"
            self.shown += data.decode()
        return self.shown

    def type(self, keys: str) -> None:
        """Press keys."""
        assert self.process.stdin is not None
        self.process.stdin.write(keys.encode())
        self.process.stdin.flush()

    def finish(self) -> Shown:
        """Everything on the screen once the command has ended."""
        assert self.process.stdout is not None
        self.shown += self.process.stdout.read().decode()
        shown = self.shown.replace("\r\n", "\n")
        return Shown(self.process.wait(PATIENCE_S), COLOR.sub("", shown), shown)


@contextmanager
def terminal(*arguments: str | Path, **env: str) -> Generator[Terminal]:
    """Run ``voicecall`` on a terminal, 160 columns wide; it is killed with it."""
    command = [sys.executable, "-c", TERMINAL, sys.executable, "-m", "voicecall", *map(str, arguments)]
    usual = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "160", "TZ": "UTC", "NO_COLOR": ""}
    usual.pop("NO_COLOR")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**usual, **env})
    try:
        yield Terminal(process)
    finally:
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            stream.close()
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE_S)


def on_terminal(*arguments: str | Path, **env: str) -> Shown:
    """Run a command on a terminal to its end."""
    with terminal(*arguments, **env) as screen:
        return screen.finish()
