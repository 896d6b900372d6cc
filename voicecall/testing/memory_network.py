"""The simulated phone network without a socket: for tests on a jumping clock.

``open_memory_network`` gives the control lane its ``Fetch`` and delivers webhooks by calling a function; a media
stream is a pair of ends in memory, one of which is handed to the media plane as a ``MediaLink``. Sound moves in steps
of 100 ms and silence is not sent, so that five minutes of a call cost well under a second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import trio
from attrs import define, field, frozen

from voicecall.events import Instant
from voicecall.ports import Exchange, Fetch, HttpRequest, HttpResponse
from voicecall.testing import voice as stand_in
from voicecall.testing.dialect import Vendor
from voicecall.testing.front import Front
from voicecall.testing.media import Broken, NotConnected, Wire
from voicecall.testing.person import Voice
from voicecall.testing.switchboard import Rates, Switchboard, vendor_of

DeliverWebhook = Callable[[HttpRequest], Awaitable[HttpResponse | None]]
"""The door's front half: ``functools.partial(gate.receive, the_gate)`` is one. None: nobody listens there."""


@define
class LinkEnd:
    """The plane's end of a media stream in memory: ``voicecall.audio.link.MediaLink``.

    ``arrived`` is set, and replaced, when a message came or the stream closed, for whoever would rather wait than poll.
    """

    closed: bool = False
    reason: str = ""
    clean: bool = True
    descriptor: int = -1
    arrived: trio.Event = field(factory=trio.Event)
    _inbox: deque[bytes] = field(factory=deque[bytes])
    _outbox: deque[bytes] = field(factory=deque[bytes])
    _stir: trio.Event = field(factory=trio.Event)

    def receive(self) -> list[bytes]:
        """Messages from the network since the last call."""
        messages = list(self._inbox)
        self._inbox.clear()
        return messages

    def fetch(self) -> None:
        """Nothing: what has arrived is here."""

    def send(self, *messages: bytes) -> None:
        """Messages to the network."""
        if not self.closed:
            self._outbox += messages
            self._wake()

    queue = send

    def flush(self) -> None:
        """Nothing: what is queued is sent."""

    def close(self, code: int = 1000, reason: str = "") -> None:
        """The plane lets go; what it sent still arrives."""
        self._end(clean=code in (1000, 1001), reason=reason)

    def cut(self) -> None:
        """The line breaks, as when a process is killed. For tests."""
        self._outbox.clear()
        self._end(clean=False, reason="the line is broken")

    def _end(self, *, clean: bool, reason: str) -> None:
        if not self.closed:
            self.closed, self.clean, self.reason = True, clean, reason
            self._wake()

    def _wake(self) -> None:
        stir, self._stir = self._stir, trio.Event()
        stir.set()
        if self.closed:
            self._announce()

    def _announce(self) -> None:
        arrived, self.arrived = self.arrived, trio.Event()
        arrived.set()

    # --- the network's side ------------------------------------------------------------------------------------------

    def put(self, message: bytes) -> None:
        """A message from the network."""
        if self.closed:
            raise Broken(clean=self.clean)
        self._inbox.append(message)
        self._announce()

    async def take(self) -> bytes:
        """The next message to the network."""
        while not self._outbox:
            if self.closed:
                raise Broken(clean=self.clean)
            await self._stir.wait()
        return self._outbox.popleft()


@frozen
class MemoryWire:
    """The network's end, as ``media.Wire``."""

    _end: LinkEnd

    async def send(self, message: bytes) -> None:
        self._end.put(message)

    async def receive(self) -> bytes:
        return await self._end.take()

    async def cut(self) -> None:
        self._end.cut()


AcceptMedia = Callable[[HttpRequest, LinkEnd], None]
"""Takes the media stream that a handshake asks for, at once; raises ``media.NotConnected``."""


@frozen(kw_only=True)
class MemoryNetwork:
    """``fetch`` is the network's API, for ``World.fetch``, and ``account`` what opens it.

    ``links`` are the media streams so far, newest last.
    """

    board: Switchboard
    fetch: Fetch
    account: Mapping[str, str] = field(repr=False)
    links: list[LinkEnd]


@asynccontextmanager
async def open_memory_network(
    *,
    secret: str,
    carrier: str | Vendor = "mock",
    deliver_webhook: DeliverWebhook,
    accept_media: AcceptMedia,
    wall: Callable[[], Instant],
    voice: Voice = stand_in.say,
    step_ms: int = 100,
    latency_ms: int = 5,
    faulty: Callable[[Fetch], Fetch] = lambda fetch: fetch,
) -> AsyncGenerator[MemoryNetwork]:
    """A network that lives as long as the context; leaving it cuts off every call.

    ``faulty`` wraps the way of webhooks, to lose, delay or repeat some of them; the API's way (``fetch``) can be
    wrapped by whoever is given it.
    """
    links: list[LinkEnd] = []
    vendor = vendor_of(carrier) if isinstance(carrier, str) else carrier
    account = vendor.account(secret)
    board = Switchboard(
        vendor=vendor,
        account=account,
        fetch=faulty(_webhooks(deliver_webhook, latency_ms)),
        connect=lambda handshake: _connect(handshake, accept_media, links),
        wall=wall,
        voice=voice,
        rates=Rates(step_ms=step_ms, sparse=True),
    )
    front = Front(board, secret=secret)

    async def fetch(request: HttpRequest) -> Exchange:
        await trio.sleep(latency_ms / 1000)
        return Exchange(request=request, response=await front.answer(request))

    async with trio.open_nursery() as nursery:
        await nursery.start(board.run)
        yield MemoryNetwork(board=board, fetch=fetch, account=account, links=links)
        nursery.cancel_scope.cancel()


def _webhooks(deliver: DeliverWebhook, latency_ms: int) -> Fetch:
    async def fetch(request: HttpRequest) -> Exchange:
        await trio.sleep(latency_ms / 1000)
        response = await deliver(request)
        if response is None:
            return Exchange(request=request, error="nobody listens", sent=False)
        return Exchange(request=request, response=response)

    return fetch


def _connect(handshake: HttpRequest, accept: AcceptMedia, links: list[LinkEnd]) -> AbstractAsyncContextManager[Wire]:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[Wire]:
        await trio.lowlevel.checkpoint()
        end = LinkEnd()
        accept(handshake, end)
        links.append(end)
        try:
            yield MemoryWire(end)
        finally:
            end.close()

    return opened()


__all__ = [
    "AcceptMedia",
    "DeliverWebhook",
    "LinkEnd",
    "MemoryNetwork",
    "MemoryWire",
    "NotConnected",
    "open_memory_network",
]
