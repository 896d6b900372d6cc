"""Sockets that are done with, until the peer has read why."""

from __future__ import annotations

import socket
from collections.abc import Callable

import trio
from attrs import define

GOODBYE_S = 5.0
"""How long a peer may take to read our last words and to close."""


@define
class Parting:
    """``open`` sockets are being closed, each by a task of its own: they are rare and none of them carries sound."""

    spawn: Callable[..., None]
    open: int = 0

    def take(self, sock: socket.socket, rest: bytes) -> None:
        """Send ``rest``, the end of what was to be sent, and close."""
        self.open += 1
        self.spawn(self._see_off, trio.socket.from_stdlib_socket(sock), rest)

    async def _see_off(self, sock: trio.socket.SocketType, rest: bytes) -> None:
        """Read until the peer has closed, too: closing with unread input would reset the connection."""
        try:
            with trio.move_on_after(GOODBYE_S):
                while rest:
                    rest = rest[await sock.send(rest) :]
                sock.shutdown(trio.socket.SHUT_WR)
                while await sock.recv(1 << 16):
                    pass
        except OSError:
            pass
        finally:
            self.open -= 1
            sock.close()
