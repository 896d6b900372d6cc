"""A vendor's WebSocket, on real sockets: what it carries, and every way in which it can end."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing
from trio_websocket import WebSocketRequest, serve_websocket
from wsproto.utilities import generate_accept_token

from tests.open_files import open_files
from voicecall.adapters.speech.socket import PING_S, PONG_S, WAITING, Socket, SocketEnded, open_socket

KEY = {"xi-api-key": "sk_0123456789"}
Peer = Callable[[WebSocketRequest], Awaitable[None]]
Raw = Callable[[trio.SocketStream], Awaitable[None]]


def run(story: Callable[[], Awaitable[None]]) -> None:
    """Tell a story; nothing of it is left."""
    before = len(open_files(os.getpid()))

    async def main() -> None:
        with trio.fail_after(200):
            await story()
        # The loop's own wake-up sockets are there while it runs.
        assert trio.lowlevel.current_statistics().tasks_living <= 3

    trio.run(main, clock=trio.testing.MockClock(rate=20))
    assert len(open_files(os.getpid())) == before


@asynccontextmanager
async def vendor(peer: Peer) -> AsyncGenerator[str]:
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve_websocket, peer, "127.0.0.1", 0, None))
        yield f"ws://127.0.0.1:{server.port}/v1/live?model=a"
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def raw_vendor(peer: Raw) -> AsyncGenerator[str]:
    """A TCP server."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, peer, 0, host="127.0.0.1"))
        yield f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}/"
        nursery.cancel_scope.cancel()


