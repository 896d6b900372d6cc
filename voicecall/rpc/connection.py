"""One client's connection: a task that reads, one that writes, one a request.

A client that goes away takes its waiting requests along, never what they have set in motion: every wish is a fact in
the journal before it is answered. A subscriber reads the journal itself, at its own speed: a slow one falls behind and
misses nothing. Only one task writes, so a request that is cancelled cannot leave half a line behind.
"""

from __future__ import annotations

from contextlib import ExitStack
from math import inf
from typing import Any

import structlog
import trio

from journal.api import JournalError
from voicecall.events.schema import BadEntry
from voicecall.fault import Caught, describe
from voicecall.rpc import logs
from voicecall.rpc import params as read
from voicecall.rpc.asking import ATTACH, DELTA, RemoteAgent
from voicecall.rpc.hello import CANCEL, HELLO, heartbeat_line, heartbeat_s, hello, knows
from voicecall.rpc.methods import TAIL, Methods
from voicecall.rpc.protocol import (
    CANCELLED,
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
    read_line,
    refused,
    result_line,
)
from voicecall.rpc.tail import ended, tail

REQUESTS = 64
"""Requests of one connection at a time, subscriptions included."""
WAITING = 16
"""Lines that may wait for a client to read."""
PARTING_S = 10.0
"""How long a client that has sent its last byte may wait for answers; one that is gone cannot be told apart."""

log = structlog.get_logger(__name__)

Outgoing = trio.MemorySendChannel[bytes]


