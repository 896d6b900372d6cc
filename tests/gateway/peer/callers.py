"""Callers of a Twilio number, a process of its own: ``python -m tests.gateway.peer.callers``.

Reads one line, ``{"port", "webhooks": [text, …], "again": [text, …], "seconds", "speech": {index: [at_s, base64]}}``.
Each webhook is a call of ours, answered with TwiML that names a media stream, or the one in ``again`` is. All of them
send 50 frames a second, silence or speech, and give marks back at once. Writes one line, for each call
``{"arrivals_ms", "first_ms", "error"}``: when frames came, and how long after ``start`` the first one with sound did.
"""

from __future__ import annotations

import base64
import html
import http.client
import json
import os
import re
import select
import socket
import struct
import sys
import time
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field

FRAME_S = 0.02
SILENCE = b"\xff" * 160
QUIET = frozenset(b"\xff\x7f\xfe\x7e")
KEY = b"\x37\xfa\x21\x3d"
STREAM = re.compile(r'<Stream [^>]*url="([^"]+)"')
PARAMETER = re.compile(r'<Parameter [^>]*name="([^"]+)" [^>]*value="([^"]+)"')
MEDIA, MARK = b'"event":"media"', b'"event":"mark"'
PAYLOAD = re.compile(rb'"payload": ?"([^"]+)"')


@define
class Caller:
    """One call, and what came in it."""

    name: str
    sock: socket.socket
    started: float
    speech: list[bytes] = field(factory=list)
    speaks_at: float = float("inf")
    buffer: bytes = b""
    arrivals_ms: list[float] = field(factory=list)
    first_ms: float | None = None
    error: str = ""

    def send(self, message: dict[str, Any]) -> None:
        """One masked text frame."""
        text = json.dumps(message, separators=(",", ":")).encode()
        size = len(text)
        head = bytes([0x81, 0x80 | size]) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
        key = (KEY * (size // 4 + 1))[:size]
        self.sock.sendall(head + KEY + bytes(a ^ b for a, b in zip(text, key, strict=True)))

    def read(self, now: float) -> None:
        """What has arrived. Raises ``OSError`` at the end."""
        data = self.sock.recv(1 << 18)
        if not data:
            raise ConnectionResetError("closed")
        self.buffer += data
        while len(self.buffer) >= 2:
            size, skip = self.buffer[1] & 0x7F, 2
            if size == 126:
                size, skip = int.from_bytes(self.buffer[2:4], "big"), 4
            elif size == 127:
                size, skip = struct.unpack(">Q", self.buffer[2:10])[0], 10
            if len(self.buffer) < skip + size:
                return
            kind, message = self.buffer[0] & 0x0F, self.buffer[skip : skip + size]
            self.buffer = self.buffer[skip + size :]
            if kind == 8:
                raise ConnectionResetError(f"closed: {message[2:].decode('utf-8', 'replace')}")
            self._hear(message, now)

    def _hear(self, message: bytes, now: float) -> None:
        if MEDIA in message:
            self.arrivals_ms.append((now - self.started) * 1000)
            found = PAYLOAD.search(message)
            if self.first_ms is None and found and not QUIET.issuperset(base64.b64decode(found[1])):
                self.first_ms = self.arrivals_ms[-1]
        elif MARK in message:
            mark = json.loads(message)["mark"]["name"]
            self.send({"event": "mark", "streamSid": self.name, "mark": {"name": mark}})


def ask(port: int, webhook: str) -> str:
    """The answer to a webhook."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
        sock.sendall(webhook.encode())
        response = http.client.HTTPResponse(sock)
        response.begin()
        return response.read().decode()


def call(port: int, webhook: str, again: str, number: int) -> Caller:
    """Call, and open the stream that the answer names. Raises ``OSError``, ``ValueError``."""
    twiml = ask(port, webhook)
    if not STREAM.search(twiml):
        twiml = ask(port, again)
    found = STREAM.search(twiml)
    if found is None:
        raise ValueError(f"no stream: {twiml[:200]}")
    url = urlsplit(html.unescape(found[1]))
    sock = socket.create_connection(("127.0.0.1", port), timeout=60)
    sock.setsockopt(socket.SOL_TCP, socket.TCP_NODELAY, 1)
    path = url.path + (f"?{url.query}" if url.query else "")
    head = f"GET {path} HTTP/1.1\r\nhost: {url.netloc}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    head += f"sec-websocket-version: 13\r\nsec-websocket-key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n"
    sock.sendall(head.encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += sock.recv(1) or b"\r\n\r\n"
    if b" 101 " not in answer:
        raise ValueError(f"no upgrade: {answer[:200]!r}")
    name, sid = f"MZ{number:032x}", re.findall(r"CallSid=(CA\w+)", webhook)[0]
    caller = Caller(name, sock, time.perf_counter())
    parameters = {html.unescape(one): html.unescape(other) for one, other in PARAMETER.findall(twiml)}
    start = {"streamSid": name, "accountSid": "AC", "callSid": sid, "tracks": ["inbound"]}
    shape = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    caller.send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
    caller.started = time.perf_counter()
    start |= {"customParameters": parameters, "mediaFormat": shape}
    caller.send({"event": "start", "sequenceNumber": "1", "streamSid": name, "start": start})
    return caller


def converse(callers: list[Caller], seconds: float) -> None:
    """Frames at their pace in both directions, for so long."""
    poll, begun = select.epoll(), time.perf_counter()
    by_number = {one.sock.fileno(): one for one in callers}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    due, sent = begun, 0
    while (now := time.perf_counter()) < begun + seconds:
        if now >= due:
            for one in list(by_number.values()):
                _send_frame(one, sent, now - begun)
            sent, due = sent + 1, due + FRAME_S
        for number, _ in poll.poll(max(0.0, due - time.perf_counter())):
            one = by_number[number]
            try:
                one.read(time.perf_counter())
            except OSError as error:
                one.error = str(error)
                poll.unregister(number)
                del by_number[number]


def _send_frame(caller: Caller, sent: int, at_s: float) -> None:
    audio = caller.speech.pop(0) if caller.speech and at_s >= caller.speaks_at else SILENCE
    media = {"track": "inbound", "chunk": str(sent + 1), "timestamp": str(sent * 20)}
    media["payload"] = base64.b64encode(audio).decode()
    try:
        caller.send({"event": "media", "sequenceNumber": str(sent + 2), "streamSid": caller.name, "media": media})
    except OSError as error:
        caller.error = str(error)


def main() -> None:
    """The command."""
    told = json.loads(sys.stdin.readline())
    asked = zip(told["webhooks"], told["again"], strict=True)
    callers = [call(told["port"], webhook, again, number) for number, (webhook, again) in enumerate(asked)]
    for index, (at_s, audio) in told.get("speech", {}).items():
        sound = base64.b64decode(audio)
        callers[int(index)].speech = [sound[at : at + 160].ljust(160, b"\xff") for at in range(0, len(sound), 160)]
        callers[int(index)].speaks_at = at_s
    converse(callers, told["seconds"])
    seen = [{"arrivals_ms": one.arrivals_ms, "first_ms": one.first_ms, "error": one.error} for one in callers]
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main()
