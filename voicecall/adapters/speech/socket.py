"""A WebSocket to a speech vendor: messages in, messages out, one kind of failure, nothing left behind.

What trio-websocket 0.12 asks of its user is done here once:

* Read all the time: whoever opens a socket calls ``receive`` in a loop, and does nothing slow between two calls.
* A ``send`` that is cancelled half way ruins the connection, so one task writes and ``send`` only queues.
* A ping that comes after our close frame kills the library's reader: pings are answered only while the socket is open,
  and whatever the reader dies of becomes a ``SocketEnded``.
* Each socket has a nursery for itself, and its TCP stream is closed here, because the library leaves it open when the
  vendor refuses or breaks off.

A vendor that answers no ping is gone, even if its TCP connection is not.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from urllib.parse import urlsplit

import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, WebSocketConnection
from wsproto import WSConnection
from wsproto.connection import ConnectionState, ConnectionType
from wsproto.events import Ping
from wsproto.utilities import LocalProtocolError

from voicecall.adapters.speech.beside import open_beside
from voicecall.fault import Caught, words

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]

CONNECT_S, DISCONNECT_S = 5.0, 2.0
PING_S, PONG_S = 20.0, 15.0
WAITING = 1_024
"""Messages that may wait to be written; more than that, and the vendor does not read."""
QUEUE, MESSAGE_BYTES, RECEIVE_BYTES = 64, 16 << 20, 1 << 16
SECRET_CHARACTERS = 8
"""A word of a header that is at least this long may be a secret."""


class SocketEnded(Exception):
    """The socket cannot be opened, or is closed. ``status`` and ``body`` are a refusal's, ``code`` is the close code.

    Numbers are 0 when there is none. The text says what happened; nothing here holds a header that we sent.
    """

    def __init__(self, text: str, *, status: int = 0, body: str = "", code: int = 0) -> None:
        super().__init__(text)
        self.status = status
        self.body = body
        self.code = code


class Socket:
    """An open WebSocket. Made by ``open_socket``."""

    def __init__(self, connection: _Connection, stream: Stream) -> None:
        self._connection = connection
        self._stream = stream
        self._queue, self._queued = trio.open_memory_channel[str](WAITING)
        self._failure = ""

    def send(self, message: str) -> None:
        """Have a text message written, after all others; never waits. Raises ``SocketEnded``."""
        if self._failure or self._connection.closed is not None:
            raise self._ended()
        try:
            self._queue.send_nowait(message)
        except trio.WouldBlock:
            self._failure = "the vendor does not read what it is sent"
            raise self._ended() from None
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            raise self._ended() from None

    async def receive(self) -> bytes:
        """The next message, of either kind. Raises ``SocketEnded``."""
        try:
            message = await self._connection.get_message()
        except ConnectionClosed:
            raise self._ended() from None
        return message.encode() if isinstance(message, str) else message

    async def write(self) -> None:
        """Write what is queued until the socket is closed by either side."""
        async with self._queued:
            async for message in self._queued:
                try:
                    await self._connection.send_message(message)
                except (ConnectionClosed, LocalProtocolError):
                    return

    async def watch(self) -> None:
        """Close the socket when nobody is at its other end any more."""
        while True:
            await trio.sleep(PING_S)
            with trio.move_on_after(PONG_S) as patience:
                try:
                    await self._connection.ping()
                except (ConnectionClosed, LocalProtocolError):
                    return
            if patience.cancelled_caught:
                self._failure = f"no answer to a ping within {PONG_S:g} s"
                await trio.aclose_forcefully(self._stream)
                return

    async def close(self) -> None:
        """Write what is queued, then close; not for longer than ``DISCONNECT_S``."""
        self._queue.close()
        # Whatever goes wrong here, its TCP stream is closed afterwards.
        with trio.move_on_after(DISCONNECT_S), Caught():
            await self._connection.written.wait()
            await self._connection.aclose()

    def _ended(self) -> SocketEnded:
        closed = self._connection.closed
        if self._failure:
            return SocketEnded(self._failure)
        if self._connection.failure is not None:
            return SocketEnded(f"the socket broke: {words(self._connection.failure)}")
        if closed is None:
            return SocketEnded("the socket is closed")
        said = f"{closed.code} {closed.reason or ''}".strip()
        return SocketEnded(f"the vendor closed the socket: {said}", code=closed.code)


class _Connection(WebSocketConnection):
    """The library's connection with its reader's end made visible, and pings answered only while it is open."""

    failure: Exception | None = None
    ended = False

    def __init__(self, stream: Stream, host: str, path: str, headers: Mapping[str, str]) -> None:
        super().__init__(
            stream,
            WSConnection(ConnectionType.CLIENT),
            host=host,
            path=path,
            client_extra_headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
            message_queue_size=QUEUE,
            max_message_size=MESSAGE_BYTES,
            receive_buffer_size=RECEIVE_BYTES,
        )
        self.written = trio.Event()

    async def read(self) -> None:
        """Run the library's reader; what ends it is never raised."""
        with Caught() as caught:
            await self._reader_task()
        self.failure, self.ended = caught.error, True
        self._open_handshake.set()
        self._close_handshake.set()

    async def shake_hands(self) -> None:
        """Wait until the socket is open. Raises what kept it from opening."""
        await self._open_handshake.wait()
        if isinstance(self.failure, ConnectionRejected):
            raise self.failure
        if self.ended:
            raise ConnectionClosed(self._close_reason)

    async def _handle_ping_event(self, event: Ping) -> None:
        if self._wsproto.state is ConnectionState.OPEN:
            await super()._handle_ping_event(event)


