"""A client of the gateway's own protocol: requests and answers over a WebSocket."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import trio
from attrs import define, field
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url

READ, WRITE, ADMIN = "operator.read", "operator.write", "operator.admin"
ANSWER_S = 60
LARGEST = 1 << 24


class GatewayRefused(Exception):
    """The gateway answered with an error: ``code``, a message, perhaps details."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.code = str(error.get("code"))
        self.message = str(error.get("message"))
        self.error = error


class GatewayGone(Exception):
    """The gateway closed the connection before it answered."""


@define
class GatewayClient:
    """``ask`` as many at once as wanted. ``hello`` is what the gateway said of itself; ``events`` what it told."""

    _socket: WebSocketConnection
    _waiting: dict[str, trio.MemorySendChannel[dict[str, Any]]] = field(factory=dict)
    _numbers: count[int] = field(factory=lambda: count(1))
    hello: dict[str, Any] = field(factory=dict)
    events: list[dict[str, Any]] = field(factory=list, repr=False)

    async def ask(self, method: str, *, timeout_s: float = ANSWER_S, **params: Any) -> dict[str, Any]:
        """The payload of the answer. Raises ``GatewayRefused``, ``GatewayGone``, ``trio.TooSlowError``."""
        return await self._exchange(method, params, timeout_s, answers=1)

    async def ask_twice(self, method: str, *, timeout_s: float = ANSWER_S, **params: Any) -> dict[str, Any]:
        """For a method that answers at once that it was accepted, and again when it is done: the second answer."""
        return await self._exchange(method, params, timeout_s, answers=2)

    async def refusal(self, method: str, **params: Any) -> GatewayRefused:
        """The error of the answer; an answer without one fails."""
        try:
            answer = await self.ask(method, **params)
        except GatewayRefused as error:
            return error
        raise AssertionError(f"{method} {params} was answered: {answer}")

    async def _exchange(self, method: str, params: dict[str, Any], timeout_s: float, *, answers: int) -> dict[str, Any]:
        name = str(next(self._numbers))
        into, out = trio.open_memory_channel[dict[str, Any]](answers)
        self._waiting[name] = into
        answer: dict[str, Any] = {}
        try:
            with trio.fail_after(timeout_s):
                await self._socket.send_message(
                    json.dumps({"type": "req", "id": name, "method": method, "params": params})
                )
                for _ in range(answers):
                    answer = await out.receive()
                    if not answer["ok"]:
                        raise GatewayRefused(answer["error"])
        except (trio.EndOfChannel, ConnectionClosed) as error:
            raise GatewayGone(f"{method}: the gateway closed the connection") from error
        finally:
            self._waiting.pop(name, None)
        return answer.get("payload") or {}

    async def listen(self) -> None:
        """Hand answers out until the connection ends."""
        try:
            while True:
                message = json.loads(await self._socket.get_message())
                if message["type"] == "event":
                    self.events.append(message)
                elif message["id"] in self._waiting:
                    self._waiting[message["id"]].send_nowait(message)
        except ConnectionClosed:
            pass
        finally:
            for waiting in self._waiting.values():
                waiting.close()


@asynccontextmanager
async def open_client(
    port: int, token: str, *, scopes: tuple[str, ...] = (READ, WRITE)
) -> AsyncGenerator[GatewayClient]:
    """Connect and introduce ourselves. Raises ``GatewayRefused``, ``OSError``."""
    async with (
        open_websocket_url(f"ws://127.0.0.1:{port}", max_message_size=LARGEST) as socket,
        trio.open_nursery() as nursery,
    ):
        challenge = json.loads(await socket.get_message())
        assert challenge["event"] == "connect.challenge", challenge
        client = GatewayClient(socket)
        nursery.start_soon(client.listen)
        who = {"id": "gateway-client", "version": "0", "platform": "linux", "mode": "backend"}
        client.hello = await client.ask(
            "connect",
            minProtocol=3,
            maxProtocol=4,
            client=who,
            role="operator",
            scopes=list(scopes),
            caps=[],
            auth={"token": token},
        )
        yield client
        nursery.cancel_scope.cancel()
