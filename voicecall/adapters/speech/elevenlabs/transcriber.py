"""ElevenLabs' ear: the caller's audio over a WebSocket, transcripts back.

A session ends for many reasons while a call goes on. What it has not answered for is kept (``hearing.Ear``) and sent to
the next one; only what no next session would cure, or five failures in a row, are the listener's failure.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress

import trio

from voicecall.adapters.speech.beside import open_beside
from voicecall.adapters.speech.elevenlabs import hearing
from voicecall.adapters.speech.elevenlabs.failures import ElevenLabsFailed, failure, of_any
from voicecall.adapters.speech.elevenlabs.keys import TranscriptionKeys
from voicecall.adapters.speech.elevenlabs.told import Told
from voicecall.adapters.speech.socket import Socket, SocketEnded, open_socket, tls
from voicecall.audio.g711 import FRAME_BYTES, SILENCE
from voicecall.audio.tap import DRAIN_BYTES
from voicecall.audio.vad import FRAME_MS, VoiceDetector, power_of
from voicecall.events.facts import CallerHeard, CallerSaid
from voicecall.fault import Caught, describe
from voicecall.log import get_logger
from voicecall.ports import AudioTap, CallerSpeech

READY_S = 5.0
"""From the open socket to the vendor's word that it listens."""
RENEW_S, RENEW_AT_LAST_S = 20 * 60.0, 60.0
"""A session of this age is replaced when nobody speaks; so much later even when somebody does."""
YOUNG_S = 10.0
"""A session that ended sooner, and recognized nothing, was a failure."""
PAUSES_S = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Before the next session, after one failure more each."""
HELD_S = 0.3
"""How long a final transcript waits for the times of its words."""
PARTIAL_S = 0.5
"""From one partial transcript to the next, at least."""
LULL_S, NO_AUDIO_S = 0.4, 2.0
"""Silence is made up for a carrier that sends none: after a lull that the plane has noticed, and after one that it has
not."""
SURE_S = 0.05
"""A lull is one only after this is over, too."""
EXTRA_MS = 600
"""Silence beyond that which ends an utterance."""
DEAF_MS = 3_000
"""A vendor that has nothing to say about so much of a voice does not listen."""
LAST_WORDS_S = 1.5
"""How long the vendor may think about what was said last."""

log = get_logger(__name__)


class ElevenLabsTranscriber:
    """See ``voicecall.ports.Transcriber``. Made by ``open_transcriber``."""

    def __init__(self, keys: TranscriptionKeys, *, renew_s: float) -> None:
        self._keys = keys
        self._renew_s = renew_s

    @asynccontextmanager
    async def listen(self, tap: AudioTap) -> AsyncGenerator[AsyncIterator[CallerSpeech]]:
        """See ``Transcriber.listen``. The iterator raises ``ElevenLabsFailed``."""
        told = Told[CallerSpeech]()
        listener = _Listener(self._keys, tap, told, renew_s=self._renew_s)
        async with open_beside() as nursery:
            nursery.start_soon(listener.drink)
            nursery.start_soon(listener.run)
            yield told


class _Listener:
    """One caller, over as many sessions as it takes."""

    def __init__(self, keys: TranscriptionKeys, tap: AudioTap, told: Told[CallerSpeech], *, renew_s: float) -> None:
        self._secret = keys.api_key.reveal() if keys.api_key else ""
        self._url = hearing.socket_url(keys)
        self._silence_ms = keys.silence_duration_ms
        self._tap = tap
        self._told = told
        self._renew_s = renew_s
        self._ear = hearing.Ear(silence_ms=keys.silence_duration_ms)
        self._socket: Socket | None = None
        self._until = math.inf
        """When to give up, because no more audio will come."""
        self._waiting = trio.CancelScope()
        self._next_partial = -math.inf
        self._useful = False
        self._detector = VoiceDetector(silence_ms=200)
        self._unanswered_ms = 0
        """How much of a voice there was since the vendor has said something."""

    # --- audio in ----------------------------------------------------------------------------------------------------

    async def drink(self) -> None:
        """Take the caller's audio as it comes, and send it if there is a session."""
        made_up_ms, patience_s, ends_ms = 0, math.inf, 0
        while True:
            try:
                # A program that was held up must not take its own lateness for a lull of the caller's.
                audio = await self._drain(patience_s) or await self._drain(SURE_S)
            except trio.EndOfChannel:
                break
            if not audio:
                made_up_ms += round(LULL_S * 1000)
                ends_ms += round(LULL_S * 1000)
                self._pour(_silence(round(LULL_S * 1000)), ends_ms)
                patience_s = LULL_S if made_up_ms < self._silence_ms + EXTRA_MS else math.inf
            else:
                made_up_ms, ends_ms = 0, self._tap.ends_ms
                self._pour(audio, ends_ms)
                self._watch(audio)
                patience_s = LULL_S if len(audio) < DRAIN_BYTES else NO_AUDIO_S
        self._until = trio.current_time() + (0 if self._ear.quiet else LAST_WORDS_S)
        self._pour(_silence(self._silence_ms + EXTRA_MS), ends_ms + self._silence_ms + EXTRA_MS)
        self._waiting.deadline = min(self._waiting.deadline, self._until)

    async def _drain(self, patience_s: float) -> bytes:
        """Audio, or b"" when none comes within ``patience_s``. Raises ``trio.EndOfChannel``."""
        with trio.move_on_after(patience_s):
            return await self._tap.drain()
        return b""

    def _watch(self, audio: bytes) -> None:
        """Notice that there is a voice and no answer."""
        for start in range(0, len(audio), FRAME_BYTES):
            self._detector.feed(power_of(audio[start : start + FRAME_BYTES]))
            self._unanswered_ms += FRAME_MS if self._detector.speaking else 0
        if self._unanswered_ms > DEAF_MS:
            self._waiting.deadline = min(self._waiting.deadline, trio.current_time())

    def _pour(self, audio: bytes, ends_ms: int) -> None:
        self._ear.pour(audio, ends_ms)
        self._flush()

    def _flush(self) -> None:
        if self._socket is not None:
            # Whoever receives hears of the end, and a new session is sent what is kept.
            with suppress(SocketEnded):
                for piece in self._ear.unsent():
                    self._socket.send(hearing.audio_message(piece))

    # --- transcripts out ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """One session after the other, until there is no more audio, or no more hope."""
        failures = 0
        while trio.current_time() < self._until:
            self._useful = False
            with Caught() as caught:
                await self._session()
            self._tell(self._ear.release())
            if caught.error is None:
                failures = 0
                continue
            failed = of_any(caught.error)
            log.warning("a transcription session failed", error=describe(caught.error))
            failures = 0 if self._useful else failures
            if failed.final or failures == len(PAUSES_S):
                self._told.end(failed)
                return
            await trio.sleep(PAUSES_S[failures])
            failures += 1
        self._told.end()

    async def _session(self) -> None:
        """Listen until it is time for another session, or for none. Raises ``ElevenLabsFailed`` and ``SocketEnded``."""
        async with open_socket(self._url, {"xi-api-key": self._secret}) as socket:
            await self._started(socket)
            self._ear.begin()
            self._unanswered_ms = 0
            self._socket = socket
            self._flush()
            try:
                await self._hear(socket, trio.current_time())
            finally:
                self._socket = None

    async def _started(self, socket: Socket) -> None:
        try:
            with trio.fail_after(READY_S):
                while True:
                    message = hearing.parse(await socket.receive())
                    if message is not None and message.kind == "session_started":
                        return
                    if message is not None and message.complaint is not None:
                        raise failure(message.complaint, code=message.kind, secret=self._secret)
        except trio.TooSlowError:
            raise ElevenLabsFailed(f"ElevenLabs: no transcription session within {READY_S:g} s") from None

    async def _hear(self, socket: Socket, began: float) -> None:
        """Tell what the vendor hears. Returns when the session is over as it should be."""
        while True:
            data = await self._next(socket, began)
            now = trio.current_time()
            self._useful = self._useful or now - began > YOUNG_S
            if data is None:
                self._tell(self._ear.release())
                if now >= min(self._until, self._renewal(began)):
                    return
                if self._unanswered_ms > DEAF_MS:
                    raise ElevenLabsFailed(f"ElevenLabs: nothing recognized in {DEAF_MS / 1000:g} s of a voice")
                continue
            self._unanswered_ms = 0
            message = hearing.parse(data)
            if message is None:
                continue
            if message.complaint is not None:
                if message.kind in hearing.LIMITS and self._useful:
                    return
                raise failure(message.complaint, code=message.kind, secret=self._secret)
            said = self._ear.receive(message)
            self._tell(said)
            if self._until < math.inf and any(isinstance(one, CallerSaid) for one in said):
                return

    async def _next(self, socket: Socket, began: float) -> bytes | None:
        """The next message, or None when there is something to do without one."""
        held = trio.current_time() + HELD_S if self._ear.holding else math.inf
        self._waiting = trio.CancelScope(deadline=min(self._until, self._renewal(began), held))
        with self._waiting:
            return await socket.receive()
        return None

    def _renewal(self, began: float) -> float:
        return began + self._renew_s + (RENEW_AT_LAST_S if self._ear.speaking else 0)

    def _tell(self, speech: list[CallerHeard | CallerSaid]) -> None:
        now = trio.current_time()
        for one in speech:
            self._useful = True
            if isinstance(one, CallerSaid):
                self._next_partial = -math.inf
            elif now < self._next_partial:
                continue
            else:
                self._next_partial = now + PARTIAL_S
            self._told.tell(one)


def _silence(ms: int) -> bytes:
    return bytes((SILENCE,)) * (ms * hearing.BYTES_PER_MS)


@asynccontextmanager
async def open_transcriber(
    keys: TranscriptionKeys, *, renew_s: float = RENEW_S
) -> AsyncGenerator[ElevenLabsTranscriber]:
    """The ear of ``streaming.providers.elevenlabs``; its sessions last ``renew_s``. Raises ``Misconfigured``."""
    hearing.check(keys)
    if keys.base_url.startswith("https:"):
        tls()
    yield ElevenLabsTranscriber(keys, renew_s=renew_s)
