"""The account's side of the paper vendor: answers webhooks by path, takes media streams; and the stage around it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import trio
import trio.testing
from attrs import define, field

from tests.testing.paper import PaperControl, PaperVendor
from tests.testing.stage import SECRET, wall
from voicecall.ports import HttpRequest, HttpResponse
from voicecall.testing.faults import load_faults
from voicecall.testing.memory_network import LinkEnd, MemoryNetwork, open_memory_network
from voicecall.testing.script import load_script

HOME = "http://127.0.0.1:3334"
SOMEBODY = "+15551112222"
Plain = dict[str, Any]
Given = str | HttpResponse
Answer = Given | Callable[[Plain], Given | Awaitable[Given]]


def document(body: str) -> HttpResponse:
    return HttpResponse(status=200, headers={"content-type": "text/xml"}, body=f"<Response>{body}</Response>".encode())


@define
class Desk:
    """``pages``: path to a document's body, an answer, or what makes one of the fields. Other paths get 204."""

    network: MemoryNetwork
    vendor: PaperVendor
    pages: dict[str, Answer]
    asked: list[tuple[float, str, Plain]] = field(factory=list)
    requests: list[HttpRequest] = field(factory=list)
    links: list[tuple[HttpRequest, LinkEnd]] = field(factory=list)
    refuse_media: bool = False

    async def webhook(self, request: HttpRequest) -> HttpResponse:
        parts = urlsplit(request.url)
        fields = json.loads(request.body) if request.body else dict(one.split("=") for one in parts.query.split("&"))
        self.requests.append(request)
        self.asked.append((trio.current_time(), parts.path, fields))
        answer = self.pages.get(parts.path, HttpResponse(status=204))
        if callable(answer):
            answer = answer(fields)
        await trio.lowlevel.checkpoint()
        if isinstance(answer, Awaitable):
            answer = await answer
        return document(answer) if isinstance(answer, str) else answer

    def paths(self) -> list[str]:
        return [path for _, path, _ in self.asked]

    def told(self, path: str) -> list[Plain]:
        return [fields for _, one, fields in self.asked if one == path]

    async def ask(self, path: str, **body: Any) -> Any:
        """Use the paper vendor's API."""
        request = HttpRequest(method="POST", url=f"http://127.0.0.1:3335{path}", body=json.dumps(body).encode())
        exchange = await self.network.fetch(request)
        assert exchange.response is not None
        return json.loads(exchange.response.body) if exchange.response.status == 200 else exchange.response.status

    async def dial(self, script: Any, **more: Any) -> PaperControl:
        """Call somebody with this script."""
        self.network.board.people[SOMEBODY] = load_script(script)
        name = (await self.ask("/dial", to=SOMEBODY, **more))["call"]
        return self.vendor.dialect.controls[name]

    def play_faults(self, **script: Any) -> None:
        self.network.board.faults.play(load_faults(script))

    async def over(self) -> Plain:
        """The report's only call, when it has ended and everybody knows."""
        (control,) = self.vendor.dialect.controls.values()
        await control.over.wait()
        await trio.sleep(3)
        (call,) = self.network.board.report()["calls"]
        return call


@asynccontextmanager
async def open_desk(pages: dict[str, Answer]) -> AsyncGenerator[Desk]:
    vendor, desks = PaperVendor(), []

    async def deliver(request: HttpRequest) -> HttpResponse:
        return await desks[0].webhook(request)

    def accept(handshake: HttpRequest, end: LinkEnd) -> None:
        desks[0].links.append((handshake, end))

    async with open_memory_network(
        secret=SECRET, carrier=vendor, deliver_webhook=deliver, accept_media=accept, wall=wall
    ) as network:
        desks.append(Desk(network, vendor, pages))
        yield desks[0]


def play(story: Callable[[Desk], Awaitable[None]], **pages: Answer) -> None:
    """Run a story on a clock that jumps. ``answer=`` is the page at ``/answer``, ``go_on=`` at ``/go_on``."""

    async def main() -> None:
        async with open_desk({f"/{name}": page for name, page in pages.items()}) as desk:
            await story(desk)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
