"""What a server makes of its clients: clumsy ones, impatient ones, slow ones, and ones that vanish."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio
from attrs import frozen

from journal import START, MemoryJournal, Position
from journal.api import Corrupt
from tests.rpc.stage import LISTENER, NEVER_ANSWERS, Line, Plain, Stage, play
from voicecall.rpc import connection
from voicecall.rpc.protocol import LINE_BYTES, PARSE_ERROR


def ask(method: str, number: int | str, **params: object) -> Plain:
    return {"jsonrpc": "2.0", "id": number, "method": f"voicecall.{method}", "params": params}


async def works(line: Line) -> None:
    """The connection still answers."""
    await line.send(ask("status", "still there?"))
    assert await line.next() == {"jsonrpc": "2.0", "id": "still there?", "result": {"found": True, "calls": []}}


@pytest.mark.parametrize(
    ("sent", "code", "name"),
    [
        (b"{", PARSE_ERROR, None),
        (b"\xff\xfe", PARSE_ERROR, None),
        (b"[" * 50_000, PARSE_ERROR, None),
        (b"[]", -32600, None),
        (b'{"jsonrpc":"2.0","id":5}', -32600, 5),
        (b'{"jsonrpc":"2.0","id":5,"method":"voicecall.nothing"}', -32601, 5),
        (b'{"jsonrpc":"2.0","id":"a","method":"voicecall.status","params":[]}', -32602, "a"),
        (b'"' + b"x" * 3 * LINE_BYTES + b'"', -32600, None),
        (b'{"jsonrpc":"2.0","id":null,"method":"voicecall.end"}', -32602, None),
    ],
)
def test_nonsense_is_answered_and_the_connection_goes_on(sent: bytes, code: int, name: object) -> None:
    async def story(stage: Stage) -> None:
        line = stage.line()
        async with trio.open_nursery() as nursery:  # a server that answers before it has read all must not wedge
            nursery.start_soon(partial(line.send, sent))
            answer = await line.next()
        assert (answer["error"]["code"], answer["id"]) == (code, name)
        await works(line)

    play(story)


def test_a_long_line_does_not_take_its_neighbors_along() -> None:
    async def story(stage: Stage) -> None:
        line = stage.line()
        await line.send(ask("status", 1), b"x" * (LINE_BYTES + 1), ask("status", 2))
        answers = [await line.next() for _ in range(3)]
        assert {one["id"] for one in answers} == {1, 2, None}
        (error,) = [one["error"] for one in answers if "error" in one]
        assert error["message"] == f"line: longer than {LINE_BYTES} bytes; send less at once"

    play(story)


def test_a_notification_is_carried_out_and_not_answered() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        await stage.saw(call_id, "media.opened")
        line = stage.line()
        for params in ({"callId": call_id, "requestId": "e1"}, {"callId": "nobody", "requestId": "e1"}, {}):
            await line.send({"jsonrpc": "2.0", "method": "voicecall.end", "params": params})
        await line.send({"jsonrpc": "2.0", "method": "voicecall.tail.subscribe"})
        await stage.saw(call_id, "call.ended")
        await works(line)

    play(story)


def test_answers_come_when_they_are_there_not_in_the_order_of_questions() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        await stage.saw(call_id, "playback.finished")
        line = stage.line()
        await line.send(
            ask("continue", "slow", callId=call_id, message="Hello?", requestId="c1"), ask("status", "quick")
        )
        assert (await line.next())["id"] == "quick"
        await stage.saw(call_id, "listen.requested")
        await line.send(ask("end", "end", callId=call_id, requestId="e1"))
        assert [(await line.next())["id"] for _ in range(2)] == ["end", "slow"]

    play(story)


def test_two_clients_at_once_are_two_conversations() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        await stage.saw(call_id, "playback.finished")
        one, other = stage.line(), stage.line()
        await one.send(ask("continue", 1, callId=call_id, message="Hello?", requestId="c1"))
        await stage.saw(call_id, "listen.requested")
        await other.send(ask("continue", 1, callId=call_id, message="Hello?", requestId="c2"))
        assert (await other.next())["error"]["message"] == "Already waiting for transcript"
        await other.send(ask("continue", 2, callId=call_id, message="Hello?", requestId="c1"))  # the first one's name
        await other.send(ask("end", 3, callId=call_id, requestId="e1"))
        assert (await other.next())["id"] == 3
        for line in (one, other):
            assert (await line.next())["error"]["message"] == "Call ended: hangup-bot"

    play(story)


def test_too_many_questions_at_once_are_refused_until_one_is_answered() -> None:
    async def story(stage: Stage) -> None:
        line = stage.line()
        for number in range(connection.REQUESTS):
            await line.send(ask("tail.subscribe", number))
            assert (await line.next())["result"]["subscribed"]
        await line.send(ask("status", "one more"))
        refusal = await line.next()
        assert (refusal["id"], refusal["error"]["code"]) == ("one more", -32600)
        assert refusal["error"]["message"].startswith("64 requests of this connection are not answered yet")
        other = stage.line()
        for _ in range(connection.REQUESTS + 1):
            await works(other)

    play(story)


@pytest.mark.parametrize("half", [True, False], ids=["sends no more", "is gone"])
def test_who_has_sent_the_last_byte_may_still_read_its_answers_for_a_while(half: bool) -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        await stage.saw(call_id, "playback.finished")
        idle = trio.lowlevel.current_statistics().tasks_living
        line = stage.line()
        await line.send(
            ask("status", 1),
            ask("continue", 2, callId=call_id, message="Hello?", requestId="c1"),
            ask("tail.subscribe", 3, after=10_000),
        )
        assert isinstance(line.stream, trio.StapledStream)
        if half:
            await line.stream.send_eof()
            assert sorted([(await line.next())["id"] for _ in range(2)]) == [1, 3]
        else:
            await line.stream.aclose()
        await trio.sleep(connection.PARTING_S + 1)
        assert trio.lowlevel.current_statistics().tasks_living == idle
        # What was set in motion goes on without the one who asked.
        waiting = [type(one.event).kind for one in await stage.system.entries(call_id)].count("listen.requested")
        assert waiting == 1
        assert (await stage.refusal("continue", callId=call_id, message="?", requestId="c2"))[0].startswith("Already")

    play(story)


@frozen
class Failing(MemoryJournal):
    """A journal that cannot be read, for the reason given."""

    error: Exception

    def read(self, stream: str | None = None, *, after: Position = START) -> Any:
        raise self.error

    def follow(self, stream: str | None = None, *, after: Position = START) -> Any:
        raise self.error


def test_a_fault_of_ours_is_one_answer_and_one_line_of_log_without_payload(caplog: pytest.LogCaptureFixture) -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(NEVER_ANSWERS)
        line = stage.line(Failing(ValueError("+15550001002 said something")))
        await line.send(ask("status", 1, callId=call_id))
        assert (await line.next())["error"] == {
            "code": -32603,
            "message": "internal error: ValueError; the server's log says where",
        }
        await line.send(ask("status", 2))
        assert len((await line.next())["result"]["calls"]) == 1

    play(story)
    logged = caplog.text
    assert "an RPC method failed" in logged
    assert "ValueError at test_server.py" in logged
    assert "+1555" not in logged


def test_a_damaged_journal_is_told_in_its_own_words() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(NEVER_ANSWERS)
        words = "segment 1, offset 7: the checksum is wrong"
        line = stage.line(Failing(Corrupt(words)))
        await line.send(ask("status", 1, callId=call_id))
        assert (await line.next())["error"]["message"] == words
        await line.send(ask("tail.subscribe", 2))
        assert (await line.next())["result"]["subscribed"]
        ended = await line.next()
        assert (ended["method"], ended["params"]) == ("voicecall.tail.ended", {"subscription": 2, "error": words})
        await line.send(ask("status", 3))
        assert (await line.next())["id"] == 3

    play(story)
