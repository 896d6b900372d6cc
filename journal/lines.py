"""One line of the log: ``{"p":9182,"s":"call/<id>","c":"<crc32c>","b":{…}}`` and a newline.

The checksum covers position, stream and body. A tombstone has ``"t":"erased"`` in the body's place. Built and taken
apart by slicing, because the names are restricted so that they never need escaping; any JSON reader sees the same.
"""

from __future__ import annotations

import re

import msgspec
from attrs import frozen

from journal.api import BadBody, Line, Position
from journal.checksum import crc32c

STREAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+/-]{0,199}")
SHAPE = re.compile(
    rb'\{"p":([0-9]{1,19}),"s":"([A-Za-z0-9][A-Za-z0-9._:@+/-]{0,199})",'
    rb'"c":"([0-9a-f]{8})",(?:"b":(.*)|("t":"erased"))\}',
    re.DOTALL,
)
ERASED = b'"t":"erased"'
LARGEST_BODY = 8 << 20
"""Bytes."""

_skip = msgspec.json.Decoder(msgspec.Raw).decode


@frozen(kw_only=True)
class Tombstone:
    """The line that says a stream was erased."""

    position: Position
    stream: str


class BadLine(ValueError):
    """Bytes that are not a line of the log, or whose checksum is wrong."""


def check_stream(stream: str) -> None:
    """Raises ``BadBody`` for a name that a line cannot carry as it is."""
    if not STREAM.fullmatch(stream):
        raise BadBody(f"stream: expected letters, digits and . _ : @ + / - (at most 200), got {stream[:60]!r}")


def check_body(body: bytes) -> None:
    """Raises ``BadBody`` unless ``body`` is one UTF-8 JSON value without a newline, of at most ``LARGEST_BODY``."""
    if len(body) > LARGEST_BODY:
        raise BadBody(f"body: {len(body)} bytes; at most {LARGEST_BODY} fit a line")
    if b"\n" in body or b"\r" in body:
        raise BadBody("body: expected one line, got a newline in it; encode it without indentation")
    try:
        body.decode()  # the decoder skips strings without looking at their encoding
        _skip(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadBody(f"body: expected one JSON value in UTF-8: {error}") from None


def build(position: Position, stream: str, body: bytes) -> bytes:
    """A line with its newline."""
    name = stream.encode()
    return b'{"p":%d,"s":"%s","c":"%08x","b":%s}\n' % (position, name, _sum(position, name, body), body)


def build_tombstone(position: Position, stream: str) -> bytes:
    """A tombstone with its newline."""
    name = stream.encode()
    return b'{"p":%d,"s":"%s","c":"%08x",%s}\n' % (position, name, _sum(position, name, ERASED), ERASED)


def parse(data: bytes) -> Line | Tombstone:
    """The line in ``data``, with its newline. Raises ``BadLine``."""
    if not data.endswith(b"\n"):
        raise BadLine("the line is not finished")
    match = SHAPE.fullmatch(data, 0, len(data) - 1)
    if match is None:
        raise BadLine("not a line of the journal")
    number, name, checksum, body, erased = match.groups()
    position = Position(int(number))
    if _sum(position, name, body if erased is None else ERASED) != int(checksum, 16):
        raise BadLine("the checksum is wrong")
    if erased is not None:
        return Tombstone(position=position, stream=name.decode())
    return Line(position=position, stream=name.decode(), body=body)


def _sum(position: int, stream: bytes, body: bytes) -> int:
    return crc32c(b"%d\n%s\n%s" % (position, stream, body))
