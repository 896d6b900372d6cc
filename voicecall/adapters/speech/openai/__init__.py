"""OpenAI's speech: hearing through realtime transcription, speaking through the speech endpoint or Realtime sockets.

Two constructors, each an async context manager; the vendor's package is imported only by the voice that needs it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from voicecall.adapters.speech.openai.models import is_realtime, retirement
from voicecall.adapters.speech.openai.settings import Hearing, Speaking
from voicecall.log import get_logger
from voicecall.ports import Synthesizer, Transcriber

__all__ = ["Hearing", "Speaking", "open_synthesizer", "open_transcriber"]

log = get_logger(__name__)


@asynccontextmanager
async def open_transcriber(settings: Hearing) -> AsyncGenerator[Transcriber]:
    """Ears. Nothing is connected before somebody listens; a model that will be shut down is warned of."""
    from voicecall.adapters.speech.openai.transcriber import OpenAiTranscriber

    _warn(settings.model)
    yield OpenAiTranscriber(settings)


@asynccontextmanager
async def open_synthesizer(settings: Speaking) -> AsyncGenerator[Synthesizer]:
    """A voice; its connections are closed with it. A model that will be shut down is warned of."""
    _warn(settings.model)
    realtime = is_realtime(settings.model) if settings.realtime is None else settings.realtime
    if realtime:
        from voicecall.adapters.speech.openai.realtime_voice import open_realtime_voice

        async with open_realtime_voice(settings) as voice:
            yield voice
    else:
        from voicecall.adapters.speech.openai.endpoint_voice import open_endpoint_voice

        async with open_endpoint_voice(settings) as voice:
            yield voice


def _warn(model: str) -> None:
    if about := retirement(model):
        log.warning("this model will be shut down", about=about)
