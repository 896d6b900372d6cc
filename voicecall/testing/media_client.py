"""The network's media stream over a real WebSocket.

Three rules for trio-websocket 0.12: read all the time; never let a cancel scope cut a message in half on a connection
that lives on (``media.Stream`` has one writer for that); and answer a ping only while the connection is open, because a
ping that comes after our close frame kills the reader task, and with it everything in its nursery. Hence each
connection has its nursery for itself (``open_websocket_url``) and its ``_send`` is guarded.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    ConnectionTimeout,
    DisconnectionTimeout,
    HandshakeError,
    WebSocketConnection,
    open_websocket_url,
)
from wsproto.connection import ConnectionState
from wsproto.events import Pong
from wsproto.utilities import LocalProtocolError

from voicecall.testing.media import Broken, NotConnected, Wire

CLEAN = (1000, 1001)
"""Close codes of a proper end (RFC 6455, section 7.4.1)."""
CONNECT_S = 5
DISCONNECT_S = 2


@frozen
class SocketWire:
    """A WebSocket as ``media.Wire``."""

    _socket: WebSocketConnection

    async def send(self, message: bytes) -> None:
        try:
            await self._socket.send_message(message.decode())
        except ConnectionClosed as closed:
            raise Broken(clean=_clean(closed)) from closed
        except LocalProtocolError as error:
            raise Broken(clean=True) from error

    async def receive(self) -> bytes:
        try:
            message = await self._socket.get_message()
        except ConnectionClosed as closed:
            raise Broken(clean=_clean(closed)) from closed
        return message.encode() if isinstance(message, str) else message


@asynccontextmanager
async def connect_socket(url: str) -> AsyncGenerator[Wire]:
    """See ``media.Connect``."""
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise NotConnected("mediaUrl: must be a ws or wss URL")
    try:
        async with open_websocket_url(
            url,
            message_queue_size=64,
            max_message_size=1 << 20,
            receive_buffer_size=1 << 16,
            connect_timeout=CONNECT_S,
            disconnect_timeout=DISCONNECT_S,
        ) as socket:
            _answer_pings_only_while_open(socket)
            yield SocketWire(socket)
    except ConnectionRejected as refused:
        words = (refused.body or b"")[:200].decode("utf-8", "replace")
        raise NotConnected(f"{refused.status_code} {words}".strip()) from refused
    except DisconnectionTimeout:
        pass  # The other side did not say goodbye; the connection is closed all the same.
    except (HandshakeError, ConnectionTimeout, OSError) as error:
        raise NotConnected(f"{type(error).__name__}: {error}") from error


def _answer_pings_only_while_open(socket: WebSocketConnection) -> None:
    inside: dict[str, Any] = vars(socket)
    protocol = inside["_wsproto"]
    send: Callable[[Any], Awaitable[None]] = type(socket)._send.__get__(socket)  # pyright: ignore[reportPrivateUsage]

    async def guarded(event: Any) -> None:
        if not isinstance(event, Pong) or protocol.state is ConnectionState.OPEN:
            await send(event)

    inside["_send"] = guarded


def _clean(closed: ConnectionClosed) -> bool:
    return closed.reason is not None and closed.reason.code in CLEAN
