"""What an agent remembers of earlier calls: nothing is kept for it, the journal is read again.

So what was erased is forgotten, and what the person did not hear was never said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from journal.api import Readable
from voicecall.actors.world import read_call
from voicecall.core.state import CallState
from voicecall.events import CallId, Instant
from voicecall.ports import Line
from voicecall.projections.directory import Directory
from voicecall.projections.transcript import transcript

TURNS = 20
"""So many remarks of the person are remembered, with ours between them."""
CALLS = 20
"""So many calls are looked at: most calls that nobody answered hold no words."""
DAYS_MS = 30 * 24 * 3_600_000
"""Longer than that nothing is remembered."""


def remember(
    journal: Readable, directory: Directory, wall: Callable[[], Instant], *, anybody: bool
) -> Callable[[CallState], Awaitable[tuple[Line, ...]]]:
    """See ``World.earlier``. ``anybody``: of all calls, and not only of those with the same person."""

    async def earlier(state: CallState) -> tuple[Line, ...]:
        # Who withholds the number is nobody known, and must not hear of others who did so too.
        if not anybody and not any(one.isdigit() for one in state.peer):
            return ()
        since = Instant(wall() - DAYS_MS)
        lines: list[Line] = []
        for call_id in await _calls(directory, "" if anybody else state.peer, since):
            lines = [*await _lines(journal, call_id), *lines]
            if _turns(lines) >= TURNS:
                break
        while _turns(lines) > TURNS:
            del lines[0]
        return tuple(lines)

    return earlier


async def _calls(directory: Directory, peer: str, since: Instant) -> list[CallId]:
    """The last calls, newest first."""
    found: list[CallId] = []
    for row in directory.past_with(peer, since):
        if row is None:
            await trio.lowlevel.checkpoint()
        else:
            found.append(CallId(row.call_id))
        if len(found) == CALLS:
            break
    return found


async def _lines(journal: Readable, call_id: CallId) -> list[Line]:
    spoken = transcript(await read_call(journal, call_id))
    return [
        Line(speaker="agent" if one.speaker == "bot" else "caller", text=one.heard)
        for one in spoken
        if one.heard.strip()
    ]


def _turns(lines: list[Line]) -> int:
    return sum(line.speaker == "caller" for line in lines)
