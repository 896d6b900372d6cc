"""How long people waited, over many calls."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from journal.reading import Reader
from voicecall.actors.world import read_call
from voicecall.events import CallId
from voicecall.projections.directory import Directory
from voicecall.projections.latency import summary, turn_latencies
from voicecall.projections.operation import operations


async def latency_report(source: Reader, calls: Directory, last: int, *, progress: bool) -> dict[str, Any]:
    """``{recordsScanned, turnLatency, listenWait}`` as the reference prints it, over the ``last`` newest calls.

    A turn counts from the moment the caller stopped to the first sound of the answer, a wait from ``continue`` to
    the words that answered it.
    """
    names = deque((CallId(row.call_id) for row in calls.rows()), maxlen=last)
    turns: list[int] = []
    waits: list[int] = []
    for call_id in _shown(names, progress=progress):
        entries = await read_call(source, call_id)
        turns += [one.playback_ms for one in turn_latencies(entries) if one.playback_ms is not None]
        waits += [one.completed_at - one.requested_at for one in operations(entries) if one.status == "completed"]
    return {"recordsScanned": len(names), "turnLatency": summary(turns), "listenWait": summary(waits)}


def _shown(names: deque[CallId], *, progress: bool) -> Iterable[CallId]:
    if not progress:
        return names
    from rich.console import Console
    from rich.progress import track

    return track(names, "reading calls", console=Console(stderr=True), transient=True)
