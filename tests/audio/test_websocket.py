"""RFC 6455 on the server's side: what is understood, and with which code everything else is refused."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audio.wire import BINARY, CLOSE, PING, PONG, TEXT, Seen, close, frame, parse, raw, text
from voicecall.audio.websocket import MESSAGE_BYTES, WebSocket, accept_key, encode_frame, unmask


def answers(socket: WebSocket) -> list[Seen]:
    """What it has sent."""
    return parse(bytes(socket.outgoing))


def refused(data: bytes, **settings: int) -> int:
    """The close code that answers ``data``."""
    socket = WebSocket(**settings)
    assert socket.receive(data) == []
    [closing] = answers(socket)
    assert closing.opcode == CLOSE
    assert socket.closed
    assert closing.payload[2:].decode() == socket.close_reason
    assert socket.close_reason
    return closing.code


def test_the_key_of_the_standard_has_the_answer_of_the_standard() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_the_examples_of_the_standard() -> None:
    """Section 5.7: a masked text, a fragmented one, a ping, 256 bytes, 64 KiB."""
    hello = bytes.fromhex("818537fa213d7f9f4d5158")
    assert WebSocket().receive(hello) == [b"Hello"]
    assert WebSocket().receive(text(b"Hel", b"lo")) == [b"Hello"]
    assert encode_frame(TEXT, b"Hello") == bytes.fromhex("810548656c6c6f")
    assert encode_frame(BINARY, bytes(256))[:4] == bytes.fromhex("827e0100")
    assert encode_frame(BINARY, bytes(65_536))[:10] == bytes.fromhex("827f0000000000010000")
    socket = WebSocket()
    socket.receive(frame(PING, b"Hello"))
    assert bytes(socket.outgoing) == bytes.fromhex("8a0548656c6c6f")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, MESSAGE_BYTES])
def test_messages_of_every_form_of_length(size: int) -> None:
    message = bytes(index & 0x7F for index in range(size))
    assert WebSocket().receive(text(message)) == [message]
    assert WebSocket().receive(frame(BINARY, message)) == [message]


@given(
    messages=st.lists(st.text(max_size=300).map(str.encode), max_size=6),
    cuts=st.lists(st.floats(0, 1), max_size=4),
    chunk=st.integers(1, 400),
)
def test_messages_arrive_whole_however_they_are_cut(messages: list[bytes], cuts: list[float], chunk: int) -> None:
    """Cut into fragments, pings in between, and then into reads of any size."""
    sent = b""
    for message in messages:
        edges = [0, *sorted(int(cut * len(message)) for cut in cuts), len(message)]
        parts = [message[start:end] for start, end in pairwise(edges)]
        for index, part in enumerate(parts):
            sent += frame(0 if index else TEXT, part, final=index == len(parts) - 1) + frame(PING, b"%d" % index)
    socket = WebSocket()
    received = [
        message for start in range(0, len(sent), chunk) for message in socket.receive(sent[start : start + chunk])
    ]
    assert received == messages
    assert [one.opcode for one in answers(socket)] == [PONG] * len(messages) * (len(cuts) + 1)


@given(st.binary(max_size=500), st.binary(min_size=4, max_size=4))
def test_unmasking_is_masking_again(payload: bytes, key: bytes) -> None:
    assert unmask(payload, key) == bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))
    assert unmask(unmask(payload, key), key) == payload


@given(st.binary(max_size=400))
def test_no_bytes_break_it(noise: bytes) -> None:
    socket = WebSocket(limit=200)
    for byte in noise:
        socket.receive(bytes([byte]))
    parse(bytes(socket.outgoing))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"hi", masked=False), 1002),
        (frame(TEXT, b"hi", reserved=4), 1002),
        (frame(TEXT, b"hi", reserved=1), 1002),
        (frame(3, b"hi"), 1002),
        (frame(0xB, b"hi"), 1002),
        (frame(0, b"continues nothing"), 1002),
        (frame(TEXT, b"begun", final=False) + frame(TEXT, b"begun again"), 1002),
        (frame(PING, b"p", final=False), 1002),
        (frame(PING, bytes(126)), 1002),
        (frame(CLOSE, bytes(126)), 1002),
        (raw(TEXT, b"\x7e\x00\x05", b"hello"), 1002),
        (raw(TEXT, b"\x7f" + (5).to_bytes(8, "big"), b"hello"), 1002),
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, "ü".encode()[:1]), 1007),
        (frame(TEXT, b"\xed\xa0\x80"), 1007),
        (frame(TEXT, b"x" * 200 + b"\xff"), 1007),
        (text("ü".encode()[:1], b"no continuation"), 1007),
    ],
)
def test_what_breaks_the_protocol_is_told_so(data: bytes, code: int) -> None:
    assert refused(data) == code


@pytest.mark.parametrize(
    ("data", "limit"),
    [
        (frame(TEXT, bytes(1_001)), 1_000),
        (text(bytes(600), bytes(600)), 1_000),
        (text(*[bytes(10)] * 200), 1_000),
        (raw(BINARY, b"\x7f" + (2**63 - 1).to_bytes(8, "big"), b""), 1_000),
        (raw(BINARY, b"\x7f" + (MESSAGE_BYTES + 1).to_bytes(8, "big"), b""), MESSAGE_BYTES),
    ],
)
def test_a_message_that_is_too_long_is_refused_before_it_is_read(data: bytes, limit: int) -> None:
    assert refused(data, limit=limit) == 1009


def test_an_oversize_frame_is_refused_on_its_head_alone() -> None:
    assert refused(frame(BINARY, bytes(2_000))[:8], limit=1_000) == 1009


def test_a_ping_inside_a_long_message_is_not_too_much() -> None:
    socket = WebSocket(limit=1_000)
    data = frame(TEXT, bytes(950), final=False) + frame(PING, bytes(100)) + frame(0, bytes(50))
    assert socket.receive(data) == [bytes(1_000)]
    assert answers(socket) == [Seen(PONG, bytes(100))]


def test_characters_may_be_cut_by_fragments() -> None:
    word = "Grüße".encode()
    assert WebSocket().receive(text(word[:3], word[3:])) == [word]
    assert WebSocket().receive(text(word * 100)) == [word * 100]


def test_binary_messages_need_not_be_text() -> None:
    assert WebSocket().receive(frame(BINARY, b"\xff\xfe")) == [b"\xff\xfe"]


def test_a_pong_means_nothing() -> None:
    socket = WebSocket()
    assert socket.receive(frame(PONG, b"late")) == []
    assert not socket.outgoing


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999])
def test_a_close_is_answered_with_its_code(code: int) -> None:
    socket = WebSocket()
    assert socket.receive(text(b"last") + close(code, "tschüß".encode()) + text(b"after the end")) == [b"last"]
    assert answers(socket) == [Seen(CLOSE, code.to_bytes(2, "big"))]
    assert (socket.closed, socket.close_code, socket.close_reason) == (True, code, "tschüß")


def test_a_close_without_a_code_is_answered_without_one() -> None:
    socket = WebSocket()
    socket.receive(close(None))
    assert answers(socket) == [Seen(CLOSE, b"")]
    assert (socket.close_code, socket.close_reason) == (1005, "")


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535])
def test_codes_that_must_not_be_sent(code: int) -> None:
    assert refused(close(code)) == 1002


def test_a_close_of_one_byte_and_one_that_is_not_text() -> None:
    assert refused(frame(CLOSE, b"\x03")) == 1002
    assert refused(close(1000, b"\xff")) == 1007


def test_nothing_is_sent_or_read_after_our_close() -> None:
    socket = WebSocket()
    socket.close(1008, "Start timeout")
    sent = bytes(socket.outgoing)
    socket.send(b"more")
    socket.close(1000)
    assert socket.receive(text(b"hello") + frame(PING, b"x")) == []
    assert bytes(socket.outgoing) == sent
    assert parse(sent) == [Seen(CLOSE, b"\x03\xf0Start timeout")]


@pytest.mark.parametrize("reason", ["x" * 500, "ü" * 200, "€" * 100])
def test_a_long_reason_is_cut_to_what_fits_and_stays_text(reason: str) -> None:
    socket = WebSocket()
    socket.close(1008, reason)
    [closing] = answers(socket)
    assert len(closing.payload) <= 125
    assert reason.startswith(closing.payload[2:].decode())
    assert len(closing.payload) >= 120
