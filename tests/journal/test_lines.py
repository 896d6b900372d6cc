"""A line is plain JSON, proves itself, and nothing else is taken for one."""

from __future__ import annotations

import json

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journal.api import BadBody, Line, Position
from journal.checksum import crc32c
from journal.lines import BadLine, Tombstone, build, build_tombstone, check_body, parse

STREAMS = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._:@+/-]{0,40}\Z")
POSITIONS = st.integers(1, 10**18).map(Position)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
LINE = build(Position(9182), "call/a1", b'{"v":1}')


@given(POSITIONS, STREAMS, VALUES)
def test_every_json_value_makes_a_line_of_json(position: Position, stream: str, value: object) -> None:
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    try:
        check_body(body)
    except BadBody:
        assert any("\ud800" <= letter <= "\udfff" for letter in json.dumps(value, ensure_ascii=False))
        return
    data = build(position, stream, body)
    assert parse(data) == Line(position=position, stream=stream, body=body)
    plain = json.loads(data)
    assert (plain["p"], plain["s"], plain["b"]) == (position, stream, value)
    covered = f"{position}\n{stream}\n".encode() + body
    assert plain["c"] == f"{google_crc32c.value(covered):08x}"


@given(POSITIONS, STREAMS)
def test_a_tombstone_is_a_line_without_a_body(position: Position, stream: str) -> None:
    data = build_tombstone(position, stream)
    assert parse(data) == Tombstone(position=position, stream=stream)
    plain = json.loads(data)
    assert (plain["p"], plain["s"], plain["t"]) == (position, stream, "erased")


@pytest.mark.parametrize("data", [LINE, build_tombstone(Position(3), "call/a1")])
def test_no_changed_byte_goes_unnoticed(data: bytes) -> None:
    for at in range(len(data)):
        for change in (0x01, 0x20, 0x80):
            broken = bytes([*data[:at], data[at] ^ change, *data[at + 1 :]])
            with pytest.raises(BadLine):
                parse(broken)
        with pytest.raises(BadLine):
            parse(data[:at])
        with pytest.raises(BadLine):
            parse(data[at + 1 :])


def test_the_checksum_is_the_one_of_the_standard() -> None:
    # RFC 3720, appendix B.4: 32 bytes of zeros, of ones, and counting up.
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_a_line_looks_as_the_format_says() -> None:
    assert b'{"p":9182,"s":"call/a1","c":"%08x","b":{"v":1}}\n' % crc32c(b'9182\ncall/a1\n{"v":1}') == LINE
