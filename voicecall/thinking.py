"""Which agent thinks in a system, as its configuration says. Part of the composition, see ``assembly.py``."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from voicecall.config import Config, route_for
from voicecall.config.current import Current
from voicecall.config.thinking import USUAL_MODEL, USUAL_PROVIDER, named_model
from voicecall.ports import Agent, Turn

if TYPE_CHECKING:
    from voicecall.adapters.agents.openai.agent import Endpoint
    from voicecall.adapters.agents.openai.asking import Model

MAIN = "main"
"""The id of an agent that has no name of its own."""


@asynccontextmanager
async def agent_of(config: Config, current: Current | None = None) -> AsyncGenerator[Agent]:
    """The agent, as long as the context lasts; ``current`` is what calls go by, where that may change. Only what it
    needs is imported."""
    by = current or Current(config=config)
    match config.agent.provider:
        case "scripted":
            from voicecall.adapters.agents.scripted import ScriptedAgent

            yield ScriptedAgent(config.agent.script)
        case "openai":
            from voicecall.adapters.agents.openai.agent import open_agent

            async with open_agent(_endpoints(config), lambda turn: model_for(by.of(turn.call_id), turn)) as agent:
                yield agent
        case "gateway":
            from voicecall.adapters.agents.gateway import GatewayAgent

            yield GatewayAgent(lambda turn: settings_for(by.of(turn.call_id), turn))


def settings_for(config: Config, turn: Turn) -> dict[str, Any]:
    """What a host must know of the agent that a turn is for, besides the turn: who it is, whose memory it has
    (``sessionKey`` as the reference makes it, unless the call has its own), and what differs for the number that was
    called."""
    route = route_for(config, turn.ours) if turn.direction == "inbound" else None
    agent = (route.agent_id if route else None) or config.agent_id
    digits = "".join(one for one in turn.peer if one.isdigit())
    scope = config.session_scope
    memory = MAIN if scope == "main" else f"voice:{digits if scope == 'per-phone' and digits else turn.call_id}"
    prompt = route.response_system_prompt if route else None
    return {
        "agentId": agent,
        "sessionKey": turn.session or f"agent:{agent}:{memory}",
        **({"requesterSessionKey": turn.requester} if turn.requester else {}),
        "responseModel": (route.response_model if route else None) or config.response_model,
        "responseSystemPrompt": config.response_system_prompt if prompt is None else prompt,
        "timeoutMs": (route.response_timeout_ms if route else None) or config.response_timeout_ms,
    }


def model_for(config: Config, turn: Turn) -> Model:
    """Which model answers a turn, and as whom: a number that was called may have its own."""
    from voicecall.adapters.agents.openai.asking import Model

    route = route_for(config, turn.ours) if turn.direction == "inbound" else None
    provider, name = named_model((route.response_model if route else None) or config.response_model or USUAL_MODEL)
    agent = (route.agent_id if route else None) or config.agent_id
    prompt = route.response_system_prompt if route else None
    known = config.agent.providers.others.get(provider)
    return Model(
        provider=provider,
        name=name,
        api=known.api if known else config.agent.providers.openai.api,
        prompt=(config.response_system_prompt if prompt is None else prompt) or "",
        agent="assistant" if agent == MAIN else agent,
    )


def _endpoints(config: Config) -> dict[str, Endpoint]:
    """Where every provider is whose models may have to answer, also after a change of ``responseModel``."""
    from voicecall.adapters.agents.openai.agent import Endpoint

    endpoints: dict[str, Endpoint] = {}
    for provider in (USUAL_PROVIDER, *config.agent.providers.others):
        openai, known = config.agent.providers.openai, config.agent.providers.others.get(provider)
        key = known.api_key if known else openai.api_key
        endpoints[provider] = Endpoint(
            url=(known.base_url if known else None) or openai.base_url,
            key=key.reveal() if key else "",
            key_path=f"agent.providers.{provider}.apiKey",
            theirs=provider == USUAL_PROVIDER,
        )
    return endpoints
