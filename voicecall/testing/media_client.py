"""The network's media stream over a real WebSocket.

Four rules for trio-websocket 0.12: read all the time; never let a cancel scope cut a message in half on a connection
that lives on (``media.Stream`` has one writer for that); answer a ping only while the connection is open, because a
ping that comes after our close frame kills the reader task, and with it everything in its nursery; and close the TCP
stream oneself, because the library leaves it open when the peer breaks off or refuses the handshake. Hence each
connection has its nursery for itself, its ``_send`` is guarded, and the stream is ours.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import SplitResult, urlsplit

import trio
from attrs import frozen
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
)
from wsproto.connection import ConnectionState
from wsproto.events import Pong
from wsproto.utilities import LocalProtocolError

from voicecall.fault import first
from voicecall.ports import HttpRequest
from voicecall.testing.media import Broken, NotConnected, Wire

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]

CLEAN = (1000, 1001)
"""Close codes of a proper end (RFC 6455, section 7.4.1)."""
CONNECT_S = 5
DISCONNECT_S = 2


@frozen
class SocketWire:
    """A WebSocket as ``media.Wire``."""

    _socket: WebSocketConnection
    _stream: Stream

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

    async def cut(self) -> None:
        await trio.aclose_forcefully(self._stream)


@asynccontextmanager
async def connect_socket(handshake: HttpRequest) -> AsyncGenerator[Wire]:
    """See ``media.Connect``."""
    parts = urlsplit(handshake.url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise NotConnected("mediaUrl: must be a ws or wss URL")
    failure: Exception | None = None
    stream = await _open_stream(parts)
    try:
        async with trio.open_nursery() as nursery:
            try:
                socket = await _shake_hands(nursery, stream, parts, handshake.headers)
                yield SocketWire(socket, stream)
                with trio.move_on_after(DISCONNECT_S):
                    await socket.aclose()
            except Exception as error:  # noqa: BLE001 - raised below, where no nursery wraps it into a group
                failure = error
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        # A refusal is raised by the library's reader task.
        refused, others = group.split(HandshakeError)
        if refused is None or others is not None:
            raise
        failure = NotConnected(_words(refused))
    finally:
        await trio.aclose_forcefully(stream)
    if failure is not None:
        raise failure


async def _open_stream(parts: SplitResult) -> Stream:
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
    try:
        with trio.fail_after(CONNECT_S):
            if parts.scheme == "ws":
                return await trio.open_tcp_stream(host, port)
            return await trio.open_ssl_over_tcp_stream(host, port, https_compatible=True)
    except (OSError, trio.TooSlowError) as error:
        raise NotConnected(f"{parts.netloc}: {type(error).__name__} {error}") from error


async def _shake_hands(
    nursery: trio.Nursery, stream: Stream, parts: SplitResult, headers: Mapping[str, str]
) -> WebSocketConnection:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        with trio.fail_after(CONNECT_S):
            socket = await wrap_client_stream(
                nursery,
                stream,
                parts.netloc.rpartition("@")[2],
                path,
                extra_headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
                message_queue_size=64,
                max_message_size=1 << 20,
                receive_buffer_size=1 << 16,
            )
    except (HandshakeError, ConnectionClosed, trio.TooSlowError) as error:
        raise NotConnected(_words(error)) from error
    _answer_pings_only_while_open(socket)
    return socket


def _words(error: BaseException) -> str:
    error = first(error)
    if isinstance(error, ConnectionRejected):
        body = (error.body or b"")[:200].decode("utf-8", "replace")
        return f"{error.status_code} {body}".strip()
    return f"no handshake: {type(error).__name__} {error}"


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
