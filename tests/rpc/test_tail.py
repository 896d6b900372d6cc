"""``voicecall.tail.subscribe``: the journal's lines, verbatim, to every subscriber at its own speed."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio

from journal import START, Position
from tests.rpc.stage import FRIENDLY, LISTENER, Line, Plain, Stage, play

FLOOD = 3_000


async def subscribe(stage: Stage, name: str | int = "s", **params: Any) -> Line:
    line = stage.line()
    await line.send({"jsonrpc": "2.0", "id": name, "method": "voicecall.tail.subscribe", "params": params})
    answer = await line.next()
    assert answer == {"jsonrpc": "2.0", "id": name, "result": {"subscribed": True, "after": params.get("after", 0)}}
    return line


async def lines(stage: Stage, stream: str | None = None) -> list[tuple[int, str, Plain]]:
    """What the journal has."""
    async with stage.system.journal.read(stream) as found:
        return [(one.position, one.stream, json.loads(one.body)) async for one in found]


async def told(line: Line, count: int) -> list[tuple[int, str, Plain]]:
    """The next lines of a subscription."""
    news = [await line.next() for _ in range(count)]
    assert {one["method"] for one in news} == {"voicecall.tail.line"}
    return [(one["params"]["position"], one["params"]["stream"], one["params"]["entry"]) for one in news]


def test_a_subscriber_gets_past_and_future_lines_without_a_gap() -> None:
    async def story(stage: Stage) -> None:
        first = await stage.place(LISTENER)
        await stage.saw(first, "media.opened")
        line = await subscribe(stage)
        await stage.call("end", callId=first, requestId="e1")
        await stage.saw(first, "call.ended")
        second = await stage.place(FRIENDLY, "r2")
        await stage.saw(second, "call.ended")
        there = await lines(stage)
        assert await told(line, len(there)) == there
        assert [position for position, _, _ in there] == list(range(1, len(there) + 1))

    play(story)


def test_a_subscriber_may_want_one_call_only_or_begin_later() -> None:
    async def story(stage: Stage) -> None:
        first, second = await stage.place(LISTENER), await stage.place(FRIENDLY, "r2")
        await stage.saw(second, "call.ended")
        there = await lines(stage, f"call/{first}")
        by_id, by_start = await subscribe(stage, callId=first), await subscribe(stage, callId=first[:8])
        assert await told(by_id, len(there)) == await told(by_start, len(there)) == there
        whole = await lines(stage)
        later = await subscribe(stage, after=whole[-3][0])
        assert await told(later, 2) == whole[-2:]

    play(story)


@pytest.mark.parametrize(
    ("params", "field", "words"),
    [
        ({"callId": "nobody"}, "callId", "Call not found"),
        ({"callId": 5}, "callId", "callId: expected text"),
        ({"after": -1}, "after", "after: must be 0 or more"),
        ({"after": True}, "after", "after: expected a whole number"),
        ({"since": 5}, "since", "since: unknown parameter"),
    ],
)
def test_a_subscription_that_makes_no_sense_is_refused(params: Plain, field: str, words: str) -> None:
    async def story(stage: Stage) -> None:
        message, data = await stage.refusal("tail.subscribe", **params)
        assert message.startswith(words)
        assert data["field"] == field

    play(story)


def test_a_slow_subscriber_falls_behind_and_misses_nothing() -> None:
    async def story(stage: Stage) -> None:
        line = await subscribe(stage)
        after = START
        for number in range(FLOOD):
            after = await stage.system.journal.append(
                "note/1", b'{"n":%d,"x":"%s"}' % (number, b"x" * 500), after=after
            )
        await trio.sleep(60)
        assert await stage.call("status") == {"found": True, "calls": []}  # it holds up nobody but itself
        news = await told(line, FLOOD)
        assert [entry["n"] for _, _, entry in news] == list(range(FLOOD))

    play(story)


def test_a_subscriber_that_vanishes_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    async def story(stage: Stage) -> None:
        idle = trio.lowlevel.current_statistics().tasks_living
        gone = [await subscribe(stage) for _ in range(5)]
        assert trio.lowlevel.current_statistics().tasks_living > idle
        for line in gone:
            await line.stream.aclose()
        await stage.system.journal.append("note/1", b"{}", after=Position(0))
        await trio.testing.wait_all_tasks_blocked()
        assert trio.lowlevel.current_statistics().tasks_living == idle

    play(story)
    assert caplog.records == []


def test_a_subscriber_may_ask_other_things_meanwhile() -> None:
    async def story(stage: Stage) -> None:
        line = await subscribe(stage, name=1)
        await line.send({"jsonrpc": "2.0", "id": 2, "method": "voicecall.status"})
        assert (await line.next())["id"] == 2
        call_id = await stage.place()
        news = await line.next()
        assert (news["params"]["subscription"], news["params"]["stream"]) == (1, f"call/{call_id}")

    play(story)