async def upgrade(stream: trio.SocketStream) -> None:
    """The server's side of the handshake, by hand."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += await stream.receive_some()
    lines = dict(line.split(": ", 1) for line in request.decode().split("\r\n") if ": " in line)
    token = generate_accept_token(lines["Sec-WebSocket-Key"].encode()).decode()
    await stream.send_all(
        f"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {token}\r\n\r\n".encode()
    )


async def ended(socket: Socket) -> SocketEnded:
    while True:
        try:
            await socket.receive()
        except SocketEnded as error:
            return error


def flood(socket: Socket) -> None:
    for _ in range(2 * WAITING):
        socket.send("x" * 20_000)


def test_messages_of_either_kind_go_both_ways_and_the_key_is_a_header() -> None:
    seen: list[object] = []

    async def peer(request: WebSocketRequest) -> None:
        seen.extend((request.path, dict(request.headers)[b"xi-api-key"]))
        socket = await request.accept()
        await socket.send_message(b"\x01")
        for _ in range(3):
            await socket.send_message(await socket.get_message())
        await socket.aclose(4000, "enough")

    async def story() -> None:
        async with vendor(peer) as url, open_socket(url, KEY) as socket:
            for text in ("a", "ü", "c"):
                socket.send(text)
            assert [await socket.receive() for _ in range(4)] == [b"\x01", b"a", "ü".encode(), b"c"]
            error = await ended(socket)
            assert (str(error), error.code) == ("the vendor closed the socket: 4000 enough", 4000)
            with pytest.raises(SocketEnded, match="4000 enough"):
                socket.send("more")

    run(story)
    assert seen == ["/v1/live?model=a", b"sk_0123456789"]


def test_what_was_queued_is_written_before_the_socket_is_closed() -> None:
    got: list[object] = []

    async def peer(request: WebSocketRequest) -> None:
        socket = await request.accept()
        for _ in range(500):
            got.append(await socket.get_message())

    async def story() -> None:
        async with vendor(peer) as url, open_socket(url, {}) as socket:
            for number in range(500):
                socket.send(str(number))
        assert len(got) == 500

    run(story)


def test_a_refusal_is_quoted_without_the_key() -> None:
    async def peer(request: WebSocketRequest) -> None:
        await request.reject(401, body=b'{"detail": "the key sk_0123456789\n is unknown"}')

    async def story() -> None:
        async with vendor(peer) as url:
            with pytest.raises(
                SocketEnded, match=r'refused: 401 \{"detail": "the key \[secret\] is unknown"\}'
            ) as caught:
                async with open_socket(url, KEY):
                    raise AssertionError("it was refused")
            assert (caught.value.status, caught.value.body) == (401, '{"detail": "the key [secret] is unknown"}')

    run(story)


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"\x00nonsense\r\n\r\n", b"HTTP/1.1 101 Yes\r\n\r\n"]
)
def test_who_does_not_shake_hands_is_named_at_once(answer: bytes) -> None:
    async def peer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(answer)

    async def story() -> None:
        async with raw_vendor(peer) as url:
            with pytest.raises(SocketEnded, match=r"127\.0\.0\.1:\d+"):
                async with open_socket(url, KEY):
                    raise AssertionError("there was no handshake")

    run(story)


def test_who_does_not_listen_or_does_not_answer_is_named() -> None:
    async def peer(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async def story() -> None:
        async with raw_vendor(peer) as url:
            with pytest.raises(SocketEnded, match="no handshake within 5 s"):
                async with open_socket(url, KEY):
                    raise AssertionError("there was no handshake")
        with pytest.raises(SocketEnded, match=r"127\.0\.0\.1:\d+: ConnectionRefusedError"):
            async with open_socket(url, KEY):
                raise AssertionError("nobody listens")

    run(story)


def test_pings_while_we_close_hurt_nobody() -> None:
    """A vendor that answers our close frame with pings, and with its own close frame after them."""

    async def peer(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await stream.send_all(b"\x89\x01a")
        while (await stream.receive_some())[:1] != b"\x88":
            pass
        await stream.send_all(b"\x89\x01b" * 3 + b"\x88\x02\x03\xe8")

    async def story() -> None:
        async with raw_vendor(peer) as url:
            async with open_socket(url, {}) as socket:
                socket.send("hello")
                await trio.testing.wait_all_tasks_blocked(0.01)
            assert str(await ended(socket)) == "the vendor closed the socket: 1000"

    run(story)


@pytest.mark.parametrize("frames", [b"", b"\x81\x05abc", b"\xff\xff\xff\xff", b"\x81\x02\xff\xfe"])
def test_a_vendor_that_breaks_off_or_talks_nonsense_ends_the_socket(frames: bytes) -> None:
    async def peer(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await stream.send_all(frames)

    async def story() -> None:
        async with raw_vendor(peer) as url, open_socket(url, {}) as socket:
            await ended(socket)
            with pytest.raises(SocketEnded):
                socket.send("more")

    run(story)


def test_a_vendor_that_answers_no_ping_is_gone() -> None:
    async def peer(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await trio.sleep_forever()

    async def story() -> None:
        async with raw_vendor(peer) as url, open_socket(url, {}) as socket:
            started = trio.current_time()
            assert str(await ended(socket)) == "no answer to a ping within 15 s"
            assert PING_S + PONG_S <= trio.current_time() - started < PING_S + PONG_S + 5

    run(story)


def test_a_vendor_that_does_not_read_is_given_up_and_nobody_waits_for_it() -> None:
    async def peer(stream: trio.SocketStream) -> None:
        await upgrade(stream)
        await trio.sleep_forever()

    async def story() -> None:
        async with raw_vendor(peer) as url, open_socket(url, {}) as socket:
            with pytest.raises(SocketEnded, match="does not read"):
                flood(socket)

    run(story)


def test_an_exception_and_a_cancellation_pass_as_they_are() -> None:
    async def peer(request: WebSocketRequest) -> None:
        await request.accept()
        await trio.sleep_forever()

    async def story() -> None:
        async with vendor(peer) as url:
            with pytest.raises(ZeroDivisionError):
                async with open_socket(url, {}):
                    raise ZeroDivisionError
            with trio.move_on_after(1) as scope:
                async with open_socket(url, {}) as socket:
                    await socket.receive()
            assert scope.cancelled_caught

    run(story)
