"""A transcription vendor for the media benchmarks, a process of its own: realtime sockets in OpenAI's shapes.

``python -m benchmarks.vendor_load CORE`` prints its port and serves until it is killed. It does not listen: it tells
half a second's words for every half second of audio, and that the turn is over after a second, then every five. It has
to be cheap, because it shares a core with the callers; what is measured is our side of the sockets.
"""

from __future__ import annotations

import os
import select
import socket
import sys

import msgspec

from voicecall.audio.websocket import WebSocket, accept_key

APPENDED = b'"input_audio_buffer.append"'
PARTIAL_EVERY, TURN_EVERY, FIRST_TURN = 5, 50, 10
"""Pieces of audio, 100 ms each."""
TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Session:
    """One socket: a handshake, then audio in and words out."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0.0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._websocket = WebSocket(limit=1 << 20)
        self._head = b""
        self._open = False
        self._pieces = 0

    def read(self) -> bool:
        """Take what has come; whether the socket goes on."""
        try:
            data = self._socket.recv(1 << 16)
            if data:
                self._take(data)
                if self._websocket.outgoing:
                    self._socket.send(bytes(self._websocket.outgoing))
                    self._websocket.outgoing.clear()
        except OSError:
            data = b""
        if not data or self._websocket.closed:
            self._socket.close()
            return False
        return True

    def _take(self, data: bytes) -> None:
        if not self._open:
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            self._open = True
            self._socket.send(_answer(head))
            self._tell("session.created", session={})
        for message in self._websocket.receive(data) if data else ():
            if APPENDED in message[:64]:
                self._hear()
            elif b'"session.update"' in message:
                self._tell("session.updated", session={})

    def _hear(self) -> None:
        self._pieces += 1
        turn, place = divmod(self._pieces + TURN_EVERY - FIRST_TURN, TURN_EVERY)
        item = f"item_{turn}"
        if place == 0:
            words = "this is what was said"
            self._tell(f"{TRANSCRIPTION}.completed", item_id=f"item_{turn - 1}", content_index=0, transcript=words)
        if place == 0 or self._pieces == 1:
            self._tell("input_audio_buffer.committed", item_id=item)
        elif self._pieces % PARTIAL_EVERY == 0:
            self._tell(f"{TRANSCRIPTION}.delta", item_id=item, content_index=0, delta="more words ")

    def _tell(self, kind: str, **fields: object) -> None:
        self._websocket.send(msgspec.json.encode({"type": kind, "event_id": f"event_{self._pieces}", **fields}))


def _answer(head: bytes) -> bytes:
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    key = next(value for name, value in fields.items() if name.lower() == b"sec-websocket-key")
    return (
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        f"sec-websocket-accept: {accept_key(key.decode())}\r\n\r\n"
    ).encode()


def serve() -> None:
    """Until killed."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1_024)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    poll = select.epoll()
    poll.register(listener.fileno(), select.EPOLLIN)
    sessions: dict[int, Session] = {}
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == listener.fileno():
                sock, _ = listener.accept()
                sessions[sock.fileno()] = Session(sock)
                poll.register(sock.fileno(), select.EPOLLIN)
            elif not sessions[descriptor].read():
                del sessions[descriptor]


if __name__ == "__main__":
    if sys.argv[1]:
        os.sched_setaffinity(0, {int(sys.argv[1])})
    serve()
