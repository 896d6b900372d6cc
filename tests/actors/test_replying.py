"""What the answer to a webhook may carry out."""

from __future__ import annotations

import trio

from tests.core.story import Story, answered
from voicecall.actors.replying import offered
from voicecall.actors.voice import CarrierVoice
from voicecall.events import AnyEffect, AnyEvent, EffectId
from voicecall.events import effects as do
from voicecall.events import facts as fact


def interrupted() -> tuple[Story, tuple[EffectId, do.Speak]]:
    """The caller says something before the first words have begun, which are to be stopped for it."""
    call = answered(streaming=False)
    (waiting,) = ((name, effect) for name, effect in call.state.owed if isinstance(effect, do.Speak))
    assert do.StopSpeaking(utterance=1) in call.says("Who is this?")
    return call, waiting


def test_what_is_to_be_stopped_does_not_ride_on_the_answer_that_stops_it() -> None:
    call, waiting = interrupted()
    owed = offered(call.entries[-1], call.state, (waiting,), flow=True, busy=False)
    assert [effect for _, effect in owed] == [do.StopSpeaking(utterance=1)]


def test_what_rides_on_an_answer_is_not_asked_for_and_nor_is_what_it_stops() -> None:
    call, waiting = interrupted()
    told: list[AnyEvent] = []

    async def never(_: EffectId, __: AnyEffect) -> AnyEvent:
        raise AssertionError("nothing is asked of the carrier")

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            voice = CarrierVoice(state=lambda: call.state, post=told.append, perform=never, nursery=nursery)
            voice.put(*waiting)
            voice.take(((call.owed(do.StopSpeaking), do.StopSpeaking(utterance=1)),))
            assert voice.waiting == ()

    trio.run(main)
    cut = fact.PlaybackFinished(settles=waiting[0], utterance=1, heard_ms=0, interrupted=True, told="carrier")
    assert told == [cut]
