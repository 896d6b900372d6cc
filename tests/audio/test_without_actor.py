"""The session belongs to the plane: actors come and go, the person on the phone does not notice for a while."""

from __future__ import annotations

import pytest
import trio

from tests.audio.kit import CALL, SENTENCE, SENTENCE_MS, Stage, heard_of, play, speaking
from voicecall.audio.listening import LAST_WORDS_S
from voicecall.audio.session import APOLOGY
from voicecall.events import EffectId
from voicecall.events import facts as fact
from voicecall.testing.memory_network import LinkEnd

APOLOGY_MS = len(APOLOGY) * 60


def test_what_plays_goes_on_and_its_outcome_waits_for_the_next_actor() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            first = stage.adopt()
            effect_id = stage.say(1, SENTENCE)
            await first.until(fact.PlaybackStarted)
            stage.plane.release(CALL)
            assert stage.plane.holds(CALL, effect_id)
            await trio.sleep(3)
            assert caller.ear.heard_ms == SENTENCE_MS
            assert first.of(fact.PlaybackFinished) == []
            second = stage.adopt()
            assert second.of(fact.PlaybackFinished)[0].settles == effect_id
            assert not stage.plane.holds(CALL, effect_id)

    play(story)


def test_the_next_actor_is_told_whether_there_is_a_session() -> None:
    async def story(stage: Stage) -> None:
        assert stage.plane.adopt(CALL, lambda event: None) is False
        stage.plane.release(CALL)
        async with stage.caller() as caller:
            assert stage.plane.adopt(CALL, lambda event: None) is True
            stage.plane.release(CALL)
            caller.end.cut()
            await trio.sleep(0.1)
            told: list[object] = []
            assert stage.plane.adopt(CALL, told.append) is False
            assert told[-1] == fact.MediaClosed(stream_id="s-c1", reason="lost")

    play(story)


def test_a_link_that_fails_costs_its_call_and_not_the_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(end: LinkEnd) -> None:
        raise ZeroDivisionError

    async def story(stage: Stage) -> None:
        async with stage.caller():
            actor = stage.adopt()
            with monkeypatch.context() as patch:
                patch.setattr(LinkEnd, "flush", fail)
                await trio.sleep(0.1)
            assert [one.reason for one in actor.of(fact.MediaClosed)] == ["lost"]
            assert stage.plane.running

    play(story)


def test_everything_the_caller_did_meanwhile_is_told_in_order() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            stage.adopt()
            stage.plane.listen(CALL, EffectId("5.0"))
            await trio.sleep(0.1)
            stage.plane.release(CALL)
            await caller.says("Anybody there?")
            await trio.sleep(0.5)
            caller.stream.key("0")
            await trio.sleep(0.5)
            second = stage.adopt()
            kinds = [type(event) for _, event in second.facts]
            words = [fact.CallerStarted, fact.CallerHeard, fact.CallerSaid]
            assert kinds == [*words, fact.DigitsPressed, fact.CallerStopped]

    play(story)


def test_after_five_seconds_without_an_actor_we_apologize_and_hang_up() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            stage.adopt()
            await trio.sleep(1)
            stage.plane.release(CALL)
            left = trio.current_time()
            with trio.fail_after(20):
                await caller.gone.wait()
            assert trio.current_time() - left == pytest.approx(5 + APOLOGY_MS / 1000, abs=0.3)
            [apology] = caller.ear.stretches
            assert apology.sound_ms == APOLOGY_MS
            assert apology.start_ms / 1000 + caller.ear.since - left == pytest.approx(5, abs=0.1)
            last = stage.adopt()
            assert last.of(fact.MediaClosed) == [fact.MediaClosed(stream_id="s-c1", reason="closed")]
            assert last.of(fact.PlaybackFinished) == last.of(fact.PlaybackStarted) == last.of(fact.SpeechChunk) == []

    play(story)


def test_an_actor_that_comes_back_in_time_keeps_the_call() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            stage.adopt()
            for _ in range(3):
                stage.plane.release(CALL)
                await trio.sleep(4.9)
                stage.adopt()
            assert not caller.hung_up
            assert caller.ear.heard_ms == 0

    play(story)


def test_an_actor_that_comes_back_during_the_apology_takes_over() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            stage.adopt()
            stage.plane.release(CALL)
            await trio.sleep(6)
            assert 0 < caller.ear.heard_ms < APOLOGY_MS
            mailbox = stage.adopt()
            before = caller.ear.heard_ms
            stage.say(1, SENTENCE)
            assert (await heard_of(mailbox, 1)).heard_ms == SENTENCE_MS
            assert caller.ear.heard_ms - before <= SENTENCE_MS + 80
            await trio.sleep(10)
            assert not caller.hung_up

    play(story)


def test_a_long_sentence_is_finished_before_the_apology() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            await speaking(stage, SENTENCE * 5)
            stage.plane.release(CALL)
            await trio.sleep(20)
            assert caller.hung_up
            assert caller.ear.heard_ms == 5 * SENTENCE_MS + APOLOGY_MS
            assert caller.phone.clears == 0

    play(story)


def test_whoever_speaks_up_is_let_speak_without_an_actor_too() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            await speaking(stage, SENTENCE * 2)
            stage.plane.release(CALL)
            await caller.speaks(400)
            assert caller.phone.clears == 1
            mailbox = stage.adopt()
            assert (await heard_of(mailbox, 1)).interrupted

    play(story)


def test_a_call_that_never_had_an_actor_is_not_left_alone_either() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            await trio.sleep(5 + APOLOGY_MS / 1000 + 1)
            assert caller.hung_up
            assert caller.ear.heard_ms == APOLOGY_MS

    play(story)


def test_facts_of_a_session_that_is_over_survive_the_next_session() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            await speaking(stage)
            stage.plane.release(CALL)
            caller.end.cut()
        async with stage.caller():
            await trio.sleep(0.1)
            mailbox = stage.adopt()
            assert mailbox.of(fact.MediaClosed) == [fact.MediaClosed(stream_id="s-c1", reason="lost")]
            assert mailbox.of(fact.PlaybackFinished)[0].interrupted
            stage.say(2, SENTENCE)
            assert (await heard_of(mailbox, 2)).heard_ms == SENTENCE_MS

    play(story)


def test_hanging_up_closes_the_line_and_settles_everything() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = await speaking(stage)
            stage.plane.hang_up(CALL)
            assert caller.hung_up
            assert mailbox.of(fact.PlaybackFinished)[0].interrupted
            assert mailbox.of(fact.MediaClosed) == [fact.MediaClosed(stream_id="s-c1", reason="closed")]
            stage.plane.hang_up(CALL)
            await trio.sleep(LAST_WORDS_S + 1)
            assert stage.plane.connections == 0
            assert len(mailbox.of(fact.MediaClosed)) == 1

    play(story)


def test_without_a_stream_nothing_can_be_said_and_nobody_waits_for_it() -> None:
    async def story(stage: Stage) -> None:
        mailbox = stage.adopt()
        effect_id = stage.say(1, SENTENCE)
        stage.plane.listen(CALL, EffectId("5.0"))
        stage.plane.stop(CALL, 1)
        stage.plane.hang_up(CALL)
        reason = "no media stream is open"
        assert mailbox.of(fact.EffectFailed) == [
            fact.EffectFailed(settles=effect_id, reason=reason),
            fact.EffectFailed(settles=EffectId("5.0"), reason=reason),
        ]

    play(story)
