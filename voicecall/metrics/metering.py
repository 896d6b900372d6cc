"""The metrics of one system: counted from its facts, its journal's disk and its parts, served on a port of their own.

That port is not the door, because the door may be public, and whoever comes through a tunnel looks like a neighbour.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Never

import trio
from attrs import field, frozen
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from journal.disk import Disk
from voicecall.events import CallId, Entry
from voicecall.metrics.calls import CallMetrics
from voicecall.metrics.instruments import Instruments
from voicecall.metrics.lag import LagTally
from voicecall.metrics.meters import SYNC
from voicecall.metrics.reading import Readings, Sources
from voicecall.projections.directory import Directory
from voicecall.web.door import Server
from voicecall.web.fault import Contained

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework, ASGIReceiveCallable, ASGISendCallable, Scope

PATH = "/metrics"
EVERY_S = 5.0
"""How often the tick's lag is added up; the plane remembers twice as much."""
PATIENCE_S = 10.0
"""How long a scrape may take."""


class TimedDisk(Disk):
    """A disk that tells how long it takes to make data durable."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    def sync(self, descriptor: int) -> None:
        """See ``Disk.sync``."""
        begun = perf_counter()
        super().sync(descriptor)
        self._instruments.observe(SYNC, perf_counter() - begun)


@frozen(kw_only=True)
class Metering:
    """What counts, and the port that tells it. ``port`` is the real one, also when 0 was asked for."""

    listeners: list[trio.SocketListener]
    instruments: Instruments = field(factory=Instruments)

    @property
    def port(self) -> int:
        """Where Prometheus may ask."""
        return int(self.listeners[0].socket.getsockname()[1])

    def counting(self, directory: Directory) -> Callable[[CallId, Entry], None]:
        """What must see every entry, once, after the directory has."""
        return CallMetrics(instruments=self.instruments, row=directory.row).observe

    def disk(self) -> Disk:
        """A disk for the journal."""
        return TimedDisk(self.instruments)

    async def run(self, sources: Sources, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> Never:
        """Answer Prometheus for ever."""
        tally = LagTally(since=sources.lags, taken=trio.current_time())
        registry = self.instruments.registry
        registry.register(Readings(sources, tally))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        server = Server(_app(registry))

        async def answer(stream: trio.SocketStream) -> None:
            with Contained("a scrape failed"), trio.move_on_after(PATIENCE_S):
                await server.run(stream)

        async with trio.open_nursery() as nursery:
            await nursery.start(trio.serve_listeners, answer, self.listeners)
            task_status.started()
            while True:
                await trio.sleep(EVERY_S)
                tally.take(trio.current_time())


def _app(registry: CollectorRegistry) -> ASGIFramework:
    """The metrics at their path, in the format that is asked for; nothing elsewhere."""

    async def app(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        del receive
        if scope["type"] != "http":
            return
        status, kind, body = 404, "text/plain; charset=utf-8", f"Not Found: GET {PATH}\n".encode()
        if scope["path"] == PATH and scope["method"] in ("GET", "HEAD"):
            accept = b",".join(value for name, value in scope["headers"] if name.lower() == b"accept")
            encode, kind = choose_encoder(accept.decode("latin-1"))
            status, body = 200, encode(registry)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return app
