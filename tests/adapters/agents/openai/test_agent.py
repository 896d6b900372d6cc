"""An agent that is a model, over real sockets."""

from __future__ import annotations

import os

import pytest
import trio

from tests.adapters.agents.openai.kit import open_model, play, turn
from tests.open_files import open_files
from voicecall.adapters.agents.openai.agent import ROUNDS, Endpoint, OpenAiAgent, open_agent
from voicecall.adapters.agents.openai.asking import Api, Model
from voicecall.adapters.agents.openai.failing import NoReply
from voicecall.adapters.agents.openai.tools import Tool
from voicecall.ports import Turn
from voicecall.testing.vendors.openai_text import Answer, Call

TEXT = "It is ten o'clock. And the shop is open."
both = pytest.mark.parametrize("api", ["chat", "responses"])


async def reply(agent: OpenAiAgent, about: Turn | None = None) -> str:
    async with agent.reply(about or turn()) as pieces:
        return "".join([piece async for piece in pieces])


async def why_not(agent: OpenAiAgent) -> str:
    with pytest.raises(NoReply) as caught:
        await reply(agent)
    return str(caught.value)


@both
def test_words_come_as_the_model_says_them(api: Api) -> None:
    async def story() -> None:
        async with open_model(Answer(text=TEXT, reasoning="Hm, hm.", first_s=2, word_s=1), api=api) as (agent, vendor):
            came: list[tuple[str, float]] = []
            start = trio.current_time()
            async with agent.reply(turn()) as pieces:
                async for piece in pieces:
                    came.append((piece, trio.current_time() - start))
            assert [piece for piece, _ in came] == ["It", " is", " ten", " o'clock.", " And", " the", " shop", " is",
                                                    " open.", "\n"]  # fmt: skip
            first, last = came[0][1], came[-2][1]
            assert last - first >= 8
            [asked] = vendor.asked
            assert asked.path == {"chat": "/v1/chat/completions", "responses": "/v1/responses"}[api]
            assert asked.ended == "done"
            assert (asked.body["model"], asked.body["stream"]) == ("gpt-test", True)

    play(story)


@both
def test_one_connection_serves_one_turn_after_the_other(api: Api) -> None:
    async def story() -> None:
        async with open_model(Answer(text=TEXT), api=api) as (agent, _):
            assert (await reply(agent)).strip() == TEXT
            sockets = sorted(open_files(os.getpid()))
            for _ in range(3):
                assert (await reply(agent)).strip() == TEXT
            assert sorted(open_files(os.getpid())) == sockets

    play(story)


@both
def test_an_agent_that_is_cancelled_with_its_replies_leaves_nothing_open(api: Api) -> None:
    async def story() -> None:
        with trio.move_on_after(10) as scope:
            async with open_model(Answer(text=TEXT), Answer(text=TEXT, stalls="middle"), api=api) as (agent, _):
                await reply(agent)
                async with trio.open_nursery() as nursery:
                    for _ in range(3):
                        nursery.start_soon(reply, agent)
        assert scope.cancelled_caught

    play(story)


@both
@pytest.mark.parametrize("stall", ["headers", "first", "middle"])
def test_an_abandoned_reply_closes_its_connection(api: Api, stall: str) -> None:
    async def story() -> None:
        async with open_model(Answer(text=TEXT, stalls=stall), api=api) as (agent, vendor):
            with trio.move_on_after(5) as scope:
                await reply(agent)
            assert scope.cancelled_caught
            with trio.fail_after(60):
                await vendor.asked[0].over.wait()
            assert vendor.asked[0].ended == "abandoned"

    play(story)


@both
def test_a_reply_that_is_left_in_the_middle_closes_its_connection(api: Api) -> None:
    async def story() -> None:
        async with open_model(Answer(text=TEXT, word_s=1), api=api) as (agent, vendor):
            async with agent.reply(turn()) as pieces:
                async for _ in pieces:
                    break
            with trio.fail_after(60):
                await vendor.asked[0].over.wait()
            assert vendor.asked[0].ended == "abandoned"

    play(story)


