"""A media plane behind a real door on loopback, callers with a real WebSocket library, and callers that write bytes.

Clocks run 20 times as fast as usual, and no test asks how long something took.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import msgspec
import trio
import trio.testing
from attrs import define, field

from tests.audio.kit import CALL, Mailbox, Stage, codec, new_plane, new_stream
from tests.audio.wire import Seen, parse
from tests.open_files import open_files
from tests.web.kit import ACCEPT, STREAM, handshake
from voicecall.events import CallId, EffectId
from voicecall.events.facts import EffectSucceeded
from voicecall.ports import HttpRequest
from voicecall.testing.ear import Ear
from voicecall.testing.media import Broken, End, Stream
from voicecall.testing.media_client import connect_socket
from voicecall.testing.phone import Phone
from voicecall.web.door import Door, serve_door
from voicecall.web.listening import listen

RATE = 20
PATIENCE_S = 40
"""Of real time, after which a story is stuck."""
CALM = {"start_timeout_s": 200.0, "mark_grace_s": 200.0}
"""Both sides of a story share one thread of a busy machine: patience that the plane has with slow peers is not tested
here, but where a story says so."""


def open_sockets() -> int:
    """How many sockets this process has."""
    return len(open_files("self"))


def start(ticket: str = CALL, **fields: object) -> bytes:
    """The message that says whose sound a socket carries."""
    return msgspec.json.encode({"event": "start", "streamId": f"s-{ticket}", "ticket": ticket, **fields})


@define
class Caller:
    """Somebody whose telephone speaks through trio-websocket."""

    phone: Phone
    stream: Stream
    ended: list[End | Broken] = field(factory=list)
    gone: trio.Event = field(factory=trio.Event)

    async def carry(self, url: str, ticket: str) -> None:
        async with connect_socket(HttpRequest(method="GET", url=url)) as wire:
            try:
                end = await self.stream.carry(wire)
            finally:
                self.gone.set()
        self.ended.append(end)


@define
class Raw:
    """A client that writes bytes, after its handshake."""

    stream: trio.SocketStream

    async def send(self, *data: bytes) -> None:
        await self.stream.send_all(b"".join(data))

    async def frames(self) -> list[Seen]:
        """Everything the server sends until it closes the connection properly."""
        data = b""
        async for piece in self.stream:
            data += piece
        return parse(data)

    async def first(self) -> Seen:
        """The next frame, when nothing else comes with it."""
        [seen] = parse(bytes(await self.stream.receive_some()))
        return seen

    def reset(self) -> None:
        """Break the connection as a process that is killed does."""
        self.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.stream.socket.close()


@define
class Street(Stage):
    """The plane, and its door."""

    door: Door = field(kw_only=True)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.door.port}{STREAM}"

    @asynccontextmanager
    async def dialed(self, ticket: str = CALL) -> AsyncGenerator[tuple[Caller, Mailbox]]:
        """A caller, and the actor of the call, from when the stream is admitted."""
        phone = Phone(step_ms=100, sparse=False, ear=Ear(since=trio.current_time()))
        caller = Caller(phone, new_stream(ticket, phone))
        mailbox = self.adopt(CallId(ticket))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(caller.carry, self.url, ticket)
            nursery.start_soon(phone.run)
            yield caller, mailbox
            nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def raw(self, *data: bytes, receive_bytes: int = 0) -> AsyncGenerator[Raw]:
        """A socket whose handshake is done; ``data`` comes in one breath with it."""
        sock = trio.socket.socket()
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        await sock.connect(("127.0.0.1", self.door.port))
        async with trio.SocketStream(sock) as stream:
            await stream.send_all(handshake() + b"".join(data))
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += await sock.recv(1)
            assert answer.startswith(b"HTTP/1.1 101")
            assert ACCEPT.encode() in answer
            yield Raw(stream)

    async def emptied(self, left: int = 0) -> None:
        """Until the plane has no more than so many connections."""
        while True:
            if self.plane.connections <= left:
                return
            await trio.sleep(0.1)


async def caller_is_on(street: Street, call_id: CallId = CALL) -> None:
    """Until the call, which has an actor, has a stream."""
    probe = EffectId("probe")
    mailbox = street.mailboxes[call_id]
    while not any(one.settles == probe for one in mailbox.of(EffectSucceeded)):
        street.plane.listen(call_id, probe)
        await trio.sleep(0.05)


def serve(story: Callable[[Street], Awaitable[None]], **settings: Any) -> None:
    """Open door and plane, play a story at them, close them. No socket and no task may be left."""
    before = open_sockets()

    async def main() -> None:
        tasks = trio.lowlevel.current_statistics().tasks_living
        plane = new_plane(**{**CALM, **settings})
        listeners = await listen("127.0.0.1", 0)
        async with trio.open_nursery() as nursery:
            await nursery.start(plane.run)

            def accept(sock: socket.socket, rest: bytes, peer: str) -> None:
                plane.accept_socket(sock, rest, peer, carrier="mock", codec=codec)

            opening = partial(
                serve_door,
                bind="127.0.0.1",
                listeners=listeners,
                app=_nothing,
                stream_path=STREAM,
                media_room=plane.has_room,
                accept_media=accept,
            )
            door: Door = await nursery.start(opening)
            with trio.fail_after(PATIENCE_S * RATE):
                await story(Street(plane, nursery, door=door))
            await door.stop()
            nursery.cancel_scope.cancel()
        assert plane.connections == 0
        assert trio.lowlevel.current_statistics().tasks_living == tasks

    trio.run(main, clock=trio.testing.MockClock(rate=RATE))
    assert open_sockets() == before


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})
