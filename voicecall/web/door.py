"""The one door: a single port for webhooks and media sockets.

Carriers and tunnels know one public origin, so both kinds of traffic come to one port. The door reads the head of a
connection's first request itself. A WebSocket handshake on the stream path is answered here and the bare socket is
handed to the media plane; every other request goes, with the bytes already read, to hypercorn and the quart-trio app.

* **One request a connection.** A proxy that pools its connections to us may send a handshake as the second request of
  a connection that carried a webhook, where hypercorn would see it and not the door. So every answer says
  ``Connection: close`` (``keep_alive_max_requests = 1``); a proxy then opens a new connection, whose head is read here.
* **Who owns a socket.** The door, from accept to close; hypercorn has it on loan (``lease.py``). A media socket changes
  hands in one step without a pause: places are asked for, the answer is sent and the plane has the socket before any
  other task runs, so that the count of places is exact.
* **Closing.** We end our side, then read away what the peer still sends, briefly, so that our answer arrives.
* **Stopping.** The port closes first; connections that owe nothing end at once, webhooks under way get their answers
  for a bounded time, then every socket is closed. TLS is the business of whoever makes the door public.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import trio

from voicecall.log import get_logger
from voicecall.ports import HttpResponse
from voicecall.web.fault import Contained
from voicecall.web.head import BadHead, Head, read_head
from voicecall.web.lease import SEND_S, Lease
from voicecall.web.upgrade import NO_ROOM, Granted, encode_response, judge

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

GRACE_S = 5.0
"""How long webhooks under way get to be answered when the door stops."""
LINGER_S = 2.0
LINGER_BYTES = 16 * 1024 * 1024
SOCKETS = 1024
"""Sockets that may be open at the door at once; media sockets are the plane's and not among them."""

AcceptMedia = Callable[[socket.socket, bytes, str], None]
"""Takes a socket after its handshake (non-blocking, now the callee's), bytes already read, and the client's address."""
ClientOf = Callable[[str, Mapping[str, str]], str]
"""Who stands behind a peer, by the headers it sent: its address, for limits that are by client."""

log = get_logger(__name__)


