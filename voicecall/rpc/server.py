"""The server's end of the socket: one task a connection, see ``connection.py``."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Never

import trio

from voicecall.rpc.client import is_served
from voicecall.rpc.connection import converse
from voicecall.rpc.methods import Methods

BACKLOG = 64


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
    token: str = "",
    *,
    task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED,
) -> Never:
    """Answer whoever connects, and knows the ``token`` if there is one, until cancelled."""
    answer = partial(converse, methods=methods, token=token)
    await trio.serve_listeners(answer, [listener], task_status=task_status)
    raise AssertionError("unreachable")
