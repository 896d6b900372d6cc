"""A media socket as the plane sees it: messages that have arrived, messages to send, never a wait."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import trio

from voicecall.audio.websocket import NORMAL, PING, WebSocket, encode_frame

BUFFER_BYTES = 1 << 16
"""A peer that leaves more than this unread, four seconds of sound, is gone."""
KERNEL_BYTES = 1 << 15
"""What the kernel may buffer for us: an interruption cannot take back what is on its way."""
READ_BYTES = 1 << 14
"""At once: a peer that sends all the time must not keep the others waiting."""
QUIET_S = 30.0
"""After so long without a byte a peer is asked whether it lives; after as long again it is gone."""

Part = Callable[[socket.socket, bytes], None]
"""Takes a socket that the link is done with and what should still be sent, and closes it, soon."""


class MediaLink(Protocol):
    """Whole messages, both ways, without waiting.

    System calls are apart from what is done with the sound, so that whoever serves many links can make them in a row:
    one between two pieces of Python makes both of them slow (the processor comes back with cold caches).
    """

    @property
    def closed(self) -> bool:
        """Whether nothing more will come or go."""
        ...

    @property
    def reason(self) -> str:
        """Why it is closed; "" for a clean close by the peer."""
        ...

    @property
    def descriptor(self) -> int:
        """The descriptor that can be read when a message has come; -1 when only ``receive`` can tell."""
        ...

    def fetch(self) -> None:
        """Take from the network what has arrived, for ``receive``."""
        ...

    def receive(self) -> list[bytes]:
        """Messages that have arrived since the last call: in what was fetched, or else in what can be fetched now."""
        ...

    def queue(self, *messages: bytes) -> None:
        """Messages for the next ``flush``."""
        ...

    def flush(self) -> None:
        """Send what is queued, as much as the peer takes now."""
        ...

    def send(self, *messages: bytes) -> None:
        """Queue messages and flush."""
        ...

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Say goodbye and let go."""
        ...


class SocketLink:
    """A real socket after its handshake. It is the link's from now on, non-blocking, until it goes to ``part``."""

    def __init__(self, sock: socket.socket, leftover: bytes = b"", *, part: Part) -> None:
        sock.settimeout(0.0)
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._part = part
        self._websocket = WebSocket()
        self._leftover = leftover
        self._fetched: bytes | None = None
        self._gone = ""
        self._quiet_since: float | None = None
        self._asked = False
        self.closed = False

    @property
    def reason(self) -> str:
        return self._websocket.close_reason if self._websocket.closed else self._gone

    @property
    def descriptor(self) -> int:
        return -1 if self.closed else self._socket.fileno()

    def fetch(self) -> None:
        if self.closed:
            return
        self._fetched = self._fetched or b""
        try:
            piece = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            self._be_patient()
            return
        except OSError as error:
            self._gone = error.strerror or "the socket failed"
            return
        self._quiet_since = None
        self._fetched += piece
        if not piece:
            self._gone = "the socket ended without a close"

    def receive(self) -> list[bytes]:
        if self.closed:
            return []
        if self._fetched is None:
            self.fetch()
        data = self._leftover + (self._fetched or b"")
        self._leftover, self._fetched = b"", None
        websocket = self._websocket
        messages = websocket.receive(data) if data else []
        if websocket.outgoing or websocket.closed or self._gone:
            self._flush()
        return messages

    def queue(self, *messages: bytes) -> None:
        if not self.closed:
            for message in messages:
                self._websocket.send(message)

    def flush(self) -> None:
        if self._websocket.outgoing and not self.closed:
            self._flush()

    def send(self, *messages: bytes) -> None:
        self.queue(*messages)
        self.flush()

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        if not self.closed:
            self._websocket.close(code, reason)
            self._flush()

    def _be_patient(self) -> None:
        now = trio.current_time()
        if self._quiet_since is None:
            self._quiet_since, self._asked = now, False
        elif now - self._quiet_since > 2 * QUIET_S:
            self._gone = "the peer has vanished"
        elif now - self._quiet_since > QUIET_S and not self._asked:
            self._asked = True
            self._websocket.outgoing += encode_frame(PING, b"")

    def _flush(self) -> None:
        outgoing = self._websocket.outgoing
        try:
            while outgoing and not self._gone:
                del outgoing[: self._socket.send(outgoing)]
        except BlockingIOError:
            if len(outgoing) > BUFFER_BYTES:
                self._gone = "Backpressure: send buffer exceeded"
        except OSError as error:
            self._gone = error.strerror or "the socket failed"
        if self._websocket.closed or self._gone:
            self._let_go()

    def _let_go(self) -> None:
        self.closed = True
        if self._gone:
            self._socket.close()
        else:
            self._part(self._socket, bytes(self._websocket.outgoing))
