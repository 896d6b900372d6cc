"""Whoever speaks up is let speak."""

from __future__ import annotations

import trio

from tests.audio.kit import CALL, SENTENCE, SENTENCE_MS, Stage, heard_of, play, speaking
from voicecall.audio.playback import MARK_MS
from voicecall.events import facts as fact


def test_the_callers_voice_silences_us_at_once() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = await speaking(stage)
            await caller.speaks(400)
            started = mailbox.at(fact.CallerStarted)
            finished = await heard_of(mailbox, 1)
            assert finished.interrupted
            assert mailbox.at(fact.PlaybackFinished) == started
            assert caller.phone.clears == 1
            assert caller.ear.stretches[-1].end_ms / 1000 + caller.ear.since <= started + 0.04
            [stretch] = caller.ear.stretches
            assert finished.heard_ms <= stretch.sound_ms <= finished.sent_ms
            assert stretch.sound_ms - finished.heard_ms <= 200

    play(story)


def test_a_voice_is_answered_by_silence_within_a_tenth_of_a_second() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = await speaking(stage)
            begun = trio.current_time()
            await caller.speaks(400)
            assert mailbox.at(fact.CallerStarted) - begun <= 0.1

    play(story)


def test_marks_that_a_clear_gives_back_were_not_heard() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = await speaking(stage)
            await caller.speaks(400)
            await trio.sleep(1)
            assert len(mailbox.of(fact.PlaybackFinished)) == 1
            heard = mailbox.of(fact.PlaybackFinished)[0].heard_ms
            assert heard == caller.phone.marks.played * MARK_MS

    play(story)


def test_a_click_or_a_whisper_does_not_interrupt() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = await speaking(stage, SENTENCE)
            await caller.phone.speak(b"\x00" * 160)
            await caller.speaks(600, dbfs=-65)
            assert not (await heard_of(mailbox, 1)).interrupted
            assert mailbox.of(fact.CallerStarted) == []

    play(story)


def test_what_must_be_heard_is_not_interrupted() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.say(1, SENTENCE, interruptible=False)
            await mailbox.until(fact.PlaybackStarted)
            await caller.speaks(600)
            finished = await heard_of(mailbox, 1)
            assert (finished.interrupted, finished.heard_ms) == (False, SENTENCE_MS)
            assert len(mailbox.of(fact.CallerStarted)) == 1

    play(story)


def test_everything_that_may_be_interrupted_is_what_is_queued_too() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            for utterance in (1, 2, 3):
                stage.say(utterance, SENTENCE, interruptible=utterance < 3)
            await mailbox.until(fact.PlaybackStarted)
            await caller.speaks(300)
            assert (await heard_of(mailbox, 1)).interrupted
            second = await heard_of(mailbox, 2)
            assert (second.interrupted, second.heard_ms, second.sent_ms) == (True, 0, 0)
            third = await heard_of(mailbox, 3)
            assert (third.interrupted, third.heard_ms) == (False, SENTENCE_MS)

    play(story)


def test_an_answer_that_came_in_a_pause_does_not_talk_over_the_rest_of_the_sentence() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            await caller.speaks(1_000)
            await caller.waits(400)
            stage.say(1, SENTENCE)
            await mailbox.until(fact.PlaybackStarted)
            await caller.speaks(1_000)
            assert (await heard_of(mailbox, 1)).interrupted
            assert caller.ear.heard_ms <= 200
            assert len(mailbox.of(fact.CallerStarted)) == 2

    play(story)


def test_we_can_speak_again_after_an_interruption() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = await speaking(stage)
            await caller.speaks(400)
            before = caller.ear.heard_ms
            stage.say(2, SENTENCE)
            finished = await heard_of(mailbox, 2)
            assert (finished.interrupted, finished.heard_ms) == (False, SENTENCE_MS)
            assert caller.ear.heard_ms - before == SENTENCE_MS

    play(story)


def test_stop_silences_up_to_an_utterance() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = await speaking(stage)
            stage.say(2, SENTENCE)
            stage.plane.stop(CALL, 1)
            assert (await heard_of(mailbox, 1)).interrupted
            assert not (await heard_of(mailbox, 2)).interrupted
            assert caller.phone.clears == 1
            stage.plane.stop(CALL, 2)
            assert caller.phone.clears == 1

    play(story)
