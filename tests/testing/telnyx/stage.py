"""A customer of the simulated Telnyx: commands it by its API, takes its events, whose signature the vendor's own check
must accept, and its media streams."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from unittest import mock

import trio
import trio.testing
from attrs import define, field
from telnyx.lib.webhook_verification import verify_webhook_signature

from voicecall.events import Instant
from voicecall.ports import HttpRequest, HttpResponse
from voicecall.testing.happenings import Offer
from voicecall.testing.media import NotConnected
from voicecall.testing.memory_network import LinkEnd, MemoryNetwork, open_memory_network
from voicecall.testing.script import Script, Step

START_MS = 1_767_225_600_000
WEBHOOK = "https://voice.example.com/telnyx"
FALLBACK = "https://fallback.example.com/telnyx"
STREAM = "wss://voice.example.com/stream"
US, THEM = "+15550000000", "+15551112222"
RTP = {"stream_url": STREAM, "stream_bidirectional_mode": "rtp", "stream_bidirectional_target_legs": "self"}
STATE = base64.b64encode(b"ours").decode()
Plain = dict[str, Any]


def wall() -> Instant:
    return Instant(START_MS + round(trio.current_time() * 1000))


@define
class Customer:
    """``statuses`` are the answers to coming webhooks, 200 when there is none; ``refuses`` turns media streams away."""

    network: MemoryNetwork = field(init=False)
    events: list[Plain] = field(factory=list)
    requests: list[HttpRequest] = field(factory=list)
    statuses: list[int] = field(factory=list)
    refuses: bool = False
    ends: list[LinkEnd] = field(factory=list)
    handshakes: list[HttpRequest] = field(factory=list)
    _news: trio.Event = field(factory=trio.Event)

    async def webhook(self, request: HttpRequest) -> HttpResponse:
        await trio.lowlevel.checkpoint()
        with mock.patch.object(time, "time", return_value=wall() / 1000):
            verify_webhook_signature(request.body, request.headers, self.network.account["public_key"])
        self.requests.append(request)
        status = self.statuses.pop(0) if self.statuses else 200
        if status < 300:
            self.events.append(json.loads(request.body))
            news, self._news = self._news, trio.Event()
            news.set()
        return HttpResponse(status=status)

    def accept(self, handshake: HttpRequest, end: LinkEnd) -> None:
        if self.refuses:
            raise NotConnected("closed for today")
        self.handshakes.append(handshake)
        self.ends.append(end)

    # --- the API -----------------------------------------------------------------------------------------------------

    async def ask(self, method: str, path: str, body: Any = None, *, key: str = "") -> tuple[int, Plain]:
        headers = {"authorization": f"Bearer {key or self.network.account['api_key']}"}
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = HttpRequest(method=method, url=f"http://127.0.0.1:3335/v2{path}", headers=headers, body=content)
        exchange = await self.network.fetch(request)
        assert exchange.response is not None
        return exchange.response.status, json.loads(exchange.response.body)

    async def code(self, method: str, path: str, body: Any = None, *, key: str = "") -> tuple[int, str]:
        """Status and code of a refusal."""
        status, answer = await self.ask(method, path, body, key=key)
        return status, answer["errors"][0]["code"]

    async def command(self, name: str, action: str, **fields: Any) -> tuple[int, str]:
        """Status, and the code if it was refused."""
        status, answer = await self.ask("POST", f"/calls/{name}/actions/{action}", fields)
        return status, answer["errors"][0]["code"] if status != 200 else answer["data"]["result"]

    async def dial(self, *steps: Step, **fields: Any) -> str:
        """Call somebody who does this."""
        self.network.board.people[THEM] = Script(steps=steps)
        usual = {"connection_id": self.network.account["connection_id"], "from": US, "to": THEM}
        status, answer = await self.ask("POST", "/calls", {**usual, "webhook_url": WEBHOOK, **fields})
        assert status == 200, answer
        return answer["data"]["call_control_id"]

    def offer(self, *steps: Step, **fields: Any) -> str:
        """Somebody calls us."""
        offer = Offer(caller=THEM, callee=US, webhook_url=WEBHOOK, script=Script(steps=steps), **fields)
        return self.network.board.dialect.offer(offer).party.vendor_call_id

    # --- what was told -----------------------------------------------------------------------------------------------

    def kinds(self) -> list[str]:
        return [one["data"]["event_type"] for one in self.events]

    def payloads(self, kind: str) -> list[Plain]:
        return [one["data"]["payload"] for one in self.events if one["data"]["event_type"] == kind]

    async def until(self, kind: str, number: int = 1) -> Plain:
        """The payload of the n-th event of a kind."""
        while len(self.payloads(kind)) < number:
            await self._news.wait()
        return self.payloads(kind)[number - 1]


def play(story: Callable[[Customer], Awaitable[None]]) -> None:
    """Run a story on a clock that jumps."""

    async def main() -> None:
        customer = Customer()
        with trio.fail_after(600):
            async with open_memory_network(
                secret="hush",
                carrier="telnyx",
                deliver_webhook=customer.webhook,
                accept_media=customer.accept,
                wall=wall,
            ) as customer.network:
                await story(customer)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def sent(end: LinkEnd) -> list[Plain]:
    """What came on a media stream since the last time."""
    return [json.loads(one) for one in end.receive()]


def say(end: LinkEnd, message: Plain | bytes) -> None:
    """A message of ours on a media stream."""
    end.send(message if isinstance(message, bytes) else json.dumps(message).encode())
