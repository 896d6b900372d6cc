"""A media socket as the plane sees it: messages that have arrived, messages to send, never a wait."""

from __future__ import annotations

import socket
from collections import deque
from typing import Protocol

from voicecall.audio.websocket import NORMAL, TRY_LATER, WebSocket

BUFFER_BYTES = 1 << 20
"""A peer that leaves more than this unread is gone."""
READ_BYTES = 1 << 16


class MediaLink(Protocol):
    """Whole messages, both ways, without waiting."""

    @property
    def closed(self) -> bool:
        """Whether nothing more will come or go."""
        ...

    @property
    def reason(self) -> str:
        """Why it is closed; "" for a clean close by the peer."""
        ...

    def receive(self) -> list[bytes]:
        """Messages that have arrived since the last call."""
        ...

    def send(self, message: bytes) -> None:
        """Queue a message and send what the peer takes now."""
        ...

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Say goodbye and let go."""
        ...


class SocketLink:
    """A real socket after its handshake. It is the link's from now on, non-blocking."""

    def __init__(self, sock: socket.socket, leftover: bytes = b"") -> None:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self._socket = sock
        self._websocket = WebSocket()
        self._leftover = leftover
        self._gone = ""
        self.closed = False

    @property
    def reason(self) -> str:
        return self._gone or self._websocket.close_reason

    def receive(self) -> list[bytes]:
        if self.closed:
            return []
        data, self._leftover = self._leftover, b""
        ended = False
        try:
            piece = self._socket.recv(READ_BYTES)
            ended = not piece
            data += piece
        except BlockingIOError:
            pass
        except OSError as error:
            self._gone, ended = error.strerror or "the socket failed", True
        messages = self._websocket.receive(data) if data else []
        if ended:
            self._gone = self._gone or ("" if self._websocket.closed else "the socket ended without a close")
            self._let_go()
        else:
            self._flush()
        return messages

    def send(self, message: bytes) -> None:
        if not self.closed:
            self._websocket.send(message)
            self._flush()

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        if not self.closed:
            self._websocket.close(code, reason)
            self._flush()
            self._let_go()

    def _flush(self) -> None:
        outgoing = self._websocket.outgoing
        try:
            while outgoing:
                del outgoing[: self._socket.send(outgoing)]
        except BlockingIOError:
            if len(outgoing) > BUFFER_BYTES:
                self._gone = "Backpressure: send buffer exceeded"
                self._websocket.close(TRY_LATER, self._gone)
                self._let_go()
                return
        except OSError as error:
            self._gone = error.strerror or "the socket failed"
            self._let_go()
            return
        if self._websocket.closed:
            self._let_go()

    def _let_go(self) -> None:
        if not self.closed:
            self.closed = True
            self._socket.close()


class MemoryLink:
    """One end of a pair in memory, for the phone network that needs no sockets."""

    def __init__(self) -> None:
        self._inbox: deque[bytes] = deque()
        self._peer: MemoryLink | None = None
        self.closed = False
        self.reason = ""

    @staticmethod
    def pair() -> tuple[MemoryLink, MemoryLink]:
        """Two ends."""
        one, two = MemoryLink(), MemoryLink()
        one._peer, two._peer = two, one
        return one, two

    def receive(self) -> list[bytes]:
        messages = list(self._inbox)
        self._inbox.clear()
        return messages

    def send(self, message: bytes) -> None:
        if not self.closed and self._peer is not None:
            self._peer._inbox.append(message)

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        for end in (self, self._peer):
            if end is not None and not end.closed:
                end.closed = True
                end.reason = reason
