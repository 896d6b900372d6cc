"""A host thinks for callers over its connection: asked in order, heard word by word, given up, replaced, gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from tests.rpc.stage import FRIENDLY, SAYS_ONE_THING, Line, Plain, Stage, play
from voicecall.events.facts import AgentFinished
from voicecall.rpc.asking import LONGEST

GATEWAY = {"agent": {"provider": "gateway"}, "sessionScope": "per-phone"}
APOLOGY = "I am sorry, something went wrong on my side."
Answer = Callable[[Line, Plain], Awaitable[None]]


async def attach(stage: Stage) -> Line:
    """A host that is ready to answer."""
    line = stage.line()
    await line.send({"jsonrpc": "2.0", "id": "me", "method": "voicecall.agent.attach"})
    assert await line.next() == {"jsonrpc": "2.0", "id": "me", "result": {"attached": True}}
    return line


async def question(line: Line) -> Plain:
    """The next question, which must be well-formed."""
    asked = await line.next()
    while asked.get("method") == "agent.warm":
        asked = await line.next()
    assert (asked["jsonrpc"], asked["method"]) == ("2.0", "agent.reply"), asked
    return asked


async def think(line: Line, asked: Plain, *words: str) -> None:
    """Words as they come to mind."""
    for text in words:
        await line.send({"jsonrpc": "2.0", "method": "agent.delta", "params": {"id": asked["id"], "text": text}})


async def done(line: Line, asked: Plain, **result: Any) -> None:
    await line.send({"jsonrpc": "2.0", "id": asked["id"], "result": result})


async def said(stage: Stage, call_id: str) -> list[tuple[str, str]]:
    """Who said what, once the call is over."""
    await stage.saw(call_id, "call.ended")
    record = (await stage.call("status", callId=call_id))["call"]
    return [(one["speaker"], one["text"]) for one in record["transcript"]]


async def turns(stage: Stage, call_id: str) -> list[tuple[str, str]]:
    """How the turns of a call ended."""
    events = [entry.event for entry in await stage.system.entries(call_id)]
    return [(one.reason, one.detail) for one in events if isinstance(one, AgentFinished)]


def test_a_host_answers_a_whole_call_word_by_word_or_at_once() -> None:
    async def story(stage: Stage) -> None:
        host = await attach(stage)
        call_id = await stage.place(FRIENDLY)
        first = await question(host)
        assert first["params"] == {
            "callId": call_id,
            "turn": 1,
            "text": "Hello, this is Alex. How are you?",
            "history": [{"speaker": "agent", "text": "Hello, this is voicecall."}],
            "earlier": [],
            "direction": "outbound",
            "peer": FRIENDLY,
            "ours": "+15550000000",
            "agentId": "main",
            "sessionKey": f"agent:main:voice:{FRIENDLY[1:]}",
            "responseModel": None,
            "responseSystemPrompt": None,
            "timeoutMs": 30_000,
        }
        await think(host, first, "I am ", "**fine**. ", "And", " you?")
        await done(host, first, text="This was said already.")
        second = await question(host)
        assert second["params"]["history"][1:] == [
            {"speaker": "caller", "text": "Hello, this is Alex. How are you?"},
            {"speaker": "agent", "text": "I am fine."},
            {"speaker": "agent", "text": "And you?"},
        ]
        await done(host, second, text="Goodbye, Alex.")
        assert await said(stage, call_id) == [
            ("bot", "Hello, this is voicecall."),
            ("user", "Hello, this is Alex. How are you?"),
            ("bot", "I am fine."),
            ("bot", "And you?"),
            ("user", "That sounds good to me. Thank you, goodbye."),
            ("bot", "Goodbye, Alex."),
        ]
        assert await turns(stage, call_id) == [("done", ""), ("done", "")]

    play(story, **GATEWAY)


async def _refuse(line: Line, asked: Plain) -> None:
    error = {"code": -32000, "message": "the model is overloaded"}
    await line.send({"jsonrpc": "2.0", "id": asked["id"], "error": error})


async def _refuse_oddly(line: Line, asked: Plain) -> None:
    await line.send({"jsonrpc": "2.0", "id": asked["id"], "error": "no"})


async def _babble(line: Line, asked: Plain) -> None:
    await line.send({"jsonrpc": "2.0", "method": "agent.delta", "params": {"id": asked["id"], "text": 5}})


async def _flood(line: Line, asked: Plain) -> None:
    delta = {"jsonrpc": "2.0", "method": "agent.delta", "params": {"id": asked["id"], "text": "x" * 10_000}}
    await line.send(*[delta] * 11)


async def _leave(line: Line, asked: Plain) -> None:
    del asked
    await line.stream.aclose()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (_refuse, "the host refused: the model is overloaded"),
        (_refuse_oddly, "the host refused: no"),
        (_babble, "agent.delta: text: expected text, got a number"),
        (_flood, f"the host sent more than {LONGEST} characters"),
        (_leave, "the host went away before it had answered"),
    ],
)
def test_a_host_that_cannot_answer_is_apologized_for(answer: Answer, why: str) -> None:
    async def story(stage: Stage) -> None:
        host = await attach(stage)
        call_id = await stage.place(SAYS_ONE_THING)
        await answer(host, await question(host))
        await stage.saw(call_id, "playback.finished", 2)
        assert await turns(stage, call_id) == [("failed", f"NoReply: {why}")]
        await stage.call("end", callId=call_id, requestId="e")
        assert await said(stage, call_id) == [
            ("bot", "Hello, this is voicecall."),
            ("user", "Hello? I am listening."),
            ("bot", APOLOGY),
        ]

    play(story, **GATEWAY)


def test_a_host_that_is_gone_has_a_moment_to_come_back() -> None:
    async def story(stage: Stage) -> None:
        await (await attach(stage)).stream.aclose()
        call_id = await stage.place(SAYS_ONE_THING)
        await stage.saw(call_id, "caller.said")
        await trio.sleep(1)
        host = await attach(stage)
        asked = await question(host)
        await done(host, asked, text="Here I am.")
        await stage.saw(call_id, "agent.finished")
        assert await turns(stage, call_id) == [("done", "")]

    play(story, **GATEWAY)


def test_where_no_host_comes_the_caller_is_told() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(SAYS_ONE_THING)
        await stage.saw(call_id, "agent.finished")
        words = "NoHost: no host is attached to think (voicecall.agent.attach); start the gateway, or its plugin"
        assert await turns(stage, call_id) == [("failed", words)]
        await stage.saw(call_id, "playback.finished", 2)

    play(story, **GATEWAY)


def test_the_host_that_came_last_is_asked_and_the_one_before_when_it_goes() -> None:
    async def story(stage: Stage) -> None:
        first, second = await attach(stage), await attach(stage)
        call_id = await stage.place(FRIENDLY)
        await done(second, await question(second), text="I am well.")
        await stage.saw(call_id, "agent.finished")
        await second.stream.aclose()
        await done(first, await question(first), text="Goodbye.")
        assert (await said(stage, call_id))[-1] == ("bot", "Goodbye.")

    play(story, **GATEWAY)


def test_a_host_hears_that_nobody_waits_any_more_and_may_be_late() -> None:
    async def story(stage: Stage) -> None:
        host = await attach(stage)
        call_id = await stage.place(SAYS_ONE_THING)
        asked = await question(host)
        await stage.call("end", callId=call_id, requestId="e")
        assert await host.next() == {"jsonrpc": "2.0", "method": "agent.cancel", "params": {"id": asked["id"]}}
        await think(host, asked, "Too late.")
        await done(host, asked, text="Too late.")
        await host.send({"jsonrpc": "2.0", "id": 9, "method": "voicecall.status", "params": {"callId": call_id}})
        answer = await host.next()
        assert "Too late." not in str(answer["result"]["call"]["transcript"])

    play(story, **GATEWAY)


def test_nobody_may_think_for_callers_where_somebody_else_does() -> None:
    async def story(stage: Stage) -> None:
        line = stage.line()
        await line.send({"jsonrpc": "2.0", "id": 1, "method": "voicecall.agent.attach"})
        error = (await line.next())["error"]
        assert error["message"].startswith('agent.provider: somebody else thinks for callers; set it to "gateway"')
        await line.send({"jsonrpc": "2.0", "id": "agent-1", "result": {}}, b'{"jsonrpc":"2.0","method":"agent.delta"}')
        await line.send({"jsonrpc": "2.0", "id": 2, "method": "voicecall.status"})
        assert (await line.next())["id"] == 2  # answers to nothing are dropped

    play(story)
