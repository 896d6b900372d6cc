"""ElevenLabs' voice: a request for a text that is there, a context on a WebSocket for one that is still being thought.

https://elevenlabs.io/docs/api-reference/text-to-speech/stream-with-timestamps
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import httpx
import trio

from voicecall.adapters.speech.beside import open_beside
from voicecall.adapters.speech.elevenlabs import aligning, speaking, voices
from voicecall.adapters.speech.elevenlabs.failures import ElevenLabsFailed, failure, of_any, refusal
from voicecall.adapters.speech.elevenlabs.keys import VoiceKeys
from voicecall.adapters.speech.elevenlabs.lines import Line, Lines, Utterance
from voicecall.adapters.speech.elevenlabs.told import Told
from voicecall.adapters.speech.socket import tls
from voicecall.fault import Caught, first
from voicecall.log import get_logger
from voicecall.ports import Wording

if TYPE_CHECKING:
    from elevenlabs.client import AsyncElevenLabs
    from elevenlabs.types.streaming_audio_chunk_with_timestamps_response import (
        StreamingAudioChunkWithTimestampsResponse,
    )
    from elevenlabs.types.voice_settings import VoiceSettings

KEEP_S = 15.0
"""A context that has been told nothing for so long is told that it is still needed; the vendor's patience is 20 s."""
AT_ONCE = 3
"""Passes of the scheduler after which a clause that need not be waited for is there."""

log = get_logger(__name__)

Clauses = trio.MemoryReceiveChannel[str]
Sound = bytes | Wording


class ElevenLabsSynthesizer:
    """See ``voicecall.ports.Synthesizer``. Made by ``open_synthesizer``."""

    def __init__(self, keys: VoiceKeys, client: AsyncElevenLabs, lines: Lines) -> None:
        self._keys = keys
        self._voice = "" if voices.is_name(voices.wanted(keys)) else voices.wanted(keys)
        self._client = client
        self._lines = lines
        self._settings = keys.voice_settings

    def describe(self) -> str:
        """See ``Synthesizer.describe``."""
        return f"ElevenLabs {self._keys.model_id}, voice {voices.wanted(self._keys)}"

    async def look_up(self) -> None:
        """Find the id of a voice that has a name, once. Raises ``Misconfigured``: there is none; ``ElevenLabsFailed``:
        nobody could be asked, and the next utterance asks again."""
        self._voice = self._voice or await voices.find_voice(self._client, self._keys)
        self._lines.url = speaking.socket_url(self._keys, self._voice)

    @asynccontextmanager
    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[AsyncIterator[Sound]]:
        """See ``Synthesizer.speak``. The iterator raises ``ElevenLabsFailed``, or what ``clauses`` raised."""
        told = Told[Sound]()
        async with open_beside() as nursery:
            nursery.start_soon(self._tell, clauses, told)
            yield told

    async def _tell(self, clauses: AsyncIterator[str], told: Told[Sound]) -> None:
        with Caught() as caught:
            async with trio.open_nursery() as nursery:
                send, ready = trio.open_memory_channel[str](0)
                nursery.start_soon(_pump, clauses, send)
                with ready:
                    await self._say(ready, told)
        told.end(None if caught.error is None else first(caught.error))

    async def _say(self, ready: Clauses, told: Told[Sound]) -> None:
        """Choose the way, and go it."""
        said, whole = await _what_is_there(ready)
        if not said:
            return
        await self.look_up()
        transport = self._keys.transport
        if transport == "http" or not speaking.speaks_on_socket(self._keys.model_id):
            await self._request_each(said, ready, told)
        elif transport == "auto" and whole:
            await self._request(" ".join(said), "", told)
        else:
            await self._converse(said, ready, told)

    # --- one request a text ------------------------------------------------------------------------------------------

    async def _request_each(self, said: list[str], ready: Clauses, told: Told[Sound]) -> None:
        before, after_ms = "", 0
        for clause in said:
            after_ms += await self._request(clause, before, told, after_ms)
            before = clause
        async for clause in ready:
            after_ms += await self._request(clause, before, told, after_ms)
            before = clause

    async def _request(self, text: str, before: str, told: Told[Sound], after_ms: int = 0) -> int:
        """Speak ``text``, and say how long it took. ``before`` is what was said before it, for ``after_ms``: the voice
        goes on from there."""
        from elevenlabs.core.api_error import ApiError

        secret = self._keys.api_key.reveal() if self._keys.api_key else ""
        given = 0
        try:
            async with aclosing(self._answer(text, before)) as pieces:
                async for piece in pieces:
                    wording = aligning.of_answer(getattr(piece, "alignment", None))
                    if wording is not None:
                        told.tell(aligning.later(wording, after_ms))
                    if sound := aligning.sound_of(getattr(piece, "audio_base_64", None)):
                        given += len(sound)
                        told.tell(sound)
        except ApiError as error:
            raise refusal(error.status_code or 0, error.body, secret=secret) from None
        except httpx.HTTPError as error:
            raise failure(f"{type(error).__name__} {error}".strip(), secret=secret) from error
        if not given:
            raise ElevenLabsFailed("ElevenLabs: the answer holds no sound")
        return given // 8

    def _answer(self, text: str, before: str) -> AsyncGenerator[StreamingAudioChunkWithTimestampsResponse]:
        more = {
            "language_code": self._keys.language_code,
            "seed": self._keys.seed,
            "apply_text_normalization": self._keys.apply_text_normalization,
            "previous_text": before or None,
        }
        answer = self._client.text_to_speech.stream_with_timestamps(
            self._voice,
            text=text,
            output_format="ulaw_8000",
            model_id=self._keys.model_id,
            voice_settings=_package_settings(self._keys),
            request_options={"max_retries": 0},
            **_some(more),
        )
        return cast("AsyncGenerator[StreamingAudioChunkWithTimestampsResponse]", answer)

    # --- a context on a socket ---------------------------------------------------------------------------------------

    async def _converse(self, said: list[str], ready: Clauses, told: Told[Sound]) -> None:
        """Speak clauses as they come. What ends a socket before the first sound is tried again, once."""
        for last_try in (False, True):
            line = await self._lines.with_room()
            with Caught() as caught, self._lines.place(line) as utterance:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._send, line, utterance, said, ready)
                    async for piece in utterance.sound:
                        told.tell(piece)
                    nursery.cancel_scope.cancel()
                if not utterance.given:
                    raise ElevenLabsFailed("ElevenLabs: the answer holds no sound", final=True)
                if not utterance.finished:
                    raise ElevenLabsFailed("ElevenLabs: the sound ended before the text")
            if caught.error is None:
                return
            failed = of_any(caught.error)
            if utterance.given or last_try or failed.final:
                raise failed from None

    async def _send(self, line: Line, utterance: Utterance, said: list[str], ready: Clauses) -> None:
        """Tell the vendor what to say; ``said`` grows, so that another socket can be told the same."""
        line.socket.send(speaking.begin(utterance.name, self._settings))
        for clause in said:
            line.socket.send(utterance.say(clause))
        while True:
            with trio.move_on_after(KEEP_S) as quiet:
                try:
                    said.append(await ready.receive())
                except trio.EndOfChannel:
                    line.socket.send(speaking.finish(utterance.name))
                    utterance.finished = True
                    return
                line.socket.send(utterance.say(said[-1]))
            if quiet.cancelled_caught:
                line.socket.send(speaking.keep(utterance.name))


