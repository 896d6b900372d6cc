"""What stories with ElevenLabs have in common: a fast clock, real sockets, nothing left at the end."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import trio
import trio.testing

from tests.open_files import open_files
from voicecall.adapters.speech.elevenlabs.synthesizer import ElevenLabsSynthesizer, open_synthesizer
from voicecall.audio.modem import Demodulator, Spoken
from voicecall.config import Config, parse
from voicecall.ports import Wording
from voicecall.testing.vendors.elevenlabs import KEY, ElevenLabs
from voicecall.testing.vendors.listening import open_vendor

RATE = 20
PATIENCE_S = 200
"""Of the fast clock: ten real seconds."""


def run(story: Callable[[], Awaitable[None]], *, rate: float = RATE) -> None:
    """Tell a story; no task and no socket of it is left."""
    gc.collect()
    before = len(open_files(os.getpid()))

    async def main() -> None:
        tasks = trio.lowlevel.current_statistics().tasks_living
        with trio.fail_after(PATIENCE_S):
            await story()
        assert trio.lowlevel.current_statistics().tasks_living == tasks

    trio.run(main, clock=trio.testing.MockClock(rate=rate))
    assert len(open_files(os.getpid())) == before


def config(url: str, **voice: Any) -> Config:
    """A configuration for both of a vendor's services."""
    both = {"apiKey": KEY, "baseUrl": url}
    return parse(
        {"tts": {"providers": {"elevenlabs": {**both, **voice}}}, "streaming": {"providers": {"elevenlabs": both}}}, {}
    )


@asynccontextmanager
async def voice_of(vendor: ElevenLabs, **voice: Any) -> AsyncGenerator[ElevenLabsSynthesizer]:
    """A synthesizer that speaks with the simulated vendor's voice."""
    async with (
        open_vendor(vendor.app()) as url,
        open_synthesizer(config(url, **voice).tts.providers.elevenlabs) as synthesizer,
    ):
        yield synthesizer


async def told(*clauses: str) -> AsyncGenerator[str]:
    """Clauses that are there."""
    for clause in clauses:
        yield clause


async def thought(*clauses: str, pause_s: float = 1.0) -> AsyncGenerator[str]:
    """Clauses that come one by one."""
    for index, clause in enumerate(clauses):
        if index:
            await trio.sleep(pause_s)
        yield clause


async def sound(synthesizer: ElevenLabsSynthesizer, clauses: AsyncGenerator[str]) -> bytes:
    """All sound of an utterance."""
    async with aclosing(clauses), synthesizer.speak(clauses) as pieces:
        return await joined(pieces)


async def joined(pieces: AsyncIterator[bytes | Wording]) -> bytes:
    """Pieces of sound, put together."""
    return b"".join([piece async for piece in pieces if not isinstance(piece, Wording)])


def words(ulaw: bytes) -> list[str]:
    """What a sound says."""
    return [news.text for news in Demodulator().feed(ulaw + b"\xff" * 800) if isinstance(news, Spoken)]