async def converse(stream: trio.abc.Stream, *, methods: Methods, token: str = "") -> None:
    """Answer the requests of one client until it goes away. With a ``token`` it must say that first (``hello``)."""
    connection = _Connection(methods, token)
    outgoing, lines = trio.open_memory_channel[bytes](WAITING)
    try:
        async with stream, trio.open_nursery() as nursery:
            nursery.start_soon(_write, stream, lines)
            with outgoing, connection.host:
                await connection.read(stream, outgoing, nursery)
            nursery.cancel_scope.deadline = trio.current_time() + PARTING_S
    except* (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # the client is gone: nobody is left to answer


async def _write(stream: trio.abc.Stream, lines: trio.MemoryReceiveChannel[bytes]) -> None:
    async for line in lines:
        await stream.send_all(line)


class _Connection:
    def __init__(self, methods: Methods, token: str) -> None:
        self._methods = methods
        self._token = token
        self._scopes: dict[Id, trio.CancelScope] = {}
        self._open = 0
        self._remote: RemoteAgent | None = None
        self._is_host = False
        self.host = ExitStack()
        """What lasts as long as the client may answer questions of ours."""

    async def read(self, stream: trio.abc.Stream, outgoing: Outgoing, nursery: trio.Nursery) -> None:
        """Start a task for every request, until the client has sent its last byte, or does not know the token."""
        lines = Lines()
        while data := await stream.receive_some(65_536):
            for line in lines.feed(bytes(data)):
                message = TOO_LONG if line is None else read_line(line)
                if self._token and not knows(message, self._token):
                    words = f"token: {HELLO} must come first, with the token of this server"
                    await outgoing.send(error_line(message.id, RpcError(INVALID_REQUEST, words, {"code": "FORBIDDEN"})))
                    return
                self._token = ""
                await self._receive(message, outgoing, nursery)

    async def _receive(
        self, message: RpcRequest | RpcAnswer | BadRequest, outgoing: Outgoing, nursery: trio.Nursery
    ) -> None:
        match message:
            case RpcAnswer():
                if self._remote is not None:
                    self._remote.settle(message)
            case RpcRequest(method=method, params=params) if method == DELTA:
                if self._remote is not None:
                    self._remote.hear(params)
            case RpcRequest(method=method, params=params) if method == CANCEL:
                found = self._cancel(params)
                if not message.notification:
                    await outgoing.send(result_line(message.id, {"found": found}))
            case BadRequest():
                await outgoing.send(error_line(message.id, message.error))
            case RpcRequest() if self._open >= REQUESTS:
                words = f"{REQUESTS} requests of this connection are not answered yet; wait for an answer"
                await outgoing.send(error_line(message.id, RpcError(INVALID_REQUEST, words)))
            case RpcRequest():
                self._open += 1
                nursery.start_soon(self._answer, message, outgoing.clone(), nursery)

    def _cancel(self, params: Params) -> bool:
        """Give up a request; whether it was still under way."""
        name = params.get("id")
        scope = self._scopes.get(name) if isinstance(name, str | int | float) else None
        if scope is not None:
            scope.cancel()
        return scope is not None

    async def _answer(self, request: RpcRequest, outgoing: Outgoing, nursery: trio.Nursery) -> None:
        """Carry out one request. A cancelled one is answered, too: that it was."""
        scope = trio.CancelScope()
        if not request.notification:
            self._scopes[request.id] = scope
        gone = "cancelled by the client"
        answer: bytes | None = error_line(request.id, RpcError(CANCELLED, gone))
        if request.method == TAIL:
            answer = ended(request.id, gone)
        with outgoing:
            try:
                with scope:
                    answer = await self._answer_to(request, outgoing, nursery)
            finally:
                self._open -= 1
                if self._scopes.get(request.id) is scope:
                    del self._scopes[request.id]
            if answer is not None and not request.notification:
                await outgoing.send(answer)

    async def _answer_to(self, request: RpcRequest, outgoing: Outgoing, nursery: trio.Nursery) -> bytes | None:
        """The line to send, if there is one still to be sent."""
        with Caught() as caught:
            if request.method == TAIL:
                await tail(self._methods, request, outgoing)
                return None
            if request.method == logs.SUBSCRIBE:
                await logs.subscribe(self._methods.logs, request, outgoing)
                return None
            if request.method == ATTACH:
                result = self._attach(outgoing, nursery)
            elif request.method == HELLO:
                result = self._hello(request.params, outgoing, nursery)
            else:
                result = await self._methods.call(request.method, request.params)
            return result_line(request.id, result)
        return _error(request, caught.error)

    def _attach(self, outgoing: Outgoing, nursery: trio.Nursery) -> dict[str, Any]:
        """From now on this client thinks for callers, until it goes."""
        gateway = self._methods.gateway
        if gateway is None:
            raise refused('agent.provider: somebody else thinks for callers; set it to "gateway" to have a host asked')
        if self._remote is None:
            asked, questions = trio.open_memory_channel[bytes](inf)
            remote = self._remote = RemoteAgent(send=asked.send_nowait, settings=gateway.settings)
            self.host.callback(asked.close)
            self.host.callback(remote.close)
            self.host.enter_context(gateway.attached(remote))
            nursery.start_soon(_forward, questions, outgoing.clone())
        return {"attached": True}

    def _hello(self, params: Params, outgoing: Outgoing, nursery: trio.Nursery) -> dict[str, Any]:
        answer, seconds, host = hello(self._methods, params), heartbeat_s(params), read.flag(params, "host")
        if host and not self._is_host:
            self._is_host = True
            self.host.enter_context(self._methods.hosts.present())
        if seconds:
            beating = trio.CancelScope()
            self.host.callback(beating.cancel)
            nursery.start_soon(_beat, outgoing.clone(), seconds, beating)
        return {**answer, "hosts": self._methods.hosts.count}


async def _beat(outgoing: Outgoing, seconds: float, scope: trio.CancelScope) -> None:
    """Show from time to time that we live. One that waits for a client to read is enough."""
    with outgoing, scope:
        while True:
            await trio.sleep(seconds)
            await outgoing.send(heartbeat_line())


async def _forward(questions: trio.MemoryReceiveChannel[bytes], outgoing: Outgoing) -> None:
    with outgoing:
        async for line in questions:
            await outgoing.send(line)


def _error(request: RpcRequest, error: BaseException | None) -> bytes | None:
    match error:
        case None:
            return None
        case RpcError():
            return error_line(request.id, error)
        case JournalError() | BadEntry():
            return error_line(request.id, refused(str(error)))
        case trio.BrokenResourceError() | trio.ClosedResourceError():
            raise error
        case _:
            log.error("an RPC method failed", method=request.method, error=describe(error))
            words = f"internal error: {type(error).__name__}; the server's log says where"
            return error_line(request.id, RpcError(INTERNAL, words))
