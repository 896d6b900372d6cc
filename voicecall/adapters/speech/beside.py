"""Tasks that work beside a context's body, for as long as it lasts."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio

from voicecall.fault import Caught


@asynccontextmanager
async def open_beside() -> AsyncGenerator[trio.Nursery]:
    """A nursery whose tasks end with the body. What the body raises is raised as it is: no nursery wraps it into a
    group."""
    async with trio.open_nursery() as nursery:
        with Caught() as caught:
            yield nursery
        nursery.cancel_scope.cancel()
    if caught.error is not None:
        raise caught.error
