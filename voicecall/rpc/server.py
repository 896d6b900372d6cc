"""The server's end of the socket: one task a connection, one task a request.

A client that goes away takes its waiting requests along, never what they have set in motion: every wish is a fact in
the journal before it is answered. A subscriber reads the journal itself, at its own speed: a slow one falls behind and
misses nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, Never

import structlog
import trio
from msgspec import Raw

from journal.api import START, JournalError, Position
from voicecall.actors.world import stream_of
from voicecall.events.schema import BadEntry
from voicecall.fault import Caught, describe
from voicecall.rpc import params as read
from voicecall.rpc.asking import ATTACH, DELTA, RemoteAgent
from voicecall.rpc.client import is_served
from voicecall.rpc.methods import TAIL, Methods
from voicecall.rpc.protocol import (
    INTERNAL,
    INVALID_REQUEST,
    TOO_LONG,
    BadRequest,
    Id,
    Lines,
    Params,
    RpcAnswer,
    RpcError,
    RpcRequest,
    error_line,
    notification_line,
    read_line,
    refused,
    result_line,
)

REQUESTS = 64
"""Requests of one connection at a time, subscriptions included."""
BACKLOG = 64
PARTING_S = 10.0
"""How long a client that has sent its last byte may wait for answers; one that is gone cannot be told apart."""

log = structlog.get_logger(__name__)


class CannotServe(Exception):
    """The socket cannot be opened. The text says why, and what to do."""


@asynccontextmanager
async def open_socket(path: Path) -> AsyncGenerator[trio.SocketListener]:
    """Listen on the unix socket ``path`` (mode 0600); the file is removed on leaving. Raises ``CannotServe``.

    Clients that connect before ``serve_rpc`` runs wait.
    """
    sock = _listen(path)
    try:
        yield trio.SocketListener(trio.socket.from_stdlib_socket(sock))
    finally:
        _close(path, sock)


def _listen(path: Path) -> socket.socket:
    if is_served(path):
        raise CannotServe(f"{path}: a server listens there already; stop it, or use another --state")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        sock.bind(os.fspath(path))
        path.chmod(0o600)  # before the next line nobody can connect
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise CannotServe(_why(path, error)) from error
    return sock


def _close(path: Path, sock: socket.socket) -> None:
    sock.close()
    path.unlink(missing_ok=True)


def _why(path: Path, error: OSError) -> str:
    if "too long" in str(error):
        return f"{path}: {len(os.fsencode(path))} bytes are too long for a socket's path; use a shorter --state"
    return f"{path}: cannot listen there: {error.strerror}; check the directory, or use another --state"


async def serve_rpc(
    listener: trio.SocketListener,
    methods: Methods,
    *,
    task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED,
) -> Never:
    """Answer whoever connects, until cancelled."""
    await trio.serve_listeners(partial(converse, methods=methods), [listener], task_status=task_status)
    raise AssertionError("unreachable")


async def converse(stream: trio.abc.Stream, *, methods: Methods) -> None:
    """Answer the requests of one client until it goes away."""
    connection = _Connection(stream, methods)
    try:
        async with stream, trio.open_nursery() as nursery:
            with connection.host:
                await connection.read(nursery)
            nursery.cancel_scope.deadline = trio.current_time() + PARTING_S
    except* (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # the client is gone: nobody is left to answer


class _Connection:
    def __init__(self, stream: trio.abc.Stream, methods: Methods) -> None:
        self._stream = stream
        self._methods = methods
        self._sending = trio.Lock()
        self._open = 0
        self._remote: RemoteAgent | None = None
        self.host = ExitStack()
        """What lasts as long as the client may answer questions of ours."""

    async def read(self, nursery: trio.Nursery) -> None:
        """Start a task for every request, until the client has sent its last byte."""
        lines = Lines()
        while data := await self._stream.receive_some(65_536):
            for line in lines.feed(bytes(data)):
                request = TOO_LONG if line is None else read_line(line)
                if self._hears(request):
                    continue
                if isinstance(request, RpcRequest) and self._open >= REQUESTS:
                    words = f"{REQUESTS} requests of this connection are not answered yet; wait for an answer"
                    request = BadRequest(error=RpcError(INVALID_REQUEST, words), id=request.id)
                if isinstance(request, RpcRequest) and request.method == ATTACH:
                    await self._attach(request, nursery)
                elif isinstance(request, BadRequest):
                    await self._send(error_line(request.id, request.error))
                elif isinstance(request, RpcRequest):
                    self._open += 1
                    nursery.start_soon(self._answer, request)

    def _hears(self, request: RpcRequest | RpcAnswer | BadRequest) -> bool:
        """Whether this belongs to a question of ours; then it is taken at once, so that words keep their order."""
        if isinstance(request, RpcAnswer):
            if self._remote is not None:
                self._remote.settle(request)
            return True
        if not isinstance(request, RpcRequest) or request.method != DELTA:
            return False
        if self._remote is not None:
            self._remote.hear(request.params)
        return True

    async def _attach(self, request: RpcRequest, nursery: trio.Nursery) -> None:
        """From now on this client thinks for callers, until it goes."""
        gateway = self._methods.gateway
        if gateway is None:
            words = 'agent.provider: somebody else thinks for callers; set it to "gateway" to have a host asked'
            await self._send(error_line(request.id, refused(words)))
            return
        if self._remote is None:
            outgoing, lines = trio.open_memory_channel[bytes](inf)
            remote = self._remote = RemoteAgent(send=outgoing.send_nowait, settings=gateway.settings)
            self.host.callback(outgoing.close)
            self.host.callback(remote.close)
            self.host.enter_context(gateway.attached(remote))
            nursery.start_soon(self._ask, lines)
        if not request.notification:
            await self._send(result_line(request.id, {"attached": True}))

    async def _ask(self, lines: trio.MemoryReceiveChannel[bytes]) -> None:
        """Send what is asked, in order. No question does so itself: one that is given up must not leave half a line."""
        async for line in lines:
            await self._send(line)

    async def _answer(self, request: RpcRequest) -> None:
        try:
            answer = await self._answer_to(request)
        finally:
            self._open -= 1
        if answer is not None and not request.notification:
            await self._send(answer)

    async def _answer_to(self, request: RpcRequest) -> bytes | None:
        """The line to send, if there is one still to be sent."""
        with Caught() as caught:
            if request.method != TAIL:
                return result_line(request.id, await self._methods.call(request.method, request.params))
            await self._tail(request)
        match caught.error:
            case None:
                return None
            case RpcError() as error:
                return error_line(request.id, error)
            case JournalError() | BadEntry() as error:
                return error_line(request.id, refused(str(error)))
            case trio.BrokenResourceError() | trio.ClosedResourceError() as error:
                raise error
            case error:
                log.error("an RPC method failed", method=request.method, error=describe(error))
                words = f"internal error: {type(error).__name__}; the server's log says where"
                return error_line(request.id, RpcError(INTERNAL, words))

    async def _tail(self, request: RpcRequest) -> None:
        """Journal lines, verbatim, as ``voicecall.tail.line`` until the client goes."""
        if request.notification:
            return  # whose lines would they be?
        stream, after = self._what(request.params)
        await self._send(result_line(request.id, {"subscribed": True, "after": after}))
        try:
            await self._follow(request.id, stream, after)
        except JournalError as error:
            news: Params = {"subscription": request.id, "error": str(error)}
            await self._send(notification_line("voicecall.tail.ended", news))

    async def _follow(self, name: Id, stream: str | None, after: Position) -> None:
        async with self._methods.journal.follow(stream, after=after) as lines:
            async for line in lines:
                head: dict[str, Any] = {"subscription": name, "position": line.position, "stream": line.stream}
                await self._send(notification_line("voicecall.tail.line", {**head, "entry": Raw(line.body)}))

    def _what(self, params: Params) -> tuple[str | None, Position]:
        read.only(params, "callId", "after")
        after = read.whole_number(params, "after", default=START)
        name = read.optional_text(params, "callId")
        if not name:
            return None, Position(after)
        call_id = self._methods.directory.find(name)
        if call_id is None:
            raise read.no_call(name)
        return stream_of(call_id), Position(after)

    async def _send(self, line: bytes) -> None:
        async with self._sending:
            await self._stream.send_all(line)
