"""The keys about where language models are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import frozen

from voicecall.config.keys import key, rest, section, table
from voicecall.config.secret import Secret
from voicecall.config.shapes import SECRET, URL, choice

USUAL_PROVIDER = "openai"
"""Whose a model is that is named without a provider."""
USUAL_MODEL = "openai/gpt-4o-mini"
"""Who answers where nobody is named (the reference's default)."""
API = "`chat` asks for chat completions, which every vendor has; `responses` for responses."


@frozen(kw_only=True)
class ModelProvider:
    base_url: str | None = key(URL, None, "Address of its OpenAI-compatible API, e.g. https://openrouter.ai/api/v1.")
    api_key: Secret | None = key(SECRET, None, "Its key; absent for one that wants none.")
    api: Literal["chat", "responses"] = key(choice("chat", "responses"), "chat", API)


@frozen(kw_only=True)
class OpenAiModels:
    base_url: str = key(URL, "https://api.openai.com/v1", "Address of OpenAI's API.")
    api_key: Secret | None = key(SECRET, None, "OpenAI key.", env=("OPENAI_API_KEY",))
    api: Literal["chat", "responses"] = key(choice("chat", "responses"), "chat", API)


@frozen(kw_only=True)
class ModelProviders:
    openai: OpenAiModels = section(OpenAiModels, "OpenAI's models.")
    others: Mapping[str, ModelProvider] = rest(table(ModelProvider))


def named_model(text: str) -> tuple[str, str]:
    """Provider and name of a model that is written ``provider/name``: up to the first slash, or OpenAI's."""
    provider, slash, name = text.partition("/")
    return (provider, name) if slash else (USUAL_PROVIDER, text)
