"""Rows about the journal: durable appends, opening one with a million past calls, reading one call among many.

Appends are what ``reference`` figures of other stores were taken with: bodies of 400 bytes, each appender waits for its
own. Past calls are written by the journal's own functions for lines, indexes and sidecars, but without a sync for each
line, which would take hours. A start reads sidecars and not lines, so the million calls have few and short lines, cut
into as many segments as calls of thirty lines would fill.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import trio

from journal import START, FileJournal, Position, Readable, open_journal, open_reader
from journal.disk import Disk
from journal.files import SEGMENT_SIZE
from journal.index import Index
from journal.lines import build
from journal.segments import Segment, seal, segment_path

BODY = (
    b'{"v":1,"seq":7,"at":1767225600412,"writer":"w2","key":"mock:0ccc7b54","event":{"type":"caller.said","text":'
    b'"is Thursday free, or would the week after suit you better, in the morning if at all possible?",'
    b'"confidence":0.93,"started_ms":8120,"ended_ms":9480},"effects":[{"type":"ask_agent","turn":2,"text":'
    b'"is Thursday free?"},{"type":"start_timer","name":"silence","due":1767225602412}]}'
)
UNIT = "appends/s; p50, p99 in ms"
SHORT = b'{"v":1}'
APPENDS = {1: 4_000, 50: 20_000, 500: 50_000}
WARM_UP = 0.2
PAST, PAST_LINES, PAST_OPENS = 1_000_000, 2, 7
CALLS, CALL_LINES, CALL_READS, TOGETHER = 100_000, 10, 2_000, 50
LINES_OF_A_REAL_CALL = 30
Show = Callable[[float], None]


class UnsyncedDisk(Disk):
    """Leaves it to the system when data reaches the medium: a benchmark's past need not survive a power failure."""

    def sync(self, descriptor: int) -> None:
        """Later."""

    def sync_directory(self, path: Path) -> None:
        """Later."""


def rows(progress: Callable[[str, float], None]) -> Iterator[dict[str, Any]]:
    """Every row about the journal; beside "appends" the disk alone, beside "read" the same from another process."""
    with _scratch() as directory:
        yield _bare(directory)
    for appenders, appends in APPENDS.items():
        name = f"journal appends, {appenders} appender{'s' if appenders > 1 else ''}"
        with _scratch() as directory:
            yield trio.run(_appends, name, directory, appenders, appends, _shower(progress, name))
    name = "journal open, 1000000 past calls"
    with _scratch() as directory:
        yield trio.run(_opens, name, directory, _shower(progress, name))
    name = "journal read one call of 100000"
    with _scratch() as directory:
        yield from trio.run(_reads, name, directory, _shower(progress, name))


def _bare(directory: Path) -> dict[str, Any]:
    """What the disk does on its own: the lines of one appender, each written and synced."""
    disk, took_ms = Disk(), list[float]()
    descriptor = disk.open_append(directory / "bare")
    line = build(Position(1), _name(1), BODY)
    for _ in range(APPENDS[1]):
        begun = time.perf_counter()
        disk.write(descriptor, line)
        disk.sync(descriptor)
        took_ms.append((time.perf_counter() - begun) * 1000)
    os.close(descriptor)
    return _row("journal appends, bare write and sync", UNIT, 1000 * len(took_ms) / sum(took_ms), took_ms)


async def _appends(name: str, directory: Path, appenders: int, appends: int, show: Show) -> dict[str, Any]:
    took_ms: list[float] = []
    async with open_journal(directory) as journal:
        await _append(journal, "warm", appenders, round(appends * WARM_UP), [], show)
        begun = time.perf_counter()
        await _append(journal, "call", appenders, appends, took_ms, show)
        took_s = time.perf_counter() - begun
    return _row(name, UNIT, appends / took_s, took_ms)


