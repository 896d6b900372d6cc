"""A model behind real sockets, and what is asked of it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import trio
import trio.testing
from pydantic import TypeAdapter

from tests.open_files import open_files
from voicecall.adapters.agents.openai.agent import Endpoint, OpenAiAgent, open_agent
from voicecall.adapters.agents.openai.asking import Api, Model
from voicecall.adapters.agents.openai.tools import Tool
from voicecall.events import CallId
from voicecall.ports import Line, Turn
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.vendors.openai_text import Answer, TextVendor

RATE = 20
HISTORY = (
    Line(speaker="agent", text="Hello!"),
    Line(speaker="agent", text="How can I help?"),
    Line(speaker="caller", text="I need a table."),
    Line(speaker="agent", text="For when?"),
)


def turn(text: str = "For ten.", **more: Any) -> Turn:
    """A turn in the middle of a conversation."""
    given = {"call_id": CallId("c1"), "number": 2, "text": text, "history": HISTORY, "peer": "+15550001000", **more}
    return Turn(**given)


@asynccontextmanager
async def open_model(
    *script: Answer, api: Api = "chat", tools: Sequence[Tool] = (), key: str = "sk-simulated"
) -> AsyncGenerator[tuple[OpenAiAgent, TextVendor]]:
    """An agent and the vendor it asks. ``key`` is the one that the agent gives."""
    vendor = TextVendor(*script)
    model = Model(provider="sim", name="gpt-test", api=api)
    async with open_vendor(vendor.app) as url:
        endpoint = Endpoint(url=f"{url}/v1", key=key, key_path="agent.providers.sim.apiKey")
        async with open_agent({"sim": endpoint}, lambda turn: model, tools=tools) as agent:
            yield agent, vendor


def play(story: Callable[[], Awaitable[None]], *, rate: float = RATE) -> None:
    """Run it on real sockets, and see that none is left."""
    before = open_files(os.getpid())
    trio.run(story, clock=trio.testing.MockClock(rate=rate))
    assert sorted(open_files(os.getpid())) == sorted(before)


def whole(value: Any) -> Any:
    """A value whose lazy parts have been looked at: the package's types check an iterable only when it is read."""
    if isinstance(value, dict):
        return {name: whole(one) for name, one in value.items()}
    if isinstance(value, str | int | float | bool | None):
        return value
    return [whole(one) for one in value]


def accepted(kind: Any, body: Any) -> bool:
    """Whether one of the package's request types takes the body as it is: what it does not know, it would drop."""
    types = TypeAdapter(kind)  # to be kept: what it found is checked only when it is read
    return whole(types.validate_python(body)) == body
