"""What is said is heard: at once, whole, and known to be heard."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
import trio
from attrs import define

from tests.audio.kit import MS_PER_CHARACTER, SENTENCE, SENTENCE_MS, Stage, heard_of, play, speaking
from voicecall.adapters.speech.scripted import SOUND
from voicecall.audio.playback import MARK_MS
from voicecall.audio.session import MARK_GRACE_S
from voicecall.events import facts as fact


@define
class Halting:
    """A synthesizer that takes 300 ms for every 200 ms."""

    def describe(self) -> str:
        return "halting"

    @asynccontextmanager
    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[AsyncIterator[bytes]]:
        async def pieces() -> AsyncGenerator[bytes]:
            async for clause in clauses:
                for _ in range(len(clause) * MS_PER_CHARACTER // 200):
                    await trio.sleep(0.3)
                    yield SOUND * 10

        async with aclosing(pieces()) as audio:
            yield audio


def test_what_is_said_is_heard_whole_and_proven_by_marks() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            finished = await heard_of(mailbox, 1)
            assert (finished.heard_ms, finished.sent_ms, finished.interrupted) == (SENTENCE_MS, SENTENCE_MS, False)
            [stretch] = caller.ear.stretches
            assert stretch.sound_ms == SENTENCE_MS
            assert stretch.end_ms - stretch.start_ms == SENTENCE_MS
            assert caller.phone.marks.received == caller.phone.marks.played == -(-SENTENCE_MS // MARK_MS)
            assert sum(chunk.duration_ms for chunk in mailbox.of(fact.SpeechChunk)) == SENTENCE_MS

    play(story)


def test_sound_starts_within_one_visit() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            await trio.sleep(0.5)
            said = trio.current_time()
            stage.say(1, SENTENCE)
            await mailbox.until(fact.PlaybackStarted)
            assert trio.current_time() - said <= 0.02 + 1e-6
            await heard_of(mailbox, 1)
            assert caller.ear.stretches[0].start_ms / 1000 + caller.ear.since - said <= 0.06

    play(story)


def test_frames_are_sent_no_further_ahead_than_the_lead() -> None:
    """What is on its way cannot be taken back, so that only a little may be."""

    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = await speaking(stage)
            elapsed_ms = (trio.current_time() - mailbox.at(fact.PlaybackStarted)) * 1000
            assert elapsed_ms - 20 <= caller.phone.frames_in * 20 <= elapsed_ms + 100

    play(story)


def test_a_slow_synthesizer_leaves_gaps_and_loses_nothing() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            finished = await heard_of(mailbox, 1)
            assert (finished.heard_ms, finished.sent_ms) == (1_800, 1_800)
            assert caller.ear.heard_ms == 1_800
            [stretch] = caller.ear.stretches
            assert stretch.end_ms - stretch.start_ms == pytest.approx(8 * 300 + 200, abs=60)

    play(story, synthesizer=Halting())


def test_marks_that_never_come_back_do_not_hold_up_the_call() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            caller.hangs_off()
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            finished = await heard_of(mailbox, 1)
            assert (finished.heard_ms, finished.sent_ms, finished.interrupted) == (0, SENTENCE_MS, False)
            assert trio.current_time() - mailbox.at(fact.PlaybackStarted) == pytest.approx(
                SENTENCE_MS / 1000 + MARK_GRACE_S, abs=0.2
            )

    play(story)
