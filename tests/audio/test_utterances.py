"""Synthesizers that fail, stall, hurry or have nothing to say: every utterance gets exactly one outcome."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise

import pytest
import trio
from attrs import define, field

from tests.audio.kit import CALL, SENTENCE, SENTENCE_MS, Stage, heard_of, play
from voicecall.adapters.speech.scripted import SOUND, ScriptedSynthesizer
from voicecall.audio.utterances import AHEAD_MS, FIRST_SOUND_S, RESUME_MS
from voicecall.core.fallback import NO_VOICE
from voicecall.events import EffectId
from voicecall.events import facts as fact
from voicecall.ports import Voiced, Wording

Pieces = Callable[[str], AsyncGenerator[Voiced]]


@define
class Voice:
    """A synthesizer that makes its pieces as a test says, and counts how many of its streams are open."""

    pieces: Pieces
    open: int = 0
    texts: list[str] = field(factory=list)

    def describe(self) -> str:
        return "a test's voice"

    @asynccontextmanager
    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[AsyncIterator[Voiced]]:
        self.open += 1
        try:
            text = " ".join([clause async for clause in clauses])
            self.texts.append(text)
            async with aclosing(self.pieces(text)) as audio:
                yield audio
        finally:
            self.open -= 1


async def half_then_fail(text: str) -> AsyncGenerator[bytes]:
    yield SOUND * 25
    await trio.sleep(0.1)
    raise RuntimeError("503 from the vendor")


async def stall(text: str) -> AsyncGenerator[bytes]:
    await trio.sleep_forever()
    yield b""


async def all_in_one_breath(text: str) -> AsyncGenerator[bytes]:
    for _ in range(60):
        yield SOUND * 10


async def all_at_once(text: str) -> AsyncGenerator[bytes]:
    for _ in range(60):
        yield SOUND * 10
        await trio.lowlevel.checkpoint()


async def nothing(text: str) -> AsyncGenerator[bytes]:
    return
    yield b""


def test_a_failure_before_any_sound_is_a_failed_effect_with_the_vendors_words() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            effect_id = stage.say(1, "this is broken")
            failed = await mailbox.until(fact.EffectFailed)
            assert failed.settles == effect_id
            assert failed.reason == "speech failed: RuntimeError: the script says that this fails"
            assert mailbox.of(fact.PlaybackFinished) == []
            assert not stage.plane.holds(CALL, effect_id)

    play(story, synthesizer=ScriptedSynthesizer(fault="broken"))


def test_what_cannot_be_said_is_told_in_order_whichever_failed_first() -> None:
    """Somebody may say it in another voice."""

    async def one_after_the_other(text: str) -> AsyncGenerator[bytes]:
        await trio.sleep({"One.": 0.3, "Two.": 0.1, "Three.": 0.2}[text])
        raise RuntimeError(text)
        yield b""

    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            said = [stage.say(number, text) for number, text in enumerate(("One.", "Two.", "Three."), 1)]
            await mailbox.until(fact.EffectFailed, 3)
            failed = mailbox.of(fact.EffectFailed)
            assert [one.settles for one in failed] == said
            assert {one.vendor_code for one in failed} == {NO_VOICE}

    play(story, synthesizer=Voice(one_after_the_other))


def test_what_cannot_be_said_waits_only_for_what_may_yet_come_before_it() -> None:
    async def all_but_the_second(text: str) -> AsyncGenerator[bytes]:
        await trio.sleep(0.3 if text == "One." else 0.1)
        if text == "Two.":
            raise RuntimeError(text)
        yield SOUND * 50

    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            stage.say(1, "One.")
            second = stage.say(2, "Two.")
            failed = await mailbox.until(fact.EffectFailed)
            assert failed.settles == second
            assert mailbox.of(fact.PlaybackFinished) == [], "the first one is heard still"

    play(story, synthesizer=Voice(all_but_the_second))


def test_what_a_voice_reports_of_its_work_is_a_fact_of_the_call() -> None:
    async def with_a_report(text: str) -> AsyncGenerator[bytes | fact.VendorReported]:
        yield fact.VendorReported(status="voice failed", code="openai")
        yield SOUND * 10

    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            stage.say(1, "Hello.")
            assert (await mailbox.until(fact.VendorReported)).code == "openai"
            assert (await mailbox.until(fact.PlaybackFinished)).heard_ms == 200

    play(story, synthesizer=Voice(with_a_report))


def test_sound_that_breaks_off_is_heard_as_far_as_there_is_any() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            effect_id = stage.say(1, SENTENCE)
            finished = await heard_of(mailbox, 1)
            assert (finished.settles, finished.heard_ms, finished.sent_ms) == (effect_id, 500, 500)
            assert (finished.interrupted, finished.broken, finished.length_ms) == (True, True, SENTENCE_MS)
            assert caller.ear.heard_ms == 500
            [reported] = mailbox.of(fact.VendorReported)
            assert (reported.status, reported.detail) == ("speech failed", "RuntimeError: 503 from the vendor")

    play(story, synthesizer=Voice(half_then_fail))


def test_when_the_first_sound_was_made_sent_and_heard_is_on_record() -> None:
    """Of an utterance that has to wait for another one, too."""

    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            begun_ms = 50  # the telephone is connected
            for number in (1, 2):
                stage.say(number, SENTENCE)
            ends = [await heard_of(mailbox, number) for number in (1, 2)]
            begins = mailbox.of(fact.PlaybackStarted)
            assert [one.first_audio_ms for one in begins] == pytest.approx([begun_ms + 300] * 2, abs=10)
            assert [one.offset_ms for one in begins] == pytest.approx(
                [begun_ms + 300, begun_ms + 300 + SENTENCE_MS], abs=80
            )
            for first, last in zip(begins, ends, strict=True):
                assert first.first_audio_ms <= first.offset_ms <= last.first_heard_ms <= first.offset_ms + 100

    play(story, synthesizer=ScriptedSynthesizer(delay_s=0.3))


def test_what_was_never_heard_has_no_first_moment() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            await mailbox.until(fact.PlaybackStarted)
            caller.end.cut()
            finished = await heard_of(mailbox, 1)
            assert (finished.heard_ms, finished.first_heard_ms) == (0, 0)

    play(story)


def test_a_synthesizer_that_never_starts_is_given_up() -> None:
    voice = Voice(stall)

    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            asked = trio.current_time()
            stage.say(1, SENTENCE)
            failed = await mailbox.until(fact.EffectFailed)
            assert failed.reason == f"speech failed: no sound within {FIRST_SOUND_S:g} s"
            assert trio.current_time() - asked == pytest.approx(FIRST_SOUND_S, abs=0.01)
            assert voice.open == 0

    play(story, synthesizer=voice)


def test_an_utterance_without_sound_is_over_at_once() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.say(1, "")
            finished = await heard_of(mailbox, 1)
            assert (finished.heard_ms, finished.sent_ms, finished.interrupted) == (0, 0, False)
            assert caller.phone.marks.received == 0

    play(story, synthesizer=Voice(nothing))


def test_an_interrupted_synthesizer_is_stopped() -> None:
    voice = Voice(stall)

    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            await trio.sleep(0.1)
            assert voice.open == 1
            stage.plane.stop(CALL, 1)
            finished = await heard_of(mailbox, 1)
            assert (finished.heard_ms, finished.sent_ms, finished.interrupted) == (0, 0, True)
            await trio.sleep(0.1)
            assert voice.open == 0

    play(story, synthesizer=voice)


def test_a_synthesizer_that_is_held_back_goes_on_a_second_at_a_time() -> None:
    """Not a frame at a time: waking it costs more than sending a frame."""

    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            await trio.sleep(6.5)
            times = sorted({at for at, event in mailbox.facts if isinstance(event, fact.SpeechChunk)})
            assert len(times) == 6
            pauses = [later - earlier for earlier, later in pairwise(times)]
            assert min(pauses) > (AHEAD_MS - RESUME_MS) / 1000 - 0.1

    play(story, synthesizer=Voice(all_in_one_breath))


def test_a_fast_synthesizer_is_held_back_and_several_do_not_starve_each_other() -> None:
    """Twelve seconds of sound for each of three utterances, all of them ready at once."""
    voice = Voice(all_at_once)

    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            for utterance in (1, 2, 3):
                stage.say(utterance, SENTENCE)
            await trio.sleep(1)
            made = sum(chunk.duration_ms for chunk in mailbox.of(fact.SpeechChunk))
            assert made <= 3 * (AHEAD_MS + 200) + 1_100
            for utterance in (1, 2, 3):
                assert (await heard_of(mailbox, utterance)).heard_ms == 12_000
            [stretch] = caller.ear.stretches
            assert stretch.end_ms - stretch.start_ms == pytest.approx(36_000, abs=100)
            assert voice.open == 0

    play(story, synthesizer=voice)


def test_chunks_are_at_least_half_a_second_and_tell_the_digest() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            await heard_of(mailbox, 1)
            chunks = mailbox.of(fact.SpeechChunk)
            assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
            assert all(chunk.duration_ms >= 500 for chunk in chunks[:-1])
            assert sum(chunk.duration_ms for chunk in chunks) == SENTENCE_MS
            assert all(len(chunk.digest) == 64 for chunk in chunks)

    play(story)


def test_outcomes_after_the_line_is_gone_come_once() -> None:
    voice = Voice(stall)

    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            effects = {stage.say(utterance, SENTENCE) for utterance in (1, 2)}
            await trio.sleep(0.1)
            caller.end.cut()
            await mailbox.until(fact.MediaClosed)
            await trio.sleep(FIRST_SOUND_S + 1)
            settled = [one.settles for one in mailbox.of(fact.PlaybackFinished)]
            assert sorted(settled) == sorted(effects)
            assert mailbox.of(fact.EffectFailed) == []
            assert stage.say(3, SENTENCE) == EffectId("say.3")
            assert mailbox.of(fact.EffectFailed)[0].reason == "no media stream is open"

    play(story, synthesizer=voice)


async def spelling(text: str) -> AsyncGenerator[bytes | Wording]:
    """A second of sound in pieces of 100 ms, but the first word takes half of it; ahead of the person's ear."""
    ends_ms = tuple(500 + 10 * place for place in range(len(text)))
    yield Wording(text=text[:10], ends_ms=ends_ms[:10])
    for index in range(10):
        yield SOUND * 5
        if index == 4:
            yield Wording(text=text[10:], ends_ms=ends_ms[10:])
    await trio.sleep(0.1)


