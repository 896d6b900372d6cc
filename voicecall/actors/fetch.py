"""HTTP to the carriers: one pooled client for all calls. What the network does is a value, never an exception."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

from voicecall.ports import Exchange, Fetch, HttpRequest, HttpResponse

TIMEOUT_S = 15.0
"""For a whole exchange; a carrier that takes longer leaves the request in doubt."""
BODY_LIMIT = 1 << 20
"""More than this from a carrier's API is not an answer."""


@asynccontextmanager
async def open_fetch() -> AsyncGenerator[Fetch]:
    """A ``Fetch`` over HTTP/1.1 with keep-alive. Proxies of the environment are not used for carriers on loopback."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=60)
    async with httpx.AsyncClient(limits=limits, timeout=TIMEOUT_S, follow_redirects=False) as client:

        async def fetch(request: HttpRequest) -> Exchange:
            try:
                response = await client.request(
                    request.method, request.url, headers=dict(request.headers), content=request.body
                )
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
                return Exchange(request=request, error=_words(error), sent=False)
            except httpx.HTTPError as error:
                return Exchange(request=request, error=_words(error))
            headers = {name.lower(): value for name, value in response.headers.items()}
            body = response.content[:BODY_LIMIT]
            return Exchange(
                request=request, response=HttpResponse(status=response.status_code, headers=headers, body=body)
            )

        yield fetch


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
