"""A simulated vendor's application behind a real listener on loopback."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import hypercorn.trio
import trio
from hypercorn.config import Config
from quart_trio import QuartTrio


@asynccontextmanager
async def open_vendor(app: QuartTrio, *, port: int = 0) -> AsyncGenerator[str]:
    """Serve the application on a port, 0 for a free one; its URL, e.g. ``http://127.0.0.1:43210``.

    Raises ``OSError`` when the port is taken.
    """
    # Opened here: hypercorn does not close one that it cannot bind.
    sock = socket.create_server(("127.0.0.1", port))
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    config = Config()
    config.bind = [f"fd://{sock.detach()}"]
    config.errorlog = None
    config.graceful_timeout = 0
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(cast("Any", hypercorn.trio).serve, app, config))
        yield url
        nursery.cancel_scope.cancel()
