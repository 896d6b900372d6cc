"""One client's connection: a task that reads, one that writes, one a request.

A client that goes away takes its waiting requests along, never what they have set in motion: every wish is a fact in
the journal before it is answered. A subscriber reads the journal itself, at its own speed: a slow one falls behind and
misses nothing. Only one task writes, so a request that is cancelled cannot leave half a line behind.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from math import inf
from typing import Any

import trio
from attrs import define, evolve, field

from journal.api import JournalError
from voicecall.events.schema import BadEntry
from voicecall.fault import Caught, describe
from voicecall.log import get_logger
from voicecall.rpc import logs
from voicecall.rpc.asking import ATTACH, DELTA, RemoteAgent
from voicecall.rpc.hello import CANCEL, HELLO, heartbeat_line, heartbeat_s, hello, knows
from voicecall.rpc.methods import CONNECTIONS, TAIL, Methods
from voicecall.rpc.params import given
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
from voicecall.rpc.subscribing import Outgoing, Subscription, ended_line
from voicecall.rpc.tail import tail

REQUESTS = 64
"""Requests of one connection at a time, subscriptions included."""
WAITING = 16
"""Lines that may wait for a client to read."""
QUESTIONS = 256
"""Of ours, with what belongs to them: that many may wait for a host to read."""
HELLO_S = 10.0
"""How long a client that must say a token may take to do so."""
PARTING_S = 10.0
"""How long a client that has sent its last byte may wait for answers; one that is gone cannot be told apart."""
GONE = "cancelled by the client"

log = get_logger(__name__)


async def converse(stream: trio.abc.Stream, *, methods: Methods, token: str = "") -> None:
    """Answer the requests of one client until it goes away. With a ``token`` it must say that first (``hello``).

    Whatever fails here is this client's alone.
    """
    connection = _Connection(methods, token)
    outgoing, lines = trio.open_memory_channel[bytes](WAITING)
    with Caught() as caught:
        try:
            async with stream, trio.open_nursery() as nursery:
                nursery.start_soon(_write, stream, lines)
                with outgoing, connection.host, connection.welcome:
                    await connection.read(stream, outgoing, nursery)
                nursery.cancel_scope.deadline = trio.current_time() + PARTING_S
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client is gone: nobody is left to answer
    if caught.error is not None:
        log.error("an RPC connection failed", error=describe(caught.error))


async def _write(stream: trio.abc.Stream, lines: trio.MemoryReceiveChannel[bytes]) -> None:
    async for line in lines:
        await stream.send_all(line)


@define(eq=False)
class _Asked:
    """A request that is being carried out; ``subscription`` once it has its answer and notifications follow."""

    request: RpcRequest
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    subscription: Subscription | None = None

    def last(self, error: RpcError) -> bytes:
        """The line that says how it ended: an answer, or, where it has one, the last notification."""
        if self.subscription is not None:
            return ended_line(self.subscription.ended, self.request.id, error.message)
        return error_line(self.request.id, error)


class _Connection:
    def __init__(self, methods: Methods, token: str) -> None:
        self._methods = methods
        self._token = token
        self._asked: dict[Id, _Asked] = {}
        self._open = 0
        self._remote: RemoteAgent | None = None
        self._is_host = False
        self._beating = trio.CancelScope()
        self.welcome = trio.CancelScope(deadline=trio.current_time() + HELLO_S if token else inf)
        """How long the client may stay: for ever once it has said the token."""
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
                self._token, self.welcome.deadline = "", inf
                await self._receive(message, outgoing, nursery)

    async def _receive(
        self, message: RpcRequest | RpcAnswer | BadRequest, outgoing: Outgoing, nursery: trio.Nursery
    ) -> None:
        match message:
            case RpcAnswer():
                if self._remote is not None:
                    self._remote.settle(message)
            case BadRequest():
                await outgoing.send(error_line(message.id, message.error))
            case RpcRequest(method=method) if method in (CANCEL, DELTA):
                answer = self._at_once(message)
                if not message.notification:
                    await outgoing.send(answer)
            case RpcRequest():
                problem = self._problem(message)
                if problem is None:
                    nursery.start_soon(self._answer, self._begun(message), outgoing.clone(), nursery)
                elif not message.notification:
                    await outgoing.send(error_line(message.id, problem))
                else:
                    log.warning("a notification was dropped", method=message.method[:40], why=problem.message)

    def _begun(self, request: RpcRequest) -> _Asked:
        """Known by its name from now on: the next line may be about it."""
        asked = _Asked(request)
        self._open += 1
        if request.id is not None:
            self._asked[request.id] = asked
        return asked

    def _problem(self, request: RpcRequest) -> RpcError | None:
        """Why a request is not even begun."""
        if self._open >= REQUESTS:
            words = f"{REQUESTS} requests of this connection are not answered yet; wait for an answer"
            return RpcError(INVALID_REQUEST, words)
        if request.id in self._asked:
            words = "id: names another request of this connection that is under way; give every request its own"
            return RpcError(INVALID_REQUEST, words, {"code": "INVALID_REQUEST", "field": "id"})
        return None

    def _at_once(self, request: RpcRequest) -> bytes:
        """What needs no task of its own."""
        try:
            if request.method == CANCEL:
                return result_line(request.id, {"found": self._cancel(request.params)})
            if self._remote is not None:
                self._remote.hear(request.params)
            return result_line(request.id, {})
        except RpcError as error:
            return error_line(request.id, error)

    def _cancel(self, params: Params) -> bool:
        """Give up a request; whether it was still under way."""
        asked = self._asked.get(given(CANCEL, params)["id"])
        if asked is not None:
            asked.scope.cancel()
        return asked is not None

    async def _answer(self, asked: _Asked, outgoing: Outgoing, nursery: trio.Nursery) -> None:
        """Carry out one request. A cancelled one is answered, too: that it was."""
        request = asked.request
        answer: bytes | None = None
        with outgoing:
            try:
                with asked.scope:
                    answer = await self._answer_to(asked, outgoing, nursery)
                if asked.scope.cancelled_caught:
                    answer = asked.last(RpcError(CANCELLED, GONE))
            finally:
                self._open -= 1
                if self._asked.get(request.id) is asked:
                    del self._asked[request.id]
            if answer is not None and not request.notification:
                await outgoing.send(answer)

    async def _answer_to(self, asked: _Asked, outgoing: Outgoing, nursery: trio.Nursery) -> bytes | None:
        """The line to send, if there is one still to be sent."""
        request = asked.request
        with Caught() as caught:
            if request.method not in CONNECTIONS:
                return result_line(request.id, await self._methods.call(request.method, request.params))
            request = evolve(request, params=given(request.method, request.params))
            if request.method in (TAIL, logs.SUBSCRIBE):
                await self._subscribe(asked, request, outgoing)
                return None
            attach = request.method == ATTACH
            result = self._attach(outgoing, nursery) if attach else self._hello(request.params, outgoing, nursery)
            return result_line(request.id, result)
        return None if caught.error is None else asked.last(_told(request, caught.error))

    async def _subscribe(self, asked: _Asked, request: RpcRequest, outgoing: Outgoing) -> None:
        """Answer, and send what there is from then on."""
        methods = self._methods
        subscription = tail(methods, request) if request.method == TAIL else logs.subscribe(methods.logs, request)
        if request.notification:
            return  # whose lines would they be?
        await outgoing.send(result_line(request.id, subscription.answer))
        asked.subscription = subscription
        await subscription.send(outgoing)

    def _attach(self, outgoing: Outgoing, nursery: trio.Nursery) -> dict[str, Any]:
        """From now on this client thinks for callers, until it goes."""
        gateway = self._methods.gateway
        if gateway is None:
            raise refused('agent.provider: somebody else thinks for callers; set it to "gateway" to have a host asked')
        if self._remote is None:
            asked, questions = trio.open_memory_channel[bytes](QUESTIONS)
            remote = self._remote = RemoteAgent(send=partial(_offer, asked), settings=gateway.settings)
            self.host.callback(asked.close)
            self.host.callback(remote.close)
            self.host.enter_context(gateway.attached(remote))
            nursery.start_soon(_forward, questions, outgoing.clone())
        return {"attached": True}

    def _hello(self, params: Params, outgoing: Outgoing, nursery: trio.Nursery) -> dict[str, Any]:
        answer, seconds, host = hello(self._methods, params), heartbeat_s(params), params.get("host", False)
        if host and not self._is_host:
            self._is_host = True
            self.host.enter_context(self._methods.hosts.present())
        self._beating.cancel()
        if seconds:
            self._beating = trio.CancelScope()
            self.host.callback(self._beating.cancel)
            nursery.start_soon(_beat, outgoing.clone(), seconds, self._beating)
        return {**answer, "hosts": self._methods.hosts.count}


async def _beat(outgoing: Outgoing, seconds: float, scope: trio.CancelScope) -> None:
    """Show from time to time that we live. One that waits for a client to read is enough."""
    with outgoing, scope:
        while True:
            await trio.sleep(seconds)
            await outgoing.send(heartbeat_line())


def _offer(asked: trio.MemorySendChannel[bytes], line: bytes) -> bool:
    try:
        asked.send_nowait(line)
    except (trio.WouldBlock, trio.ClosedResourceError):
        return False
    return True


async def _forward(questions: trio.MemoryReceiveChannel[bytes], outgoing: Outgoing) -> None:
    with outgoing:
        async for line in questions:
            await outgoing.send(line)


def _told(request: RpcRequest, error: Exception) -> RpcError:
    """What a client is told of an error. Raises one that says that the client is gone."""
    match error:
        case RpcError():
            return error
        case JournalError() | BadEntry():
            return refused(str(error))
        case trio.BrokenResourceError() | trio.ClosedResourceError():
            raise error
        case _:
            log.error("an RPC method failed", method=request.method, error=describe(error))
            return RpcError(INTERNAL, f"internal error: {type(error).__name__}; the server's log says where")
