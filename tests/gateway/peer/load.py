"""Signed webhooks, so many at a time, from a process of its own: ``python -m tests.gateway.peer.load``.

Reads ``{"port", "requests": [text, …], "clients"}`` from standard input, one line; writes one line of what was seen:
``{"took_s", "latencies_ms", "acknowledged": [index, …]}``. Ends early, and says so in ``lost``, when the server does.
"""

from __future__ import annotations

import json
import re
import select
import socket
import sys
import time

from attrs import define, field

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
CLOSE = re.compile(rb"(?i)\r\nconnection: *close")
PATIENCE_S = 30


@define
class Load:
    """One run. A client takes the next request as soon as it has the answer to the one before."""

    port: int
    requests: list[bytes]
    next: int = 0
    latencies_ms: list[float] = field(factory=list)
    acknowledged: list[int] = field(factory=list)
    lost: int = 0
    clients: dict[int, Client] = field(factory=dict)

    def run(self, clients: int) -> float:
        """Ask everything; the seconds it took."""
        poll = select.epoll()
        start = time.perf_counter()
        for _ in range(clients):
            self._begin(Client(), poll)
        while self.clients:
            events = poll.poll(PATIENCE_S)
            if not events:
                raise SystemExit(f"no answer for {PATIENCE_S} s")
            for number, _ in events:
                self._read(self.clients[number], poll)
        return time.perf_counter() - start

    def _begin(self, client: Client, poll: select.epoll) -> None:
        """The next request, on the connection that there is, or on a fresh one."""
        if self.next == len(self.requests) or self.lost:
            if client.sock is not None:
                client.leave(self, poll)
            return
        client.index, self.next = self.next, self.next + 1
        client.start, client.answer = time.perf_counter(), b""
        try:
            if client.sock is None:
                client.sock = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
                client.sock.setsockopt(socket.SOL_TCP, socket.TCP_NODELAY, 1)
                self.clients[client.sock.fileno()] = client
                poll.register(client.sock, select.EPOLLIN)
            client.sock.sendall(self.requests[client.index])
        except OSError:
            self.lost += 1
            if client.sock is not None:
                client.leave(self, poll)

    def _read(self, client: Client, poll: select.epoll) -> None:
        assert client.sock is not None
        try:
            data = client.sock.recv(65_536)
        except OSError:
            data = b""
        if not data:
            self.lost += 1
            client.leave(self, poll)
            return
        client.answer += data
        head, sign, body = client.answer.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not sign or (length and len(body) < int(length[1])) or (not length and not body.endswith(b"0\r\n\r\n")):
            return
        self.latencies_ms.append((time.perf_counter() - client.start) * 1000)
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 204")):
            raise SystemExit(head.decode("latin-1"))
        self.acknowledged.append(client.index)
        if CLOSE.search(head):
            client.leave(self, poll)
        self._begin(client, poll)


@define
class Client:
    """One connection at a time, one request at a time."""

    sock: socket.socket | None = None
    index: int = 0
    start: float = 0.0
    answer: bytes = b""

    def leave(self, load: Load, poll: select.epoll) -> None:
        """Close the connection."""
        assert self.sock is not None
        del load.clients[self.sock.fileno()]
        poll.unregister(self.sock)
        self.sock.close()
        self.sock = None


def main() -> None:
    """The command."""
    told = json.loads(sys.stdin.readline())
    load = Load(told["port"], [one.encode() for one in told["requests"]])
    took_s = load.run(told["clients"])
    seen = {"took_s": took_s, "latencies_ms": load.latencies_ms, "acknowledged": load.acknowledged, "lost": load.lost}
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main()
