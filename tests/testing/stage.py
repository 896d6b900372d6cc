"""A tiny stand-in for ``voicecall serve``, in memory: takes webhooks through the real codec and answers them, takes
media streams and says things on them. And the clock it all runs on."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
import trio.testing
from attrs import define, field

from voicecall.adapters.carriers.mock import carrier
from voicecall.audio.modem import Demodulator, Spoken
from voicecall.events import AnyEvent, Instant
from voicecall.events import facts as fact
from voicecall.ports import (
    Account,
    HttpRequest,
    HttpResponse,
    MediaAudio,
    MediaMark,
    MediaMessage,
    MediaStart,
)
from voicecall.testing.memory_network import LinkEnd, MemoryNetwork, open_memory_network
from voicecall.testing.voice import say

SECRET = "hush"
START_MS = 1_767_225_600_000
WEBHOOK = "http://127.0.0.1:3334/voice/webhook"
MEDIA = "ws://127.0.0.1:3334/voice/stream"
US = "+15550000000"
SOMEBODY = "+15551112222"
Plain = dict[str, Any]

media = carrier.media()


def wall() -> Instant:
    return Instant(START_MS + round(trio.current_time() * 1000))


@define
class Line:
    """One media stream as our side has it; ``said`` is what the person said, and when we knew."""

    end: LinkEnd
    heard: list[tuple[float, MediaMessage]] = field(factory=list)
    said: list[tuple[float, Spoken]] = field(factory=list)
    _demodulator: Demodulator = field(factory=Demodulator)
    _kinds: dict[type[Any], list[Any]] = field(factory=dict)
    _news: trio.Event = field(factory=trio.Event)

    @property
    def start(self) -> MediaStart:
        return next(one for _, one in self.heard if isinstance(one, MediaStart))

    @property
    def sound(self) -> bytes:
        return b"".join(one.payload for _, one in self.heard if isinstance(one, MediaAudio))

    def marks(self) -> list[tuple[float, str]]:
        return [(at, one.name) for at, one in self.heard if isinstance(one, MediaMark)]

    def of(self, kind: type[Any]) -> list[Any]:
        return self._kinds.get(kind, [])

    def speak(self, text: str, mark: str = "") -> None:
        sound = say(text)
        for offset in range(0, len(sound), 160):
            self.end.send(media.send(self.start.stream_id, sound[offset : offset + 160]))
        if mark:
            self.end.send(media.mark(self.start.stream_id, mark))

    async def listen(self) -> None:
        """Read what arrives, as the plane's tick does."""
        closed = False
        while not closed:
            closed = self.end.closed
            news = [(trio.current_time(), media.receive(one)) for one in self.end.receive()]
            for at, one in news:
                self._kinds.setdefault(type(one), []).append(one)
                if isinstance(one, MediaAudio):
                    words = self._demodulator.feed(one.payload)
                    self.said += [(at, word) for word in words if isinstance(word, Spoken)]
            self.heard += news
            told, self._news = self._news, trio.Event()
            told.set()
            if not closed:
                await self.end.arrived.wait()

    async def until(self, said: Callable[[], bool]) -> bool:
        """Wait until something is true of what arrived; False when the stream ended before."""
        while not said() and not self.end.closed:
            await self._news.wait()
        return said()

    def finals(self) -> list[str]:
        return [one.text for _, one in self.said]


@define
class FakeServer:
    """``answer`` may say what a webhook's reply is; ``on_line`` gets every media stream in a task of its own."""

    nursery: trio.Nursery
    on_line: Callable[[Line], Awaitable[None]] | None = None
    answer: Callable[[AnyEvent | None, Plain], HttpResponse | None] = lambda _event, _plain: None
    events: list[AnyEvent] = field(factory=list)
    raw: list[Plain] = field(factory=list)
    lines: list[Line] = field(factory=list)
    over: trio.Event = field(factory=trio.Event)

    async def webhook(self, request: HttpRequest) -> HttpResponse:
        carrier.verify(request, account=Account(api_url="", secrets={"webhook": SECRET}), now=wall())
        (heard,) = carrier.decode(request)
        plain = json.loads(request.body)["event"]
        self.raw.append(plain)
        if plain["type"] == "call.ended":
            self.over.set()
        reply = self.answer(heard.event, plain)
        if reply is not None:
            return reply
        assert heard.event is not None
        self.events.append(heard.event)
        await trio.lowlevel.checkpoint()
        if heard.offer:
            return actions({"answer": MEDIA_ORDER})
        return actions({"media": MEDIA_ORDER}) if isinstance(heard.event, fact.CallAnswered) else ok()

    def accept(self, handshake: HttpRequest, end: LinkEnd) -> None:
        assert (handshake.method, handshake.url) == ("GET", MEDIA)
        line = Line(end)
        self.lines.append(line)
        self.nursery.start_soon(line.listen)
        if self.on_line is not None:
            self.nursery.start_soon(self.on_line, line)

    def kinds(self) -> list[str]:
        return [str(one["type"]) for one in self.raw]


