"""What a model is asked."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming

from tests.adapters.agents.openai.kit import accepted, turn
from voicecall.adapters.agents.openai.asking import SPOKEN, Api, Model, Question, instructions
from voicecall.adapters.agents.openai.tools import Tool, ToolCall, ToolResult
from voicecall.ports import Line, Turn

MODEL = Model(provider="openai", name="gpt-test")
TYPES: dict[Api, Any] = {"chat": CompletionCreateParamsStreaming, "responses": ResponseCreateParamsStreaming}
ASKED = [
    {"role": "assistant", "content": "Hello! How can I help?"},
    {"role": "user", "content": "I need a table."},
    {"role": "assistant", "content": "For when?"},
    {"role": "user", "content": "For ten."},
]


async def lend(turn: Turn, arguments: str) -> str:
    raise AssertionError("nobody runs it here")


TOOL = Tool(name="look_up", description="Looks up.", parameters={"type": "object", "properties": {}}, run=lend)
CALLS = [ToolCall(call_id=f"call_{number}", name="look_up", arguments="{}") for number in range(2)]
RESULTS = [ToolResult(call=call, output="free") for call in CALLS]


def question(api: Api) -> Question:
    return Question(model=evolve(MODEL, api=api), turn=turn())


def test_a_chat_completion_gets_the_conversation_as_messages() -> None:
    assert question("chat").body() == {
        "model": "gpt-test",
        "messages": [{"role": "system", "content": instructions(MODEL, turn(), tools=False)}, *ASKED],
        "stream": True,
    }


def test_a_response_gets_the_conversation_as_its_input_and_is_not_kept() -> None:
    assert question("responses").body() == {
        "model": "gpt-test",
        "instructions": instructions(MODEL, turn(), tools=False),
        "input": ASKED,
        "stream": True,
        "store": False,
    }


def test_the_first_words_have_nothing_before_them() -> None:
    first = Question(model=MODEL, turn=turn("Hello?", history=()))
    assert first.body()["messages"][1:] == [{"role": "user", "content": "Hello?"}]


def test_tools_are_declared_and_their_results_follow_what_was_said() -> None:
    asked = evolve(question("chat"), tools=(TOOL,))
    body = asked.with_results("One moment.", RESULTS).with_results("", RESULTS[:1]).body()
    assert body["tools"][0]["function"]["name"] == "look_up"
    assert [one["role"] for one in body["messages"][-5:]] == ["assistant", "tool", "tool", "assistant", "tool"]
    assert [one["content"] for one in body["messages"][-5:]] == ["One moment.", "free", "free", None, "free"]
    asked = evolve(asked, model=evolve(MODEL, api="responses"))
    items = asked.with_results("One moment.", RESULTS).with_results("", RESULTS[:1]).body()["input"]
    assert [one.get("type", one.get("role")) for one in items[-7:]] == [
        "assistant", "function_call", "function_call", "function_call_output", "function_call_output",
        "function_call", "function_call_output",
    ]  # fmt: skip


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_the_package_knows_every_part_of_what_we_send(api: Api) -> None:
    plain = question(api)
    for asked in (plain, evolve(plain, tools=(TOOL,)).with_results("One moment.", RESULTS).with_results("", RESULTS)):
        assert accepted(TYPES[api], asked.body())


def test_the_usual_instructions_say_who_where_and_how() -> None:
    text = instructions(evolve(MODEL, agent="sales"), turn(direction="inbound"), tools=True)
    assert text.startswith("You are sales, a voice assistant on a phone call.")
    assert "called you; their number is +15550001000. You may use your tools." in text
    assert text.endswith(SPOKEN)
    text = instructions(MODEL, turn(peer=""), tools=False)
    assert text.startswith("You are assistant, a voice")
    assert "You have called the person.\n" in text


def test_a_prompt_takes_their_place() -> None:
    text = instructions(evolve(MODEL, prompt=" Be brief. "), turn(), tools=True)
    assert text == f"Be brief.\n\n{SPOKEN}"


def test_earlier_calls_are_told_apart_from_this_one() -> None:
    before = (Line(speaker="caller", text="A table."), Line(speaker="agent", text="Done."))
    asked = Question(model=MODEL, turn=turn("Hello?", history=(), earlier=before)).body()["messages"]
    assert asked[0]["content"].endswith("\n\nThis was said in earlier calls:\nCaller: A table.\nYou: Done.")
    assert asked[1:] == [{"role": "user", "content": "Hello?"}]
