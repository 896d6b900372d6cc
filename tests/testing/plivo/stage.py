"""A customer of the simulated Plivo: uses its API, answers its requests, whose signatures the vendor's own library must
accept, and takes its media streams."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import trio
import trio.testing
from attrs import define, field
from plivo.utils import validate_signature
from plivo.utils.signature_v3 import validate_v3_signature

from voicecall.events import Instant
from voicecall.ports import HttpRequest, HttpResponse
from voicecall.testing.happenings import Offer
from voicecall.testing.media import NotConnected
from voicecall.testing.memory_network import LinkEnd, MemoryNetwork, open_memory_network
from voicecall.testing.script import Script, Step

START_MS = 1_767_225_600_000
HOME = "https://voice.example.com"
STREAM = "wss://voice.example.com/stream"
MULAW = 'contentType="audio/x-mulaw;rate=8000"'
US, THEM = "+15550000000", "+15551112222"
QUIET = "<Wait length='60'/>"
Plain = dict[str, Any]
Page = str | HttpResponse


def wall() -> Instant:
    return Instant(START_MS + round(trio.current_time() * 1000))


def document(body: str) -> HttpResponse:
    """A document as we give it."""
    return HttpResponse(status=200, headers={"content-type": "text/xml"}, body=f"<Response>{body}</Response>".encode())


@define
class Customer:
    """``pages``: path → the answers in turn, the last one for ever; anything else is answered with an empty 200.

    ``told`` are all requests as path and fields. ``refuses`` turns media streams away.
    """

    network: MemoryNetwork = field(init=False)
    pages: dict[str, list[Page]] = field(factory=dict)
    requests: list[HttpRequest] = field(factory=list)
    told: list[tuple[str, Plain]] = field(factory=list)
    refuses: bool = False
    ends: list[LinkEnd] = field(factory=list)
    handshakes: list[HttpRequest] = field(factory=list)
    _news: trio.Event = field(factory=trio.Event)

    async def webhook(self, request: HttpRequest) -> HttpResponse:
        await trio.lowlevel.checkpoint()
        self.prove(request)
        parts = urlsplit(request.url)
        form = request.body.decode() if request.method == "POST" else parts.query
        self.requests.append(request)
        self.told.append((parts.path, dict(parse_qsl(form, keep_blank_values=True))))
        news, self._news = self._news, trio.Event()
        news.set()
        answers = self.pages.get(parts.path)
        answer = HttpResponse(status=200) if not answers else answers[0] if len(answers) == 1 else answers.pop(0)
        return document(answer) if isinstance(answer, str) else answer

    def prove(self, request: HttpRequest) -> None:
        """The vendor's library must take both signatures."""
        headers, token = request.headers, self.network.account["auth_token"]
        params = parse_qs(request.body.decode(), keep_blank_values=True)
        nonce, proof = headers["x-plivo-signature-v3-nonce"], headers["x-plivo-signature-v3"]
        assert validate_v3_signature(request.method, request.url, nonce, token, proof, params)
        nonce, proof = headers["x-plivo-signature-v2-nonce"], headers["x-plivo-signature-v2"]
        assert validate_signature(request.url, nonce, proof, token)

    def accept(self, handshake: HttpRequest, end: LinkEnd) -> None:
        if self.refuses:
            raise NotConnected("closed for today")
        self.handshakes.append(handshake)
        self.ends.append(end)

    # --- the API -----------------------------------------------------------------------------------------------------

    async def fetch(self, method: str, path: str, body: Any = None, *, token: str = "") -> HttpResponse:
        """A request below the account; paths that begin with ``//`` are taken as they are."""
        account = self.network.account
        pair = f"{account['auth_id']}:{token or account['auth_token']}"
        headers = {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        base = "" if path.startswith("//") else f"/v1/Account/{account['auth_id']}"
        url = "http://127.0.0.1:3335" + base + path.replace("//", "/")
        exchange = await self.network.fetch(HttpRequest(method=method, url=url, headers=headers, body=content))
        assert exchange.response is not None
        return exchange.response

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Plain]:
        """Status and answer."""
        response = await self.fetch(method, path, body)
        return response.status, json.loads(response.body) if response.body else {}

    async def error(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Status and words of a refusal."""
        status, answer = await self.ask(method, path, body)
        return status, answer["error"]

    async def dial(self, *steps: Step, script: Script | None = None, **fields: Any) -> str:
        """Call somebody who does this; all URLs but the fallback's are given."""
        self.network.board.people[THEM] = script or Script(steps=steps)
        urls = {f"{name}_url": f"{HOME}/{name}" for name in ("answer", "ring", "hangup")}
        status, answer = await self.ask("POST", "/Call/", {"from": US, "to": THEM, **urls, **fields})
        assert status == 201, answer
        return answer["request_uuid"]

    def offer(self, *steps: Step, **more: Any) -> str:
        """Somebody calls us."""
        urls = {"webhook_url": f"{HOME}/answer", "status_url": f"{HOME}/hangup", **more}
        offer = Offer(caller=urls.pop("caller", THEM), callee=US, script=Script(steps=steps), **urls)
        return self.network.board.dialect.offer(offer).party.vendor_call_id

    # --- what was told -----------------------------------------------------------------------------------------------

    def at(self, path: str) -> list[Plain]:
        """What was told there."""
        return [fields for one, fields in self.told if one == path]

    async def until(self, path: str, number: int = 1) -> Plain:
        """The n-th thing that was told there."""
        while len(self.at(path)) < number:
            await self._news.wait()
        return self.at(path)[number - 1]

    async def over(self, number: int = 1) -> tuple[Plain, Plain]:
        """How the n-th call ended: as it was told, and as the network saw it."""
        told = await self.until("/hangup", number)
        await trio.sleep(1)
        return told, self.network.board.report()["calls"][number - 1]


def play(story: Callable[[Customer], Awaitable[None]], **pages: Page | list[Page]) -> None:
    """Run a story on a clock that jumps. ``answer=`` is what is answered at ``/answer``."""

    async def main() -> None:
        customer = Customer()
        for name, page in pages.items():
            customer.pages[f"/{name}"] = list(page) if isinstance(page, list) else [page]
        with trio.fail_after(1_200):
            async with open_memory_network(
                secret="hush",
                carrier="plivo",
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
