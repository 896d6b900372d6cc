"""HTTP to the carriers: one pooled client for all calls. What the network does is a value, never an exception."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache

import httpx
import trio

from voicecall.ports import Exchange, Fetch, HttpRequest, HttpResponse

TIMEOUT_S = 15.0
"""For a whole exchange; a carrier that takes longer leaves the request in doubt."""
BODY_LIMIT = 1 << 20
"""More than this from a carrier's API is not an answer."""
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
    httpx.InvalidURL,
)
"""Faults before the first byte of the request has left."""


class TooMuch(Exception):
    """The answer is longer than any answer is."""


@asynccontextmanager
async def open_fetch() -> AsyncGenerator[Fetch]:
    """A ``Fetch`` over HTTP/1.1 with keep-alive. Proxies of the environment are not used for carriers on loopback."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=60)
    direct = {f"all://{host}": None for host in LOOPBACK}
    async with httpx.AsyncClient(
        verify=_trust(), limits=limits, timeout=TIMEOUT_S, follow_redirects=False, mounts=direct
    ) as client:

        async def fetch(request: HttpRequest) -> Exchange:
            with trio.move_on_after(TIMEOUT_S):
                try:
                    return Exchange(request=request, response=await _exchange(client, request))
                except NEVER_SENT as error:
                    return Exchange(request=request, error=_words(error), sent=False)
                except (httpx.HTTPError, TooMuch) as error:
                    return Exchange(request=request, error=_words(error))
            return Exchange(request=request, error=f"no complete answer within {TIMEOUT_S:g} s")

        yield fetch


@cache
def _trust() -> ssl.SSLContext:
    """Whose certificates are believed: httpx's usual choice, read once because that takes a tenth of a second."""
    return httpx.create_ssl_context()


async def _exchange(client: httpx.AsyncClient, request: HttpRequest) -> HttpResponse:
    body = bytearray()
    async with client.stream(
        request.method, request.url, headers=dict(request.headers), content=request.body
    ) as response:
        async for piece in response.aiter_bytes():
            # What is too much is read but not kept: an answer left unread costs the connection.
            if len(body) <= BODY_LIMIT:
                body += piece
    if len(body) > BODY_LIMIT:
        raise TooMuch(f"the answer has more than {BODY_LIMIT} bytes")
    headers = {name.lower(): value for name, value in response.headers.items()}
    return HttpResponse(status=response.status_code, headers=headers, body=bytes(body))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
