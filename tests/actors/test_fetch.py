"""HTTP to a carrier, over real sockets: whatever the network does is a value."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trio.testing
from attrs import define, field

from voicecall.actors.fetch import BODY_LIMIT, TIMEOUT_S, open_fetch
from voicecall.ports import Exchange, Fetch, HttpRequest

Serve = Callable[[trio.SocketStream], Awaitable[None]]


@define
class Api:
    """A carrier's API of a few lines: every connection is handed to ``serve``."""

    url: str
    connections: int = 0
    requests: list[bytes] = field(factory=list)


@asynccontextmanager
async def open_api(answers: list[bytes] | Serve) -> AsyncIterator[Api]:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    api = Api(url=f"http://127.0.0.1:{listener.socket.getsockname()[1]}")

    async def accept(stream: trio.SocketStream) -> None:
        api.connections += 1
        with suppress(trio.BrokenResourceError):  # the client may leave in the middle of an answer
            await attend(stream)

    async def attend(stream: trio.SocketStream) -> None:
        async with stream:
            if callable(answers):
                await answers(stream)
                return
            while head := await receive(stream):
                api.requests.append(head)
                await stream.send_all(answers.pop(0))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, accept, [listener])
        yield api
        nursery.cancel_scope.cancel()


async def receive(stream: trio.SocketStream) -> bytes:
    """One whole request, or nothing when the client went away."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = await stream.receive_some()
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line), 0)
    while len(body) < length:
        body += await stream.receive_some()
    return head + b"\r\n\r\n" + body


def answer(status: str = "200 OK", body: bytes = b"{}", *headers: str) -> bytes:
    head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""))
    return head.encode() + body


def post(url: str, **more: str) -> HttpRequest:
    return HttpRequest(method="POST", url=url, headers=more, body=b'{"a": 1}')


def play(answers: list[bytes] | Serve, story: Callable[[Api, Fetch], Awaitable[None]]) -> None:
    async def main() -> None:
        async with open_api(answers) as api, open_fetch() as fetch:
            await story(api, fetch)

    trio.run(main, clock=trio.testing.MockClock(rate=20))


def once(answers: list[bytes] | Serve) -> tuple[Exchange, Api]:
    found: list[tuple[Exchange, Api]] = []

    async def story(api: Api, fetch: Fetch) -> None:
        found.append((await fetch(post(api.url + "/calls", **{"idempotency-key": "c1:2.0"})), api))

    play(answers, story)
    return found[0]


def test_request_and_answer_arrive_as_they_are() -> None:
    exchange, api = once([answer("201 Created", b'{"id": 7}', "X-Trace: Abc")])
    assert exchange.response is not None
    assert (exchange.response.status, exchange.response.body) == (201, b'{"id": 7}')
    assert exchange.response.headers["x-trace"] == "Abc"
    (sent,) = api.requests
    assert sent.startswith(b"POST /calls HTTP/1.1\r\n")
    assert b"idempotency-key: c1:2.0\r\n" in sent.lower()
    assert sent.endswith(b'\r\n\r\n{"a": 1}')


@pytest.mark.parametrize("status", ["404 Not Found", "503 Service Unavailable", "302 Found"])
def test_a_refusal_and_a_redirect_are_answers_like_any_other(status: str) -> None:
    exchange, api = once([answer(status, b"", "Location: http://127.0.0.1:1/elsewhere")])
    assert exchange.response is not None
    assert exchange.response.status == int(status[:3])
    assert (exchange.error, exchange.sent, api.connections) == ("", True, 1)


def test_connections_are_kept() -> None:
    async def story(api: Api, fetch: Fetch) -> None:
        for _ in range(3):
            assert (await fetch(post(api.url))).response is not None
        assert api.connections == 1

    play([answer() for _ in range(3)], story)


def test_nobody_listens_so_nothing_was_sent() -> None:
    async def story(api: Api, fetch: Fetch) -> None:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]
        await listener.aclose()
        exchange = await fetch(post(f"http://127.0.0.1:{port}"))
        assert (exchange.response, exchange.sent) == (None, False)
        assert exchange.error.startswith("ConnectError")

    play([], story)


def test_an_address_that_is_none_was_not_sent_either() -> None:
    async def story(api: Api, fetch: Fetch) -> None:
        for url in ("http://[::1", "carrier-pigeon://127.0.0.1", "http://127.0.0.1:99999999"):
            exchange = await fetch(post(url))
            assert (exchange.response, exchange.sent) == (None, False), url

    play([], story)


async def hang_up(stream: trio.SocketStream) -> None:
    await receive(stream)


async def stop_half_way(stream: trio.SocketStream) -> None:
    await receive(stream)
    await stream.send_all(answer(body=b"x" * 100)[:-50])


async def talk_nonsense(stream: trio.SocketStream) -> None:
    await receive(stream)
    await stream.send_all(b"MOVED\r\n\r\n")


@pytest.mark.parametrize("serve", [hang_up, stop_half_way, talk_nonsense])
def test_without_a_complete_answer_nobody_knows_what_was_done(serve: Serve) -> None:
    exchange, _ = once(serve)
    assert (exchange.response, exchange.sent) == (None, True)
    assert exchange.error.startswith("RemoteProtocolError")


async def never_answer(stream: trio.SocketStream) -> None:
    await receive(stream)
    await trio.sleep_forever()


async def trickle(stream: trio.SocketStream) -> None:
    await receive(stream)
    await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    while True:
        await stream.send_all(b"x")
        await trio.sleep(1)


@pytest.mark.parametrize("serve", [never_answer, trickle])
def test_an_exchange_has_an_end_however_slow_the_carrier(serve: Serve) -> None:
    took: list[float] = []

    async def story(api: Api, fetch: Fetch) -> None:
        began = trio.current_time()
        exchange = await fetch(post(api.url))
        took.append(trio.current_time() - began)
        assert (exchange.response, exchange.sent) == (None, True)
        assert exchange.error

    play(serve, story)
    assert took[0] + 0.1 >= TIMEOUT_S


def test_an_answer_without_end_is_none() -> None:
    exchange, _ = once([answer(body=b"x" * (BODY_LIMIT + 1))])
    assert (exchange.response, exchange.sent) == (None, True)
    assert "more than" in exchange.error


def test_a_proxy_of_the_environment_is_not_asked_about_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    exchange, _ = once([answer()])
    assert exchange.response is not None
