"""The client's end of the socket, for the command line and for programs."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, cast

import trio

from voicecall.rpc.protocol import Lines, Params, RpcError

SOCKET = "voicecall.sock"


class NoServer(Exception):
    """No server runs for this state directory. The text says how to start one."""


@asynccontextmanager
async def connect(state: Path) -> AsyncGenerator[Client]:
    """A connection to the server of ``state``. Raises ``NoServer``."""
    try:
        stream = await trio.open_unix_socket(os.fspath(state / SOCKET))
    except OSError as error:
        hint = f"no voicecall server is running for {state}: start it with `voicecall serve --state {state}`"
        raise NoServer(hint) from error
    async with stream:
        yield Client(stream, state)


class Client:
    """One request at a time."""

    def __init__(self, stream: trio.SocketStream, state: Path) -> None:
        self._stream = stream
        self._state = state
        self._lines = Lines()
        self._ids = count(1)

    async def call(self, method: str, params: Params) -> dict[str, Any]:
        """The result of ``method``. Raises ``RpcError``, or ``NoServer`` when the server goes away."""
        import json

        name = next(self._ids)
        request = {"jsonrpc": "2.0", "id": name, "method": method, "params": params}
        try:
            await self._stream.send_all(json.dumps(request).encode() + b"\n")
            while data := await self._stream.receive_some(65_536):
                for line in self._lines.feed(bytes(data)):
                    answer = cast("dict[str, Any]", json.loads(line))
                    if answer.get("id") in (name, None) and ("result" in answer or "error" in answer):
                        return _result(answer)
        except trio.BrokenResourceError:
            pass
        raise NoServer(f"the voicecall server of {self._state} went away before it answered; ask `voicecall status`")


def _result(answer: dict[str, Any]) -> dict[str, Any]:
    error = cast("dict[str, Any] | None", answer.get("error"))
    if error is not None:
        raise RpcError(int(error["code"]), str(error["message"]), error.get("data"))
    return cast("dict[str, Any]", answer["result"])
