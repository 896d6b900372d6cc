"""Rows about webhooks: how long one takes from request to durable reply, beside a handler that does nothing.

Both are asked by the same load generator, a process of its own, eight requests at a time. The empty handler is
quart-trio behind hypercorn alone, with connections kept alive: the ceiling of the framework. The webhook goes through
the real door (one request a connection), gate, signature check, supervisor, call actor and a journal on disk.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import trio

from benchmarks.calls import SECRET, new_world, place, supervise
from journal import open_journal
from voicecall.events import CallId

CLIENTS = 8
REQUESTS = 2_400
WARM_UP = 400
CALLS = 24
PATH = "/voice/webhook"
Serving = Callable[[], AbstractAsyncContextManager[tuple[int, list[CallId]]]]


def rows(progress: Callable[[str, float], None]) -> Iterator[dict[str, Any]]:
    """The two rows, and the rates that go with them."""
    for name, serving in (("empty quart-trio handler", open_empty), ("webhook to durable reply", _durable)):
        progress(name, 0.0)
        latencies, took_s = trio.run(_measure, serving, partial(progress, name))
        latencies.sort()
        yield {
            "name": name,
            "unit": "ms",
            "value": sum(latencies) / len(latencies),
            "p50": latencies[len(latencies) // 2],
            "p99": latencies[len(latencies) * 99 // 100],
        }
        yield {
            "name": f"{name}, rate of {CLIENTS} clients",
            "unit": "/s",
            "value": len(latencies) / took_s,
            "p50": None,
            "p99": None,
        }


async def _measure(serving: Serving, progress: Callable[[float], None]) -> tuple[list[float], float]:
    async with serving() as (port, calls):
        command = [sys.executable, "-m", "benchmarks.web_rows", str(port), json.dumps(calls)]
        load = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
        told = b""
        assert load.stdout is not None
        async for piece in load.stdout:
            told += piece
            progress(told.count(b"\n") / 20)
        if await load.wait():
            raise RuntimeError("the load generator failed")
    result = json.loads(told.splitlines()[-1])
    return result["latencies_ms"], result["took_s"]


# --- what is measured ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def open_empty() -> AsyncGenerator[tuple[int, list[CallId]]]:
    """A port where every POST to ``PATH`` is answered with nothing."""
    import hypercorn.trio
    from hypercorn.config import Config
    from quart_trio import QuartTrio

    app = QuartTrio("empty")
    app.add_url_rule(PATH, view_func=_nothing, methods=["POST"])
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    config.keep_alive_max_requests = REQUESTS
    async with trio.open_nursery() as nursery:
        [url] = cast("list[str]", await nursery.start(partial(cast("Any", hypercorn.trio).serve, app, config)))
        yield int(str(url).rpartition(":")[2]), []
        nursery.cancel_scope.cancel()


async def _nothing() -> str:
    return ""


@asynccontextmanager
async def _durable() -> AsyncGenerator[tuple[int, list[CallId]]]:
    from voicecall.web.app import build_app
    from voicecall.web.door import Door, serve_door
    from voicecall.web.gate import Gate
    from voicecall.web.listening import listen

    with TemporaryDirectory() as directory:
        async with open_journal(Path(directory)) as journal, trio.open_nursery() as nursery:
            world = new_world(journal)
            supervisor = await supervise(nursery, world, max_calls=CALLS)
            calls = await place(supervisor, CALLS)
            gate = Gate(
                provider="mock",
                carriers=world.carriers,
                accounts=world.accounts,
                path=PATH,
                deliver=supervisor.receive,
                expects=supervisor.expects,
                wall=world.wall,
            )
            app = build_app(gate, checks={})
            opening = partial(
                serve_door,
                bind="127.0.0.1",
                listeners=await listen("127.0.0.1", 0),
                app=app,
                stream_path=None,
                media_room=lambda: False,
                accept_media=lambda sock, leftover, peer: sock.close(),
            )
            door: Door = await nursery.start(opening)
            yield door.port, calls
            await door.stop()
            nursery.cancel_scope.cancel()


# --- the load generator, a process of its own ------------------------------------------------------------------------


def ask(port: int, calls: list[str]) -> None:
    """Ask ``REQUESTS`` times, ``CLIENTS`` at a time: twenty lines of progress, then one of JSON with what was seen."""
    stamp = str(time.time_ns() // 1_000_000_000)
    requests = [_request(number, calls, stamp) for number in range(WARM_UP + REQUESTS)]
    _share(port, requests[:WARM_UP], lambda: None)
    done = itertools.count(1)

    def tick() -> None:
        if next(done) % (REQUESTS // 20) == 0:
            sys.stdout.write("\n")
            sys.stdout.flush()

    start = time.perf_counter()
    latencies = _share(port, requests[WARM_UP:], tick)
    took_s = time.perf_counter() - start
    sys.stdout.write(json.dumps({"took_s": took_s, "latencies_ms": latencies}) + "\n")


def _share(port: int, requests: list[bytes], tick: Callable[[], None]) -> list[float]:
    latencies: list[float] = []
    failures: list[BaseException] = []

    def work(part: list[bytes]) -> None:
        try:
            _one_client(port, part, latencies, tick)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(requests[number::CLIENTS],)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(1)
    return latencies


def _one_client(port: int, requests: list[bytes], latencies: list[float], tick: Callable[[], None]) -> None:
    """One request after the other, on one connection for as long as the server keeps it."""
    sock: socket.socket | None = None
    for request in requests:
        start = time.perf_counter()
        if sock is None:
            sock = socket.create_connection(("127.0.0.1", port), timeout=30)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(request)
        head, body = b"", b""
        while b"\r\n\r\n" not in head:
            head += _some(sock)
        head, _, body = head.partition(b"\r\n\r\n")
        lower = head.lower()
        length = int(lower.partition(b"content-length: ")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += _some(sock)
        latencies.append((time.perf_counter() - start) * 1000)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode("latin-1"))
        if b"connection: close" in lower:
            sock.close()
            sock = None
        tick()
    if sock is not None:
        sock.close()


def _some(sock: socket.socket) -> bytes:
    data = sock.recv(65_536)
    if not data:
        raise RuntimeError("the server closed the connection in the middle of an answer")
    return data


def _request(number: int, calls: list[str], stamp: str) -> bytes:
    """A signed webhook with a fact of its own, or the same shape without a call when nobody reads it."""
    call = calls[number % len(calls)] if calls else "nobody"
    told = {"id": f"e{number}", "type": "call.speaking", "callId": call, "text": "How can I help you today?"}
    body = json.dumps({"event": told}).encode()
    proof = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return (
        f"POST {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nx-mock-timestamp: {stamp}\r\nx-mock-signature: {proof}\r\n\r\n"
    ).encode() + body


if __name__ == "__main__":
    ask(int(sys.argv[1]), json.loads(sys.argv[2]))
