"""A real door on loopback in front of the mock carrier's codec, and small clients that speak to it byte by byte.

Nothing about the wire is simulated: real sockets, real hypercorn, real signatures. What a delivery does is up to each
test. Every run checks that no socket and no task is left.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from collections.abc import Awaitable, Callable

import trio
import trio.testing
from attrs import define, field

from voicecall.adapters.carriers.mock import carrier
from voicecall.events import Instant
from voicecall.ports import Account, Heard, HttpResponse
from voicecall.web.app import build_app
from voicecall.web.door import Door, serve_door
from voicecall.web.gate import Deliver, Gate
from voicecall.web.listening import listen

SECRET = "kept between us"
AT = 1_767_225_600
PATH = "/voice/webhook"
STREAM = "/voice/stream"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The key and its answer of RFC 6455, section 1.3."""


def event(**fields: object) -> bytes:
    """The body of a webhook with one event."""
    told = {"id": "e1", "type": "call.ringing", "callId": "c1", "providerCallId": "mock-c1", **fields}
    return json.dumps({"event": told}).encode()


def signed(body: bytes, secret: str = SECRET, at: int = AT) -> dict[str, str]:
    """The headers that prove where ``body`` comes from."""
    proof = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"x-mock-timestamp": str(at), "x-mock-signature": proof}


def post(body: bytes, headers: dict[str, str] | None = None, *, path: str = PATH, method: str = "POST") -> bytes:
    """A whole request."""
    return (
        head(method, path, {"content-length": str(len(body)), **(signed(body) if headers is None else headers)}) + body
    )


def head(method: str, path: str, headers: dict[str, str]) -> bytes:
    """A request's head."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"host": "phone.example", **headers}.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()


def handshake(path: str = STREAM, **headers: str | None) -> bytes:
    """A WebSocket handshake; a header given as None is left out."""
    usual = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-key": KEY, "sec-websocket-version": "13"}
    merged = {**usual, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return head("GET", path, {name: value for name, value in merged.items() if value is not None})


@define
class Answer:
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes


async def read_answer(stream: trio.abc.ReceiveStream) -> Answer:
    """Read one response and leave the connection alone."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = await stream.receive_some()
        assert more, f"the connection ended in the middle of a response: {data!r}"
        data += bytes(more)
    top, _, body = data.partition(b"\r\n\r\n")
    status, *lines = top.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        more = await stream.receive_some()
        assert more, "the connection ended in the middle of a body"
        body += bytes(more)
    return Answer(int(status.split()[1]), headers, body)


@define
class Kit:
    """The door under test and what it brought about."""

    door: Door
    gate: Gate
    nursery: trio.Nursery
    media: list[tuple[socket.socket, bytes, str]] = field(factory=list)
    room: int = 100  # below 0: a plane that fails

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream(self.door.bind, self.door.port)

    async def ask(self, request: bytes) -> Answer:
        """Send a request on a connection of its own; the answer, after which the door must close."""
        async with await self.connect() as stream:
            await stream.send_all(request)
            answer = await read_answer(stream)
            if answer.status != 101:
                assert await stream.receive_some() == b""
            return answer


async def ok(carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True) -> HttpResponse:
    """A delivery that is durable at once."""
    return HttpResponse(status=200, headers={"content-type": "application/json"}, body=b'{"actions":[]}')


def new_gate(deliver: Deliver = ok, **settings: object) -> Gate:
    return Gate(
        **{
            "provider": "mock",
            "carriers": {"mock": carrier},
            "accounts": {"mock": Account(api_url="http://127.0.0.1:1", secrets={"webhook": SECRET})},
            "path": PATH,
            "expects": lambda _carrier, _heard: True,
            "deliver": deliver,
            "wall": lambda: Instant(AT * 1000),
            **settings,
        }
    )


def serve(
    story: Callable[[Kit], Awaitable[None]],
    *,
    deliver: Deliver = ok,
    rate: float = 1.0,
    bind: str = "127.0.0.1",
    stream_path: str | None = STREAM,
    ready: bool = True,
    draining: bool = False,
    gate: Gate | None = None,
) -> None:
    """Open a door, play ``story`` at it, stop it. ``rate`` above 1 is for stories about time that passes."""
    gate = gate or new_gate(deliver)

    async def main() -> None:
        before = trio.lowlevel.current_statistics().tasks_living
        app = build_app(gate, journal_writable=lambda: True, plane_running=lambda: ready, is_draining=lambda: draining)
        media: list[tuple[socket.socket, bytes, str]] = []
        listeners = await listen(bind, 0)
        async with trio.open_nursery() as nursery:

            def take(sock: socket.socket, leftover: bytes, peer: str) -> None:
                if kit.room < 0:
                    raise RuntimeError("no plane")
                media.append((sock, leftover, peer))

            async def open_door(task_status: trio.TaskStatus[Door]) -> None:
                await serve_door(
                    bind=bind,
                    listeners=listeners,
                    app=app,
                    stream_path=stream_path,
                    media_room=lambda: kit.room < 0 or len(media) < kit.room,
                    accept_media=take,
                    client_of=gate.exposure.client,
                    task_status=task_status,
                )

            kit = Kit(await nursery.start(open_door), gate, nursery, media)
            with trio.fail_after(30 * rate):
                await story(kit)
                await kit.door.stop()
            assert kit.door.open_sockets == 0
            nursery.cancel_scope.cancel()
        for sock, _, _ in media:
            sock.close()
        assert gate.unproven.taken == gate.proven.taken == {}
        assert trio.lowlevel.current_statistics().tasks_living == before

    trio.run(main, clock=trio.testing.MockClock(rate=rate))
