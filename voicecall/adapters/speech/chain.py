"""Several voices as one: the next one speaks when the one before cannot begin.

A voice has failed when it raises, ends without a sound or makes none in its share of the time, before the first sound
has gone on. What it was told is then told to the next one. After that there is no way back: half a sentence in another
voice is no sentence, so the error is passed on. A voice that has failed rests for a while: it is asked last, and
briefly, so that not every utterance waits for it. Every step is reported, among the sound (``VendorReported``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import trio
from attrs import define, field, frozen

from voicecall.adapters.speech.beside import open_beside
from voicecall.events.facts import VendorReported
from voicecall.fault import Caught, first, words
from voicecall.ports import Synthesizer, Voiced

LONGEST_S = 8.0
"""How long all voices together may take to the first sound; less than whoever plays them waits for it."""
REST_S = 30.0
"""How long a voice that has failed is asked last."""
RESTING_S = 1.0
"""How long one that rests may take."""
FAILED, PASSED_OVER = "voice failed", "voice passed over"

Sound = trio.MemorySendChannel[Voiced | Exception]


class NoVoice(Exception):
    """No voice could begin. The text has every one's reason."""


@frozen(kw_only=True)
class Voice:
    """One of several; ``name`` is what the configuration calls its vendor."""

    name: str
    synthesizer: Synthesizer


class VoiceChain:
    """See ``voicecall.ports.Synthesizer``. ``skipped`` are the reasons of those that can never speak here."""

    def __init__(self, voices: Sequence[Voice], *, skipped: Sequence[str] = (), patience_s: float = LONGEST_S) -> None:
        self._voices = tuple(voices)
        self._skipped = tuple(skipped)
        self._patience_s = min(patience_s, LONGEST_S)
        self._resting: dict[str, tuple[float, str]] = {}

    def describe(self) -> str:
        """See ``Synthesizer.describe``."""
        return ", else ".join(one.synthesizer.describe() for one in self._voices) or "no voice of ours"

    @asynccontextmanager
    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[AsyncIterator[Voiced]]:
        """See ``Synthesizer.speak``. The iterator raises ``NoVoice``, or what a voice raised after its first sound."""
        async with open_beside() as nursery:
            send, receive = trio.open_memory_channel[Voiced | Exception](0)
            nursery.start_soon(self._run, clauses, send)
            async with aclosing(_unpacked(receive)) as pieces:
                yield pieces

    async def _run(self, clauses: AsyncIterator[str], sound: Sound) -> None:
        async with sound:
            with Caught() as caught:
                await self._speak(_Kept(clauses), sound)
            if caught.error is not None:
                error = first(caught.error)
                await sound.send(error if isinstance(error, Exception) else caught.error)

    async def _speak(self, kept: _Kept, sound: Sound) -> None:
        """Ask one voice after the other."""
        await kept.begin()
        now = trio.current_time()
        deadline = now + self._patience_s
        for name, (_, why) in self._rest(now).items():
            await sound.send(VendorReported(status=PASSED_OVER, code=name, detail=why))
        waiting = sorted(self._voices, key=lambda one: one.name in self._resting)
        reasons: list[str] = []
        while waiting:
            voice = waiting[0]
            share_s = (deadline - trio.current_time()) / len(waiting)
            if voice.name in self._resting:
                share_s = min(share_s, RESTING_S)
            why = await self._attempt(voice, kept, sound, share_s)
            if not why:
                return
            reasons.append(f"{voice.name}: {why}")
            await sound.send(VendorReported(status=FAILED, code=voice.name, detail=why))
            del waiting[0]
        raise NoVoice(f"TTS conversion failed: {'; '.join((*reasons, *self._skipped))}")

    def _rest(self, now: float) -> dict[str, tuple[float, str]]:
        """Those that rest still, if another one does not."""
        self._resting = {name: (until, why) for name, (until, why) in self._resting.items() if until > now}
        return self._resting if len(self._resting) < len(self._voices) else {}

    async def _attempt(self, voice: Voice, kept: _Kept, sound: Sound, share_s: float) -> str:
        """Speak with one voice; why it could not begin, if so. Raises what goes wrong after its first sound."""
        begun = False
        before: list[Voiced] = []
        with Caught() as caught, trio.fail_after(max(share_s, 0)) as patience:
            async with aclosing(kept.again()) as clauses, voice.synthesizer.speak(clauses) as pieces:
                async for piece in pieces:
                    if not begun:
                        before.append(piece)
                        if not isinstance(piece, bytes) or not piece:
                            continue
                        begun, patience.deadline = True, float("inf")
                        for one in before:
                            await sound.send(one)
                        continue
                    await sound.send(piece)
        if caught.error is None and (begun or not kept.has_words):
            self._resting.pop(voice.name, None)
            return ""
        why = _why(caught.error, share_s)
        self._resting[voice.name] = (trio.current_time() + REST_S, why)
        if begun and caught.error is not None:
            raise caught.error
        return why


@define
class _Kept:
    """What is to be said, which another voice may have to be told again."""

    source: AsyncIterator[str]
    clauses: list[str] = field(factory=list[str])

    @property
    def has_words(self) -> bool:
        """Whether there is anything to be heard of it."""
        return any(character.isalnum() for clause in self.clauses for character in clause)

    async def begin(self) -> None:
        """Wait for the first clause: no voice is to blame for its absence."""
        async for clause in self.source:
            self.clauses.append(clause)
            return

    async def again(self) -> AsyncGenerator[str]:
        """All of it from the start."""
        for clause in tuple(self.clauses):
            yield clause
        async for clause in self.source:
            self.clauses.append(clause)
            yield clause


async def _unpacked(receive: trio.MemoryReceiveChannel[Voiced | Exception]) -> AsyncGenerator[Voiced]:
    async for piece in receive:
        if isinstance(piece, Exception):
            raise piece
        yield piece


def _why(error: Exception | None, share_s: float) -> str:
    if error is None:
        return "no sound"
    return f"no sound within {share_s:.3g} s" if isinstance(first(error), trio.TooSlowError) else words(error)
