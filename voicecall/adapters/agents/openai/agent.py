"""The thin client: one request per round, words out as they come in.

No retries: a caller waits, and the call core knows what to say instead. The limit of a whole turn is the lane's; here
only connecting has one. Leaving a reply closes its connection, and the vendor stops generating.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
import openai
import trio
from attrs import field, frozen

from voicecall.adapters.agents.openai.asking import Model, Question
from voicecall.adapters.agents.openai.failing import NoReply, refusal
from voicecall.adapters.agents.openai.stream import ChatReading, DataLines, Reading, ResponsesReading
from voicecall.adapters.agents.openai.tools import Tool, ToolCall, ToolResult
from voicecall.fault import Caught, words
from voicecall.ports import Turn

CONNECT_S = 5.0
IDLE_S = 120.0
"""How long an idle connection is kept: longer than people pause, so that a turn does not begin with a handshake."""
IDLE_CONNECTIONS = 64
REST_S = 1.0
"""How long the end of a body may take when the reply is complete."""
ROUNDS = 4
"""How often a model may call tools before it has to answer, in one turn."""
NO_KEY = "none"
"""What a vendor that wants no key is given; the package insists on one."""
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@frozen(kw_only=True)
class Endpoint:
    """Where a provider's API is. ``key_path`` is where its key is configured, for people who have to mend it."""

    url: str
    key: str = field(default="", repr=False)
    key_path: str = ""
    theirs: bool = False
    """Whether it is OpenAI itself: only then are an organization and a project of the environment named."""


@frozen(kw_only=True)
class _Provider:
    endpoint: Endpoint
    client: openai.AsyncOpenAI


@asynccontextmanager
async def open_agent(
    endpoints: Mapping[str, Endpoint], choose: Callable[[Turn], Model], *, tools: Sequence[Tool] = ()
) -> AsyncGenerator[OpenAiAgent]:
    """An agent with one client per provider. ``choose`` names the model of a turn; its provider is in ``endpoints``."""
    async with AsyncExitStack() as stack:
        providers: dict[str, _Provider] = {}
        for name, endpoint in endpoints.items():
            client = await stack.enter_async_context(_client(endpoint))
            providers[name] = _Provider(endpoint=endpoint, client=client)
        yield OpenAiAgent(providers, choose, tools)


def _client(endpoint: Endpoint) -> openai.AsyncOpenAI:
    http = openai.DefaultAsyncHttpxClient(
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=IDLE_CONNECTIONS, keepalive_expiry=IDLE_S),
        timeout=httpx2.Timeout(None, connect=CONNECT_S),
        follow_redirects=False,  # a key goes where it was meant to go
        mounts={f"all://{host}": None for host in LOOPBACK},
    )
    nobodys = {} if endpoint.theirs else {"OpenAI-Organization": openai.omit, "OpenAI-Project": openai.omit}
    client = openai.AsyncOpenAI(
        api_key=endpoint.key or NO_KEY,
        base_url=endpoint.url,
        max_retries=0,
        timeout=httpx2.Timeout(None, connect=CONNECT_S),
        http_client=http,
        default_headers=cast("Mapping[str, str]", nobodys),
    )
    _ = client.chat.completions, client.responses  # the package imports them now, not in the first call
    return client


class OpenAiAgent:
    """See ``voicecall.ports.Agent``."""

    def __init__(
        self, providers: Mapping[str, _Provider], choose: Callable[[Turn], Model], tools: Sequence[Tool] = ()
    ) -> None:
        self._providers = providers
        self._choose = choose
        self._tools = tuple(tools)

    @asynccontextmanager
    async def reply(self, turn: Turn) -> AsyncGenerator[AsyncIterator[str]]:
        """See ``Agent.reply``. What the iterator raises is ``NoReply``."""
        async with aclosing(self._rounds(turn)) as pieces:
            yield pieces

    async def _rounds(self, turn: Turn) -> AsyncGenerator[str]:
        """The words of the model, round after round, as long as it calls tools."""
        model = self._choose(turn)
        question = Question(model=model, turn=turn, tools=self._tools)
        for _ in range(ROUNDS):
            reading = ChatReading() if model.api == "chat" else ResponsesReading()
            said: list[str] = []
            async with aclosing(self._ask(question, reading)) as pieces:
                async for piece in pieces:
                    said.append(piece)
                    yield piece
            if not reading.calls:
                return
            results = [await self._run(turn, call) for call in reading.calls]
            question = question.with_results("".join(said).strip(), results)
        raise NoReply(f"{model}: called tools {ROUNDS} times without an answer")

    async def _run(self, turn: Turn, call: ToolCall) -> ToolResult:
        tool = next((one for one in self._tools if one.name == call.name), None)
        if tool is None:
            return ToolResult(call=call, output=f"There is no tool {call.name}.")
        output = ""
        with Caught() as caught:
            output = await tool.run(turn, call.arguments)
        return ToolResult(call=call, output=output if caught.error is None else f"It failed: {words(caught.error)}")

    async def _ask(self, question: Question, reading: Reading) -> AsyncGenerator[str]:
        """One request and the words that come back. Raises ``NoReply``, naming the model."""
        model = question.model
        provider = self._providers[model.provider]
        try:
            async with _open(provider.client, question) as response, aclosing(_read(response, reading)) as pieces:
                async for piece in pieces:
                    yield piece
        except NoReply as error:
            raise NoReply(f"{model}: {error}") from error
        except openai.APIStatusError as error:
            told = refusal(error.status_code, error.body, fix=provider.endpoint.key_path)
            raise NoReply(f"{model}: {told}") from error
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            raise NoReply(f"{model}: {_lost(error, provider.endpoint)}") from error


def _lost(error: Exception, endpoint: Endpoint) -> str:
    """What happened to the connection, before or after it was there."""
    cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else error
    reached = not isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout)
    what = "the connection was lost" if reached else f"cannot reach {urlsplit(endpoint.url).hostname}"
    return f"{what}: {words(cause or error)}"


@asynccontextmanager
async def _open(client: openai.AsyncOpenAI, question: Question) -> AsyncGenerator[httpx2.Response]:
    """The response to one request, its body still to be read."""
    resource: Any = client.chat.completions if question.model.api == "chat" else client.responses
    async with resource.with_streaming_response.create(**question.body()) as response:
        yield response.http_response


async def _read(response: httpx2.Response, reading: Reading) -> AsyncGenerator[str]:
    """The words in a body as they come, and a line break once they are complete: the last clause waits for nothing."""
    lines = DataLines()
    pieces = response.aiter_bytes()
    try:
        async for piece in pieces:
            for data in lines.feed(piece):
                text = reading.receive(data)
                if text:
                    yield text
            if reading.over:
                yield "\n"
                break
    finally:
        # A body that is read to its end leaves a connection for the next turn. One that is given up is cancelled in the
        # middle of reading: the generators below do not close each other, and would be collected as garbage.
        with trio.move_on_after(REST_S if reading.over else 0), suppress(httpx2.HTTPError):
            async for _ in pieces:
                pass
    if not reading.over:
        raise NoReply("the reply ended before it was complete")
