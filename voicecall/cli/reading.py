"""The journal for commands that only look: no lock, no server."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from attrs import frozen

from journal.api import START, Line, Position
from journal.lines import BadLine, parse
from journal.reading import Reader
from voicecall.actors.checkpoint import load_directory
from voicecall.actors.world import stream_of
from voicecall.cli.place import Place
from voicecall.events import CallId

WHOLE_ID = 36
"""Characters of a call id; whoever has a whole one needs no list of calls to find it."""


class NoJournal(Exception):
    """There is nothing to look at. The text says where it was looked for."""


class NoSuchCall(Exception):
    """The journal has no such call."""


@frozen(kw_only=True)
class Past:
    """The newest lines, and the position to follow from."""

    lines: tuple[Line, ...]
    end: Position


def open_source(place: Place, file: Path | None) -> Reader:
    """The journal of the state directory, or any other: its directory, a state directory, or one file of lines.

    Raises ``NoJournal``, ``OSError``.
    """
    if file is None:
        directory = place.state / "journal"
        if not directory.is_dir():
            raise NoJournal(f"no journal at {directory}: start a server once, or name another --state")
        return Reader(directory)
    if file.is_dir():
        inner = file / "journal"
        return Reader(inner if inner.is_dir() else file)
    if not file.is_file():
        raise NoJournal(f"No log file at {file}")
    with file.open("rb") as lines:
        first = lines.readline()
    try:
        if first.endswith(b"\n"):
            parse(first)
    except BadLine as error:
        raise NoJournal(f"--file: {file} is no journal: line 1: {error}") from None
    return Reader(file.parent, only=file)


def checkpoint_of(place: Place, file: Path | None) -> Path | None:
    """Where a server keeps the directory of the journal that is looked at; another journal than its own has none."""
    return place.state / "directory.bin" if file is None else None


async def newest(source: Reader, stream: str | None, count: int) -> Past:
    """The last ``count`` lines of a stream (None: of all), read from as late in the journal as that allows."""
    milestones = [START] if stream is not None else source.milestones()
    kept: deque[Line] = deque(maxlen=count)
    end = START
    for after in reversed(milestones):
        kept.clear()
        async with source.read(stream, after=after) as lines:
            async for line in lines:
                kept.append(line)
                end = max(end, line.position)
        if len(kept) == count:
            break
    return Past(lines=tuple(kept), end=end)


async def find_call(source: Reader, name: str, checkpoint: Path | None) -> CallId:
    """The call that ``name`` means. Raises ``NoSuchCall``."""
    if len(name) == WHOLE_ID:
        async with source.read(stream_of(CallId(name))) as lines:
            async for _ in lines:
                return CallId(name)
    found = (await load_directory(source, checkpoint)).find(name)
    if found is None:
        hint = (
            "give more of the id (at least 4 characters); `voicecall tail --since 1000 --no-follow` shows what there is"
        )
        raise NoSuchCall(f"no call {name!r} in this journal, or more than one that begins like this: {hint}")
    return found


def server_runs(state: Path) -> bool:
    """Whether a server listens on the state directory's socket."""
    from voicecall.rpc.client import SOCKET, is_served

    return is_served(state / SOCKET)