def test_what_a_voice_tells_of_its_words_is_journaled_before_the_end() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            finished = await heard_of(mailbox, 1)
            told = [end for chunk in mailbox.of(fact.SpeechChunk) for end in chunk.words]
            assert told == [(2, 510), (11, 600), (14, 630), (18, 670), (23, 720), (27, 760), (32, 800)]
            assert (finished.heard_ms, finished.length_ms, finished.interrupted) == (1_000, 1_000, False)

    play(story, synthesizer=Voice(spelling))


def test_of_an_utterance_that_is_stopped_all_that_was_made_is_told_first() -> None:
    async def slowly(text: str) -> AsyncGenerator[bytes | Wording]:
        yield Wording(text=text, ends_ms=tuple(range(len(text))))
        for _ in range(100):
            yield SOUND
            await trio.sleep(0.02)

    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            await mailbox.until(fact.PlaybackStarted)
            await trio.sleep(0.31)
            stage.plane.stop(CALL, 1)
            finished = await heard_of(mailbox, 1)
            [chunk] = mailbox.of(fact.SpeechChunk)
            assert len(chunk.words) == len(SENTENCE.split())
            assert 0 < finished.heard_ms < chunk.duration_ms < 500
            # Nobody knows how long it would have been.
            assert finished.length_ms == SENTENCE_MS

    play(story, synthesizer=Voice(slowly))


def test_what_a_voice_says_in_other_words_is_heard_as_a_whole_and_reported() -> None:
    async def rewording(text: str) -> AsyncGenerator[bytes | Wording]:
        yield SOUND * 50
        yield Wording(text="Thursday, right?")

    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            finished = await heard_of(mailbox, 1)
            assert (finished.heard_ms, finished.sent_ms, finished.interrupted) == (1_000, 1_000, False)
            told = [(chunk.duration_ms, chunk.instead) for chunk in mailbox.of(fact.SpeechChunk)]
            assert told == [(1_000, ""), (0, "Thursday, right?")]

    play(story, synthesizer=Voice(rewording))
