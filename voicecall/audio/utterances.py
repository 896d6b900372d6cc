"""The utterances of one session: synthesized as they come, played in order, settled exactly once."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import trio
from attrs import define, field

from voicecall.audio.playback import Finished, Playback
from voicecall.core.fallback import NO_VOICE
from voicecall.events import AnyEvent, EffectId
from voicecall.events.base import NO_EFFECT
from voicecall.events.effects import Speak
from voicecall.events.facts import EffectFailed, PlaybackFinished, SpeechChunk, VendorReported
from voicecall.fault import Caught, first, words
from voicecall.ports import Synthesizer

FIRST_SOUND_S = 9.0
"""How long a synthesizer may take to its first sound, and between two pieces."""
AHEAD_MS = 4_000
"""A synthesizer that is this far ahead of the person's ear waits."""
UNDECIDED = 1_000_000_000
"""The number of an utterance that no decision asked for."""
CHUNK_BYTES = 4_000
"""Half a second of audio is one ``speech.chunk``."""


@define
class _Job:
    effect_id: EffectId
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    failure: str = ""


class Utterances:
    """``post`` gets the facts; ``start`` runs a synthesis somewhere that outlives the call's actor."""

    def __init__(
        self, *, synthesizer: Synthesizer, post: Callable[[AnyEvent], None], start: Callable[..., None]
    ) -> None:
        self.playback = Playback()
        self._synthesizer = synthesizer
        self._post = post
        self._start = start
        self._jobs: dict[int, _Job] = {}
        self._drained = trio.Event()

    def holds(self, effect_id: EffectId) -> bool:
        """Whether this ``speak`` has not been settled."""
        return any(job.effect_id == effect_id for job in self._jobs.values())

    def speak(self, effect_id: EffectId, speak: Speak) -> None:
        """Queue an utterance."""
        job = self._jobs[speak.utterance] = _Job(effect_id=effect_id)
        self.playback.enqueue(speak.utterance, interruptible=speak.interruptible)
        self._start(self._synthesize, job, speak)

    def apologize(self, text: str) -> None:
        """Say something that nobody decided: it has no effect to settle, so it leaves no fact."""
        speak = Speak(utterance=UNDECIDED, text=text, interruptible=False)
        self.speak(NO_EFFECT, speak)

    def settle(self, finished: list[Finished]) -> None:
        """Post the outcome of every utterance that is over, and stop making its sound."""
        for one in finished:
            job = self._jobs.pop(one.utterance)
            job.scope.cancel()
            if job.effect_id == NO_EFFECT:
                continue
            self._post(
                PlaybackFinished(
                    settles=job.effect_id,
                    utterance=one.utterance,
                    heard_ms=one.heard_ms,
                    sent_ms=one.sent_ms,
                    interrupted=one.interrupted,
                )
            )
        if finished:
            self._tell_failures()

    def abandon(self, reason: str) -> None:
        """Nothing of what is waiting will ever be said."""
        for utterance in tuple(self._jobs):
            self._jobs[utterance].scope.cancel()
            self._fail(utterance, reason)

    def drained(self) -> None:
        """Audio was sent: synthesizers that wait may go on."""
        self._drained.set()

    async def _synthesize(self, job: _Job, speak: Speak) -> None:
        """Make the sound of one utterance. A fault is an outcome, never an exception."""
        with Caught() as caught, job.scope:
            await self._stream(speak)
        if self._jobs.get(speak.utterance) is not job:
            return
        if caught.error is None:
            self.settle(self.playback.close(speak.utterance))
            return
        slow = isinstance(first(caught.error), trio.TooSlowError)
        failure = f"no sound within {FIRST_SOUND_S:g} s" if slow else words(caught.error)
        if self.playback.has_sound(speak.utterance):
            # What is there is played: half a sentence is better than one that breaks off in a word.
            self._post(VendorReported(status="speech failed", detail=failure))
            self.settle(self.playback.close(speak.utterance, broken=True))
        else:
            job.failure = f"speech failed: {failure}"
            self._tell_failures()

    def _tell_failures(self) -> None:
        """What could not be made is told in order, whichever failed first: somebody may say it in another voice."""
        for utterance, job in tuple(self._jobs.items()):
            if job.failure:
                self._fail(utterance, job.failure, code=NO_VOICE)
            elif not self.playback.has_sound(utterance):
                return

    def _fail(self, utterance: int, reason: str, *, code: str = "") -> None:
        self.playback.give_up(utterance, interrupted=True)
        job = self._jobs.pop(utterance)
        if job.effect_id != NO_EFFECT:
            self._post(EffectFailed(settles=job.effect_id, reason=reason, vendor_code=code))

    async def _stream(self, speak: Speak) -> None:
        chunk, index = bytearray(), 0
        with trio.fail_after(FIRST_SOUND_S) as patience:
            async with aclosing(_one(speak.text)) as clauses, self._synthesizer.speak(clauses) as pieces:
                async for piece in pieces:
                    if isinstance(piece, VendorReported):
                        self._post(piece)
                        continue
                    patience.deadline = float("inf")
                    begun = self.playback.has_sound(speak.utterance)
                    self.playback.feed(speak.utterance, piece)
                    if not begun:
                        self._tell_failures()
                    chunk += piece
                    if len(chunk) >= CHUNK_BYTES:
                        self._chunk(speak.utterance, index, chunk)
                        index += 1
                    await self._wait_for_ear(speak.utterance)
                    patience.deadline = trio.current_time() + FIRST_SOUND_S
        if chunk:
            self._chunk(speak.utterance, index, chunk)

    def _chunk(self, utterance: int, index: int, chunk: bytearray) -> None:
        if utterance != UNDECIDED:
            digest = hashlib.sha256(chunk).hexdigest()
            self._post(SpeechChunk(utterance=utterance, index=index, duration_ms=len(chunk) // 8, digest=digest))
        chunk.clear()

    async def _wait_for_ear(self, utterance: int) -> None:
        while self.playback.buffered_ms(utterance) > AHEAD_MS:
            if self._drained.is_set():
                self._drained = trio.Event()
            await self._drained.wait()


async def _one(text: str) -> AsyncGenerator[str]:
    yield text
