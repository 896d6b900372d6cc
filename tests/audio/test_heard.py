"""What counts as heard is what the person's telephone had played, to a fifth of a second, on every carrier."""

from __future__ import annotations

import pytest
import trio

from tests.audio.kit import CALL, SENTENCE, Stage, heard_of, play
from tests.audio.lines import CARRIERS
from voicecall.events import facts as fact

NEAR_MS = 200
INSTANTS = range(10, 1_300, 87)
"""Milliseconds after the first frame; no two have the same place between two marks."""


@pytest.mark.parametrize(("carrier", "step_ms"), [*((carrier, 20) for carrier in CARRIERS), ("mock", 100)])
def test_whenever_it_is_cut_off_as_much_was_heard_as_the_telephone_played(carrier: str, step_ms: int) -> None:
    """``step_ms`` is how much sound the network moves at a time."""

    async def story(stage: Stage) -> None:
        async with stage.caller(carrier=carrier, step_ms=step_ms) as caller:
            mailbox = stage.adopt()
            for utterance, instant in enumerate(INSTANTS, 1):
                before, marks = caller.ear.heard_ms, caller.phone.marks.received
                stage.say(utterance, SENTENCE * 2)
                await mailbox.until(fact.PlaybackStarted, utterance)
                await trio.sleep(instant / 1000)
                stage.plane.stop(CALL, utterance)
                finished = await heard_of(mailbox, utterance)
                await trio.sleep(0.5)
                played_ms = caller.ear.heard_ms - before
                assert played_ms - NEAR_MS <= finished.heard_ms <= played_ms
                assert caller.phone.marks.received - marks >= (played_ms - step_ms) // NEAR_MS
                assert finished.interrupted

    play(story)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_whoever_interrupts_had_heard_what_the_telephone_played_and_what_is_played_whole_is_heard_whole(
    carrier: str,
) -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller(carrier=carrier) as caller:
            mailbox = stage.adopt()
            for utterance in range(1, 8):
                before = caller.ear.heard_ms
                stage.say(utterance, SENTENCE * 2)
                await mailbox.until(fact.PlaybackStarted, utterance)
                await trio.sleep(0.33 * utterance)
                await caller.speaks(300)
                finished = await heard_of(mailbox, utterance)
                await caller.waits(1_500)
                played_ms = caller.ear.heard_ms - before
                assert played_ms - NEAR_MS <= finished.heard_ms <= played_ms
            stage.say(8, SENTENCE)
            finished = await heard_of(mailbox, 8)
            assert (finished.heard_ms, finished.interrupted) == (finished.length_ms, False)

    play(story)
