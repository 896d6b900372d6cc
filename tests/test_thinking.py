"""From configuration to the agent that thinks."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from tests.adapters.agents.openai.kit import play, turn
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.config import Config, parse
from voicecall.ports import Agent, Turn
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.vendors.openai_text import Answer, TextVendor
from voicecall.thinking import agent_of, model_for

US, SALES, THEM = "+15550000000", "+15550000001", "+15551112222"


def config(providers: dict[str, Any], **keys: Any) -> Config:
    return parse({"agent": {"provider": "openai", "providers": providers}, **keys}, {"OPENAI_API_KEY": "sk-env"})


async def reply(agent: Agent, about: Turn) -> str:
    async with agent.reply(about) as pieces:
        return "".join([piece async for piece in pieces]).strip()


def test_the_model_and_its_instructions_are_those_of_the_dialed_number() -> None:
    given = config(
        {"openrouter": {"baseUrl": "http://127.0.0.1:1/v1", "api": "responses"}},
        responseModel="gpt-x",
        responseSystemPrompt="Be brief.",
        numbers={
            SALES: {"responseModel": "openrouter/vendor/y", "agentId": "sales", "responseSystemPrompt": ""},
            US: {},
        },
    )
    called = {number: model_for(given, turn(direction="inbound", ours=number, peer=THEM)) for number in (US, SALES)}
    usual, sales = called[US], called[SALES]
    assert (str(usual), usual.api, usual.prompt, usual.agent) == ("openai/gpt-x", "chat", "Be brief.", "assistant")
    assert (str(sales), sales.api, sales.prompt, sales.agent) == ("openrouter/vendor/y", "responses", "", "sales")
    assert model_for(given, turn(direction="outbound", ours=SALES)) == usual
    assert model_for(config({}, agentId="nora"), turn()).agent == "nora"


def test_every_provider_is_asked_at_its_own_place_with_its_own_key() -> None:
    async def story() -> None:
        openai, other = (
            TextVendor(Answer(text="I am one."), key="sk-env"),
            TextVendor(Answer(text="I am two."), key="k"),
        )
        async with open_vendor(openai.app) as url, open_vendor(other.app) as other_url:
            given = config(
                {
                    "openai": {"baseUrl": f"{url}/v1", "api": "responses"},
                    "other": {"baseUrl": f"{other_url}/v1", "apiKey": "k"},
                },
                numbers={SALES: {"responseModel": "other/y"}},
            )
            async with agent_of(given) as agent:
                assert await reply(agent, turn(direction="inbound", ours=US)) == "I am one."
                assert await reply(agent, turn(direction="inbound", ours=SALES)) == "I am two."
        assert [(one.path, one.body["model"]) for one in (*openai.asked, *other.asked)] == [
            ("/v1/responses", "gpt-4o-mini"),
            ("/v1/chat/completions", "y"),
        ]

    play(story)


def test_a_script_needs_no_model() -> None:
    async def story() -> None:
        async with agent_of(parse({"agent": {"script": ["Well."]}}, {})) as agent:
            assert isinstance(agent, ScriptedAgent)
            assert await reply(agent, turn()) == "Well."

    play(story)


def test_no_model_is_imported_where_none_is_asked() -> None:
    script = (
        "import sys, trio\n"
        "from voicecall.config import parse\n"
        "from voicecall.thinking import agent_of\n"
        "async def main():\n"
        "    async with agent_of(parse({}, {})):\n"
        "        print(sorted({'openai', 'httpx2', 'pydantic'} & set(sys.modules)))\n"
        "trio.run(main)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=os.environ)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
