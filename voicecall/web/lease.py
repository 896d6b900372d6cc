"""A connection on loan to the HTTP server: first the bytes already read, then the socket; closing it ends the loan.

The server writes an answer in three pieces and ends the connection after it, so the pieces are collected and go out as
one. The socket stays the door's, because the server cannot close it well: a close with unread input is a reset, and a
reset may overtake the answer that was just sent (a refused upload would look like a dead line).
"""

from __future__ import annotations

import trio

from voicecall.web.head import Head

SEND_S = 10.0
"""How long a peer may refuse to take an answer."""
HELD_BYTES = 64 * 1024
"""How much of an answer is collected before it is sent."""


class Lease:
    """The part of a trio stream that the HTTP server uses."""

    def __init__(self, stream: trio.SocketStream, head: Head, given: bytes) -> None:
        self.socket = stream.socket
        self._stream = stream
        self._given = given
        self._missing = None if head.body_bytes is None else head.body_bytes - len(head.rest)
        self._held = bytearray()
        self._ended = False
        self._receiving = trio.CancelScope()

    @property
    def read_to_the_end(self) -> bool:
        """Whether all of the request has been read, and nothing more."""
        return self._missing == 0

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._given:
            given, self._given = self._given, b""
            return given
        if not self._ended:
            with trio.CancelScope() as self._receiving:
                data = await self._stream.receive_some(max_bytes)
                if self._missing is not None:
                    self._missing -= len(data)
                return bytes(data)
        raise trio.ClosedResourceError

    async def send_all(self, data: bytes) -> None:
        self._held += data
        interim = data.startswith(b"HTTP/1.1 1")  # "100 Continue" is waited for
        if interim or len(self._held) > HELD_BYTES:
            await self._flush()

    async def send_eof(self) -> None:
        await self._flush()
        await self._stream.send_eof()

    async def aclose(self) -> None:
        self._ended = True
        self._receiving.cancel()
        await trio.lowlevel.checkpoint()

    async def _flush(self) -> None:
        held, self._held = self._held, bytearray()
        if held:
            with trio.move_on_after(SEND_S):
                await self._stream.send_all(held)
                return
            raise trio.BrokenResourceError
