"""The network's end of a call's media stream: one connection at a time, from ``start`` to ``stop``.

What the connection is, a WebSocket or a pair of channels in memory, is the business of ``Connect``. Messages to the
other side go through one bounded queue to one writer, so nothing ever interrupts a message half way and a peer that
does not read costs sound, not memory.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol

import msgspec
import trio
from attrs import frozen

from voicecall.testing.phone import Phone

QUEUE = 500
"""Messages that may wait for a slow peer: 10 s of sound."""
GOODBYE_S = 2.0
"""How long a peer may take to read what is left when the call is over."""


class NotConnected(Exception):
    """No media stream came about. The text says why."""


class Broken(Exception):
    """The connection is gone. ``clean`` says whether the other side closed it properly."""

    def __init__(self, *, clean: bool) -> None:
        super().__init__("closed" if clean else "broken")
        self.clean = clean


class Wire(Protocol):
    """One media connection, text messages both ways. Both methods raise ``Broken``."""

    async def send(self, message: bytes) -> None:
        """Send one message."""
        ...

    async def receive(self) -> bytes:
        """The next message."""
        ...


Connect = Callable[[str], AbstractAsyncContextManager[Wire]]
"""Opens the media stream at a URL; raises ``NotConnected``. Leaving the context closes it."""


@frozen(kw_only=True)
class Order:
    """Where a call's sound should go."""

    url: str
    ticket: str


class Message(msgspec.Struct, rename="camel", frozen=True):
    """A message from the other side."""

    event: str
    payload: bytes = b""
    name: str = ""


_messages = msgspec.json.Decoder(Message)
End = Literal["over", "closed", "lost"]
"""Why a stream ended: the call did, the other side closed it properly, or it broke."""


class Stream:
    """One media connection of one call. ``tell`` queues a message for the other side."""

    def __init__(self, *, stream_id: str, phone: Phone) -> None:
        self.stream_id = stream_id
        self._phone = phone
        self._put, self._take = trio.open_memory_channel[bytes](QUEUE)
        self._lost: bool | None = None
        self._scope = trio.CancelScope()

    def tell(self, message: bytes) -> None:
        """Queue a message; without room for it, it is lost."""
        try:
            self._put.send_nowait(message)
        except (trio.WouldBlock, trio.ClosedResourceError, trio.BrokenResourceError):
            self._phone.dropped_ms += 20

    def tell_object(self, event: str, **fields: str | int | bool) -> None:
        """Queue a message that is not sound."""
        self.tell(msgspec.json.encode({"event": event, **fields}))

    def stop(self, reason: str) -> None:
        """Say ``stop``, send what is queued, and be over."""
        self.tell_object("stop", reason=reason)
        self._put.close()
        self._scope.deadline = trio.current_time() + GOODBYE_S

    async def carry(self, wire: Wire, *, call_id: str, vendor_call_id: str, ticket: str) -> End:
        """Carry the call's sound over ``wire`` until one side ends it."""
        await self._greet(wire, call_id=call_id, vendor_call_id=vendor_call_id, ticket=ticket)
        self._phone.connect(self.tell, lambda name: self.tell_object("mark", name=name))
        over = False
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._read, wire)
                    over = await self._write(wire)
                    self._scope.cancel()
        finally:
            self._phone.disconnect()
            self._put.close()
            self._take.close()
        if over:
            return "over"
        return "lost" if self._lost else "closed"

    async def _greet(self, wire: Wire, *, call_id: str, vendor_call_id: str, ticket: str) -> None:
        start = {
            "event": "start",
            "streamId": self.stream_id,
            "callId": call_id,
            "providerCallId": vendor_call_id,
            "ticket": ticket,
            "encoding": "audio/x-mulaw",
            "sampleRate": 8_000,
        }
        try:
            await wire.send(b'{"event":"connected"}')
            await wire.send(msgspec.json.encode(start))
        except Broken as broken:
            raise NotConnected("the media stream closed before it started") from broken

    async def _write(self, wire: Wire) -> bool:
        """Send what is queued; True when the queue was closed because the call is over."""
        try:
            async for message in self._take:
                await wire.send(message)
        except Broken as broken:
            self._note(broken)
            return False
        return True

    async def _read(self, wire: Wire) -> None:
        try:
            while True:
                self._receive(await wire.receive())
        except Broken as broken:
            self._note(broken)
            self._scope.cancel()

    def _note(self, broken: Broken) -> None:
        self._lost = self._lost or not broken.clean

    def _receive(self, message: bytes) -> None:
        try:
            told = _messages.decode(message)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return
        match told.event:
            case "media":
                self._phone.receive(told.payload)
            case "mark":
                self._phone.mark(told.name)
            case "clear":
                self._phone.clear()
            case _:
                pass
