"""The server's end of the socket: one task a connection, one task a request.

A client that goes away takes its waiting requests along, never what they have set in motion: every wish is a fact in
the journal before it is answered. A subscriber that reads too slowly is told where to go on in the journal.
"""

from __future__ import annotations

import errno
import os
import socket as stdlib_socket
from pathlib import Path
from typing import Any, Never

import structlog
import trio
from msgspec import Raw

from journal import START, Line, Position
from voicecall.events import CallId
from voicecall.rpc import params as read
from voicecall.rpc.methods import Methods
from voicecall.rpc.protocol import (
    INTERNAL,
    Lines,
    Params,
    RpcError,
    RpcRequest,
    TooLong,
    error_line,
    invalid,
    notification_line,
    read_request,
    result_line,
)

SUBSCRIBER_LINES = 1_024
"""How many lines may wait for a slow subscriber before it is told to read the journal instead."""
REQUESTS = 64
"""Requests of one connection at a time."""

log = structlog.get_logger(__name__)


class AlreadyServing(Exception):
    """Another server listens on this state directory's socket."""


async def serve_rpc(
    path: Path, methods: Methods, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> Never:
    """Listen on the unix socket ``path`` (mode 0600) until cancelled. Raises ``AlreadyServing``."""
    listener = await _listen(path)
    try:
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                sock, _ = await listener.accept()
                nursery.start_soon(_converse, trio.SocketStream(sock), methods)
    finally:
        listener.close()
        _remove(path)


async def _listen(path: Path) -> trio.socket.SocketType:
    if await _alive(path):
        raise AlreadyServing(
            f"{path}: a voicecall server listens there already; stop it, or use another state directory"
        )
    _remove(path)
    listener = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        await listener.bind(os.fspath(path))
    except OSError as error:
        listener.close()
        if error.errno == errno.ENAMETOOLONG or "too long" in str(error):
            raise AlreadyServing(f"{path}: the path is too long for a socket; use a shorter state directory") from error
        raise
    finally:
        os.umask(mask)
    listener.listen(64)
    return listener


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _alive(path: Path) -> bool:
    probe = trio.socket.socket(trio.socket.AF_UNIX, stdlib_socket.SOCK_STREAM)
    try:
        await probe.connect(os.fspath(path))
    except OSError:
        return False
    finally:
        probe.close()
    return True


async def _converse(stream: trio.SocketStream, methods: Methods) -> None:
    connection = _Connection(stream, methods)
    try:
        async with stream, trio.open_nursery() as nursery:
            await connection.read(nursery)
            nursery.cancel_scope.cancel()
    except* (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # the client is gone: nobody is left to answer


class _Connection:
    def __init__(self, stream: trio.SocketStream, methods: Methods) -> None:
        self._stream = stream
        self._methods = methods
        self._sending = trio.Lock()
        self._places = trio.CapacityLimiter(REQUESTS)

    async def read(self, nursery: trio.Nursery) -> None:
        lines = Lines()
        while data := await self._stream.receive_some(65_536):
            try:
                whole = lines.feed(bytes(data))
            except TooLong:
                await self._send(error_line(None, RpcError(-32600, "line: longer than 1 MiB")))
                return
            for line in whole:
                try:
                    request = read_request(line)
                except RpcError as error:
                    await self._send(error_line(None, error))
                    continue
                nursery.start_soon(self._answer, request)

    async def _answer(self, request: RpcRequest) -> None:
        try:
            if request.method == "voicecall.tail.subscribe":
                await self._subscribe(request)
                return
            async with self._places:
                result = await self._methods.call(request.method, request.params)
        except RpcError as error:
            await self._send(error_line(request.id, error))
        except Exception as error:  # noqa: BLE001 - one bad request must not end the connection, let alone the server
            log.error("an RPC method failed", method=request.method, error=type(error).__name__)
            await self._send(error_line(request.id, RpcError(INTERNAL, f"internal error: {type(error).__name__}")))
        else:
            if request.id is not None:
                await self._send(result_line(request.id, result))

    async def _subscribe(self, request: RpcRequest) -> None:
        """Journal lines, verbatim, as ``voicecall.tail.line`` until the client goes."""
        stream, after = self._what(request.params)
        await self._send(result_line(request.id, {"subscribed": True, "after": after}))
        send, receive = trio.open_memory_channel[Line](SUBSCRIBER_LINES)
        missed: Position | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._forward, request.id, receive)
            async with send, self._methods.journal.follow(stream, after=after) as lines:
                async for line in lines:
                    try:
                        send.send_nowait(line)
                        missed = None
                    except trio.WouldBlock:
                        if missed is None:
                            missed = line.position
                            note: Params = {"subscription": request.id, "from": missed}
                            nursery.start_soon(self._send, notification_line("voicecall.tail.missed", note))

    async def _forward(self, name: str | int | None, lines: trio.MemoryReceiveChannel[Line]) -> None:
        async with lines:
            async for line in lines:
                head: dict[str, Any] = {"subscription": name, "position": line.position, "stream": line.stream}
                await self._send(notification_line("voicecall.tail.line", {**head, "entry": Raw(line.body)}))

    def _what(self, params: Params) -> tuple[str | None, Position]:
        read.only(params, "callId", "after")
        after = params.get("after", 0)
        if not isinstance(after, int) or after < 0:
            raise invalid("after", "after: expected a journal position (0 or more)")
        name = read.optional_text(params, "callId")
        if not name:
            return None, Position(after)
        call_id = self._methods.directory.find(name)
        if call_id is None:
            raise invalid("callId", "Call not found")
        return f"call/{CallId(call_id)}", Position(after) if after else START

    async def _send(self, line: bytes) -> None:
        async with self._sending:
            await self._stream.send_all(line)