async def _append(
    journal: FileJournal, prefix: str, appenders: int, appends: int, took_ms: list[float], show: Show
) -> None:
    async def write(stream: str) -> None:
        after = START
        for number in range(appends // appenders):
            begun = time.perf_counter()
            after = await journal.append(stream, BODY, after=after)
            took_ms.append((time.perf_counter() - begun) * 1000)
            if number % 100 == 0:
                show(len(took_ms) / appends)

    async with trio.open_nursery() as nursery:
        for number in range(appenders):
            nursery.start_soon(write, f"{prefix}/{number}")


async def _opens(name: str, directory: Path, show: Show) -> dict[str, Any]:
    segment_size = SEGMENT_SIZE * PAST_LINES * (len(SHORT) + 70) // (LINES_OF_A_REAL_CALL * (len(BODY) + 90))
    _write_past(
        directory, _calls(PAST, PAST_LINES), SHORT, segment_size, lambda done: show(0.9 * done), PAST * PAST_LINES
    )
    took_s: list[float] = []
    for number in range(PAST_OPENS):
        begun = time.perf_counter()
        async with open_journal(directory) as journal:
            took_s.append(time.perf_counter() - begun)
            if journal.position != PAST * PAST_LINES:
                raise RuntimeError("the journal did not open as it was written")
        show(0.9 + 0.1 * number / PAST_OPENS)
    return _row(name, "s", median(took_s), took_s)


async def _reads(name: str, directory: Path, show: Show) -> list[dict[str, Any]]:
    lines = CALLS * CALL_LINES
    _write_past(directory, _calls(CALLS, CALL_LINES), BODY, SEGMENT_SIZE, lambda done: show(0.8 * done), lines)
    async with open_journal(directory) as journal:
        inside = await _read_many(journal, CALL_READS)
        show(0.9)
        outside = await _read_many(open_reader(directory), CALL_READS // 20)
    return [_row(name, "ms", median(inside), inside), _row(f"{name}, another process", "ms", median(outside), outside)]


async def _read_many(journal: Readable, reads: int) -> list[float]:
    took_ms: list[float] = []
    for number in range(reads):
        begun = time.perf_counter()
        async with journal.read(_name(number * 7919 % CALLS)) as lines:
            count = len([line async for line in lines])
        took_ms.append((time.perf_counter() - begun) * 1000)
        if count != CALL_LINES:
            raise RuntimeError(f"a call of {CALL_LINES} lines was read as {count}")
    return took_ms


def _calls(calls: int, lines: int) -> Iterator[str]:
    """The stream of each line: some calls at a time, whose lines take turns."""
    for first in range(0, calls, TOGETHER):
        names = [_name(number) for number in range(first, first + TOGETHER)]
        for _ in range(lines):
            yield from names


def _name(number: int) -> str:
    return f"call/{number:08x}-8c1e-5f6a-9b3d-444455556666"


def _write_past(
    directory: Path, streams: Iterator[str], body: bytes, segment_size: int, show: Show, total: int
) -> None:
    """Segments, each but the last with its sidecar, as a writer leaves them."""
    path, index, data = segment_path(directory, Position(1)), Index(), list[bytes]()
    for number, stream in enumerate(streams, 1):
        line = build(Position(number), stream, body)
        index.add(stream, Position(number), len(line), erased=False)
        data.append(line)
        if index.size >= segment_size and number < total:
            path.write_bytes(b"".join(data))
            seal(Segment(path=path, index=index), UnsyncedDisk())
            path, index, data = segment_path(directory, Position(number + 1)), Index(), []
            show(number / total)
    path.write_bytes(b"".join(data))


@contextmanager
def _scratch() -> Generator[Path]:
    """A directory on a disk: where there is one, the system's own for temporary files may be memory."""
    disk = Path("/var/tmp")
    with TemporaryDirectory(prefix="journal-bench-", dir=disk if disk.is_dir() else None) as directory:
        yield Path(directory)


def _shower(progress: Callable[[str, float], None], name: str) -> Show:
    return lambda done: progress(name, done)


def _row(name: str, unit: str, value: float, samples: list[float]) -> dict[str, Any]:
    ordered = sorted(samples)
    return {
        "name": name,
        "unit": unit,
        "value": value,
        "p50": ordered[len(ordered) // 2],
        "p99": ordered[len(ordered) * 99 // 100],
    }
