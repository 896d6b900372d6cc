"""Several voices as one, with voices that follow a script, on a clock that jumps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import pytest
import trio
import trio.testing
from attrs import define, field

from voicecall.adapters.speech.chain import REST_S, Voice, VoiceChain
from voicecall.events.facts import VendorReported
from voicecall.fault import Caught
from voicecall.ports import Voiced


@define
class Scripted:
    """A voice whose next utterances are as ``plan`` says: seconds to its sound, or what it raises before or after."""

    sound: bytes
    plan: list[float | str] = field(factory=list[float | str])
    asked: list[str] = field(factory=list[str])

    def describe(self) -> str:
        return self.sound.decode()

    @asynccontextmanager
    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[AsyncIterator[Voiced]]:
        async with aclosing(self._audio(clauses)) as audio:
            yield audio

    async def _audio(self, clauses: AsyncIterator[str]) -> AsyncGenerator[Voiced]:
        self.asked.append(" ".join([clause async for clause in clauses]))
        step = self.plan.pop(0) if self.plan else 0.1
        yield VendorReported(status=f"note of {self.describe()}")
        if isinstance(step, float):
            await trio.sleep(step)
        elif step == "nothing":
            return
        elif step != "half":
            raise RuntimeError(step)
        yield b""
        yield self.sound
        if step == "half":
            raise RuntimeError("broke off")
        yield self.sound


@define
class Heard:
    sound: bytes = b""
    steps: list[tuple[str, str]] = field(factory=list[tuple[str, str]])
    notes: list[str] = field(factory=list[str])
    error: str = ""
    took_s: float = 0.0


async def say(chain: VoiceChain, *texts: str) -> Heard:
    async def told() -> AsyncGenerator[str]:
        for text in texts or ("Hello.",):
            yield text

    heard, since = Heard(), trio.current_time()
    with Caught() as caught:
        async with aclosing(told()) as clauses, chain.speak(clauses) as pieces:
            async for piece in pieces:
                if isinstance(piece, bytes):
                    heard.sound += piece
                elif piece.code:
                    heard.steps.append((piece.status, piece.code))
                else:
                    heard.notes.append(piece.status)
    heard.error, heard.took_s = "" if caught.error is None else str(caught.error), trio.current_time() - since
    return heard


def play(story: Callable[[], Awaitable[None]]) -> None:
    trio.run(story, clock=trio.testing.MockClock(autojump_threshold=0))


def chain_of(*voices: Scripted, skipped: tuple[str, ...] = ()) -> VoiceChain:
    return VoiceChain([Voice(name=one.describe(), synthesizer=one) for one in voices], skipped=skipped)


@pytest.mark.parametrize(
    ("step", "waits_s"), [("401 no", 0.0), ("nothing", 0.0), (60.0, 4.0)], ids=["error", "nothing", "slow"]
)
def test_the_next_voice_says_it_all_when_the_first_cannot_begin(step: float | str, waits_s: float) -> None:
    async def story() -> None:
        first, second = Scripted(b"a", [step]), Scripted(b"b")
        heard = await say(chain_of(first, second), "One.", "Two.")
        assert (heard.sound, heard.steps, heard.error) == (b"bb", [("voice failed", "a")], "")
        assert heard.notes == ["note of b"], "nothing remains of the one that failed"
        assert first.asked == second.asked == ["One. Two."]
        assert heard.took_s == pytest.approx(waits_s + 0.1), "each has its share of the time"

    play(story)


def test_the_first_voice_alone_is_asked_while_it_works() -> None:
    async def story() -> None:
        first, second = Scripted(b"a"), Scripted(b"b")
        chain = chain_of(first, second)
        heard = await say(chain)
        assert (heard.sound, heard.steps, second.asked) == (b"aa", [], [])
        assert chain.describe() == "a, else b"

    play(story)


def test_a_voice_that_has_failed_is_passed_over_for_a_while_and_then_asked_first_again() -> None:
    async def story() -> None:
        first = Scripted(b"a", ["401 no"])
        chain = chain_of(first, Scripted(b"b"))
        await say(chain)
        again = await say(chain)
        assert (again.sound, again.steps) == (b"bb", [("voice passed over", "a")])
        await trio.sleep(REST_S)
        later = await say(chain)
        assert (later.sound, later.steps) == (b"aa", [])

    play(story)


def test_when_all_have_failed_every_reason_is_told_and_the_next_utterance_is_told_so_soon() -> None:
    async def story() -> None:
        first, second = Scripted(b"a", ["401 no", 60.0]), Scripted(b"b", [60.0, 60.0])
        chain = chain_of(first, second, skipped=("edge: unsupported for telephony",))
        heard = await say(chain)
        assert heard.error == (
            "TTS conversion failed: a: RuntimeError: 401 no; b: no sound within 8 s; edge: unsupported for telephony"
        )
        assert heard.steps == [("voice failed", "a"), ("voice failed", "b")]
        again = await say(chain)
        assert (again.sound, again.took_s) == (b"", pytest.approx(2.0)), "those that rest are asked briefly"
        assert (await say(chain)).sound == b"aa", "but asked they are"

    play(story)


def test_half_a_sentence_is_not_begun_again_in_another_voice() -> None:
    async def story() -> None:
        second = Scripted(b"b")
        chain = chain_of(Scripted(b"a", ["half"]), second)
        heard = await say(chain)
        assert (heard.sound, heard.error, second.asked) == (b"a", "broke off", [])
        assert (await say(chain)).sound == b"bb", "but the next one is said by the other"

    play(story)


def test_what_has_no_words_needs_no_sound() -> None:
    async def story() -> None:
        heard = await say(chain_of(Scripted(b"a", ["nothing"])), "…")
        assert (heard.sound, heard.error, heard.steps) == (b"", "", [])

    play(story)


def test_no_voice_at_all_says_why() -> None:
    async def story() -> None:
        heard = await say(chain_of(skipped=("openai: no API key",)))
        assert heard.error == "TTS conversion failed: openai: no API key"
        assert chain_of().describe() == "no voice of ours"

    play(story)


def test_whoever_stops_listening_has_blamed_nobody() -> None:
    async def story() -> None:
        first = Scripted(b"a", [3.0])
        chain = chain_of(first, Scripted(b"b"))
        with trio.move_on_after(1):
            await say(chain)
        assert (await say(chain)).sound == b"aa"

    play(story)
