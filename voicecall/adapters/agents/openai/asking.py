"""What a model is asked: instructions, the conversation as it was heard, and the person's words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from attrs import evolve, frozen

from voicecall.adapters.agents.openai.tools import Tool, ToolResult
from voicecall.ports import Line, Turn

Api = Literal["chat", "responses"]
Body = dict[str, Any]

SPOKEN = (
    "Your reply is spoken aloud on the telephone while you write it. Write plain sentences only: no markdown, no "
    "lists, no links, no emoji. Write numbers, dates and times the way people say them. Keys that the person "
    "presses on the telephone reach you as [keys 123#]."
)
"""What every model is told besides its prompt."""


@frozen(kw_only=True)
class Model:
    """Which model thinks, and as whom. ``prompt`` takes the place of the usual instructions."""

    provider: str
    name: str
    api: Api = "chat"
    prompt: str = ""
    agent: str = "assistant"

    def __str__(self) -> str:
        return f"{self.provider}/{self.name}"


@frozen(kw_only=True)
class Question:
    """One request to a model: the turn, and what its tools have answered so far in this turn."""

    model: Model
    turn: Turn
    tools: Sequence[Tool] = ()
    rounds: tuple[tuple[str, tuple[ToolResult, ...]], ...] = ()

    def with_results(self, said: str, results: Sequence[ToolResult]) -> Question:
        """The same question once more, after what the model said and what its tools answered."""
        return evolve(self, rounds=(*self.rounds, (said, tuple(results))))

    def body(self) -> Body:
        """The request's parameters."""
        return _chat(self) if self.model.api == "chat" else _responses(self)


def instructions(model: Model, turn: Turn, *, tools: bool) -> str:
    """The system prompt."""
    asked = model.prompt.strip() or _usual(model, turn, tools=tools)
    return "\n\n".join([asked, SPOKEN, *_earlier(turn)])


def _earlier(turn: Turn) -> list[str]:
    """What was said before this call; the model must not take it for words of this one."""
    names = {"agent": "You", "caller": "Caller"}
    lines = [f"{names[line.speaker]}: {line.text}" for line in turn.earlier]
    return ["\n".join(["This was said in earlier calls:", *lines])] if lines else []


def _usual(model: Model, turn: Turn, *, tools: bool) -> str:
    called = "The person has called you" if turn.direction == "inbound" else "You have called the person"
    number = f"; their number is {turn.peer}" if turn.peer else ""
    more = " You may use your tools." if tools else ""
    return (
        f"You are {model.agent}, a voice assistant on a phone call. Answer in one or two short, friendly sentences. "
        f"{called}{number}.{more}"
    )


def conversation(turn: Turn) -> list[Body]:
    """What was said and heard before, remarks in a row joined to one message, and the words to answer."""
    roles = {"agent": "assistant", "caller": "user"}
    messages: list[Body] = []
    for line in (*turn.history, Line(speaker="caller", text=turn.text)):
        role = roles[line.speaker]
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"] += f" {line.text}"
        else:
            messages.append({"role": role, "content": line.text})
    return messages


def _chat(question: Question) -> Body:
    messages: list[Body] = [
        {"role": "system", "content": instructions(question.model, question.turn, tools=bool(question.tools))},
        *conversation(question.turn),
    ]
    for said, results in question.rounds:
        calls = [
            {"id": one.call.call_id, "type": "function", "function": _named(one.call.name, one.call.arguments)}
            for one in results
        ]
        messages.append({"role": "assistant", "content": said or None, "tool_calls": calls})
        messages += [{"role": "tool", "tool_call_id": one.call.call_id, "content": one.output} for one in results]
    body: Body = {"model": question.model.name, "messages": messages, "stream": True}
    if question.tools:
        body["tools"] = [{"type": "function", "function": _declared(tool)} for tool in question.tools]
    return body


def _responses(question: Question) -> Body:
    items = conversation(question.turn)
    for said, results in question.rounds:
        if said:
            items.append({"role": "assistant", "content": said})
        for one in results:
            named = _named(one.call.name, one.call.arguments)
            items.append({"type": "function_call", "call_id": one.call.call_id, **named})
        items += [
            {"type": "function_call_output", "call_id": one.call.call_id, "output": one.output} for one in results
        ]
    body: Body = {
        "model": question.model.name,
        "instructions": instructions(question.model, question.turn, tools=bool(question.tools)),
        "input": items,
        "stream": True,
        "store": False,  # what people say on the telephone is not for a vendor to keep
    }
    if question.tools:
        body["tools"] = [{"type": "function", "strict": False, **_declared(tool)} for tool in question.tools]
    return body


def _named(name: str, arguments: str) -> Body:
    return {"name": name, "arguments": arguments}


def _declared(tool: Tool) -> Body:
    return {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