@cache
def tls() -> ssl.SSLContext:
    """What TLS connections trust. Making it takes 40 ms: whoever will open ``wss`` sockets asks for it once before."""
    return ssl.create_default_context()


@asynccontextmanager
async def open_socket(url: str, headers: Mapping[str, str]) -> AsyncGenerator[Socket]:
    """A WebSocket to ``url`` (ws or wss). Raises ``SocketEnded``; leaving the context closes it.

    Leaving by an exception or by cancellation closes it abruptly.
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    stream = await _open_stream(url)
    try:
        async with open_beside() as nursery:
            connection = _Connection(stream, host, (parts.path or "/") + (parts.query and f"?{parts.query}"), headers)
            socket = Socket(connection, stream)
            nursery.start_soon(connection.read)
            await _shake_hands(connection, host, headers)
            nursery.start_soon(_write, socket, connection)
            nursery.start_soon(socket.watch)
            yield socket
            await socket.close()
    finally:
        await trio.aclose_forcefully(stream)


async def _write(socket: Socket, connection: _Connection) -> None:
    await socket.write()
    connection.written.set()


async def _shake_hands(connection: _Connection, host: str, headers: Mapping[str, str]) -> None:
    try:
        with trio.fail_after(CONNECT_S):
            await connection.shake_hands()
    except ConnectionRejected as refused:
        body = _without_secrets(" ".join((refused.body or b"").decode("utf-8", "replace").split()), headers)
        text = f"{host} refused: {refused.status_code} {body[:300]}"
        raise SocketEnded(text.strip(), status=refused.status_code, body=body) from None
    except trio.TooSlowError:
        raise SocketEnded(f"{host}: no handshake within {CONNECT_S:g} s") from None
    except ConnectionClosed:
        raise SocketEnded(f"{host}: the connection was closed in the handshake") from None


def _without_secrets(text: str, headers: Mapping[str, str]) -> str:
    for value in headers.values():
        for word in value.split():
            if len(word) >= SECRET_CHARACTERS:
                text = text.replace(word, "[secret]")
    return text


async def _open_stream(url: str) -> Stream:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
    try:
        with trio.fail_after(CONNECT_S):
            if parts.scheme == "ws":
                return await trio.open_tcp_stream(host, port)
            secure = await trio.open_ssl_over_tcp_stream(host, port, https_compatible=True, ssl_context=tls())
            try:
                await secure.do_handshake()
            except BaseException:
                await trio.aclose_forcefully(secure)
                raise
            return secure
    except trio.TooSlowError:
        raise SocketEnded(f"{host}:{port}: no connection within {CONNECT_S:g} s") from None
    except (OSError, trio.BrokenResourceError) as error:
        raise SocketEnded(f"{host}:{port}: {words(error.__cause__ or error)}") from error
