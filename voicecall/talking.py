"""Who thinks, speaks and listens in a system, as its configuration says. Part of the composition, see ``assembly.py``.

``offline`` needs no vendor: a voice of this machine, and an ear that understands simulated people alone. It is also
what remains where no vendor has a key.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import structlog
from attrs import frozen

from voicecall.adapters.speech.ahead import RenderedAhead, open_ahead
from voicecall.adapters.speech.chain import Voice, VoiceChain
from voicecall.config import Config
from voicecall.config.current import Current
from voicecall.config.speech import Tts
from voicecall.config.voices import tts_for
from voicecall.ports import Agent, Synthesizer, Transcriber
from voicecall.thinking import agent_of

if TYPE_CHECKING:
    from voicecall.adapters.speech.openai.settings import Hearing, Speaking
    from voicecall.config.speech import OpenAiTranscription, OpenAiVoice

VOICES = ("openai", "elevenlabs", "edge")
"""Who is asked to speak after the chosen one, in order."""

log = structlog.get_logger(__name__)


@frozen(kw_only=True)
class Mind:
    """All that a system does not do by itself. ``voices`` are those of numbers of ours that have one of their own."""

    agent: Agent
    voice: Synthesizer
    ear: Transcriber
    voices: Mapping[str, Synthesizer] = {}

    def ahead(self, text: str, number: str = "") -> None:
        """Tell the voice (of calls to ``number``) of a text that will probably be spoken. One of this machine costs
        nothing and is quick: it renders nothing beforehand."""
        voice = self.voices.get(number, self.voice)
        if isinstance(voice, RenderedAhead):
            voice.ahead(text)


@asynccontextmanager
async def open_mind(config: Config, current: Current | None = None) -> AsyncGenerator[Mind]:
    """Agent, voice and ear, as long as the context lasts; ``current`` is what calls go by, where that may change."""
    async with agent_of(config, current) as agent, ear_of(config) as ear, AsyncExitStack() as stack:
        voice = await stack.enter_async_context(_prepared_voice_of(config))
        opened: list[tuple[Tts, Synthesizer]] = [(config.tts, voice)]
        voices: dict[str, Synthesizer] = {}
        for number, route in config.numbers.items():
            tts = tts_for(config, number) if route.tts else config.tts
            found = next((known for said, known in opened if said == tts), None)
            if found is None:
                found = await stack.enter_async_context(_prepared_voice_of(attrs.evolve(config, tts=tts)))
                opened.append((tts, found))
            if found is not voice:
                voices[number] = found
        yield Mind(agent=agent, voice=voice, ear=ear, voices=voices)


@asynccontextmanager
async def _prepared_voice_of(config: Config) -> AsyncGenerator[Synthesizer]:
    """The voices, with what will probably be spoken rendered ahead where that saves anybody's time."""
    async with voice_of(config) as voice:
        if not isinstance(voice, VoiceChain):
            yield voice
            return
        async with open_ahead(voice) as rendered:
            yield rendered


@asynccontextmanager
async def voice_of(config: Config) -> AsyncGenerator[Synthesizer]:
    """The voices, as long as the context lasts: ``tts.provider`` first, then the others that have a key; ``offline``
    alone. Only what it needs is imported.

    A carrier of the real world with no voice of ours speaks with its own; only the simulated network understands ours
    of this machine, whatever it is.
    """
    from voicecall.adapters.speech.offline import OfflineSynthesizer

    chosen = config.tts.provider or _first_with_key(config)
    if chosen == "offline":
        yield OfflineSynthesizer()
        return
    async with AsyncExitStack() as stack:
        voices: list[Voice] = []
        skipped: list[str] = []
        for name in dict.fromkeys((chosen, *VOICES)):
            voice = await _open_voice(config, name, stack)
            if isinstance(voice, str):
                skipped.append(f"{name}: {voice}")
            else:
                voices.append(Voice(name=name, synthesizer=voice))
        if config.tts.provider is not None and not (voices and voices[0].name == chosen):
            log.warning("the configured voice cannot speak", provider=chosen, why="; ".join(skipped))
        if not voices and config.provider == "mock":
            yield OfflineSynthesizer()
        else:
            yield VoiceChain(voices, skipped=skipped, patience_s=config.tts.timeout_ms / 1000)


async def _open_voice(config: Config, name: str, stack: AsyncExitStack) -> Synthesizer | str:
    """One voice, closed with ``stack``, or why there is none."""
    vendors = config.tts.providers
    match name:
        case "elevenlabs" if vendors.elevenlabs.api_key:
            from voicecall.adapters.speech.elevenlabs import open_synthesizer as open_elevenlabs

            return await stack.enter_async_context(open_elevenlabs(vendors.elevenlabs))
        case "openai" if vendors.openai.api_key:
            from voicecall.adapters.speech.openai import open_synthesizer as open_openai

            return await stack.enter_async_context(open_openai(_speaking(config, vendors.openai)))
        case "openai" | "elevenlabs":
            return "no API key"
        case "edge" | "microsoft":
            return "unsupported for telephony"
        case _:
            return "unknown here"


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
        case _:
            from voicecall.adapters.speech.scripted import ScriptedTranscriber

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
    return "openai" if vendors.openai.api_key else "elevenlabs" if vendors.elevenlabs.api_key else "edge"
