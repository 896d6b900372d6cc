"""``status`` and ``tail``: projections of the journal, with or without a server."""

from __future__ import annotations

import select
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from journal.api import JournalError, Line, Position
from journal.reading import Reader
from voicecall.actors.checkpoint import load_directory
from voicecall.actors.world import read_call, stream_of
from voicecall.cli.place import BAD_USAGE, Place, explain, fail, print_json, wants_json
from voicecall.cli.reading import (
    NoJournal,
    NoSuchCall,
    checkpoint_of,
    find_call,
    newest,
    open_source,
    server_runs,
)
from voicecall.events.schema import BadEntry, decode_entry
from voicecall.fault import Caught

UNREAD_S = 0.25
"""How often it is asked whether anybody still reads the output."""


def look(work: Callable[[], Awaitable[int]]) -> int:
    """Run ``work``; what cannot be looked at is said in one line."""
    try:
        return trio.run(work)
    except BrokenPipeError:
        raise  # the reader has enough
    except (NoJournal, NoSuchCall, JournalError, BadEntry, OSError) as error:
        return fail(explain(error))


def show_status(place: Place, name: str | None, *, file: Path | None, json: bool) -> int:
    """One call's record, or the calls that have not ended. An unknown call is an answer, not a failure."""
    from voicecall.projections.status import call_line, call_record

    async def work() -> int:
        server = file is None and server_runs(place.state)
        source = open_source(place, file)
        if name is None:
            calls = await load_directory(source, checkpoint_of(place, file))
            _show_calls([call_line(row, server=server) for row in calls.live_rows()], server=server, json=json)
            return 0
        try:
            call_id = await find_call(source, name, checkpoint_of(place, file))
        except NoSuchCall as error:
            if wants_json(json=json):
                print_json({"found": False})
                return 0
            return fail(str(error))
        record = call_record(call_id, await read_call(source, call_id), server=server)
        show_record(record, json=json)
        return 0

    return look(work)


def show_record(record: dict[str, Any], *, json: bool = False) -> None:
    """The record as the reference prints it, or as a person reads it."""
    if wants_json(json=json):
        print_json(record)
        return
    from voicecall.cli.rendering import record_view, show

    show(record_view(record))


def _show_calls(calls: list[dict[str, Any]], *, server: bool, json: bool) -> None:
    if wants_json(json=json):
        print_json({"found": True, "calls": calls})
        return
    from voicecall.cli.rendering import calls_view, show

    show(calls_view(calls, server=server))


def show_tail(place: Place, name: str | None, *, since: int, follow: bool, file: Path | None, json: bool) -> int:
    """The last ``since`` entries, then every new one until the reader has enough."""
    if since < 0:
        return fail(f"--since: must be 0 or more, got {since}", BAD_USAGE)

    async def work() -> int:
        source = open_source(place, file)
        stream = None if name is None else stream_of(await find_call(source, name, checkpoint_of(place, file)))
        past = await newest(source, stream, since)
        write = _verbatim if json or not sys.stdout.isatty() else _readable()
        for line in past.lines:
            write(line)
        if follow:
            await _follow(source, stream, past.end, write)
        return 0

    return look(work)


async def _follow(source: Reader, stream: str | None, after: Position, write: Callable[[Line], None]) -> None:
    """Write what comes until nobody reads it any more, which a writer with nothing to write would not notice."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_until_unread, nursery.cancel_scope)
        with Caught() as caught:
            async with source.follow(stream, after=after) as lines:
                async for line in lines:
                    write(line)
        nursery.cancel_scope.cancel()
    if caught.error is not None:
        raise caught.error


async def _until_unread(scope: trio.CancelScope) -> None:
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)  # errors are always reported
    while True:
        if output.poll(0):
            scope.cancel()
        await trio.sleep(UNREAD_S)


def _verbatim(line: Line) -> None:
    from journal.lines import build

    sys.stdout.buffer.write(build(line.position, line.stream, line.body))
    sys.stdout.buffer.flush()


def _readable() -> Callable[[Line], None]:
    from rich.console import Console
    from rich.text import Text

    from voicecall.cli.rendering import tail_text
    from voicecall.projections.tail import tail_line

    console = Console(soft_wrap=True)

    def write(line: Line) -> None:
        if not line.stream.startswith("call/"):
            console.print(Text(f"{line.position} {line.stream} {line.body.decode()}", "dim"))
            return
        try:
            text = tail_text(tail_line(line.stream, decode_entry(line.body)))
        except BadEntry as error:
            text = Text(f"{line.position} {line.stream}: {error}", "red")
        console.print(text)

    return write
