"""Driving the callers of ``media_load``, a process of its own on a core of its own."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import trio
from attrs import define, frozen

ROOT = Path(__file__).parents[1]
FILES = 8_192
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
"""Empty where a process cannot be pinned."""


@frozen(kw_only=True)
class Heard:
    """What callers heard in one stretch of time: lateness in ms, frames, and how late they were themselves."""

    calls: int
    p50: float
    p99: float
    own_p99: float
    frames_per_call_s: float
    silent: int
    refused: int


@define
class Callers:
    """``count`` of them have joined."""

    process: trio.Process
    count: int = 0
    _rest: bytes = b""

    async def join(self, tickets: list[str]) -> tuple[list[float], list[str]]:
        """More callers: ms from handshake to first sound of each, and why the others were refused."""
        told = await self._ask("join", tickets=tickets)
        self.count += len(tickets) - len(told["refused"])
        return told["first_ms"], told["refused"]

    async def hush(self) -> None:
        """Silence from now on, but for what is said by ``turn``."""
        await self._ask("hush")

    async def measure(self, seconds: float) -> Heard:
        """Listen for a while."""
        told = await self._ask("measure", seconds=seconds)
        return Heard(
            calls=self.count,
            p50=told["late_ms"]["p50"],
            p99=told["late_ms"]["p99"],
            own_p99=told["own_ms"]["p99"],
            frames_per_call_s=told["frames"] / max(self.count, 1) / seconds,
            silent=told["silent"],
            refused=len(told["refused"]),
        )

    async def turn(self, *, voice_frames: int, quiet_frames: int) -> dict[str, list[float]]:
        """Everybody says something once. See ``media_load.Load.turn``."""
        return await self._ask("turn", voice_frames=voice_frames, quiet_frames=quiet_frames)

    async def _ask(self, what: str, **how: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        await self.process.stdin.send_all(json.dumps({"do": what, **how}).encode() + b"\n")
        while b"\n" not in self._rest:
            piece = await self.process.stdout.receive_some()
            if not piece:
                raise RuntimeError("the callers failed")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)


@asynccontextmanager
async def open_callers(port: int, path: str) -> AsyncGenerator[Callers]:
    """Callers for a server on this machine; none has joined yet."""
    async with _process("benchmarks.media_load", str(port), path, other_core()) as process:
        yield Callers(process)


@asynccontextmanager
async def open_vendor() -> AsyncGenerator[int]:
    """A transcription vendor on loopback, beside the callers; its port."""
    async with _process("benchmarks.vendor_load", other_core()) as process:
        assert process.stdout is not None
        yield int(await process.stdout.receive_some())


@asynccontextmanager
async def _process(*arguments: str) -> AsyncGenerator[trio.Process]:
    command = [sys.executable, "-m", *arguments]
    process = await trio.lowlevel.open_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


def other_core() -> str:
    """The core for whatever is not measured, "" where there is none."""
    return str(CORES[-1]) if len(CORES) > 1 else ""


@contextmanager
def one_core() -> Generator[None]:
    """This thread, and those that it starts, stay on the first core, and many files may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES if hard < 0 else min(hard, FILES)), hard))
    if len(CORES) < 2:
        yield
        return
    os.sched_setaffinity(0, CORES[:1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, CORES)
