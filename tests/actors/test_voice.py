"""The carrier's own voice, as a lane."""

from __future__ import annotations

import trio

from tests.core.story import Story, answered
from voicecall.actors.voice import CarrierVoice
from voicecall.events import AnyEffect, AnyEvent, EffectId
from voicecall.events import effects as do
from voicecall.events import facts as fact


def quieted(call: Story) -> list[AnyEvent]:
    """What is told when the call is over."""
    told: list[AnyEvent] = []

    async def never(_: EffectId, __: AnyEffect) -> AnyEvent:
        raise AssertionError("nothing is asked of the carrier")

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            CarrierVoice(state=lambda: call.state, post=told.append, perform=never, nursery=nursery).quiet()

    trio.run(main)
    return told


def test_what_was_being_said_is_over_with_the_call() -> None:
    call = answered(streaming=False)
    name = call.owed(do.Speak)
    call.starts(1)
    call.tell(fact.CallEnded(reason="hangup-user"))
    cut = fact.PlaybackFinished(settles=name, utterance=1, heard_ms=0, interrupted=True, told="carrier")
    assert quieted(call) == [cut]
    call.tell(cut)
    assert quieted(call) == []


def test_what_was_not_begun_is_the_business_of_whoever_would_begin_it() -> None:
    call = answered(streaming=False)
    call.tell(fact.CallEnded(reason="hangup-user"))
    assert quieted(call) == []


def test_sound_on_a_stream_is_the_planes_business() -> None:
    call = answered()
    call.tell(fact.MediaOpened(stream_id="s1"))
    call.starts(1)
    call.tell(fact.CallEnded(reason="hangup-user"))
    assert quieted(call) == []


def stopped(call: Story, outcome: AnyEvent) -> list[AnyEvent]:
    """What is told when the carrier answers the order to stop."""
    told: list[AnyEvent] = []

    async def answer(_: EffectId, __: AnyEffect) -> AnyEvent:
        call.tell(outcome)
        return outcome

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            voice = CarrierVoice(state=lambda: call.state, post=told.append, perform=answer, nursery=nursery)
            voice.put(call.owed(do.StopSpeaking), do.StopSpeaking(utterance=1))

    trio.run(main)
    return told


def test_a_carrier_that_has_other_instructions_now_may_never_tell_that_it_said_no_more() -> None:
    for taken in (True, False):
        call = answered(streaming=False)
        name = call.owed(do.Speak)
        call.starts(1)
        call.tell(fact.CallerHeard(text="Wait"))
        stop = call.owed(do.StopSpeaking)
        outcome = fact.EffectSucceeded(settles=stop) if taken else fact.EffectFailed(settles=stop, reason="busy")
        cut = fact.PlaybackFinished(settles=name, utterance=1, heard_ms=0, interrupted=True, told="carrier")
        assert stopped(call, outcome) == ([cut] if taken else [])
