"""When a server stops by itself: drained, or nobody needs it."""

from __future__ import annotations

import structlog
import trio

from voicecall.system import System

log = structlog.get_logger(__name__)


async def leave(system: System, grace_s: float | None, told: trio.Event) -> None:
    """Set ``told`` once a drain is over, or, with ``grace_s``, once no host has been there for so many seconds and no
    call is live."""
    async with trio.open_nursery() as nursery:
        if grace_s is not None:
            nursery.start_soon(_when_alone, system, grace_s, told)
        await system.drain.over.wait()
        told.set()
        nursery.cancel_scope.cancel()


async def _when_alone(system: System, grace_s: float, told: trio.Event) -> None:
    await system.methods.hosts.gone(system.calls.supervisor, grace_s)
    log.info("no host has been connected for long and no call is live: stopping", grace=grace_s)
    told.set()
