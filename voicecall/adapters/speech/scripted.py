"""Speech that follows a script: a transcriber told by the simulated person, a synthesizer with exact durations."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import trio

from voicecall.events.facts import CallerHeard, CallerSaid
from voicecall.ports import AudioTap, CallerSpeech

SOUND = bytes((0x90, 0x10)) * 80
"""20 ms of an audible 4 kHz square, so that recordings of scripted calls are not silent."""


class ScriptedTranscriber:
    """Believes the recognitions that the simulated phone network sends beside the audio."""

    @asynccontextmanager
    async def listen(self, tap: AudioTap) -> AsyncGenerator[AsyncIterator[CallerSpeech]]:
        """See ``voicecall.ports.Transcriber.listen``."""
        async with aclosing(self._speech(tap)) as speech:
            yield speech

    async def _speech(self, tap: AudioTap) -> AsyncGenerator[CallerSpeech]:
        while True:
            try:
                hint = await tap.hint()
            except trio.EndOfChannel:
                return
            if hint.final:
                yield CallerSaid(text=hint.text, started_ms=hint.started_ms, ended_ms=hint.ended_ms)
            else:
                yield CallerHeard(text=hint.text)


class ScriptedSynthesizer:
    """``ms_per_character`` of sound for every text, in pieces, after ``delay_s``; a text with ``fault`` in it fails."""

    def __init__(
        self, *, ms_per_character: int = 60, delay_s: float = 0.0, piece_ms: int = 200, fault: str = ""
    ) -> None:
        self._ms_per_character = ms_per_character
        self._delay_s = delay_s
        self._piece_ms = piece_ms
        self._fault = fault

    def describe(self) -> str:
        """See ``voicecall.ports.Synthesizer.describe``."""
        return "scripted tone"

    @asynccontextmanager
    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[AsyncIterator[bytes]]:
        """See ``voicecall.ports.Synthesizer.speak``."""
        async with aclosing(self._audio(clauses)) as audio:
            yield audio

    async def _audio(self, clauses: AsyncIterator[str]) -> AsyncGenerator[bytes]:
        async for clause in clauses:
            await trio.sleep(self._delay_s)
            if self._fault and self._fault in clause:
                raise RuntimeError("the script says that this fails")
            left_ms = self._ms_per_character * len(clause)
            while left_ms > 0:
                piece_ms = min(left_ms, self._piece_ms)
                yield (SOUND * (piece_ms // 20 + 1))[: piece_ms * 8]
                left_ms -= piece_ms
