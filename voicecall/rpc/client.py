"""The client's end of the socket, for the command line and for programs."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, cast

import trio

from voicecall.rpc.protocol import ANSWER_BYTES, Lines, Params, RpcError

SOCKET = "voicecall.sock"


class NoServer(Exception):
    """No server answers for this state directory. The text says what to do."""


@asynccontextmanager
async def connect(state: Path) -> AsyncGenerator[Client]:
    """A connection to the server of ``state``. Raises ``NoServer``."""
    path = state / SOCKET
    try:
        stream = await trio.open_unix_socket(os.fspath(path))
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise NoServer(f"{path}: this user may not use it; be the one who runs the server") from error
        hint = f"no voicecall server is running for {state}: start it with `voicecall serve --state {state}`"
        raise NoServer(hint) from error
    async with stream:
        yield Client(stream, state)


def is_served(path: Path) -> bool:
    """Whether a server listens on the unix socket ``path``. Does not wait."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)  # a listener whose queue is full is alive, and would be waited for
        try:
            probe.connect(os.fspath(path))
        except BlockingIOError:
            return True
        except OSError:
            return False
    return True


class Client:
    """One request at a time; after a cancelled one the connection is of no use any more."""

    def __init__(self, stream: trio.abc.Stream, state: Path) -> None:
        self._stream = stream
        self._state = state
        self._lines = Lines(limit=ANSWER_BYTES)
        self._ids = count(1)

    async def call(self, method: str, params: Params) -> dict[str, Any]:
        """The result of ``method``. Raises ``RpcError``, or ``NoServer`` when the server goes away."""
        name = next(self._ids)
        request = {"jsonrpc": "2.0", "id": name, "method": method, "params": params}
        try:
            await self._stream.send_all(json.dumps(request).encode() + b"\n")
            while data := await self._stream.receive_some(65_536):
                for line in self._lines.feed(bytes(data)):
                    answer = self._read(line)
                    if answer.get("id") in (name, None) and ("result" in answer or "error" in answer):
                        return _result(answer)
        except trio.BrokenResourceError:
            pass
        raise NoServer(f"the voicecall server of {self._state} went away before it answered; ask `voicecall status`")

    async def gone(self) -> None:
        """Wait until the server has closed the connection."""
        with suppress(trio.BrokenResourceError):
            while await self._stream.receive_some(65_536):
                pass

    def _read(self, line: bytes | None) -> dict[str, Any]:
        try:
            answer: object = json.loads(line or b"")
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise NoServer(f"{self._state / SOCKET}: what listens there is no voicecall server; stop it")
        return cast("dict[str, Any]", answer)


def _result(answer: dict[str, Any]) -> dict[str, Any]:
    error = cast("dict[str, Any] | None", answer.get("error"))
    if error is not None:
        raise RpcError(int(error["code"]), str(error["message"]), error.get("data"))
    return cast("dict[str, Any]", answer["result"])
