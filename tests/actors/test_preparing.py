"""An ear is made ready when a call with sound is placed or taken, and for no other."""

from __future__ import annotations

import pytest

from tests.actors.stage import Stage, play
from voicecall.events import Mode
from voicecall.events import facts as fact
from voicecall.ports import Heard


def test_an_ear_is_ready_before_anybody_picks_up() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        assert stage.speaker.prepared == [call]
        assert stage.speaker.listening == []
        await stage.answer(call)
        assert stage.speaker.listening == [call]

    play(story)


@pytest.mark.parametrize("policy", [{"streaming": False}, {"mode": Mode.NOTIFY}])
def test_a_call_in_which_nobody_listens_costs_no_ear(policy: dict[str, object]) -> None:
    async def story(stage: Stage) -> None:
        await stage.place(**policy)
        assert stage.speaker.prepared == []

    play(story)


def test_whoever_calls_us_is_listened_to_although_the_answer_to_the_webhook_answers_the_call() -> None:
    async def story(stage: Stage) -> None:
        offer = fact.CallOffered
        offered = Heard(key="offer", vendor_call_id="v-9", caller="+15550009999", callee="+15550000000", offer=True)
        await stage.supervisor.receive("wire", (offered,))
        (call,) = stage.speaker.prepared
        assert isinstance((await stage.entries(call))[1].event, offer)

    play(story)


def test_a_stream_that_broke_finds_an_ear_again() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.answer(call)
        before = len(stage.speaker.prepared)
        stage.speaker.lose(call)
        await stage.open_media(call, "n2")
        assert len(stage.speaker.prepared) == before + 1

    play(story)
