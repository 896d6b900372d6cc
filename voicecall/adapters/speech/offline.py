"""Speech without keys: flite or espeak-ng when the machine has one, else an audible stand-in that says so."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from shutil import which
from typing import Literal

import numpy as np
import trio

from voicecall.audio.babble import say_ulaw
from voicecall.audio.g711 import FRAME_BYTES, RATE, ulaw_encode
from voicecall.audio.resample import Resampler
from voicecall.audio.vad import LOWEST, power_of

Engine = Literal["flite", "espeak-ng", "built-in"]
COMMANDS: dict[str, list[str]] = {
    "flite": ["flite", "-o", "/dev/stdout", "-t"],
    "espeak-ng": ["espeak-ng", "--stdout", "--"],
}


def find_engine() -> Engine:
    """The best engine on this machine."""
    if which("flite"):
        return "flite"
    return "espeak-ng" if which("espeak-ng") else "built-in"


class OfflineSynthesizer:
    """See ``voicecall.ports.Synthesizer``. Clauses are spoken one by one, as they come."""

    def __init__(self, engine: Engine | None = None) -> None:
        self.engine: Engine = engine or find_engine()

    def describe(self) -> str:
        """See ``Synthesizer.describe``."""
        if self.engine == "built-in":
            return "built-in stand-in voice, not speech (install flite or espeak-ng for words)"
        return f"{self.engine} on this machine"

    @asynccontextmanager
    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[AsyncIterator[bytes]]:
        """See ``Synthesizer.speak``."""
        async with aclosing(self._audio(clauses)) as audio:
            yield audio

    async def _audio(self, clauses: AsyncIterator[str]) -> AsyncGenerator[bytes]:
        async for clause in clauses:
            if self.engine == "built-in":
                await trio.lowlevel.checkpoint()
                yield say_ulaw(clause)
            else:
                yield await _run(COMMANDS[self.engine], clause)


async def _run(command: list[str], text: str) -> bytes:
    """μ-law from a program that writes a WAV file to its standard output. Raises ``RuntimeError`` with its words.

    The silence with which some begin (flite: 220 ms) is left out: the person is waiting.
    """
    # A leading dash would be taken for an option.
    result = await trio.run_process([*command, f" {text}"], capture_stdout=True, capture_stderr=True, check=False)
    if result.returncode or not result.stdout:
        words = result.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"{command[0]} failed ({result.returncode}): {words}")
    return without_lead(wav_to_ulaw(result.stdout))


def without_lead(ulaw: bytes) -> bytes:
    """The sound from the last quiet frame before its first loud one."""
    loud = (at for at in range(0, len(ulaw), FRAME_BYTES) if power_of(ulaw[at : at + FRAME_BYTES]) >= LOWEST)
    return ulaw[max(next(loud, 0) - FRAME_BYTES, 0) :]


def wav_to_ulaw(data: bytes) -> bytes:
    """Mono 16-bit WAV bytes of any rate to μ-law at 8 kHz. Raises ``RuntimeError`` for anything else."""
    try:
        with wave.open(io.BytesIO(data), "rb") as file:
            if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                raise RuntimeError(f"expected mono 16 bit, got {file.getparams()}")
            rate = file.getframerate()
            # A program that writes to a pipe cannot know the length beforehand: the header may promise too much.
            pcm = file.readframes(min(file.getnframes(), len(data) // 2))
    except (wave.Error, EOFError) as error:
        raise RuntimeError(f"not a WAV file: {error}") from error
    resampler = Resampler(rate, RATE)
    narrow = resampler.feed(pcm) + resampler.flush()
    return ulaw_encode(np.frombuffer(narrow, np.int16))
