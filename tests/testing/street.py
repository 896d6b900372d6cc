"""The simulated network as the process it is, and a tiny stand-in for ``voicecall serve`` on real sockets."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import trio
import trio.testing
from attrs import define, field
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

from tests.open_files import open_files
from tests.testing.stage import SECRET, US
from voicecall.adapters.carriers.mock import carrier
from voicecall.audio.modem import Demodulator, Spoken
from voicecall.events import Instant
from voicecall.ports import Account, HttpRequest, HttpResponse
from voicecall.testing.http_server import serve_connection

RATE = 20
"""How fast clocks run in tests with sockets."""
Plain = dict[str, Any]


@define
class Process:
    """The running network."""

    process: trio.Process
    url: str
    client: httpx.AsyncClient

    async def ask(self, method: str, path: str, body: Plain | None = None, *, key: str = "") -> httpx.Response:
        headers = {"authorization": f"Bearer {SECRET}", **({"idempotency-key": key} if key else {})}
        return await self.client.request(method, f"{self.url}{path}", json=body, headers=headers)

    async def report(self) -> Plain:
        return (await self.ask("GET", "/_network/report")).json()

    async def settled(self, sockets: int) -> None:
        """Wait until the process has no more than so many sockets open."""
        with trio.fail_after(10 * RATE):
            while self.sockets() > sockets:
                await self.report()

    def sockets(self) -> int:
        """How many sockets the process has open."""
        return len(open_files(self.process.pid))


@asynccontextmanager
async def open_process(folder: Path, *options: str) -> AsyncGenerator[Process]:
    """``python -m voicecall.testing.network`` on a free port, killed at the end if it still lives."""
    secret = folder / "mock.key"
    secret.write_text(SECRET + "\n")
    command = [sys.executable, "-m", "voicecall.testing.network", "--port", "0", "--secret-file", str(secret)]
    rate = ("--clock-rate", str(RATE))
    process = await trio.lowlevel.open_process([*command, *rate, *options], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            piece = await process.stdout.receive_some()
            assert piece, "the network ended before it was ready"
            line += piece
        ready = json.loads(line)
        assert ready["ready"]
        async with httpx.AsyncClient(timeout=20 * RATE, trust_env=False) as client:
            yield Process(process, ready["url"], client)
    finally:
        if process.returncode is None:
            process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            await process.stdout.aclose()


@define
class Server:
    """Answers every ``call.answered`` with where the sound should go. ``talk`` is run on every media stream.

    ``said`` is what people said, taken from the sound.
    """

    talk: Callable[[WebSocketConnection, Server], Awaitable[None]]
    started: float = field(factory=trio.current_time)
    started_ms: int = field(factory=lambda: time.time_ns() // 1_000_000)
    events: list[Plain] = field(factory=list)
    heard: list[tuple[float, Plain]] = field(factory=list)
    said: list[Spoken] = field(factory=list)
    open_streams: int = 0
    streams: int = 0
    port: int = 0
    media_port: int = 0
    news: trio.Event = field(factory=trio.Event)

    @property
    def webhook_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/voice/webhook"

    async def answer(self, request: HttpRequest) -> HttpResponse:
        now = Instant(self.started_ms + round((trio.current_time() - self.started) * 1000))
        carrier.verify(request, account=Account(api_url="", secrets={"webhook": SECRET}), now=now)
        event = json.loads(request.body)["event"]
        self.events.append(event)
        self.tell()
        if event["type"] != "call.answered":
            return HttpResponse(status=200, body=b"OK")
        order = {"mediaUrl": f"ws://127.0.0.1:{self.media_port}/voice/stream", "ticket": f"t-{len(self.events)}"}
        return HttpResponse(status=200, body=json.dumps({"actions": [{"media": order}]}).encode())

    async def listen(self, request: WebSocketRequest) -> None:
        socket = await request.accept()
        self.streams += 1
        self.open_streams += 1
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.talk, socket, self)
                demodulator = Demodulator()
                while True:
                    message = json.loads(await socket.get_message())
                    self.heard.append((trio.current_time(), message))
                    if message["event"] == "media":
                        words = demodulator.feed(base64.b64decode(message["payload"]))
                        self.said += [one for one in words if isinstance(one, Spoken)]
                    self.tell()
        except* ConnectionClosed:
            pass
        finally:
            self.open_streams -= 1
            self.tell()

    def tell(self) -> None:
        news, self.news = self.news, trio.Event()
        news.set()

    async def until(self, true: Callable[[], bool]) -> None:
        with trio.fail_after(60 * RATE):
            while not true():
                await self.news.wait()

    def of(self, event: str) -> list[Plain]:
        return [one for _, one in self.heard if one["event"] == event]

    def kinds(self) -> list[str]:
        return [str(one["type"]) for one in self.events]

    def dial(self, to: str, call_id: str) -> Plain:
        return {"callId": call_id, "from": US, "to": to, "webhookUrl": self.webhook_url}

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        """Open for business, on the same ports again after a break."""

        async def serve_client(stream: trio.SocketStream) -> None:
            await serve_connection(stream, self.answer)

        async with trio.open_nursery() as nursery:
            listeners = await trio.open_tcp_listeners(self.port, host="127.0.0.1")
            self.port = listeners[0].socket.getsockname()[1]
            nursery.start_soon(trio.serve_listeners, serve_client, listeners)
            media = await nursery.start(serve_websocket, self.listen, "127.0.0.1", self.media_port, None)
            self.media_port = media.port
            yield
            nursery.cancel_scope.cancel()


def run(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story on a fast clock."""
    trio.run(story, clock=trio.testing.MockClock(rate=RATE))
