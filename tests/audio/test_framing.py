"""Frames over a real socket: everything RFC 6455 allows, and everything it forbids with the reason read to the end."""

from __future__ import annotations

import pytest
import trio
from trio_websocket import ConnectionClosed, open_websocket_url, wrap_client_stream

from tests.audio.kit import CALL, SENTENCE, SENTENCE_MS, heard_of
from tests.audio.sockets import Raw, Street, caller_is_on, serve, start
from tests.audio.wire import CLOSE, PING, PONG, TEXT, Seen, close, frame, raw, text
from tests.web.kit import STREAM
from voicecall.audio.playback import MARK_MS
from voicecall.audio.websocket import MESSAGE_BYTES
from voicecall.events import facts as fact
from voicecall.testing.mock.media import media_message


async def closing(peer: Raw) -> tuple[int, str]:
    """Code and reason of the close frame that ends everything the server sends."""
    *_, last = await peer.frames()
    assert last.opcode == CLOSE
    return last.code, last.payload[2:].decode()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"{}", masked=False), 1002),
        (frame(TEXT, b"{}", reserved=4), 1002),
        (frame(5, b"{}"), 1002),
        (frame(PING, b"", final=False), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"x" * (MESSAGE_BYTES + 1)), 1009),
        (frame(TEXT, b"x" * 4_000_000), 1009),
        (text(*[b"x" * 1_000] * 70), 1009),
        (raw(TEXT, b"\x7f" + b"\x7f" + bytes(7), b""), 1009),
        (close(999), 1002),
    ],
)
@pytest.mark.parametrize("started", [True, False])
def test_what_is_wrong_is_told_before_the_socket_closes(data: bytes, code: int, started: bool) -> None:
    """Also while the peer is still sending, which a careless close would answer with a reset."""

    async def story(street: Street) -> None:
        async with street.raw() as peer:
            if started:
                await peer.send(text(start()))
                street.adopt()
                await caller_is_on(street)

            async def send() -> None:
                with trio.move_on_after(1_000):
                    await peer.send(data)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(send)
                assert (await closing(peer))[0] == code
                nursery.cancel_scope.cancel()
        if started:
            assert street.mailboxes[CALL].of(fact.MediaClosed)[0].reason == "lost"
        await street.emptied()

    serve(story)


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [
        (text(start("forged")), 1008, "Unauthorized stream: the signature is wrong"),
        (text(start()) + text(start()), 1008, "Duplicate start"),
        (b"", 1008, "Start timeout"),
        (text(b'{"event":"connected"}') + text(media_message(bytes(160))), 1008, "Start timeout"),
        (
            text(start(sampleRate=16_000)),
            1008,
            "encoding: expected audio/x-mulaw at 8000 Hz, got audio/x-mulaw at 16000 Hz",
        ),
    ],
)
def test_whoever_is_refused_can_read_why(data: bytes, code: int, reason: str) -> None:
    async def story(street: Street) -> None:
        async with street.raw() as peer:
            await peer.send(data)
            assert await closing(peer) == (code, reason)
        await street.emptied()

    serve(story, start_timeout_s=10.0 if reason == "Start timeout" else 200.0)


def test_one_too_many_without_a_start_is_told_to_try_later() -> None:
    async def story(street: Street) -> None:
        async with street.raw(), street.raw(), street.raw() as third:
            assert await closing(third) == (1013, "Too many pending media stream connections")
            assert street.plane.connections >= 2

    serve(story, max_pending_per_peer=2)


def test_a_start_in_one_breath_with_the_handshake_is_understood() -> None:
    async def story(street: Street) -> None:
        street.adopt()
        async with street.raw(text(start())):
            await caller_is_on(street)

    serve(story)


def test_a_start_in_fragments_byte_by_byte_with_pings_in_between_is_understood() -> None:
    async def story(street: Street) -> None:
        street.adopt()
        message = start()
        sent = b""
        for index in range(len(message)):
            part = message[index : index + 1]
            sent += frame(0 if index else TEXT, part, final=index == len(message) - 1) + frame(PING, part)
        async with street.raw() as peer:
            for index in range(0, len(sent), 3):
                await peer.send(sent[index : index + 3])
            await caller_is_on(street)
            await peer.send(close())
            *pongs, last = await peer.frames()
            assert pongs == [Seen(PONG, message[index : index + 1]) for index in range(len(message))]
            assert last == Seen(CLOSE, b"\x03\xe8")

    serve(story)


def test_a_ping_is_answered_while_we_speak() -> None:
    async def story(street: Street) -> None:
        mailbox = street.adopt()
        async with street.raw(text(start())) as peer:
            await caller_is_on(street)
            street.say(1, SENTENCE)
            await mailbox.until(fact.PlaybackStarted)
            await peer.send(frame(PING, b"still there?"), close(1000, b"bye"))
            frames = await peer.frames()
            assert Seen(PONG, b"still there?") in frames
            assert frames[-1] == Seen(CLOSE, b"\x03\xe8")

    serve(story)


def test_a_close_is_answered_and_the_socket_closed_first_by_us() -> None:
    async def story(street: Street) -> None:
        async with street.raw() as peer:
            await peer.send(close(1001, b"going away"))
            assert await peer.frames() == [Seen(CLOSE, b"\x03\xe9")]
        await street.emptied()

    serve(story)


def test_a_library_of_others_understands_us_with_and_without_haste() -> None:
    """trio-websocket, with messages of many sizes, fragments, a ping and a close of its own."""

    async def story(street: Street) -> None:
        mailbox = street.adopt()
        async with open_websocket_url(street.url) as client:
            await client.send_message(start().decode())
            await caller_is_on(street)
            await client.ping(b"hello")
            for size in (0, 1, 125, 126, 1_000, 65_000):
                await client.send_message('{"event":"' + "x" * size + '"}')
            street.say(1, SENTENCE)
            marks = 0
            while marks < -(-SENTENCE_MS // MARK_MS):
                message = await client.get_message()
                if '"mark"' in message:
                    marks += 1
                    await client.send_message(message)
            assert (await heard_of(mailbox, 1)).heard_ms == SENTENCE_MS
        assert client.closed.code == 1000
        await mailbox.until(fact.MediaClosed)
        await street.emptied()

    serve(story)


def test_a_library_of_others_is_told_why_it_is_refused() -> None:
    async def story(street: Street) -> None:
        # The library leaves the stream open when it is the other side that closes.
        stream = await trio.open_tcp_stream("127.0.0.1", street.door.port)
        async with stream, trio.open_nursery() as nursery:
            client = await wrap_client_stream(nursery, stream, "127.0.0.1", STREAM)
            await client.send_message(start("forged").decode())
            with pytest.raises(ConnectionClosed):
                await client.get_message()
            assert (client.closed.code, client.closed.reason) == (1008, "Unauthorized stream: the signature is wrong")
        await street.emptied()

    serve(story)
