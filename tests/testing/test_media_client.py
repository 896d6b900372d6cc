"""The network's WebSocket against servers that behave badly."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, RejectConnection, RejectData, Request, TextMessage

from voicecall.ports import HttpRequest
from voicecall.testing.media import Broken, NotConnected
from voicecall.testing.media_client import connect_socket

Behave = Callable[[trio.SocketStream, WSConnection], Awaitable[None]]


def meet(behave: Behave, story: Callable[[str], Awaitable[None]], asked: list[Request] | None = None) -> None:
    """Run ``story`` with the URL of a raw server that does what ``behave`` says after the request."""

    async def serve(stream: trio.SocketStream) -> None:
        protocol = WSConnection(ConnectionType.SERVER)
        async with stream:
            protocol.receive_data(await stream.receive_some())
            request = next(iter(protocol.events()))
            assert isinstance(request, Request)
            if asked is not None:
                asked.append(request)
            await behave(stream, protocol)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            nursery.start_soon(trio.serve_listeners, serve, listeners)
            await story(f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}/stream")
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(rate=20))


async def until_closing(stream: trio.SocketStream, protocol: WSConnection) -> None:
    while not any(isinstance(event, CloseConnection) for event in protocol.events()):
        protocol.receive_data(await stream.receive_some())


def test_a_ping_that_crosses_our_close_hurts_nobody() -> None:
    async def ping_late(stream: trio.SocketStream, protocol: WSConnection) -> None:
        await stream.send_all(protocol.send(AcceptConnection()))
        # wsproto would refuse to ping now; on the wire the ping left before the close came.
        while b"\x88" not in (data := await stream.receive_some()):
            pass
        await stream.send_all(b"\x89\x02hi")
        protocol.receive_data(data)
        (event,) = [one for one in protocol.events() if isinstance(one, CloseConnection)]
        await stream.send_all(protocol.send(event.response()))

    async def story(url: str) -> None:
        sibling = trio.Event()

        async def carry_on() -> None:
            await trio.sleep(1)
            sibling.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(carry_on)
            async with connect_socket(HttpRequest(method="GET", url=url)):
                pass
        assert sibling.is_set()

    meet(ping_late, story)


def test_pings_are_answered_and_messages_come_whole() -> None:
    async def chat(stream: trio.SocketStream, protocol: WSConnection) -> None:
        await stream.send_all(protocol.send(AcceptConnection()) + protocol.send(Ping(b"are you there?")))
        pieces = protocol.send(TextMessage("hello ", message_finished=False)) + protocol.send(TextMessage("world"))
        answered = False
        while not answered:
            protocol.receive_data(await stream.receive_some())
            answered = any(type(event).__name__ == "Pong" for event in protocol.events())
        await stream.send_all(pieces)
        await until_closing(stream, protocol)
        await stream.send_all(protocol.send(CloseConnection(code=1000)))

    async def story(url: str) -> None:
        async with connect_socket(HttpRequest(method="GET", url=url)) as wire:
            assert await wire.receive() == b"hello world"

    meet(chat, story)


def test_the_vendors_own_headers_travel_in_the_handshake() -> None:
    asked: list[Request] = []

    async def agree(stream: trio.SocketStream, protocol: WSConnection) -> None:
        await stream.send_all(protocol.send(AcceptConnection()))
        await until_closing(stream, protocol)
        await stream.send_all(protocol.send(CloseConnection(code=1000)))

    async def story(url: str) -> None:
        headers = {"x-vendor-signature": "c2lnbmVk=", "x-vendor-nonce": "17"}
        async with connect_socket(HttpRequest(method="GET", url=f"{url}?a=1&b=", headers=headers)):
            pass

    meet(agree, story, asked)
    (request,) = asked
    own = {name.decode(): value.decode() for name, value in request.extra_headers if name.startswith(b"x-")}
    assert (request.target, own) == ("/stream?a=1&b=", {"x-vendor-signature": "c2lnbmVk=", "x-vendor-nonce": "17"})


@pytest.mark.parametrize(("breaks", "clean"), [(True, False), (False, True)])
def test_a_cut_is_seen_as_one_by_both_sides(breaks: bool, clean: bool) -> None:
    seen: list[bool] = []
    told = trio.Event()

    async def watch(stream: trio.SocketStream, protocol: WSConnection) -> None:
        await stream.send_all(protocol.send(AcceptConnection()))
        data = await stream.receive_some()
        protocol.receive_data(data or None)
        closed = [one for one in protocol.events() if isinstance(one, CloseConnection)]
        seen.append(bool(data) and bool(closed))
        told.set()
        if data:
            await stream.send_all(protocol.send(CloseConnection(code=1000)))

    async def story(url: str) -> None:
        async with connect_socket(HttpRequest(method="GET", url=url)) as wire:
            if breaks:
                await wire.cut()
                with pytest.raises(Broken) as caught:
                    await wire.receive()
                assert not caught.value.clean
        await told.wait()

    meet(watch, story)
    assert seen == [clean]


@pytest.mark.parametrize(("code", "clean"), [(1000, True), (1001, True), (1011, False), (0, False)])
def test_how_it_was_closed_is_told(code: int, clean: bool) -> None:
    async def close(stream: trio.SocketStream, protocol: WSConnection) -> None:
        await stream.send_all(protocol.send(AcceptConnection()))
        if code:
            await stream.send_all(protocol.send(CloseConnection(code=code)))

    async def story(url: str) -> None:
        async with connect_socket(HttpRequest(method="GET", url=url)) as wire:
            with pytest.raises(Broken) as caught:
                await wire.receive()
            assert caught.value.clean is clean
            with pytest.raises(Broken):
                await wire.send(b"{}")

    meet(close, story)


def test_a_refused_handshake_says_why() -> None:
    async def refuse(stream: trio.SocketStream, protocol: WSConnection) -> None:
        rejection = RejectConnection(status_code=401, headers=[(b"content-length", b"9")], has_body=True)
        await stream.send_all(protocol.send(rejection) + protocol.send(RejectData(b"no ticket")))

    async def story(url: str) -> None:
        with pytest.raises(NotConnected, match="401 no ticket"):
            async with connect_socket(HttpRequest(method="GET", url=url)):
                raise AssertionError("unreachable")

    meet(refuse, story)


@pytest.mark.parametrize("url", ["http://127.0.0.1/stream", "ws://", "nonsense", "ws://127.0.0.1:1/stream"])
def test_a_place_without_a_server_is_not_connected(url: str) -> None:
    async def story() -> None:
        with pytest.raises(NotConnected):
            async with connect_socket(HttpRequest(method="GET", url=url)):
                raise AssertionError("unreachable")

    trio.run(story)
