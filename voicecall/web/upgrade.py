"""Whether a request asks for a media socket, and how to answer it (RFC 6455, section 4.2). Pure."""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus

from attrs import frozen

from voicecall.audio.websocket import accept_key
from voicecall.ports import HttpResponse
from voicecall.web.head import Head

NO_ROOM = HttpResponse(status=503, headers={"retry-after": "5"}, body=b"Too many media stream connections")
"""The answer to a media socket for which the plane has no place."""


@frozen(kw_only=True)
class Granted:
    """A correct handshake on the stream path; ``answer`` completes it."""

    answer: bytes


def judge(head: Head, stream_path: str | None) -> Granted | HttpResponse | None:
    """A handshake, a refusal, or None for a request that asks for no WebSocket.

    ``stream_path`` is compared exactly, without the query; None when no media is served.
    """
    on_path = stream_path is not None and head.target.partition("?")[0] == stream_path
    if "websocket" not in head.tokens("upgrade") or (head.method != "GET" and not on_path):
        return None
    if not on_path:
        return HttpResponse(status=404, body=b"Not Found")
    if (
        head.method != "GET"
        or head.version != "1.1"
        or "upgrade" not in head.tokens("connection")
        or head.body_bytes != 0
    ):
        return _bad("a WebSocket handshake is GET, HTTP/1.1, with Connection: Upgrade and without a body")
    if head.values("sec-websocket-version") != ["13"]:
        return HttpResponse(
            status=426,
            headers={"sec-websocket-version": "13", "upgrade": "websocket"},
            body=b"Upgrade Required: Sec-WebSocket-Version must be 13",
        )
    keys = head.values("sec-websocket-key")
    if len(keys) != 1 or not _is_key(keys[0]):
        return _bad("Sec-WebSocket-Key must be the base64 of 16 bytes")
    accept = accept_key(keys[0])
    return Granted(
        answer=(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            f"sec-websocket-accept: {accept}\r\n\r\n"
        ).encode("latin-1")
    )


def encode_response(response: HttpResponse) -> bytes:
    """The last response of a connection, as bytes."""
    headers = {
        "content-type": "text/plain; charset=utf-8",
        **response.headers,
        "content-length": str(len(response.body)),
        "connection": "close",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    phrase = HTTPStatus(response.status).phrase
    return f"HTTP/1.1 {response.status} {phrase}\r\n{lines}\r\n".encode("latin-1") + response.body


def _bad(why: str) -> HttpResponse:
    return HttpResponse(status=400, body=f"Bad Request: {why}".encode())


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key.strip(), validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
