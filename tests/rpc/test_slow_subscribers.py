"""Subscribers that do not read, on real sockets and a real journal: they hold up nobody, cost little, and learn what
they missed."""

from __future__ import annotations

import gc
import tracemalloc
from functools import partial
from pathlib import Path

import structlog
import trio
from attrs import evolve

from journal import START, open_journal
from tests.rpc.stage import Line, Plain, Stage, play
from voicecall.rpc.connection import converse
from voicecall.rpc.logs import LogFeed
from voicecall.rpc.methods import Methods

LINES, LINE_BYTES = 200, 50_000
MESSAGES, MESSAGE_BYTES = 2_000, 5_000
BOUND_BYTES = 5 << 20
"""256 log messages, 16 lines a connection and what the kernel holds: half of the lines, or of the messages."""


def connect(stage: Stage, methods: Methods) -> Line:
    ours, theirs = map(trio.SocketStream, trio.socket.socketpair())
    stage.nursery.start_soon(partial(converse, theirs, methods=methods))
    return Line(ours)


async def ask(line: Line, method: str) -> Plain:
    await line.send({"jsonrpc": "2.0", "id": 1, "method": f"voicecall.{method}"})
    return (await line.next())["result"]


def test_who_does_not_read_costs_little_and_holds_up_nobody(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        feed = LogFeed()
        processors = [structlog.processors.add_log_level, feed, lambda *_: ("", {})]
        log = structlog.wrap_logger(structlog.ReturnLogger(), processors=processors)
        async with open_journal(tmp_path / "journal") as journal:
            methods = evolve(stage.methods, journal=journal, logs=feed)
            tail, logs, other = (connect(stage, methods) for _ in range(3))
            assert (await ask(tail, "tail.subscribe"))["subscribed"]
            assert (await ask(logs, "log.subscribe"))["subscribed"]
            gc.collect()
            tracemalloc.start()
            try:
                after = START
                for number in range(LINES):
                    body = b'{"n":%d,"x":"%s"}' % (number, b"x" * LINE_BYTES)
                    after = await journal.append("note/1", body, after=after)
                    for _ in range(MESSAGES // LINES):
                        log.info("x" * MESSAGE_BYTES, number=number)
                    assert await ask(other, "ping") == {}
                grown, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert grown < BOUND_BYTES
            seen = [(await tail.next())["params"]["entry"]["n"] for _ in range(LINES)]
            assert seen == list(range(LINES))
            heard, missed = 0, 0
            while heard + missed < MESSAGES:
                news = (await logs.next())["params"]
                heard, missed = heard + 1, missed + news.get("missed", 0)
                if heard == 100:
                    log.info("one more, which says how many were missed before it")
            assert missed > MESSAGES // 2
            for line in (tail, logs, other):
                await line.stream.aclose()

    play(story, jumping=False)
