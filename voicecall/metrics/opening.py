"""Opens the port for Prometheus where one is wanted; only then its client library is imported."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from voicecall.config.operation import Metrics
from voicecall.web.listening import open_listeners

if TYPE_CHECKING:
    from voicecall.metrics.metering import Metering


@asynccontextmanager
async def open_metering(settings: Metrics) -> AsyncGenerator[Metering | None]:
    """The port, if one is wanted, until the context is left. Raises ``CannotListen``."""
    if settings.port is None:
        yield None
        return
    from voicecall.metrics.metering import Metering

    async with open_listeners(settings.bind, settings.port, setting="metrics") as listeners:
        yield Metering(listeners=listeners)
