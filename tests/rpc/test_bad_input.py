"""What no proper client sends, on real connections: each is answered once, and nobody else notices."""

from __future__ import annotations

import json
import math
from collections import Counter
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rpc.stage import LISTENER, Line, Plain, Stage, play
from voicecall.events import CallId
from voicecall.events.facts import HangupRequested
from voicecall.rpc import connection
from voicecall.rpc.connection import converse
from voicecall.rpc.logs import LogFeed
from voicecall.rpc.methods import Methods
from voicecall.rpc.protocol import CANCELLED, LINE_BYTES, RpcRequest, read_line


def ask(method: str, name: Any, **params: Any) -> Plain:
    return {"jsonrpc": "2.0", "id": name, "method": f"voicecall.{method}", "params": params}


async def until(line: Line, name: Any) -> list[Plain]:
    """What comes before the answer to a last question of this name."""
    await line.send(ask("ping", name))
    heard = [await line.next()]
    while heard[-1].get("id") != name:
        heard.append(await line.next())
    return heard[:-1]


def logged(stage: Stage) -> Line:
    """A connection to a server that shows its log."""
    ours, theirs = trio.testing.lockstep_stream_pair()
    stage.nursery.start_soon(partial(converse, theirs, methods=evolve(stage.methods, logs=LogFeed())))
    return Line(ours)


@pytest.mark.parametrize("kind", ["tail", "log"])
def test_a_subscription_that_is_given_up_was_answered_already(kind: str) -> None:
    async def story(stage: Stage) -> None:
        line = logged(stage)
        await line.send(ask(f"{kind}.subscribe", "s"))
        assert (await line.next())["result"]["subscribed"]
        await trio.testing.wait_all_tasks_blocked()
        await line.send(ask("cancel", "c", id="s"))
        both = {one.get("id", one.get("method")): one for one in (await line.next(), await line.next())}
        assert both["c"]["result"] == {"found": True}
        news = {"subscription": "s", "error": "cancelled by the client"}
        assert both[f"voicecall.{kind}.ended"]["params"] == news
        assert await until(line, "end") == []
        await line.send(ask(f"{kind}.subscribe", "s"))  # its name is free again
        assert (await line.next())["result"]["subscribed"]

    play(story)


@pytest.mark.parametrize("kind", ["tail", "log"])
def test_a_subscription_that_is_given_up_before_its_answer_is_answered_that_it_was(kind: str) -> None:
    async def story(stage: Stage) -> None:
        line = logged(stage)
        await line.send(ask(f"{kind}.subscribe", "s"), ask("cancel", "c", id="s"))
        answers = {one["id"]: one for one in (await line.next(), await line.next())}
        assert answers["s"]["error"]["code"] == CANCELLED
        assert await until(line, "end") == []

    play(story)


@pytest.mark.parametrize("name", [1, "one", 1.5, 10**30, -(10**30), "", "\u2028\U0001f600"])
def test_two_requests_at_once_may_not_have_one_name(name: Any) -> None:
    async def story(stage: Stage) -> None:
        line = stage.line()
        await line.send(ask("tail.subscribe", name), ask("status", name))
        answers = [await line.next(), await line.next()]
        assert {one["id"] for one in answers} == {name}
        (error,) = [one["error"] for one in answers if "error" in one]
        assert (error["code"], error["data"]["field"]) == (-32600, "id")
        await line.send(ask("cancel", "c", id=name))
        assert {(await line.next()).get("id", "ended") for _ in range(2)} == {"c", "ended"}
        await line.send(ask("status", name))
        assert "result" in await line.next()

    play(story)


def test_requests_without_a_name_of_their_own_are_answered_each() -> None:
    async def story(stage: Stage) -> None:
        line = stage.line()
        await line.send(*[ask("ping", None)] * 5)
        assert [await line.next() for _ in range(5)] == [{"jsonrpc": "2.0", "id": None, "result": {}}] * 5

    play(story)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (ask("cancel", 1, id=None), "id required: of the request that is to be given up"),
        (ask("cancel", 1, id=True), "id: expected text or a number, got true or false"),
        (ask("cancel", 1, id=[1]), "id: expected text or a number, got a list"),
        (ask("cancel", 1), "id required: of the request that is to be given up"),
        (ask("cancel", 1, id=2, why=""), "why: unknown parameter; known: id"),
        (ask("agent.attach", 1, model="x"), "model: unknown parameter; known: "),
        (ask("tail.subscribe", 1, after=2**63), "after: must be at most 9007199254740991, got 9223372036854775808"),
        (ask("ping", 1, x=1), "x: unknown parameter; known: "),
        (ask("speak", 1, callId=["c"], message="m", requestId="r"), "callId: expected text, got a list"),
        (ask("initiate", 1, to=5, message="m", requestId="r"), "to: expected text, got a number"),
        (ask("initiate", 1, to="911", message="m", requestId="r"), "to: expected E.164 format"),
        (ask("initiate", 1, to="+15550001001", message="x" * 10_001, requestId="r"), "message: at most 10000"),
        (ask("initiate_call", 1, to="+15550001001", message="m"), "method: unknown, 'voicecall.initiate_call'"),
    ],
)
def test_what_is_wrong_is_named_and_nobody_is_called(sent: Plain, words: str) -> None:
    async def story(stage: Stage) -> None:
        line = stage.line()
        await line.send(sent)
        answer = await line.next()
        assert answer["id"] == 1
        assert answer["error"]["message"].startswith(words)
        assert stage.dials == 0

    play(story)


