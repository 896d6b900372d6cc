"""RFC 6455 fuzzed: right frames, wrong frames and noise in any order, cut anywhere, against another implementation.

``wsproto`` judges the same bytes, frame by frame. Where both follow the standard and still differ: it notices text
that is not UTF-8 as soon as a fragment shows it, we when the message is whole; and it has no limit.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

from tests.audio.wire import CLOSE, PONG, frame, parse, raw, text
from voicecall.audio.websocket import WebSocket

LIMIT = 300
HEAD = 14
"""The longest head of a frame with its mask."""
PROTOCOL_ERROR, INVALID, TOO_BIG = 1002, 1007, 1009

payloads = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=40).map(str.encode),
    st.sampled_from([b"", b"x" * 125, b"x" * 126, b"x" * 290, "ü".encode() * 80]),
    st.sampled_from(["ü".encode()[:1], "ü".encode()[1:], b"\xed\xa0\x80", b"x" * 150 + b"\xff"]),
)
closings = st.one_of(
    st.just(b""),
    st.tuples(st.integers(0, 5_100), st.text(max_size=20)).map(lambda one: one[0].to_bytes(2, "big") + one[1].encode()),
    st.binary(max_size=4),
)
sound = st.one_of(
    st.builds(frame, st.sampled_from([0, 1, 1, 2, 9, 10]), payloads, final=st.sampled_from([True, True, True, False])),
    st.lists(st.text(max_size=40).map(str.encode), min_size=1, max_size=4).map(lambda parts: text(*parts)),
)
broken = st.one_of(
    st.builds(
        frame,
        st.integers(0, 15),
        payloads,
        final=st.booleans(),
        masked=st.booleans(),
        reserved=st.sampled_from([0, 0, 1, 2, 4]),
    ),
    st.builds(raw, st.sampled_from([1, 2]), st.sampled_from([b"\x7e\x00\x05", b"\x7f" + bytes(7) + b"\x7f"]), payloads),
    st.builds(frame, st.just(CLOSE), closings),
    st.binary(max_size=20),
)
streams = st.builds(
    lambda good, bad, more: b"".join((*good, *bad, *more)),
    st.lists(sound, max_size=8),
    st.lists(broken, max_size=1),
    st.lists(sound, max_size=2),
)


@define
class Verdict:
    """What came of a stream of bytes; ``code`` is 0 while the socket is open."""

    messages: list[bytes] = field(factory=list[bytes])
    pongs: list[bytes] = field(factory=list[bytes])
    code: int = 0


def ours(data: bytes, cuts: list[int]) -> Verdict:
    """What we make of the bytes, read in pieces, with less in memory than one message and one frame."""
    socket, verdict = WebSocket(limit=LIMIT), Verdict()
    for start, end in pairwise([0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]):
        verdict.messages += socket.receive(data[start:end])
        if not socket.closed:
            assert len(socket._buffer) < LIMIT + HEAD
            assert len(socket._parts) <= LIMIT
    sent = parse(bytes(socket.outgoing))
    verdict.pongs = [one.payload for one in sent if one.opcode == PONG]
    closing = [one for one in sent if one.opcode == CLOSE]
    assert len(closing) == socket.closed
    assert not closing or sent[-1] is closing[0]
    verdict.code = closing[0].code if closing else 0
    return verdict


def theirs(data: bytes) -> Verdict:
    """What ``wsproto`` makes of them."""
    protocol, verdict, parts = FrameProtocol(client=False, extensions=[]), Verdict(), b""
    protocol.receive_bytes(data)
    try:
        for one in protocol.received_frames():
            told: Any = one.payload
            if one.opcode is Opcode.CLOSE:
                verdict.code = int(told[0])
                return verdict
            if one.opcode is Opcode.PING:
                verdict.pongs.append(bytes(told))
            elif one.opcode in (Opcode.TEXT, Opcode.BINARY):
                parts += told.encode() if isinstance(told, str) else bytes(told)
                if len(parts) > LIMIT:
                    verdict.code = TOO_BIG
                    return verdict
                if one.message_finished:
                    verdict.messages.append(parts)
                    parts = b""
    except ParseFailed as failed:
        verdict.code = int(failed.code)
    return verdict


cuts = st.lists(st.integers(0, 10_000), max_size=12)


@settings(max_examples=200)
@given(streams, cuts)
def test_we_and_another_implementation_understand_the_same(data: bytes, cuts: list[int]) -> None:
    we, they = ours(data, cuts), theirs(data)
    if they.code == INVALID and we.code != INVALID:
        # They stopped in the middle of a message, at the first character that is none: it never becomes one of ours.
        assert we.messages[: len(they.messages)] == they.messages
        assert len(we.messages) == len(they.messages)
    elif TOO_BIG in (we.code, they.code):
        # We refuse a head that announces too much; they wait for the rest, and may find something wrong with it.
        assert we.messages == they.messages
        assert we.code in (TOO_BIG, they.code)
    else:
        assert we == they


@settings(max_examples=50)
@given(streams, cuts)
def test_how_the_bytes_are_cut_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    """But for a length that is too much in any form: half of it is enough to refuse."""
    whole = ours(data, [])
    for pieces in (cuts, list(range(len(data)))):
        cut = ours(data, pieces)
        assert (cut.messages, cut.pongs) == (whole.messages, whole.pongs)
        assert cut.code == whole.code or {cut.code, whole.code} == {PROTOCOL_ERROR, TOO_BIG}


@given(streams, st.integers(0, 10_000))
def test_noise_anywhere_is_survived_and_answered_by_the_book(data: bytes, place: int) -> None:
    """Bytes are lost from the middle, so that what follows is anything."""
    place %= len(data) + 1
    verdict = ours(data[:place] + data[place + 3 :], [])
    assert verdict.code == 0 or 1000 <= verdict.code < 5000


@given(st.integers(1, 400), st.integers(0, 400), st.sampled_from([1, 2]))
def test_a_message_over_the_limit_is_refused_with_1009_however_it_is_fragmented(
    piece: int, extra: int, opcode: int
) -> None:
    sent, size, index = b"", 0, 0
    while size <= LIMIT + extra:
        sent += frame(0 if index else opcode, b"x" * piece, final=False)
        size, index = size + piece, index + 1
    assert (ours(sent, []).messages, ours(sent, []).code) == ([], TOO_BIG)
