"""Which model answers, and where it is."""

from __future__ import annotations

from typing import Any

import pytest

from voicecall.config import ConfigError, parse
from voicecall.config.thinking import named_model

OTHER = {"openrouter": {"baseUrl": "https://openrouter.example/v1", "apiKey": "sk-other"}}


def agent(providers: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    return {"agent": {"provider": "openai", "providers": providers or {}}, **keys}


def complaints(given: dict[str, Any], env: dict[str, str] | None = None) -> list[str]:
    try:
        parse(given, env or {})
    except ConfigError as error:
        return [problem.message for problem in error.errors]
    return []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("openai/gpt-x", ("openai", "gpt-x")),
        ("openrouter/vendor/gpt-x", ("openrouter", "vendor/gpt-x")),
        ("gpt-x", ("openai", "gpt-x")),
    ],
)
def test_a_model_is_named_by_its_provider_up_to_the_first_slash(text: str, named: tuple[str, str]) -> None:
    assert named_model(text) == named


def test_openai_wants_a_key() -> None:
    missing = 'is absent while agent.provider is "openai": set it, or OPENAI_API_KEY in the environment'
    assert complaints(agent()) == [f"agent.providers.openai.apiKey: {missing}"]
    assert complaints(agent(), {"OPENAI_API_KEY": "sk-1"}) == []
    assert complaints(agent({"openai": {"apiKey": "sk-1"}})) == []
    assert complaints(agent({"openai": {"baseUrl": "http://127.0.0.1:8000/v1"}})) == []
    assert complaints(agent(OTHER, responseModel="openrouter/x/y")) == []


def test_every_model_that_may_answer_must_be_somewhere() -> None:
    somewhere = "agent.providers.groq.baseUrl to be set, the address of that provider's API"
    numbers: dict[str, Any] = {"+15550001234": {"responseModel": "groq/x"}, "+15550001235": {}}
    given = agent(OTHER, responseModel="openrouter/x", numbers=numbers)
    assert complaints(given) == [f'numbers.+15550001234.responseModel: got "groq/x": expected {somewhere}']
    assert complaints(agent({"groq": {}}, responseModel="groq/x")) == [
        f'responseModel: got "groq/x": expected {somewhere}'
    ]
    assert complaints({"numbers": numbers}) == []  # a script needs no model


@pytest.mark.parametrize("model", ["openai/", "/gpt-x"])
def test_half_a_name_is_none(model: str) -> None:
    [told] = complaints(agent({"openai": {"apiKey": "sk-1"}}, responseModel=model))
    assert told == f'responseModel: got "{model}": expected a provider and a model, e.g. openai/gpt-4o-mini'


def test_a_provider_has_the_keys_that_it_has() -> None:
    mistyped = {"openrouter": {"baseURL": "https://openrouter.example/v1"}}
    told, *_ = complaints(agent(mistyped, responseModel="openrouter/x"))
    assert told.startswith("agent.providers.openrouter.baseURL: ")
    assert told.endswith("unknown key; did you mean agent.providers.openrouter.baseUrl?")
    both = {"openai": {"apiKey": "sk-1"}, "openrouter": "sk-secret", "groq": {"api": "chats"}}
    told = complaints(agent(both))
    assert [one.partition(":")[0] for one in told] == ["agent.providers.openrouter", "agent.providers.groq.api"]
    assert "sk-secret" not in str(told)
