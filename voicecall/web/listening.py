"""Opening the one port, or saying which setting is in the way."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio

BACKLOG = 512


class CannotListen(Exception):
    """The door cannot open. The text names the setting and the fix."""


async def listen(bind: str, port: int, *, setting: str = "serve") -> list[trio.SocketListener]:
    """Listeners on every address that ``bind`` means, all on one port; port 0 picks a free one.

    Raises ``CannotListen``, naming the keys under ``setting``. A port that was left a moment ago can be taken again
    (``SO_REUSEADDR``), one in use cannot.
    """
    try:
        found = await trio.socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise CannotListen(f"{setting}.bind: {bind!r} is no address of this machine; {_LOOPBACK}") from error
    listeners: list[trio.SocketListener] = []
    try:
        for family, address in dict.fromkeys((family, address[0]) for family, *_, address in found):
            listeners.append(await _listener(family, address, port))
            port = listeners[0].socket.getsockname()[1]
    except OSError as error:
        for listener in listeners:
            listener.socket.close()
        raise CannotListen(_explained(error, bind, port, setting)) from error
    return listeners


@asynccontextmanager
async def open_listeners(bind: str, port: int, *, setting: str = "serve") -> AsyncGenerator[list[trio.SocketListener]]:
    """``listen``, and closed again when the context is left. Raises ``CannotListen``."""
    listeners = await listen(bind, port, setting=setting)
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.socket.close()


_LOOPBACK = "use 127.0.0.1, ::1, or 0.0.0.0 for all addresses"


async def _listener(family: int, address: str | int, port: int) -> trio.SocketListener:
    sock = trio.socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        await sock.bind((address, port))
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return trio.SocketListener(sock)


def _explained(error: OSError, bind: str, port: int, setting: str) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"{setting}.port: {port} on {bind} is already taken, perhaps by another `voicecall serve` or by the "
                f"host's own voice-call plugin (`ss -ltnp 'sport = :{port}'` shows by whom); stop that one or set "
                f"{setting}.port to a free port"
            )
        case errno.EACCES:
            fix = f"set {setting}.port to a free port from 1024 to 65535"
            return f"{setting}.port: this user may not listen on {port}; {fix}"
        case errno.EADDRNOTAVAIL:
            return f"{setting}.bind: {bind!r} is no address of this machine; {_LOOPBACK}"
        case _:
            return f"{setting}.port: cannot listen on {bind} port {port}: {error.strerror}"