@both
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(status=429, code="rate_limit_exceeded", message="Slow down."),
         "sim/gpt-test: 429 Too Many Requests: rate_limit_exceeded: Slow down."),
        (Answer(status=500), "sim/gpt-test: 500 Internal Server Error: server_error: The server had an error."),
        (Answer(text=TEXT, breaks="error"), "sim/gpt-test: server_error: The server had an error."),
        (Answer(text=TEXT, breaks="end"), "sim/gpt-test: the reply ended before it was complete"),
        (Answer(text=TEXT, breaks="filter"),
         "sim/gpt-test: the vendor's content filter stopped the reply (content_filter)"),
    ],
)  # fmt: skip
def test_every_fault_says_what_it_is_and_is_not_tried_again(api: Api, answer: Answer, why: str) -> None:
    async def story() -> None:
        async with open_model(answer, Answer(text=TEXT), api=api) as (agent, vendor):
            assert await why_not(agent) == why
            assert len(vendor.asked) == 1
            assert (await reply(agent)).strip() == TEXT

    play(story)


@both
def test_a_lost_connection_says_so(api: Api) -> None:
    async def story() -> None:
        async with open_model(Answer(text=TEXT, word_s=1, breaks="cut"), Answer(text=TEXT), api=api) as (agent, _):
            told = await why_not(agent)  # closed or reset, as the sockets have it
            assert told.startswith("sim/gpt-test: the connection was lost: Re")
            assert (await reply(agent)).strip() == TEXT

    play(story)


@both
def test_a_wrong_key_is_named_by_its_place_and_never_shown(api: Api) -> None:
    async def story() -> None:
        async with open_model(Answer(), api=api, key="sk-wrong-1234") as (agent, _):
            told = await why_not(agent)
            assert told == "sim/gpt-test: 401 Unauthorized: invalid_api_key; check agent.providers.sim.apiKey"

    play(story)


def test_a_vendor_that_cannot_be_reached_is_named() -> None:
    async def story() -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        await listeners[0].aclose()
        endpoint = Endpoint(url=f"http://127.0.0.1:{port}/v1")
        async with open_agent({"sim": endpoint}, lambda turn: Model(provider="sim", name="m")) as agent:
            assert await why_not(agent) == (
                f"sim/m: cannot reach 127.0.0.1: ConnectError: all attempts to connect to 127.0.0.1:{port} failed"
            )

    play(story)


def test_the_environment_tells_other_vendors_nothing_of_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "sk-of-somebody-else")
    seen: list[bytes] = []

    async def serve(stream: trio.SocketStream) -> None:
        seen.append(bytes(await stream.receive_some()))
        await stream.send_all(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")

    async def story() -> None:
        async with trio.open_nursery() as nursery:
            listener, *_ = await nursery.start(trio.serve_tcp, serve, 0)
            endpoint = Endpoint(url=f"http://127.0.0.1:{listener.socket.getsockname()[1]}/v1")
            async with open_agent({"sim": endpoint}, lambda turn: Model(provider="sim", name="m")) as agent:
                assert await why_not(agent) == "sim/m: 302 Found: no reason given"
            nursery.cancel_scope.cancel()

    play(story)
    assert b"authorization: bearer none" in seen[0].lower()
    assert b"somebody" not in seen[0]


# --- tools -----------------------------------------------------------------------------------------------------------


@both
def test_tools_are_called_and_their_results_answered(api: Api) -> None:
    ran: list[tuple[int, str]] = []

    async def look_up(turn: Turn, arguments: str) -> str:
        ran.append((turn.number, arguments))
        if "Friday" in arguments:
            raise LookupError("closed")
        return "free"

    script = (
        Answer(text="One moment.", calls=(Call("look_up", '{"day": "Monday"}'), Call("look_up", '{"day": "Friday"}'))),
        Answer(calls=(Call("lost"),)),
        Answer(text="Monday is free."),
    )

    async def story() -> None:
        tool = Tool(name="look_up", description="Looks up a day.", run=look_up)
        async with open_model(*script, api=api, tools=(tool,)) as (agent, vendor):
            assert await reply(agent) == "One moment.\n\nMonday is free.\n"
            assert ran == [(2, '{"day": "Monday"}'), (2, '{"day": "Friday"}')]
            rest = str(vendor.asked[2].body)
            for told in ("'free'", "It failed: LookupError: closed", "There is no tool lost."):
                assert told in rest

    play(story)


@both
def test_a_model_that_only_calls_tools_is_stopped(api: Api) -> None:
    async def story() -> None:
        async with open_model(Answer(calls=(Call("lost"),)), api=api) as (agent, vendor):
            assert await why_not(agent) == f"sim/gpt-test: called tools {ROUNDS} times without an answer"
            assert len(vendor.asked) == ROUNDS

    play(story)
