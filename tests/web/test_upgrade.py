"""Which requests become media sockets, and how the others are turned down."""

from __future__ import annotations

import h11
import pytest

from tests.web.kit import ACCEPT, KEY, STREAM, handshake, head
from voicecall.ports import HttpResponse
from voicecall.web.head import Head
from voicecall.web.upgrade import Granted, encode_response, judge


def parsed(raw: bytes) -> Head:
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(raw)
    event = parser.next_event()
    assert isinstance(event, h11.Request)
    return Head(
        method=event.method.decode(),
        target=event.target.decode(),
        version=event.http_version.decode(),
        headers=tuple((name.decode(), value.decode()) for name, value in event.headers),
        raw=raw,
    )


@pytest.mark.parametrize(
    "request_bytes",
    [
        handshake(),
        handshake(STREAM + "?token=abc"),
        handshake(upgrade="WebSocket", connection="keep-alive, upgrade"),
        handshake(sec_websocket_protocol="audio", sec_websocket_extensions="permessage-deflate"),
    ],
)
def test_handshakes_that_are_granted(request_bytes: bytes) -> None:
    granted = judge(parsed(request_bytes), STREAM)
    assert isinstance(granted, Granted)
    status, *lines = granted.answer.decode().split("\r\n")
    assert status == "HTTP/1.1 101 Switching Protocols"
    assert lines == ["upgrade: websocket", "connection: Upgrade", f"sec-websocket-accept: {ACCEPT}", "", ""]


@pytest.mark.parametrize(
    ("request_bytes", "status", "about"),
    [
        (handshake(sec_websocket_key=None), 400, b"Sec-WebSocket-Key"),
        (handshake(sec_websocket_key="c2hvcnQ="), 400, b"Sec-WebSocket-Key"),
        (handshake(sec_websocket_key="not base64 at all!!!!!!!"), 400, b"Sec-WebSocket-Key"),
        (handshake(sec_websocket_version="8"), 426, b"13"),
        (handshake(sec_websocket_version=None), 426, b"13"),
        (handshake(connection="keep-alive"), 400, b"Connection: Upgrade"),
        (handshake(content_length="5"), 400, b"without a body"),
        (handshake(transfer_encoding="chunked"), 400, b"without a body"),
        (handshake().replace(b"GET", b"POST", 1), 400, b"GET"),
        (handshake().replace(b"HTTP/1.1", b"HTTP/1.0", 1), 400, b"HTTP/1.1"),
        (handshake("/voice/stream/extra"), 404, b"Not Found"),
        (handshake("/voice/streams"), 404, b"Not Found"),
        (handshake("/voice/stream/"), 404, b"Not Found"),
        (handshake("/voice/webhook"), 404, b"Not Found"),
        (handshake("/"), 404, b"Not Found"),
    ],
)
def test_handshakes_that_are_refused(request_bytes: bytes, status: int, about: bytes) -> None:
    refusal = judge(parsed(request_bytes), STREAM)
    assert isinstance(refusal, HttpResponse)
    assert refusal.status == status
    assert about in refusal.body


def test_the_refused_version_is_told_which_one_we_speak() -> None:
    refusal = judge(parsed(handshake(sec_websocket_version="8")), STREAM)
    assert isinstance(refusal, HttpResponse)
    assert b"sec-websocket-version: 13\r\n" in encode_response(refusal)


def test_without_streaming_no_path_takes_media() -> None:
    refusal = judge(parsed(handshake()), None)
    assert isinstance(refusal, HttpResponse)
    assert refusal.status == 404


@pytest.mark.parametrize(
    "request_bytes",
    [
        head("GET", STREAM, {}),
        head("GET", STREAM, {"upgrade": "h2c", "connection": "Upgrade"}),
        head("POST", "/voice/webhook", {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-key": KEY}),
        head("POST", "/voice/webhook", {}),
    ],
)
def test_what_asks_for_no_media_goes_to_the_app(request_bytes: bytes) -> None:
    assert judge(parsed(request_bytes), STREAM) is None
