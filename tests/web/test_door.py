"""The door over real sockets: media sockets change hands, strangers are bounded, connections really close."""

from __future__ import annotations

import socket as std
import struct

import pytest
import trio

from tests.web.kit import (
    ACCEPT,
    PATH,
    STREAM,
    Kit,
    event,
    handshake,
    head,
    new_gate,
    ok,
    post,
    read_answer,
    serve,
    signed,
)
from voicecall.config.addresses import network
from voicecall.ports import Heard, HttpResponse
from voicecall.web.exposure import Exposure


def test_a_handshake_gives_the_plane_a_socket_that_works() -> None:
    async def story(kit: Kit) -> None:
        async with await kit.connect() as stream:
            await stream.send_all(handshake(STREAM + "?token=t") + b"\x81\x05early")
            answer = await read_answer(stream)
            assert (answer.status, answer.headers["sec-websocket-accept"]) == (101, ACCEPT)
            [(sock, leftover, peer)] = kit.media
            assert (leftover, peer) == (b"\x81\x05early", "127.0.0.1")
            assert kit.door.open_sockets == 0
            assert not sock.getblocking()
            with pytest.raises(BlockingIOError):
                sock.recv(10)
            await stream.send_all(b"inbound")
            await trio.lowlevel.wait_readable(sock)
            assert sock.recv(100) == b"inbound"
            assert sock.send(b"outbound") == 8
            assert await stream.receive_some() == b"outbound"
            assert (await kit.ask(post(event()))).status == 200  # the door goes on without it
            sock.close()
            assert await stream.receive_some() == b""

    serve(story)


def test_the_client_of_a_media_socket_is_who_stands_behind_our_proxy() -> None:
    async def story(kit: Kit) -> None:
        for forwarded in ("6.6.6.6, 203.0.113.9", "2001:db8::9"):
            async with await kit.connect() as stream:
                await stream.send_all(handshake(x_forwarded_for=forwarded))
                assert (await read_answer(stream)).status == 101
        assert [client for _, _, client in kit.media] == ["203.0.113.9", "2001:db8::9"]

    serve(story, gate=new_gate(exposure=Exposure(proxies=(network("127.0.0.0/8"),))))


def test_a_handshake_that_comes_byte_by_byte_is_one_too() -> None:
    async def story(kit: Kit) -> None:
        async with await kit.connect() as stream:
            for byte in handshake():
                await stream.send_all(bytes([byte]))
            assert (await read_answer(stream)).status == 101

    serve(story)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (handshake(sec_websocket_key=None), 400),
        (handshake(sec_websocket_version="12"), 426),
        (handshake("/voice/stream/other"), 404),
        (handshake(PATH), 404),
        (head("GET", STREAM, {}), 404),
        (
            head("GET", "/", {"connection": "upgrade, http2-settings", "upgrade": "h2c", "http2-settings": "AAMAAABk"}),
            404,
        ),
    ],
)
def test_other_handshakes_are_answered_and_closed(request_bytes: bytes, status: int) -> None:
    async def story(kit: Kit) -> None:
        assert (await kit.ask(request_bytes)).status == status
        assert kit.media == []

    serve(story)


def test_a_full_plane_says_so_in_http() -> None:
    async def story(kit: Kit) -> None:
        kit.room = 0
        answer = await kit.ask(handshake())
        assert (answer.status, answer.body) == (503, b"Too many media stream connections")
        kit.room = 1
        assert (await kit.ask(handshake())).status == 101

    serve(story)


def test_without_streaming_the_stream_path_is_not_found() -> None:
    async def story(kit: Kit) -> None:
        assert (await kit.ask(handshake())).status == 404

    serve(story, stream_path=None)


@pytest.mark.parametrize(
    ("garbage", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"hello\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: -5\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: h\r\nlong: " + b"x" * 20_000, 431),
    ],
)
def test_garbage_is_answered_and_closed(garbage: bytes, status: int) -> None:
    async def story(kit: Kit) -> None:
        assert (await kit.ask(garbage)).status == status

    serve(story)


def test_a_head_that_trickles_is_given_up_after_five_seconds() -> None:
    async def story(kit: Kit) -> None:
        async with await kit.connect() as stream, trio.open_nursery() as nursery:
            start = trio.current_time()
            await stream.send_all(b"POST /voice/webhook HTTP/1.1\r\n")

            async def trickle() -> None:
                while True:
                    await trio.sleep(0.5)
                    await stream.send_all(b"x: y\r\n")

            nursery.start_soon(trickle)
            answer = await read_answer(stream)
            nursery.cancel_scope.cancel()
            assert answer.status == 408
            assert 4.9 < trio.current_time() - start < 30
        async with await kit.connect() as silent:
            start = trio.current_time()
            assert await silent.receive_some() == b""
            assert 4.9 < trio.current_time() - start < 30

    serve(story, rate=10)