class Door:
    """An open door. ``port`` is the real one, also when 0 was asked for."""

    def __init__(
        self,
        *,
        bind: str,
        port: int,
        stream_path: str | None,
        media_room: Callable[[], bool],
        accept_media: AcceptMedia,
        client_of: ClientOf,
    ) -> None:
        self.bind = bind
        self.port = port
        self._stream_path = stream_path
        self._media_room = media_room
        self._accept_media = accept_media
        self._client_of = client_of
        self._open: set[trio.SocketStream] = set()
        self._owing_nothing: set[trio.CancelScope] = set()
        self._emptied = trio.lowlevel.ParkingLot()
        self._stop_asked = trio.Event()
        self._stopped = trio.Event()
        self._grace_s = GRACE_S

    @property
    def open_sockets(self) -> int:
        """Connections that the door has not closed and not handed to the plane."""
        return len(self._open)

    @property
    def origin(self) -> str:
        """Where the door is, as a URL without path."""
        return f"http://[{self.bind}]:{self.port}" if ":" in self.bind else f"http://{self.bind}:{self.port}"

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Close the port, answer what is under way for at most ``grace_s``, close every socket."""
        self._grace_s = grace_s
        self._stop_asked.set()
        await self._stopped.wait()

    # --- one connection ----------------------------------------------------------------------------------------------

    async def _welcome(self, server: Server, stream: trio.SocketStream) -> None:
        if len(self._open) >= SOCKETS:
            log.warning("too many connections, one turned away", sockets=len(self._open))
            stream.socket.close()
            return
        self._open.add(stream)
        try:
            with Contained("connection failed"):
                await self._converse(server, stream)
        finally:
            stream.socket.close()
            self._leave(stream)

    def _leave(self, stream: trio.SocketStream) -> None:
        self._open.discard(stream)
        if not self._open:
            self._emptied.unpark_all()

    async def _converse(self, server: Server, stream: trio.SocketStream) -> None:
        try:
            head: Head | None = None
            with self._owes_nothing():
                head = await read_head(stream)
            if head is not None:
                await self._route(server, stream, head)
        except BadHead as error:
            await self._refuse(stream, HttpResponse(status=error.status, body=b"Bad Request: not an HTTP/1.1 request"))
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            pass  # the peer is gone, or the door was closed: nobody is left to answer

    async def _route(self, server: Server, stream: trio.SocketStream, head: Head) -> None:
        match judge(head, self._stream_path):
            case Granted(answer=answer):
                if not self._media_room():
                    await self._refuse(stream, NO_ROOM)
                else:
                    self._hand_over(stream, answer, head)
            case HttpResponse() as refusal:
                await self._refuse(stream, refusal)
            case None:
                lease = Lease(stream, head, _for_hypercorn(head))
                await server.run(lease)
                if not lease.read_to_the_end:
                    await self._linger(stream)

    def _hand_over(self, stream: trio.SocketStream, answer: bytes, head: Head) -> None:
        """Complete the handshake and give the socket away. No pause: see the top of this file.

        The descriptor moves to a plain non-blocking socket object; trio forgets it, nothing is duplicated. The answer
        is the first thing this socket sends, so it fits into the empty send buffer.
        """
        client = self._client_of(_address(stream.socket.getpeername()), head.joined())
        plain = socket.socket(fileno=stream.socket.detach())
        plain.settimeout(0.0)
        self._leave(stream)
        try:
            sent = plain.send(answer)
        except OSError:
            sent = 0
        if sent < len(answer):
            plain.close()
            return
        try:
            self._accept_media(plain, head.rest, client)
        except BaseException:
            plain.close()
            raise

    async def _refuse(self, stream: trio.SocketStream, response: HttpResponse) -> None:
        with trio.move_on_after(SEND_S):
            await stream.send_all(encode_response(response))
            await stream.send_eof()
            await self._linger(stream)

    async def _linger(self, stream: trio.SocketStream) -> None:
        """Read away what the peer still sends: closing with unread input would reset the connection."""
        left = LINGER_BYTES
        with self._owes_nothing(), trio.move_on_after(LINGER_S):
            while left > 0:
                data = await stream.receive_some(65_536)
                if not data:
                    return
                left -= len(data)

    @contextmanager
    def _owes_nothing(self) -> Generator[None]:
        """What is done inside is cut short when the door stops."""
        with trio.CancelScope() as scope:
            if self._stop_asked.is_set():
                scope.cancel()
            self._owing_nothing.add(scope)
            try:
                yield
            finally:
                self._owing_nothing.discard(scope)

    # --- from open to closed -----------------------------------------------------------------------------------------

    async def run(self, server: Server, listeners: list[trio.SocketListener], started: Callable[[], None]) -> None:
        async def welcome(stream: trio.SocketStream) -> None:
            await self._welcome(server, stream)

        try:
            async with trio.open_nursery() as connections:
                try:
                    async with trio.open_nursery() as port:
                        port.start_soon(_accept, welcome, listeners, connections)
                        started()
                        await self._stop_asked.wait()
                        port.cancel_scope.cancel()
                    await self._drain(server)
                finally:
                    self._close_all()
                    connections.cancel_scope.cancel()
        finally:
            self._stopped.set()

    async def _drain(self, server: Server) -> None:
        await server.terminate()
        for scope in tuple(self._owing_nothing):
            scope.cancel()
        with trio.move_on_after(self._grace_s) as grace:
            while self._open:
                await self._emptied.park()
        if grace.cancelled_caught:
            log.warning("door closed on unanswered requests", sockets=len(self._open))

    def _close_all(self) -> None:
        for stream in tuple(self._open):
            stream.socket.close()


class Server:
    """hypercorn, for one connection at a time. Made when the door opens, so that only serving imports it."""

    def __init__(self, app: ASGIFramework) -> None:
        from hypercorn.app_wrappers import ASGIWrapper
        from hypercorn.config import Config
        from hypercorn.trio.tcp_server import TCPServer
        from hypercorn.trio.worker_context import WorkerContext

        self._config = Config()
        self._config.keep_alive_max_requests = 1
        self._config.include_server_header = False
        self._config.errorlog = None  # its texts may quote what a stranger sent; ours are in `fault.py`
        self._app = ASGIWrapper(app)
        self._context = WorkerContext(None)
        self._tcp_server = TCPServer

    async def run(self, stream: Lease | trio.SocketStream) -> None:
        """Serve the one request that the stream begins with."""
        await self._tcp_server(self._app, self._config, self._context, {}, cast("Any", stream))

    async def terminate(self) -> None:
        """No connection is kept alive from now on."""
        await self._context.terminated.set()


async def serve_door(
    *,
    bind: str,
    listeners: list[trio.SocketListener],
    app: ASGIFramework,
    stream_path: str | None,
    media_room: Callable[[], bool],
    accept_media: AcceptMedia,
    client_of: ClientOf = lambda peer, _headers: peer,
    task_status: trio.TaskStatus[Door] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Open the door on ``listeners`` (see ``listening.listen``) and keep it open until ``Door.stop`` or cancellation.

    ``bind`` is the address they were opened for, ``stream_path`` where media sockets connect to, None when none are
    wanted; ``media_room`` says whether the plane takes one more; ``client_of`` tells who stands behind a proxy. The
    started value is the ``Door``.
    """
    server = Server(app)
    door = Door(
        bind=bind,
        port=listeners[0].socket.getsockname()[1],
        stream_path=stream_path,
        media_room=media_room,
        accept_media=accept_media,
        client_of=client_of,
    )
    await door.run(server, listeners, lambda: task_status.started(door))


async def _accept(
    welcome: Callable[[trio.SocketStream], Awaitable[None]],
    listeners: list[trio.SocketListener],
    connections: trio.Nursery,
) -> None:
    await trio.serve_listeners(welcome, listeners, handler_nursery=connections)


def _address(name: Any) -> str:
    """The address in a socket name, without the port."""
    return str(name[0])


def _for_hypercorn(head: Head) -> bytes:
    """What was read, for a server of HTTP/1.1 alone: it would take an offer to switch to HTTP/2 (RFC 9113, 3.1)."""
    return head.without("upgrade", "http2-settings") if "h2c" in head.tokens("upgrade") else head.raw
