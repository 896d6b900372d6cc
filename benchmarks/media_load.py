"""Callers for the media benchmarks, a process of its own: frames at a steady pace, and how punctually sound comes back.

``python -m benchmarks.media_load PORT PATH CORE`` obeys one line of JSON after the other (``Callers`` writes them) and
answers each with one. A caller sends 50 frames a second from its first step to the last and gives marks back at once.

*Lateness* is against an absolute schedule: a frame of an utterance is due 20 ms after the one before, and the schedule
of an utterance is that of its most punctual frame. Marks say which frame of which utterance came; an echo, which has
none, is one endless utterance. How late the callers themselves sent is told with every answer: a run in which they
were late says nothing about the server.
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
import select
import socket
import sys
import time
from typing import Any

from voicecall.audio.babble import say_ulaw

KEY = b"\x37\xfa\x21\x3d"
NEWS = re.compile(rb'"event":"media"|"event":"clear"|"name":"(\d+):(\d+)"')
PAYLOAD = re.compile(rb'"payload":"([^"]{4})')
STEP_S, RINGS = 0.005, 4
FRAME_S = STEP_S * RINGS
BURST_S = 0.004
"""The first frames of an utterance come together, ahead of their time: they are not on the schedule of the rest."""
HOLE_S = 0.1
"""After a hole of this length what follows is on a new schedule, as it is for the person who heard the hole."""
ECHO_FLUSH = 10
"""Frames of an echo are put on its schedule so many at a time."""
END_BYTES = range(0x21, 0x26)
"""What the last five frames of a caller's turn consist of: a recognizer knows by them where it ends."""
VOICE = say_ulaw("The quick brown fox jumps over the lazy dog again and again ", pitch_hz=190)
"""Without a pause, so that it interrupts nothing but what is said when it begins; nobody could take it for our echo."""
SILENCE = b"\xff" * 160


def frame(message: bytes) -> bytes:
    """A masked text frame."""
    size = len(message)
    head = bytes([0x81, 0x80 | size]) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + KEY + bytes(byte ^ KEY[index % 4] for index, byte in enumerate(message))


def _media(audio: bytes) -> bytes:
    return frame(b'{"event":"media","payload":"' + base64.b64encode(audio) + b'"}')


SPOKEN = [_media(VOICE[at : at + 160]) for at in range(0, len(VOICE) - 160, 160)]
QUIET = _media(SILENCE)
ENDS = [_media(bytes([byte]) * 160) for byte in END_BYTES]


class Schedule:
    """When the frames of one line were due. Times are in seconds."""

    def __init__(self) -> None:
        self._utterance = -1
        self._base = math.inf

    def late_ms(self, arrivals: list[float], utterance: int, frames: int) -> list[float]:
        """How late these frames were, the last of the first ``frames`` of an utterance."""
        if utterance != self._utterance:
            self._utterance, self._base = utterance, math.inf
            arrivals = [at for at in arrivals if at > arrivals[0] + BURST_S]
        first = frames - len(arrivals)
        starts = [at - FRAME_S * (first + index) for index, at in enumerate(arrivals)]
        if not starts:
            return []
        self._base = min(*starts, self._base)
        late_ms = [(start - self._base) * 1000 for start in starts]
        if min(starts) > self._base + HOLE_S:
            self._base = min(starts)
        return late_ms


