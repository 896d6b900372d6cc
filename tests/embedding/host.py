"""A host: a trio program with a simulated phone network on real sockets beside it, on a fast clock."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import trio
import trio.testing
from attrs import define

import voicecall
from tests.rpc.stage import Stage
from tests.system.street import PATIENCE_S, RATE, reserved_port
from voicecall.system import wall_clock
from voicecall.testing.network import Settings, serve
from voicecall.testing.switchboard import vendor_of

SECRET = "between us"
Plain = dict[str, Any]


@define
class Host:
    """``config`` is for the network that runs; ``open`` opens a system on the host's state directory."""

    state: Path
    config: Plain
    rate: float

    @asynccontextmanager
    async def open(self, **more: Any) -> AsyncGenerator[voicecall.EmbeddedSystem]:
        """A system, with other options where a test wants them."""
        given = {"state": self.state, "clock_rate": self.rate, "environment": {}, **more}
        async with voicecall.open_system(given.pop("config", self.config), **given) as system:
            yield system


async def happened(system: voicecall.EmbeddedSystem, call_id: str, kind: type[object]) -> voicecall.CallEvent:
    """The first fact of this kind, which may be still to come."""
    async for event in system.tail(call_id):
        if isinstance(event.fact, kind):
            return event
    raise AssertionError("the system was closed")


def run(folder: Path, story: Callable[[Host], Awaitable[None]], *, rate: float = RATE, **settings: Any) -> None:
    """Run a host's program, on clocks of this ``rate``. ``settings`` are the configuration's."""

    async def main(port: int) -> None:
        with trio.fail_after(PATIENCE_S * rate):
            async with open_network(rate) as url:
                ours = {"serve": {"port": port}, "mock": {"apiUrl": url, "secret": SECRET}}
                usual = {"provider": "mock", "fromNumber": "+15550000000", "maxConcurrentCalls": 3}
                await story(Host(folder / "state", {**usual, **settings, **ours}, rate))

    with ExitStack() as stack:
        port = stack.enter_context(reserved_port())
        trio.run(main, port, clock=trio.testing.MockClock(rate=rate), strict_exception_groups=True)


@asynccontextmanager
async def open_network(rate: float) -> AsyncGenerator[str]:
    """The network; its URL."""
    ports, found = trio.open_memory_channel[int](1)
    settings = Settings(port=0, secret=SECRET, account=vendor_of("mock").account(SECRET), clock_rate=rate)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(serve, settings, wall=wall_clock(), ready=ports.send_nowait))
        yield f"http://127.0.0.1:{await found.receive()}"
        nursery.cancel_scope.cancel()
        ports.close()
        found.close()


def embedded(stage: Stage) -> voicecall.EmbeddedSystem:
    """What a host has, of a system in memory."""
    numbers = count(1)
    return voicecall.EmbeddedSystem(
        state=Path("state"),
        methods=stage.methods,
        webhook_url=lambda: "http://127.0.0.1:3334/voice/webhook",
        nursery=stage.nursery,
        fresh_id=lambda: f"fresh-{next(numbers)}",
        by="reception",
    )