def ms(seconds: float) -> int:
    return round(seconds * 1000)


async def greet(line: Line) -> None:
    """Say hello and answer whatever is said."""
    await line.until(lambda: bool(line.heard))
    line.speak("Hello, nice to meet you.", mark="greeting")
    for turn in range(1, 1_000):
        if not await line.until(lambda turn=turn: len(line.finals()) >= turn):
            return
        await trio.sleep(0.5)
        line.speak(f"You said {line.finals()[-1]}", mark=f"reply {turn}")


MEDIA_ORDER = {"mediaUrl": MEDIA, "ticket": "t-1"}


def ok() -> HttpResponse:
    return HttpResponse(status=200, body=b"OK")


def actions(*wanted: Plain) -> HttpResponse:
    return HttpResponse(status=200, body=json.dumps({"actions": wanted}).encode())


@define
class World:
    server: FakeServer
    network: MemoryNetwork

    async def ask(self, method: str, path: str, body: Plain | None = None, *, key: str = "") -> tuple[int, Plain]:
        headers = {"authorization": f"Bearer {SECRET}", **({"idempotency-key": key} if key else {})}
        content = b"" if body is None else json.dumps(body).encode()
        request = HttpRequest(method=method, url=f"http://127.0.0.1:3335{path}", headers=headers, body=content)
        exchange = await self.network.fetch(request)
        assert exchange.response is not None
        return exchange.response.status, json.loads(exchange.response.body)

    async def dial(self, to: str, script: Any = None, *, call_id: str = "c1", **more: Any) -> None:
        if script is not None:
            assert (await self.ask("POST", "/_network/people", {"number": to, "script": script}))[0] == 200
        body = {"callId": call_id, "from": US, "to": to, "webhookUrl": WEBHOOK, **more}
        assert await self.ask("POST", "/calls", body, key=f"{call_id}:1.0") == (
            201,
            {"providerCallId": f"mock-{call_id}", "status": "initiated"},
        )

    async def ended(self) -> Plain:
        """The report's only call, once it is over and everybody was told."""
        await self.server.over.wait()
        await trio.sleep(0.1)
        (call,) = self.network.board.report()["calls"]
        assert call["status"] == "ended"
        return call


@define(eq=False)
class Effort(trio.abc.Instrument):
    """Counts how often a task was resumed: what a run costs on any machine."""

    steps: int = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.steps += 1


def play(story: Callable[[World], Awaitable[None]], **options: Any) -> Effort:
    """Run a story on a clock that jumps; nothing may be left when it is over."""
    effort = Effort()

    async def main() -> None:
        async with open_world(**options) as world:
            await story(world)
        assert trio.lowlevel.current_statistics().tasks_living <= baseline + 1

    async def measured() -> None:
        nonlocal baseline
        baseline = trio.lowlevel.current_statistics().tasks_living
        await main()

    baseline = 0
    trio.run(measured, clock=trio.testing.MockClock(autojump_threshold=0), instruments=[effort])
    return effort


@asynccontextmanager
async def open_world(**options: Any) -> AsyncGenerator[World]:
    async with trio.open_nursery() as nursery:
        server = FakeServer(nursery, **{name: options.pop(name) for name in ("on_line", "answer") if name in options})
        async with open_memory_network(
            secret=SECRET, deliver_webhook=server.webhook, accept_media=server.accept, wall=wall, **options
        ) as network:
            yield World(server, network)
        nursery.cancel_scope.cancel()
