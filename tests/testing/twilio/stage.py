"""A customer of the simulated Twilio: asks by its API, answers its requests, whose signature Twilio's own library must
accept, with documents, and takes its media streams."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

import trio
import trio.testing
from attrs import define, field
from twilio.request_validator import RequestValidator

from voicecall.events import Instant
from voicecall.ports import HttpRequest, HttpResponse
from voicecall.testing.happenings import Offer
from voicecall.testing.media import NotConnected
from voicecall.testing.memory_network import LinkEnd, MemoryNetwork, open_memory_network
from voicecall.testing.script import Script, Step

START_MS = 1_794_036_000_000
VOICE, STATUS, AMD, STREAM_STATUS, SPARE = (
    f"https://voice.example.com/{name}" for name in ("voice", "status", "amd", "stream", "spare")
)
NEXT = "https://voice.example.com/next"
STREAM = "wss://voice.example.com/media"
US, THEM = "+15550000000", "+15551112222"
EVENTS = ["initiated", "ringing", "answered", "completed"]
WAIT = "<Pause length='60'/>"
Plain = dict[str, Any]


def wall() -> Instant:
    return Instant(START_MS + round(trio.current_time() * 1000))


@define
class Customer:
    """``documents`` has what each URL answers, in order; the last one for ever. ``statuses`` go before them."""

    network: MemoryNetwork = field(init=False)
    documents: dict[str, list[str]] = field(factory=lambda: {VOICE: [WAIT]})
    statuses: dict[str, list[int]] = field(factory=dict[str, list[int]])
    requests: list[tuple[str, dict[str, str]]] = field(factory=list)
    attempts: list[tuple[float, HttpRequest]] = field(factory=list)
    refuses: bool = False
    ends: list[LinkEnd] = field(factory=list)
    handshakes: list[HttpRequest] = field(factory=list)
    _news: trio.Event = field(factory=trio.Event)

    async def webhook(self, request: HttpRequest) -> HttpResponse:
        await trio.lowlevel.checkpoint()
        url = request.url.partition("?")[0]
        fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        validator = RequestValidator(self.network.account["auth_token"])
        assert validator.validate(request.url, fields, request.headers["x-twilio-signature"])
        self.attempts.append((trio.current_time(), request))
        waiting = self.statuses.get(url, [])
        status = waiting.pop(0) if waiting else 200
        if status < 300:
            told = fields if request.method == "POST" else dict(parse_qsl(request.url.partition("?")[2]))
            self.requests.append((url, told))
            news, self._news = self._news, trio.Event()
            news.set()
        documents = self.documents.get(url, [""])
        document = documents.pop(0) if len(documents) > 1 else documents[0]
        body = f"<Response>{document}</Response>".encode()
        return HttpResponse(status=status, headers={"content-type": "text/xml"}, body=body)

    def accept(self, handshake: HttpRequest, end: LinkEnd) -> None:
        if self.refuses:
            raise NotConnected("closed for today")
        self.handshakes.append(handshake)
        self.ends.append(end)

    # --- the API -----------------------------------------------------------------------------------------------------

    async def ask(self, method: str, path: str, body: Any = None, *, pair: str = "") -> tuple[int, Plain]:
        account = self.network.account
        pair = pair or f"{account['account_sid']}:{account['auth_token']}"
        headers = {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        content = b""
        if body is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
            content = body if isinstance(body, bytes) else urlencode(body, doseq=True).encode()
        base = f"http://127.0.0.1:3335/2010-04-01/Accounts/{account['account_sid']}"
        exchange = await self.network.fetch(HttpRequest(method=method, url=base + path, headers=headers, body=content))
        assert exchange.response is not None
        return exchange.response.status, json.loads(exchange.response.body or b"{}")

    async def code(self, method: str, path: str, body: Any = None, *, pair: str = "") -> tuple[int, int | None]:
        """Status and code of a refusal."""
        status, answer = await self.ask(method, path, body, pair=pair)
        assert answer["status"] == status
        return status, answer.get("code")

    async def dial(self, *steps: Step, **fields: Any) -> str:
        """Call somebody who does this."""
        self.network.board.people[THEM] = Script(steps=steps)
        usual = {"To": THEM, "From": US, "Url": VOICE, "StatusCallback": STATUS, "StatusCallbackEvent": EVENTS}
        status, answer = await self.ask("POST", "/Calls.json", {**usual, **fields})
        assert status == 201, answer
        return answer["sid"]

    async def update(self, sid: str, **fields: Any) -> tuple[int, Plain]:
        """Ask something of a call."""
        return await self.ask("POST", f"/Calls/{sid}.json", fields)

    def offer(self, *steps: Step, **fields: Any) -> str:
        """Somebody calls us."""
        usual: dict[str, Any] = {"webhook_url": VOICE, "status_url": STATUS}
        offer = Offer(caller=THEM, callee=US, script=Script(steps=steps), **{**usual, **fields})
        return self.network.board.dialect.offer(offer).party.vendor_call_id

    # --- what came ---------------------------------------------------------------------------------------------------

    def at(self, url: str) -> list[dict[str, str]]:
        """The requests to one URL."""
        return [fields for one, fields in self.requests if one == url]

    async def until(self, url: str, number: int = 1) -> dict[str, str]:
        """The n-th request to a URL."""
        with trio.fail_after(600):
            while len(self.at(url)) < number:
                await self._news.wait()
        return self.at(url)[number - 1]

    async def over(self) -> dict[str, str]:
        """The last report of the only call."""
        with trio.fail_after(600):
            while not self.at(STATUS) or "CallDuration" not in self.at(STATUS)[-1]:
                await self._news.wait()
        return self.at(STATUS)[-1]

    def call(self) -> Plain:
        """What the network says of the only call."""
        (call,) = self.network.board.report()["calls"]
        return call


def play(story: Callable[[Customer], Awaitable[None]]) -> None:
    """Run a story on a clock that jumps."""

    async def main() -> None:
        customer = Customer()
        async with open_memory_network(
            secret="hush", carrier="twilio", deliver_webhook=customer.webhook, accept_media=customer.accept, wall=wall
        ) as network:
            customer.network = network
            await story(customer)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def sent(end: LinkEnd) -> list[Plain]:
    """The messages of a stream since the last look."""
    return [json.loads(one) for one in end.receive()]