class Line:
    """One caller: a socket, what it says, when it heard something."""

    def __init__(self, port: int, path: str, number: int, ticket: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(0.0)
        shake = (
            f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
        )
        told = {"event": "start", "streamId": f"s{number}", "ticket": ticket}
        self.opened = time.perf_counter()
        self.socket.send(shake.encode() + (frame(json.dumps(told).encode()) if ticket else b""))
        self.number = number
        self.echo = not ticket
        self.shaken = False
        self.refused = ""
        self.frames = 0
        self.late_ms: list[float] = []
        self.first = 0.0
        self.news = 0.0
        """When the last sound came, and how it began."""
        self.tag = b""
        self.cleared = 0.0
        self.plan: list[bytes] = []
        """What to say instead of the usual, frame by frame."""
        self.sent: list[float] = []
        self._schedule = Schedule()
        self._unmarked: list[float] = []
        self._rest = b""
        self._echoed = 0

    def say(self, step: int, usual: list[bytes]) -> None:
        """Send the frame of this step."""
        if not self.shaken or self.refused:
            return
        if self.plan:
            message = self.plan.pop(0)
            self.sent.append(time.perf_counter())
        else:
            message = usual[(step + self.number) % len(usual)]
        self._send(message)

    def _send(self, message: bytes) -> None:
        try:
            self.socket.send(message)
        except BlockingIOError:
            self.refused = "the server does not read"
        except OSError as error:
            self.refused = error.strerror or "gone"

    def read(self, now: float) -> None:
        """Take what has come: note when, give marks back."""
        try:
            piece = self.socket.recv(1 << 16)
        except OSError:
            piece = b""
        if not piece:
            self.refused = self.refused or "the server closed"
            return
        data = self._rest + piece
        if not self.shaken:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            self.shaken = True
            if b" 101 " not in head:
                self.refused = head.split(b"\r\n")[0].decode()
        end = data.rfind(b"}") + 1
        self._rest = data[end:]
        marks: list[bytes] = []
        for news in NEWS.finditer(data, 0, end):
            self._note(news, marks, now, data)
        if marks:
            self._send(b"".join(marks))

    def _note(self, news: re.Match[bytes], marks: list[bytes], now: float, data: bytes) -> None:
        if news[0] == b'"event":"media"':
            self.frames += 1
            if not self.first:
                self.first = now
            if not self.news:
                self.news = now
                found = PAYLOAD.search(data, news.start())
                self.tag = found[1] if found else b""
            self._unmarked.append(now)
            if self.echo and len(self._unmarked) == ECHO_FLUSH:
                self._echoed += ECHO_FLUSH
                self._mark(1, self._echoed)
        elif news[0] == b'"event":"clear"':
            self.cleared = now
            self._unmarked.clear()
        else:
            marks.append(frame(b'{"event":"mark","name":"%b:%b"}' % (news[1], news[2])))
            self._mark(int(news[1]), int(news[2]) // 20)

    def _mark(self, utterance: int, frames: int) -> None:
        """What has come since the last mark are the last of so many frames of this utterance."""
        self.late_ms += self._schedule.late_ms(self._unmarked, utterance, frames)
        self._unmarked.clear()


class Load:
    """All callers, and the clock they speak by."""

    def __init__(self, port: int, path: str) -> None:
        self._port = port
        self._path = path
        self._lines: list[Line] = []
        self._waiting: list[str] = []
        self._step = 0
        self._start = time.perf_counter()
        self._own_ms: list[float] = []
        self._poll = select.epoll()
        self._poll.register(0, select.EPOLLIN)
        self._by_descriptor: dict[int, Line] = {}
        self._commands = b""
        self._usual = SPOKEN

    def run(self) -> None:
        """Until there are no more commands."""
        while True:
            while b"\n" in self._commands:
                line, _, self._commands = self._commands.partition(b"\n")
                asked = json.loads(line)
                sys.stdout.write(json.dumps(getattr(self, asked.pop("do"))(**asked)) + "\n")
                sys.stdout.flush()
            if not self._go_on():
                return

    def _go_on(self) -> bool:
        """One step: who is due speaks, then everybody listens until the next step. False at the end of commands."""
        if self._waiting and self._step % 2:
            self._connect(self._waiting.pop(0))
        for line in self._lines[self._step % RINGS :: RINGS]:
            line.say(self._step // RINGS, self._usual)
        self._step += 1
        due = self._start + self._step * STEP_S
        while True:
            left = due - time.perf_counter()
            for descriptor, _ in self._poll.poll(max(left, 0.0)):
                if descriptor == 0:
                    piece = os.read(0, 1 << 16)
                    if not piece:
                        return False
                    self._commands += piece
                else:
                    line = self._by_descriptor[descriptor]
                    line.read(time.perf_counter())
                    if line.refused:
                        self._poll.unregister(descriptor)
            if left <= 0:
                break
        self._own_ms.append(max(time.perf_counter() - due, 0.0) * 1000)
        return True

    def _connect(self, ticket: str) -> None:
        line = Line(self._port, self._path, len(self._lines), ticket)
        self._lines.append(line)
        self._by_descriptor[line.socket.fileno()] = line
        self._poll.register(line.socket.fileno(), select.EPOLLIN)

    def _let_pass(self, seconds: float) -> None:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            self._go_on()

    # --- commands ----------------------------------------------------------------------------------------------------

    def hush(self) -> dict[str, Any]:
        """From now on callers who are not told to speak send silence."""
        self._usual = [QUIET]
        return {}

    def join(self, tickets: list[str]) -> dict[str, Any]:
        """More callers, 100 a second; when each heard its first sound, in ms from its handshake."""
        known = len(self._lines)
        self._waiting += tickets
        give_up = time.perf_counter() + 10 + len(tickets) / 100
        while self._waiting or any(not (line.first or line.refused) for line in self._lines[known:]):
            if time.perf_counter() > give_up:
                break
            self._go_on()
        fresh = self._lines[known:]
        return {
            "first_ms": [(line.first - line.opened) * 1000 for line in fresh if line.first],
            "refused": [line.refused for line in fresh if line.refused],
        }

    def measure(self, seconds: float) -> dict[str, Any]:
        """Count for a while: lateness of frames, and our own."""
        for line in self._lines:
            line.late_ms.clear()
            line.frames = 0
        self._own_ms.clear()
        self._let_pass(seconds)
        late = [ms for line in self._lines for ms in line.late_ms]
        return {
            "late_ms": percentiles(late),
            "own_ms": percentiles(self._own_ms),
            "frames": sum(line.frames for line in self._lines),
            "silent": sum(not line.frames for line in self._lines),
            "refused": [line.refused for line in self._lines if line.refused],
        }

    def turn(self, voice_frames: int, quiet_frames: int) -> dict[str, Any]:
        """Every caller says something once, each in its own moment, and waits for sound.

        In ms: from the last frame that was needed to the first sound (``answer_ms``; the sound says which frame that
        was), and from the first frame of voice to a clear (``clear_ms``).
        """
        for line in self._lines:
            line.news = line.cleared = 0.0
            line.sent.clear()
            pause = [QUIET] * (line.number * 7 % 50)
            line.plan = [*pause, *SPOKEN[10 : 10 + voice_frames], *ENDS, *[QUIET] * quiet_frames]
        answers, clears = list[float](), list[float]()
        self._let_pass((55 + voice_frames + quiet_frames) * FRAME_S)
        for line in self._lines:
            begun = line.number * 7 % 50
            needed = begun + voice_frames + _needed(line.tag)
            # What came earlier was left over from the turn before: the machine stood still in between.
            if needed < len(line.sent) and line.news > line.sent[needed]:
                answers.append((line.news - line.sent[needed]) * 1000)
            if line.cleared and begun < len(line.sent):
                clears.append((line.cleared - line.sent[begun]) * 1000)
        return {"answer_ms": answers, "clear_ms": clears, "cleared_at": [line.cleared for line in self._lines]}


def _needed(tag: bytes) -> int:
    """Which of the five last frames the answer needed, by how its sound begins."""
    byte = base64.b64decode(tag)[0] if tag else 0
    return min(max(byte - 0x31, 0), 4)


def percentiles(figures: list[float]) -> dict[str, float]:
    """p50, p99, max; zeros when there is nothing."""
    figures = sorted(figures) or [0.0]
    return {"p50": figures[len(figures) // 2], "p99": figures[len(figures) * 99 // 100], "max": figures[-1]}


if __name__ == "__main__":
    if sys.argv[3]:
        os.sched_setaffinity(0, {int(sys.argv[3])})
    Load(int(sys.argv[1]), sys.argv[2]).run()
