"""What comes in: voices, keys, recognitions, nonsense."""

from __future__ import annotations

import pytest
import trio

from tests.audio.kit import CALL, HUNG_UP, SENTENCE, SENTENCE_MS, Stage, heard_of, play
from tests.audio.sounds import frames, ulaw, voice
from voicecall.events import CallId, EffectId
from voicecall.events import facts as fact
from voicecall.testing.mock.media import media_message


def test_keys_and_words_become_facts() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.plane.listen(CALL, EffectId("5.0"))
            caller.stream.key("7")
            await caller.says("on Thursday")
            said = await mailbox.until(fact.CallerSaid)
            assert said.text == "on Thursday"
            assert (said.started_ms, said.ended_ms) == pytest.approx((50, 680), abs=60)
            assert mailbox.of(fact.CallerHeard) == [fact.CallerHeard(text="on")]
            assert mailbox.of(fact.DigitsPressed) == [fact.DigitsPressed(digits="7")]
            assert mailbox.of(fact.EffectSucceeded) == [fact.EffectSucceeded(settles=EffectId("5.0"))]

    play(story)


def test_the_last_words_before_a_hang_up_are_not_lost() -> None:
    """The recognition and the end come in one breath."""

    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.plane.listen(CALL, EffectId("5.0"))
            await trio.sleep(0.1)
            await caller.says("Goodbye.")
            caller.stream.stop(HUNG_UP)
            closed = await mailbox.until(fact.MediaClosed)
            assert (closed.stream_id, closed.reason) == ("s-c1", "stopped")
            assert (await mailbox.until(fact.CallerSaid)).text == "Goodbye."

    play(story)


def test_nonsense_on_the_socket_is_passed_over() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            for nonsense in (b"{", b"[]", b"\xff\xfe", b'{"event":"media","payload":"%%%"}', b'{"event":"jubilee"}'):
                caller.stream.tell([nonsense])
            stage.say(1, SENTENCE)
            assert (await heard_of(mailbox, 1)).heard_ms == SENTENCE_MS

    play(story)


def test_levels_and_punctuality_are_reported_every_five_seconds() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.say(1, SENTENCE * 3, interruptible=False)
            await caller.speaks(4_000, dbfs=-20)
            measured = await mailbox.until(fact.AudioMeasured)
            assert measured.offset_ms == pytest.approx(5_000, abs=30)
            assert measured.caller_dbfs == pytest.approx(-20, abs=3)
            assert measured.agent_dbfs > -30
            assert measured.frames_in == pytest.approx(250, abs=10)
            assert measured.frames_out == pytest.approx(250, abs=10)
            assert measured.late_p99_ms == 0.0
            rest = await mailbox.until(fact.AudioMeasured, 2)
            assert rest.frames_out == 3 * SENTENCE_MS // 20 - measured.frames_out
            assert rest.caller_dbfs == -96

    play(story)


def test_two_calls_do_not_hear_each_other() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller("c1") as one, stage.caller("c2") as other:
            mailboxes = stage.adopt(), stage.adopt(CallId("c2"))
            stage.say(1, SENTENCE)
            await one.speaks(300)
            await trio.sleep(3)
            assert one.ear.heard_ms < SENTENCE_MS
            assert other.ear.heard_ms == 0
            assert [len(mailbox.of(fact.CallerStarted)) for mailbox in mailboxes] == [1, 0]

    play(story)


@pytest.mark.parametrize(("pause_s", "starts"), [(0.1, 1), (0.5, 2), (3.0, 2)])
def test_a_carrier_that_sends_nothing_for_silence_is_heard_as_silent(pause_s: float, starts: int) -> None:
    """Three lost frames are no pause; half a second without a frame is, and three seconds end the utterance."""

    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            caller.hangs_off()
            for pause in (pause_s, 1.0):
                for frame in frames(ulaw(voice(-20, 600)))[:27]:
                    caller.stream.tell([media_message(frame)])
                    await trio.sleep(0.02)
                await trio.sleep(pause)
            assert len(mailbox.of(fact.CallerStarted)) == starts

    play(story)