def test_a_delta_with_a_name_is_answered_like_any_request() -> None:
    async def story(stage: Stage) -> None:
        line = stage.line()
        await line.send({"jsonrpc": "2.0", "id": 1, "method": "agent.delta", "params": {"id": "agent-9", "text": "?"}})
        assert await line.next() == {"jsonrpc": "2.0", "id": 1, "result": {}}

    play(story)


def test_a_notification_beyond_the_limit_is_not_answered_either() -> None:
    async def story(stage: Stage) -> None:
        line = stage.line()
        for number in range(connection.REQUESTS):
            await line.send(ask("tail.subscribe", number))
            await line.next()
        await line.send({"jsonrpc": "2.0", "method": "voicecall.ping"}, ask("cancel", "c", id=0))
        assert {(await line.next()).get("id", "ended") for _ in range(2)} == {"c", "ended"}
        assert await until(line, "end") == []

    play(story)


def test_a_second_hello_changes_the_heartbeat_and_adds_none() -> None:
    async def story(stage: Stage) -> None:
        line = stage.line()
        for number, every in enumerate((100, 1_000, 10_000)):
            await line.send(ask("hello", number, heartbeatMs=every))
            await line.next()
        began = trio.current_time()
        assert (await line.next())["method"] == "voicecall.heartbeat"
        assert trio.current_time() - began == pytest.approx(10, abs=0.01)
        await line.send(ask("hello", "off"))
        await line.next()
        await trio.sleep(60)
        assert await until(line, "end") == []

    play(story)


def test_half_a_line_is_nothing_and_no_line_may_grow_for_ever() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        line = stage.line()
        await line.stream.send_all(json.dumps(ask("end", 1, callId=call_id, requestId="e")).encode())
        await line.stream.aclose()
        patient = stage.line()
        for _ in range(3):
            await patient.stream.send_all(b"[" * LINE_BYTES)
        assert (await patient.next())["error"]["message"].startswith("line: longer than")
        await patient.send(b"", ask("status", 2, callId=call_id))
        assert (await patient.next())["id"] == 2
        await stage.saw(call_id, "media.opened")
        entries = await stage.system.entries(CallId(call_id))
        assert not any(isinstance(one.event, HangupRequested) for one in entries)

    play(story)


def test_what_fails_on_one_connection_is_that_connections_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(stage: Stage) -> None:
        good, bad = stage.line(), stage.line()
        with monkeypatch.context() as patch:
            patch.setattr(connection, "read_line", _explode)
            await bad.send(ask("ping", 1))
            assert await bad.stream.receive_some() == b""
        await good.send(ask("ping", 1))
        assert (await good.next())["result"] == {}

    play(story)
    assert "an RPC connection failed" in caplog.text


def _explode(line: bytes) -> Any:
    raise ZeroDivisionError(line)


# --- anything at all -------------------------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
PARAMS = st.sampled_from(
    ("callId", "sid", "to", "message", "requestId", "by", "digits", "operationId", "after", "level", "id", "host")
)
REQUESTS = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0") | JSON, "method": st.sampled_from(sorted(Methods.names())) | JSON},
    optional={"id": JSON | st.integers(0, 3), "params": st.dictionaries(PARAMS | st.text(), JSON, max_size=4) | JSON},
)
LINES = st.one_of(
    REQUESTS.map(lambda plain: json.dumps(plain).encode()),
    REQUESTS.map(lambda plain: json.dumps(plain, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    JSON.map(lambda plain: json.dumps(plain).encode()),
    st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b"\r")),
    st.builds(lambda plain, cut: json.dumps(plain).encode()[:cut], REQUESTS, st.integers(0, 60)),
)


def on_a_socket(stage: Stage) -> Line:
    """A connection that the kernel carries."""
    ours, theirs = map(trio.SocketStream, trio.socket.socketpair())
    stage.nursery.start_soon(partial(converse, theirs, methods=evolve(stage.methods, logs=LogFeed())))
    return Line(ours)


def owed(lines: list[bytes]) -> tuple[Counter[str], Counter[str]]:
    """The answers that these lines must bring: to requests by name, and without one (also to what is no request)."""
    named: Counter[str] = Counter()
    nameless: Counter[str] = Counter()
    for one in lines:
        if not one.strip():
            continue
        message = read_line(one)
        if isinstance(message, RpcRequest) and message.notification:
            continue
        if hasattr(message, "result"):
            continue  # an answer to a question that we never asked
        (nameless if message.id is None else named)[repr(_number(message.id))] += 1
    return named, nameless


def _number(name: Any) -> Any:
    """1 and 1.0 are one name."""
    return int(name) if isinstance(name, float) and math.isfinite(name) and name == int(name) else name


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lines=st.lists(LINES, max_size=12))
def test_whatever_is_sent_every_request_is_answered_once_and_the_server_lives(lines: list[bytes]) -> None:
    async def story(stage: Stage) -> None:
        line, other = on_a_socket(stage), stage.line()
        await line.send(*lines)
        wanted = owed(lines)
        answers: list[Plain] = []
        with trio.fail_after(30):
            while len(answers) < sum(map(Counter.total, wanted)):
                answers += [one for one in [await line.next()] if "method" not in one]
        answers += [one for one in await until(line, "the very end") if "method" not in one]
        await line.stream.aclose()
        assert all(("result" in one) != ("error" in one) for one in answers)
        named = Counter(repr(_number(one["id"])) for one in answers if one["id"] is not None)
        nameless = Counter(repr(None) for one in answers if one["id"] is None)
        assert (named, nameless) == wanted
        assert await until(other, "x") == []

    play(story, jumping=False)
