"""Facts that wait for an actor."""

from __future__ import annotations

import trio
import trio.testing

from voicecall.audio.outbox import KEPT, Outbox
from voicecall.events import AnyEvent
from voicecall.events.facts import AudioMeasured, CallerSaid, CallerStarted, DigitsPressed


def said(number: int) -> CallerSaid:
    return CallerSaid(text=f"{number}")


def measured(number: int) -> AudioMeasured:
    return AudioMeasured(offset_ms=number, caller_dbfs=-20.0, agent_dbfs=-20.0)


def test_what_waited_comes_first_and_in_order() -> None:
    told: list[AnyEvent] = []
    box = Outbox(since=0.0)
    box.tell(said(1))
    box.tell(DigitsPressed(digits="2"))
    box.adopt(told.append)
    box.tell(said(3))
    assert told == [said(1), DigitsPressed(digits="2"), said(3)]


def test_a_fact_is_told_once() -> None:
    first: list[AnyEvent] = []
    second: list[AnyEvent] = []
    box = Outbox(since=0.0, post=first.append)
    box.tell(said(1))

    async def main() -> None:
        box.release()
        box.tell(said(2))
        box.adopt(second.append)

    trio.run(main, clock=trio.testing.MockClock())
    assert (first, second) == ([said(1)], [said(2)])


def test_reports_beyond_the_limit_are_dropped_and_nothing_else_is() -> None:
    box, told = Outbox(since=0.0), list[AnyEvent]()
    for number in range(KEPT):
        box.tell(measured(number))
    box.tell(measured(KEPT))
    box.tell(said(KEPT + 1))
    box.tell(CallerStarted(offset_ms=5))
    box.adopt(told.append)
    assert told == [*map(measured, range(KEPT)), said(KEPT + 1), CallerStarted(offset_ms=5)]


def test_a_box_is_idle_when_nobody_listens_and_nothing_waits() -> None:
    box = Outbox(since=0.0)
    assert box.idle
    box.tell(said(1))
    assert not box.idle
    box.adopt(lambda event: None)
    assert not box.idle
