"""Speech that follows a script: a transcriber of the simulated person's voice, a synthesizer with exact durations."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import trio

from voicecall.audio.modem import Demodulator, Spoken
from voicecall.audio.packets import Partial
from voicecall.events.facts import CallerHeard, CallerSaid
from voicecall.ports import AudioTap, CallerSpeech

SOUND = bytes((0x90, 0x10)) * 80
"""20 ms of an audible 4 kHz square, so that recordings of scripted calls are not silent."""
PARTIAL_S = 0.5
"""From one partial transcript to the next, at least."""


class ScriptedTranscriber:
    """Hears the words in a simulated person's voice (see ``voicecall.audio.modem``); real speech is noise to it.

    An utterance is reported ``recognition_ms`` after its last sound, as by a recognizer that wants to be sure that the
    caller has stopped; at once when the media is closed already.
    """

    def __init__(self, *, recognition_ms: int = 100) -> None:
        self._recognition_s = recognition_ms / 1000

    @asynccontextmanager
    async def listen(self, tap: AudioTap) -> AsyncGenerator[AsyncIterator[CallerSpeech]]:
        """See ``voicecall.ports.Transcriber.listen``."""
        async with aclosing(self._speech(tap)) as speech:
            yield speech

    async def _speech(self, tap: AudioTap) -> AsyncGenerator[CallerSpeech]:
        demodulator, told, next_partial = Demodulator(), "", trio.current_time()
        while True:
            try:
                audio = await tap.drain()
            except trio.EndOfChannel:
                return
            for news in demodulator.feed(audio):
                match news:
                    case Spoken():
                        told = ""
                        if news.text.strip():
                            yield await self._said(news, tap, lead_ms=tap.ends_ms - demodulator.fed_ms)
                    case Partial():
                        words = _whole_words(news.text)
                        if words != told and trio.current_time() >= next_partial:
                            told, next_partial = words, trio.current_time() + PARTIAL_S
                            yield CallerHeard(text=words)

    async def _said(self, spoken: Spoken, tap: AudioTap, *, lead_ms: int) -> CallerSaid:
        """``lead_ms``: how much more of the call there has been than of its audio."""
        ended_ms = spoken.ended_ms + lead_ms
        if not tap.closed:
            await trio.sleep(max(self._recognition_s - (tap.ends_ms - ended_ms) / 1000, 0))
        return CallerSaid(text=spoken.text, started_ms=max(spoken.started_ms + lead_ms, 0), ended_ms=max(ended_ms, 0))


def _whole_words(text: str) -> str:
    """The text without the word that is still being said."""
    whole, space, _ = text.rpartition(" ")
    return (whole + space).strip()


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
