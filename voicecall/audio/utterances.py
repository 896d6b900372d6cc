"""The utterances of one session: synthesized as they come, played in order, settled exactly once."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import trio
from attrs import define, field

from voicecall.audio.playback import Finished, Playback
from voicecall.audio.spelling import Spelling
from voicecall.core.fallback import NO_VOICE
from voicecall.core.speech import MS_PER_CHARACTER
from voicecall.events import AnyEvent, EffectId
from voicecall.events.base import NO_EFFECT
from voicecall.events.effects import Speak
from voicecall.events.facts import EffectFailed, PlaybackFinished, SpeechChunk, VendorReported
from voicecall.events.sound import WordEnd
from voicecall.fault import Caught, first, words
from voicecall.ports import Synthesizer, Wording

FIRST_SOUND_S = 9.0
"""How long a synthesizer may take to its first sound, and between two pieces."""
AHEAD_MS, RESUME_MS = 4_000, 3_000
"""A synthesizer that is so far ahead of the person's ear waits, until it is only so far ahead: waking it for every
frame that is sent would cost more than the frame."""
UNDECIDED = 1_000_000_000
"""The number of an utterance that no decision asked for."""
CHUNK_BYTES = 4_000
"""Half a second of audio is one ``speech.chunk``."""


@define(eq=False)
class _Job:
    """One utterance: what was made of it, and what of that is not told yet. ``whole``: all of it was made."""

    effect_id: EffectId
    utterance: int
    spelling: Spelling
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    chunk: bytearray = field(factory=bytearray)
    words: list[WordEnd] = field(factory=list[WordEnd])
    instead: str = ""
    told: int = 0
    made_ms: int = 0
    whole: bool = False
    first_audio: float | None = None
    failure: str = ""

    def take(self, piece: bytes | Wording) -> None:
        """The voice gave sound, or told of its words."""
        if not isinstance(piece, Wording):
            self.chunk += piece
        elif piece.ends_ms:
            self.words += self.spelling.take(piece)
        else:
            self.instead = piece.text

    def news(self) -> SpeechChunk | None:
        """What was made since it was asked for the last time."""
        if not (self.chunk or self.words or self.instead):
            return None
        duration_ms = len(self.chunk) // 8
        chunk = SpeechChunk(
            utterance=self.utterance,
            index=self.told,
            duration_ms=duration_ms,
            digest=hashlib.sha256(self.chunk).hexdigest() if self.chunk else "",
            words=tuple(self.words),
            instead=self.instead,
        )
        self.made_ms += duration_ms
        self.told += 1
        self.chunk, self.words, self.instead = bytearray(), [], ""
        return chunk

    def length_ms(self, sent_ms: int) -> int:
        """How long all of its sound is, as far as that is known."""
        unmade_ms = 0 if self.whole else MS_PER_CHARACTER * len(self.spelling.text)
        return max(sent_ms, self.made_ms, unmade_ms)


class Utterances:
    """``post`` gets the facts; ``start`` runs a synthesis somewhere that outlives the call's actor; ``sounding`` is
    called when there is more to play."""

    def __init__(
        self,
        *,
        synthesizer: Synthesizer,
        post: Callable[[AnyEvent], None],
        start: Callable[..., None],
        sounding: Callable[[], None] = lambda: None,
    ) -> None:
        self.playback = Playback()
        self._synthesizer = synthesizer
        self._post = post
        self._start = start
        self._sounding = sounding
        self._jobs: dict[int, _Job] = {}
        self.waiting: dict[int, trio.Event] = {}

    def holds(self, effect_id: EffectId) -> bool:
        """Whether this ``speak`` has not been settled."""
        return any(job.effect_id == effect_id for job in self._jobs.values())

    def first_audio(self, utterance: int) -> float:
        """When the first sound of an utterance that is being played had been made, in trio's time."""
        at = self._jobs[utterance].first_audio
        return trio.current_time() if at is None else at

    def speak(self, effect_id: EffectId, speak: Speak) -> None:
        """Queue an utterance."""
        spelling = Spelling(speak.text)
        job = self._jobs[speak.utterance] = _Job(effect_id=effect_id, utterance=speak.utterance, spelling=spelling)
        self.playback.enqueue(speak.utterance, interruptible=speak.interruptible, protected_ms=speak.protected_ms)
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
            self._report(job)
            self._post(
                PlaybackFinished(
                    settles=job.effect_id,
                    utterance=one.utterance,
                    heard_ms=one.heard_ms,
                    sent_ms=one.sent_ms,
                    interrupted=one.interrupted,
                    length_ms=job.length_ms(one.sent_ms),
                    first_heard_ms=one.first_heard_ms,
                    broken=one.broken,
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
        """Audio was sent: synthesizers that wait for it may go on."""
        for utterance, ready in self.waiting.items():
            if self.playback.buffered_ms(utterance) <= RESUME_MS:
                ready.set()

    async def _synthesize(self, job: _Job, speak: Speak) -> None:
        """Make the sound of one utterance. A fault is an outcome, never an exception."""
        with Caught() as caught, job.scope:
            await self._stream(job, speak.text)
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

    async def _stream(self, job: _Job, text: str) -> None:
        with trio.fail_after(FIRST_SOUND_S) as patience:
            async with aclosing(_one(text)) as clauses, self._synthesizer.speak(clauses) as pieces:
                async for piece in pieces:
                    if isinstance(piece, VendorReported):
                        self._post(piece)
                        continue
                    job.take(piece)
                    if isinstance(piece, Wording):
                        continue
                    patience.deadline = float("inf")
                    self._feed(job, piece)
                    if len(job.chunk) >= CHUNK_BYTES:
                        self._report(job)
                    await self._wait_for_ear(job.utterance)
                    patience.deadline = trio.current_time() + FIRST_SOUND_S
        job.whole = True
        self._report(job)

    def _feed(self, job: _Job, piece: bytes) -> None:
        if job.first_audio is None and piece:
            job.first_audio = trio.current_time()
        begun = self.playback.has_sound(job.utterance)
        self.playback.feed(job.utterance, piece)
        if not begun:
            self._tell_failures()
        self._sounding()

    def _report(self, job: _Job) -> None:
        """Tell what was made. Before an utterance ends all of it is told: what was heard of it follows from that."""
        news = job.news()
        if news is not None and job.effect_id != NO_EFFECT:
            self._post(news)

    async def _wait_for_ear(self, utterance: int) -> None:
        if self.playback.buffered_ms(utterance) > AHEAD_MS:
            ready = self.waiting[utterance] = trio.Event()
            try:
                await ready.wait()
            finally:
                del self.waiting[utterance]


async def _one(text: str) -> AsyncGenerator[str]:
    yield text
