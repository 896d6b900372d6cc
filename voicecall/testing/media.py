"""The network's end of a call's media stream: one connection at a time, from its first message to its last.

What the connection is, a WebSocket or a pair of queues in memory, is the business of ``Connect``; what is said on it,
of a ``Framing``. Messages to the other side go through one bounded queue to one writer, so nothing ever interrupts a
message half way and a peer that does not read costs sound, not memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol, assert_never

import trio

from voicecall.ports import HttpRequest
from voicecall.testing.framing import BadMessage, ClearSound, Framing, Ignored, PlayMark, PlaySound, PressKeys
from voicecall.testing.happenings import Ending
from voicecall.testing.phone import Phone

QUEUE = 500
"""Messages that may wait for a slow peer: 10 s of sound."""
GOODBYE_S = 2.0
"""How long a peer may take to read what is left when the stream is over."""


class NotConnected(Exception):
    """No media stream came about. The text says why."""


class Broken(Exception):
    """The connection is gone. ``clean`` says whether the other side closed it properly."""

    def __init__(self, *, clean: bool) -> None:
        super().__init__("closed" if clean else "broken")
        self.clean = clean


class Wire(Protocol):
    """One media connection, text messages both ways. ``send`` and ``receive`` raise ``Broken``."""

    async def send(self, message: bytes) -> None:
        """Send one message."""
        ...

    async def receive(self) -> bytes:
        """The next message."""
        ...

    async def cut(self) -> None:
        """Break the connection without a word."""
        ...


Connect = Callable[[HttpRequest], AbstractAsyncContextManager[Wire]]
"""Opens the media stream that a GET with a ws or wss URL asks for; raises ``NotConnected``. Leaving it closes it."""

End = Literal["stopped", "closed", "lost"]
"""Why a stream ended: we said so, the other side closed it properly, or it broke."""


class Stream:
    """One media connection of one call. ``press`` presses keys down the line; ``note`` keeps a line for the report."""

    def __init__(
        self, framing: Framing, phone: Phone, *, press: Callable[[str], None], note: Callable[[str], None]
    ) -> None:
        self._framing = framing
        self._phone = phone
        self._press = press
        self._note = note
        self._put, self._take = trio.open_memory_channel[bytes](QUEUE)
        self._since = 0.0
        self._lost: bool | None = None
        self._stopped = False
        self._scope = trio.CancelScope()

    def key(self, digit: str) -> bool:
        """The person pressed a key; whether it is told here."""
        return self.tell(self._framing.key(digit))

    def stop(self, ending: Ending | None) -> None:
        """Say that it is over, send what is queued, and close."""
        self._stopped = True
        self.tell(self._framing.closing(ending))
        self._put.close()
        self._phone.disconnect(self.sound)
        self._scope.deadline = trio.current_time() + GOODBYE_S

    async def carry(self, wire: Wire, *, lasts_s: float = math.inf) -> End:
        """Carry the call's sound over ``wire`` until one side ends it, or it breaks after ``lasts_s``.

        Raises ``NotConnected`` when it broke before the first messages were out.
        """
        self._since = trio.current_time()
        try:
            for message in self._framing.opening():
                await wire.send(message)
        except Broken as broken:
            raise NotConnected("the media stream closed before it started") from broken
        self._phone.connect(self.sound, self._played)
        over = False
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._read, wire)
                    nursery.start_soon(self._break, wire, lasts_s)
                    over = await self._write(wire)
                    self._scope.cancel()
        finally:
            self._phone.disconnect(self.sound)
            self._put.close()
            self._take.close()
        if over:
            return "stopped"
        return "lost" if self._lost else "closed"

    def sound(self, frame: bytes, at: float) -> None:
        """A frame of the person's voice; ``at`` is trio's time, in seconds."""
        self.tell([self._framing.sound(frame, max(0, round((at - self._since) * 1000)))])

    def _played(self, name: str) -> None:
        self.tell(self._framing.played(name))

    def tell(self, messages: Iterable[bytes]) -> bool:
        """Queue messages; without room for them, they are lost. Whether there were any."""
        told = False
        for message in messages:
            told = True
            try:
                self._put.send_nowait(message)
            except (trio.WouldBlock, trio.ClosedResourceError, trio.BrokenResourceError):
                self._phone.dropped_ms += 20
        return told

    async def _break(self, wire: Wire, after_s: float) -> None:
        await trio.sleep(after_s)
        self._lost = True
        await wire.cut()
        self._scope.cancel()

    async def _write(self, wire: Wire) -> bool:
        """Send what is queued; True when the queue was closed because the stream is over."""
        try:
            async for message in self._take:
                await wire.send(message)
        except Broken as broken:
            self._lose(broken)
            return False
        return True

    async def _read(self, wire: Wire) -> None:
        try:
            while True:
                self._receive(await wire.receive())
        except Broken as broken:
            self._lose(broken)
            self._scope.cancel()

    def _lose(self, broken: Broken) -> None:
        self._lost = self._lost or not broken.clean

    def _receive(self, message: bytes) -> None:
        if self._stopped:
            return
        match told := self._framing.receive(message):
            case PlaySound():
                self._phone.receive(told.payload)
            case PlayMark():
                self._phone.mark(told.name)
            case ClearSound():
                self.tell(self._framing.cleared(self._phone.clear()))
            case PressKeys():
                self._press(told.digits)
            case BadMessage():
                self._complain(told)
            case Ignored():
                pass
            case _:
                assert_never(told)

    def _complain(self, bad: BadMessage) -> None:
        self._note(f"media message: {bad.why}")
        if bad.reply:
            self.tell([bad.reply])
        if bad.fatal:
            self.stop(None)
