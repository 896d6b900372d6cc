"""Who looks on: the log of calls, and what Prometheus may ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import trio

from journal import FileJournal
from voicecall.assembly import VERSION, Calls, Parts
from voicecall.config import Config
from voicecall.logs.calls import CallLog
from voicecall.logs.once import Observe, Once

if TYPE_CHECKING:
    from voicecall.metrics.metering import Metering


async def tell_metrics(
    metering: Metering | None,
    nursery: trio.Nursery,
    calls: Calls,
    journal: FileJournal,
    checks: Mapping[str, Callable[[], bool]],
) -> None:
    """Let Prometheus ask from now on, if it may."""
    if metering is None:
        return
    from voicecall.metrics.reading import Sources

    sources = Sources(
        directory=calls.directory,
        lags=calls.plane.lag.since,
        sockets=lambda: calls.plane.connections,
        webhooks=lambda: {**calls.gate.passed, **calls.gate.refusals},
        waiting=lambda: journal.waiting,
        free=lambda: journal.free_bytes,
        checks=checks,
        version=VERSION,
    )
    await nursery.start(metering.run, sources)


def watch_calls(config: Config, parts: Parts, journal: FileJournal, metering: Metering | None, *, logged: bool) -> Once:
    """Whoever counts or tells what happens in calls from now on."""
    observers: list[Observe] = [CallLog(transcripts=config.logging.transcripts).observe] if logged else []
    if metering is not None:
        observers.append(metering.counting(parts.directory))
    return Once(tuple(observers), journal.position)