@pytest.mark.parametrize("connection", ["close", "keep-alive", None])
def test_a_connection_closes_as_soon_as_it_is_answered(connection: str | None) -> None:
    """The framework cancels whoever answers from inside ``send``; unshielded, the close would never come."""

    async def story(kit: Kit) -> None:
        headers = {"connection": connection} if connection else {}
        async with await kit.connect() as stream:
            start = trio.current_time()
            await stream.send_all(post(event(), {**signed(event()), **headers}))
            answer = await read_answer(stream)
            assert answer.status == 200
            assert answer.headers["connection"] == "close"
            assert await stream.receive_some() == b""
            while kit.door.open_sockets:
                await trio.lowlevel.checkpoint()
            assert trio.current_time() - start < 3

    serve(story)


def test_a_second_request_on_one_connection_never_reaches_the_app() -> None:
    delivered: list[str] = []

    async def deliver(
        carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True
    ) -> HttpResponse:
        delivered.extend(one.key for one in heard)
        return await ok(carrier, heard)

    async def story(kit: Kit) -> None:
        async with await kit.connect() as stream:
            await stream.send_all(post(event(id="first")) + handshake())
            assert (await read_answer(stream)).status == 200
            assert await stream.receive_some() == b""
        async with await kit.connect() as stream:
            await stream.send_all(post(event(id="second")) + post(event(id="third")))
            assert (await read_answer(stream)).status == 200
            assert await stream.receive_some() == b""
        assert kit.media == []

    serve(story, deliver=deliver)
    assert delivered == ["first", "second"]


def test_peers_that_leave_at_any_point_leave_nothing_behind() -> None:
    whole = post(event())
    reset = struct.pack("ii", 1, 0)

    async def story(kit: Kit) -> None:
        for length in (0, 1, 40, whole.index(b"\r\n\r\n") + 4, len(whole) - 1, len(whole)):
            for abruptly in (False, True):
                stream = await kit.connect()
                await stream.send_all(whole[:length])
                if abruptly:
                    stream.setsockopt(std.SOL_SOCKET, std.SO_LINGER, reset)
                await stream.aclose()
        for abruptly in (False, True):
            stream = await kit.connect()
            await stream.send_all(handshake())
            if abruptly:
                stream.setsockopt(std.SOL_SOCKET, std.SO_LINGER, reset)
            await stream.aclose()
        assert (await kit.ask(post(event()))).status == 200
        with trio.fail_after(10):
            while kit.door.open_sockets:
                await trio.lowlevel.checkpoint()

    serve(story)


def test_the_door_speaks_ipv6() -> None:
    async def story(kit: Kit) -> None:
        assert kit.door.origin == f"http://[::1]:{kit.door.port}"
        assert (await kit.ask(post(event()))).status == 200
        async with await kit.connect() as stream:
            await stream.send_all(handshake())
            assert (await read_answer(stream)).status == 101
            assert kit.media[0][2] == "::1"

    serve(story, bind="::1")


def test_handshakes_at_the_same_time_do_not_share_the_last_place() -> None:
    async def story(kit: Kit) -> None:
        kit.room = 1
        statuses: list[int] = []

        async def one() -> None:
            statuses.append((await kit.ask(handshake())).status)

        async with trio.open_nursery() as nursery:
            for _ in range(6):
                nursery.start_soon(one)
        assert sorted(statuses) == [101] + [503] * 5
        assert len(kit.media) == 1

    serve(story)


def test_a_plane_that_fails_costs_one_socket_and_not_the_door() -> None:
    async def story(kit: Kit) -> None:
        kit.room = -1  # the plane of this story fails at that
        async with await kit.connect() as stream:
            await stream.send_all(handshake())
            assert (await read_answer(stream)).status == 101
            assert await stream.receive_some() == b""
        assert (await kit.ask(post(event()))).status == 200

    serve(story)


def test_connections_beyond_the_bound_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicecall.web.door.SOCKETS", 2)

    async def story(kit: Kit) -> None:
        async with await kit.connect() as first, await kit.connect() as second:
            await first.send_all(b"POST")
            await second.send_all(b"POST")
            while kit.door.open_sockets < 2:
                await trio.lowlevel.checkpoint()
            async with await kit.connect() as third:
                assert await third.receive_some() == b""
            assert kit.door.open_sockets == 2
        while kit.door.open_sockets:
            await trio.lowlevel.checkpoint()
        assert (await kit.ask(post(event()))).status == 200

    serve(story)


def test_a_sender_that_waits_for_100_continue_gets_it() -> None:
    async def story(kit: Kit) -> None:
        body = event()
        headers = {"content-length": str(len(body)), "expect": "100-continue", **signed(body)}
        async with await kit.connect() as stream:
            await stream.send_all(head("POST", PATH, headers))
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 100 ")
            await stream.send_all(body)
            assert (await read_answer(stream)).status == 200

    serve(story)
