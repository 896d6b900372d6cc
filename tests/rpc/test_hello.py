"""Getting to know each other, signs of life, changing one's mind, reading the server's log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
from attrs import evolve

from tests.rpc.stage import LISTENER, Line, Plain, Stage, play
from voicecall.rpc.connection import HELLO_S, converse
from voicecall.rpc.logs import WAITING, LogFeed
from voicecall.rpc.methods import Methods
from voicecall.rpc.protocol import CANCELLED


async def ask(line: Line, method: str, name: str = "q", **params: Any) -> Plain:
    """The next line after a request."""
    await line.send({"jsonrpc": "2.0", "id": name, "method": f"voicecall.{method}", "params": params})
    return await line.next()


def test_a_hello_tells_what_can_be_asked() -> None:
    async def story(stage: Stage) -> None:
        result = (await ask(stage.line(), "hello", protocol=1, client="a test"))["result"]
        assert (result["protocol"], result["provider"], result["agent"]) == (1, "mock", "scripted")
        assert {"stream", "send_digits"} <= set(result["capabilities"])
        for method in result["methods"]:
            error = (await ask(stage.line(), method.removeprefix("voicecall."), nonsense=1)).get("error", {})
            assert error.get("code") != -32601, method
        assert (await ask(stage.line(), "ping"))["result"] == {}

    play(story)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"protocol": 2}, "protocol: this server speaks 1, not 2; use a client and a server of one version"),
        ({"heartbeatMs": 50}, "heartbeatMs: must be 0 (none) or at least 100, got 50"),
        ({"host": "yes"}, "host: expected true or false, got text"),
        ({"heartbeatMs": True}, "heartbeatMs: expected a whole number, got true or false"),
        ({"version": 1}, "version: unknown parameter; known: protocol, token, client, host, heartbeatMs"),
    ],
)
def test_a_bad_hello_is_told_what_is_wrong(params: dict[str, Any], words: str) -> None:
    async def story(stage: Stage) -> None:
        assert (await ask(stage.line(), "hello", **params))["error"]["message"] == words

    play(story)


def test_a_heartbeat_comes_as_often_as_it_was_wanted_and_ends_with_the_client() -> None:
    async def story(stage: Stage) -> None:
        line = stage.line()
        await ask(line, "hello", heartbeatMs=2_000)
        began = trio.current_time()
        for number in range(1, 4):
            assert await line.next() == {"jsonrpc": "2.0", "method": "voicecall.heartbeat", "params": {}}
            assert trio.current_time() - began == pytest.approx(2.0 * number)
        await line.stream.aclose()

    play(story)


def test_a_request_that_waits_can_be_given_up_and_its_wish_stays_on_record() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        await stage.saw(call_id, "media.opened")
        line = stage.line()
        await line.send(
            {
                "jsonrpc": "2.0",
                "id": "c",
                "method": "voicecall.continue",
                "params": {"callId": call_id, "message": "Are you there?", "requestId": "r"},
            }
        )
        await stage.saw(call_id, "listen.requested")
        for name in ("c", "c", "nobody", None, []):  # what is not waited for is not given up
            await line.send({"jsonrpc": "2.0", "method": "voicecall.cancel", "params": {"id": name}})
        assert (await line.next())["error"] == {"code": CANCELLED, "message": "cancelled by the client"}
        assert (await ask(line, "status"))["result"]["found"]
        await stage.saw(call_id, "playback.finished", 2)

    play(story)


def test_a_tail_can_be_given_up() -> None:
    async def story(stage: Stage) -> None:
        line = stage.line()
        assert (await ask(line, "tail.subscribe", "t"))["result"]["subscribed"]
        await line.send({"jsonrpc": "2.0", "method": "voicecall.cancel", "params": {"id": "t"}})
        news = {"subscription": "t", "error": "cancelled by the client"}
        assert await line.next() == {"jsonrpc": "2.0", "method": "voicecall.tail.ended", "params": news}

    play(story)


def test_everything_that_can_be_asked_is_described() -> None:
    page = (Path(__file__).parents[2] / "docs/rpc.md").read_text()
    assert [
        name for name in Methods.names() if f"`{name}`" not in page.replace("`, `.", "`, `voicecall.pairing.")
    ] == []


def test_who_does_not_know_the_token_gets_nothing() -> None:
    async def story(stage: Stage) -> None:
        def line() -> Line:
            ours, theirs = trio.testing.lockstep_stream_pair()
            stage.nursery.start_soon(lambda: converse(theirs, methods=stage.methods, token="open sesame"))
            return Line(ours)

        for method, params in (("status", {}), ("hello", {}), ("hello", {"token": "x"}), ("hello", {"token": 5})):
            stranger = line()
            error = (await ask(stranger, method, **params))["error"]
            assert error["message"] == "token: voicecall.hello must come first, with the token of this server"
            assert await stranger.stream.receive_some() == b""
        slow, friend = line(), line()
        await slow.stream.send_all(b'{"jsonrpc"')
        assert "result" in await ask(friend, "hello", token="open sesame")
        began = trio.current_time()
        assert await slow.stream.receive_some() == b""
        assert trio.current_time() - began == pytest.approx(HELLO_S, abs=0.1)
        assert "result" in await ask(friend, "status")

    play(story)


def test_a_log_is_read_from_a_level_on_and_what_was_missed_is_counted() -> None:
    async def story(stage: Stage) -> None:
        feed = LogFeed()
        quiet = structlog.wrap_logger(None, processors=[structlog.processors.add_log_level, feed, lambda *_: _drop()])
        methods = evolve(stage.methods, logs=feed)
        ours, theirs = trio.testing.lockstep_stream_pair()
        stage.nursery.start_soon(lambda: converse(theirs, methods=methods))
        line = Line(ours)
        assert (await ask(line, "log.subscribe", "l", level="warning"))["result"] == {"subscribed": True}
        await trio.testing.wait_all_tasks_blocked()
        quiet.info("nothing much")
        quiet.warning("something", call="c1")
        told = (await line.next())["params"]
        assert told == {"subscription": "l", "message": {"event": "something", "call": "c1", "level": "warning"}}
        await trio.testing.wait_all_tasks_blocked()
        for number in range(WAITING + 100):
            quiet.error("much", number=number)
        seen = [(await line.next())["params"] for _ in range(WAITING)]
        quiet.error("the end")
        while seen[-1]["message"]["event"] != "the end":
            seen.append((await line.next())["params"])
        missed = sum(one.get("missed", 0) for one in seen)
        assert missed > 0
        assert missed + len(seen) == WAITING + 101

    play(story)


def _drop() -> Any:
    raise structlog.DropEvent


def test_a_log_that_nobody_keeps_here_and_a_level_that_is_none() -> None:
    async def story(stage: Stage) -> None:
        assert "belong to the program" in (await ask(stage.line(), "log.subscribe"))["error"]["message"]
        methods = evolve(stage.methods, logs=LogFeed())
        ours, theirs = trio.testing.lockstep_stream_pair()
        stage.nursery.start_soon(lambda: converse(theirs, methods=methods))
        error = (await ask(Line(ours), "log.subscribe", level="loud"))["error"]
        words = "level: expected one of debug, info, warning, error, critical, got 'loud'"
        assert error["message"] == words

    play(story)
