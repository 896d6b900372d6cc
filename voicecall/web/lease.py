"""A connection on loan to the HTTP server: first the bytes already read, then the socket; closing it ends the loan.

The socket stays the door's, because the server cannot close it well: a close with unread input is a reset, and a reset
may overtake the answer that the server has just sent (a refused upload would look like a dead line).
"""

from __future__ import annotations

import trio

from voicecall.web.head import Head

SEND_S = 10.0
"""How long a peer may refuse to take an answer."""


class Lease:
    """The part of a trio stream that the HTTP server uses."""

    def __init__(self, stream: trio.SocketStream, head: Head, given: bytes) -> None:
        self.socket = stream.socket
        self._stream = stream
        self._given = given
        self._missing = None if head.body_bytes is None else head.body_bytes - len(head.rest)
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
        with trio.move_on_after(SEND_S):
            await self._stream.send_all(data)
            return
        raise trio.BrokenResourceError

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        self._ended = True
        self._receiving.cancel()
        await trio.lowlevel.checkpoint()
