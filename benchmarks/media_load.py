"""Callers for the media benchmark, a process of its own: frames at a steady pace, and when their echo comes.

``python -m benchmarks.media_load PORT STREAMS SECONDS`` opens so many media sockets, sends 50 frames of a voice a
second on each, echoes marks, prints an empty line when all have their say, and at the end one line of JSON: the gaps
between incoming frames in milliseconds (mean, p50, p99), how many were over 40 instead of 20, and of how many.
"""

from __future__ import annotations

import base64
import json
import re
import select
import socket
import sys
import time

from voicecall.audio.babble import say_ulaw

KEY = b"\x37\xfa\x21\x3d"
MARK = re.compile(rb'"name":"([0-9:]+)"')
MEDIA = b'"event":"media"'
WARM_UP_S = 2.0
STEP_S, RINGS = 0.005, 4
HANDSHAKE = (
    b"GET /voice/stream HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
)


def frame(message: bytes) -> bytes:
    """A masked text frame."""
    size = len(message)
    head = bytes([0x81, 0x80 | size]) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + KEY + bytes(byte ^ KEY[index % 4] for index, byte in enumerate(message))


class Line:
    """One caller."""

    def __init__(self, port: int, number: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(HANDSHAKE)
        if b" 101 " not in self.socket.recv(4_096):
            raise SystemExit("no handshake")
        told = {"event": "start", "streamId": f"s{number}", "ticket": f"call-{number}"}
        self.socket.sendall(frame(json.dumps(told).encode()))
        self.socket.settimeout(0.0)
        self.number = number
        self.last = 0.0
        self.gaps: list[float] = []
        self._rest = b""

    def read(self, now: float) -> None:
        """Take what has come: note when, give marks back."""
        data = self._rest + self.socket.recv(1 << 16)
        end = data.rfind(b"}") + 1
        data, self._rest = data[:end], data[end:]
        for mark in MARK.findall(data):
            self.socket.send(frame(b'{"event":"mark","name":"' + mark + b'"}'))
        frames = data.count(MEDIA)
        if frames and self.last:
            self.gaps += [(now - self.last) * 1000, *[0.0] * (frames - 1)]
        self.last = now if frames else self.last


def run(port: int, streams: int, seconds: float) -> None:
    """Speak, listen, report."""
    voice = say_ulaw("The quick brown fox jumps over the lazy dog, again and again. ")
    spoken = [
        frame(b'{"event":"media","payload":"' + base64.b64encode(voice[at : at + 160]) + b'"}')
        for at in range(0, len(voice) - 160, 160)
    ]
    lines = [Line(port, number) for number in range(streams)]
    sys.stdout.write("\n")
    sys.stdout.flush()
    poll = select.epoll()
    by_descriptor = {line.socket.fileno(): line for line in lines}
    for descriptor in by_descriptor:
        poll.register(descriptor, select.EPOLLIN)
    start, step = time.perf_counter(), 0
    warm = False
    while (due := start + step * STEP_S) < start + WARM_UP_S + seconds:
        if not warm and due > start + WARM_UP_S:
            warm = True
            for line in lines:
                line.gaps.clear()
        for line in lines[step % RINGS :: RINGS]:
            line.socket.send(spoken[(step // RINGS + line.number) % len(spoken)])
        step += 1
        while (left := start + step * STEP_S - time.perf_counter()) > 0:
            for descriptor, _ in poll.poll(left):
                by_descriptor[descriptor].read(time.perf_counter())
    report(lines)


def report(lines: list[Line]) -> None:
    """One line of JSON."""
    gaps = sorted(gap for line in lines for gap in line.gaps)
    told = {
        "frames": len(gaps),
        "mean": sum(gaps) / len(gaps),
        "p50": gaps[len(gaps) // 2],
        "p99": gaps[len(gaps) * 99 // 100],
        "late": sum(gap > 40 for gap in gaps),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