async def _pump(clauses: AsyncIterator[str], send: trio.MemorySendChannel[str]) -> None:
    """Clauses into a channel, where waiting for them can be given up. Blank ones are left out."""
    async with send:
        async for clause in clauses:
            if text := " ".join(clause.split()):
                try:
                    await send.send(text)
                except trio.BrokenResourceError:
                    return


async def _what_is_there(ready: Clauses) -> tuple[list[str], bool]:
    """The first clause, those that come at once after it, and whether that is all."""
    said: list[str] = []
    async for clause in ready:
        said.append(clause)
        while True:
            for _ in range(AT_ONCE):
                await trio.lowlevel.checkpoint()
            try:
                said.append(ready.receive_nowait())
            except trio.EndOfChannel:
                return said, True
            except trio.WouldBlock:
                return said, False
    return said, True


def _package_settings(keys: VoiceKeys) -> VoiceSettings:
    from elevenlabs.types.voice_settings import VoiceSettings

    return VoiceSettings.model_validate(speaking.settings_of(keys.voice_settings))


def _some(given: dict[str, Any]) -> dict[str, Any]:
    """The package takes absent values by their absence."""
    return {name: value for name, value in given.items() if value is not None}


@asynccontextmanager
async def open_synthesizer(keys: VoiceKeys) -> AsyncGenerator[ElevenLabsSynthesizer]:
    """The voice of ``tts.providers.elevenlabs``. Raises ``Misconfigured``. Leaving the context closes its sockets."""
    speaking.check(keys)
    secret = keys.api_key.reveal() if keys.api_key else ""
    if keys.base_url.startswith("https:"):
        tls()
    async with voices.open_client(keys) as client, open_beside() as nursery:
        lines = Lines("", {"xi-api-key": secret}, nursery, secret=secret)
        synthesizer = ElevenLabsSynthesizer(keys, client, lines)
        try:
            await synthesizer.look_up()
        except ElevenLabsFailed as error:
            log.warning("the voice is not looked up yet", voice=voices.wanted(keys), error=str(error))
        yield synthesizer
