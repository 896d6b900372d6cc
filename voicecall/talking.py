"""Who thinks, speaks and listens in a system, as its configuration says. Part of the composition, see ``assembly.py``.

``offline`` needs no vendor: a voice of this machine, and an ear that understands simulated people alone. It is also
what remains where no vendor has a key.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from attrs import frozen

from voicecall.config import Config
from voicecall.ports import Agent, Synthesizer, Transcriber
from voicecall.thinking import agent_of

if TYPE_CHECKING:
    from voicecall.adapters.speech.openai.settings import Hearing, Speaking
    from voicecall.config.speech import OpenAiTranscription, OpenAiVoice

log = structlog.get_logger(__name__)


@frozen(kw_only=True)
class Mind:
    """All that a system does not do by itself."""

    agent: Agent
    voice: Synthesizer
    ear: Transcriber


@asynccontextmanager
async def open_mind(config: Config) -> AsyncGenerator[Mind]:
    """Agent, voice and ear, as long as the context lasts."""
    async with agent_of(config) as agent, voice_of(config) as voice, ear_of(config) as ear:
        yield Mind(agent=agent, voice=voice, ear=ear)


@asynccontextmanager
async def voice_of(config: Config) -> AsyncGenerator[Synthesizer]:
    """The voice, as long as the context lasts: ``tts.provider``, else the first that has a key. Only what it needs is
    imported."""
    vendors = config.tts.providers
    match config.tts.provider or _first_with_key(config):
        case "elevenlabs" if vendors.elevenlabs.api_key:
            from voicecall.adapters.speech.elevenlabs import open_synthesizer as open_elevenlabs

            async with open_elevenlabs(vendors.elevenlabs) as voice:
                yield voice
        case "openai" if vendors.openai.api_key:
            from voicecall.adapters.speech.openai import open_synthesizer as open_openai

            async with open_openai(_speaking(config, vendors.openai)) as voice:
                yield voice
        case provider:
            from voicecall.adapters.speech.offline import OfflineSynthesizer

            if provider != "offline":
                log.warning("the offline voice speaks: no key for the configured one", provider=provider)
            yield OfflineSynthesizer()


@asynccontextmanager
async def ear_of(config: Config) -> AsyncGenerator[Transcriber]:
    """The ear, as long as the context lasts: ``streaming.provider``, if it has a key."""
    vendors = config.streaming.providers
    match config.streaming.provider:
        case "elevenlabs" if vendors.elevenlabs.api_key:
            from voicecall.adapters.speech.elevenlabs import open_transcriber as open_elevenlabs

            async with open_elevenlabs(vendors.elevenlabs) as ear:
                yield ear
        case "openai" if vendors.openai.api_key:
            from voicecall.adapters.speech.openai import open_transcriber as open_openai

            async with open_openai(_hearing(vendors.openai)) as ear:
                yield ear
        case provider:
            from voicecall.adapters.speech.scripted import ScriptedTranscriber

            if provider != "offline" and config.streaming.enabled and config.provider != "mock":
                log.warning("callers are not understood: no key for the transcriber", provider=provider)
            yield ScriptedTranscriber()


def _speaking(config: Config, keys: OpenAiVoice) -> Speaking:
    from voicecall.adapters.speech.openai.settings import Speaking

    return Speaking(
        api_key=keys.api_key.reveal() if keys.api_key else "",
        base_url=keys.base_url,
        model=keys.model,
        voice=keys.voice,
        instructions=keys.instructions or "",
        realtime=None if keys.api is None else keys.api == "realtime",
        timeout_s=config.tts.timeout_ms / 1000,
    )


def _hearing(keys: OpenAiTranscription) -> Hearing:
    from voicecall.adapters.speech.openai.settings import Hearing

    return Hearing(
        api_key=keys.api_key.reveal() if keys.api_key else "",
        base_url=keys.base_url,
        model=keys.model,
        threshold=keys.vad_threshold,
        prefix_ms=keys.prefix_padding_ms,
        silence_ms=keys.silence_duration_ms,
        languages=keys.languages,
        keywords=keys.keywords,
        server_vad=keys.server_vad,
    )


def _first_with_key(config: Config) -> str:
    vendors = config.tts.providers
    return "openai" if vendors.openai.api_key else "elevenlabs" if vendors.elevenlabs.api_key else "offline"
