"""Stories about time: all timers of all calls in one heap."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio
import trio.testing

from voicecall.actors.alarm import Alarm
from voicecall.events import Instant

START = 1_000_000


def wall() -> Instant:
    return Instant(START + round(trio.current_time() * 1000))


def run(story: Callable[[Alarm], Awaitable[None]]) -> None:
    async def main() -> None:
        alarm = Alarm(wall)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(alarm.run)
            await story(alarm)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def at(offset_ms: int) -> Instant:
    return Instant(START + offset_ms)


def test_alarms_ring_when_they_are_due_in_due_order() -> None:
    async def story(alarm: Alarm) -> None:
        rung: list[tuple[str, int]] = []
        for name, offset in (("late", 3_000), ("early", 1_000), ("middle", 2_000)):
            alarm.set(at(offset), lambda name=name: rung.append((name, wall() - START)))
        await trio.sleep(10)
        assert rung == [("early", 1_000), ("middle", 2_000), ("late", 3_000)]

    run(story)


def test_what_is_overdue_rings_at_once_and_still_in_due_order() -> None:
    async def story(alarm: Alarm) -> None:
        await trio.sleep(60)
        rung: list[tuple[str, int]] = []
        for name, offset in (("second", 40_000), ("first", 20_000)):
            alarm.set(at(offset), lambda name=name: rung.append((name, wall() - START)))
        await trio.sleep(1)
        assert rung == [("first", 60_000), ("second", 60_000)]

    run(story)


def test_an_earlier_alarm_shortens_the_sleep_for_a_later_one() -> None:
    async def story(alarm: Alarm) -> None:
        rung: list[int] = []
        alarm.set(at(3_600_000), lambda: rung.append(wall() - START))
        await trio.sleep(1)
        alarm.set(at(2_000), lambda: rung.append(wall() - START))
        await trio.sleep(5)
        assert rung == [2_000]

    run(story)


def test_alarms_of_the_same_instant_ring_in_the_order_they_were_set() -> None:
    async def story(alarm: Alarm) -> None:
        rung: list[int] = []
        for number in range(20):
            alarm.set(at(500), lambda number=number: rung.append(number))
        await trio.sleep(1)
        assert rung == list(range(20))

    run(story)


def test_an_alarm_may_set_another_one() -> None:
    async def story(alarm: Alarm) -> None:
        rung: list[int] = []
        alarm.set(at(100), lambda: alarm.set(at(200), lambda: rung.append(wall() - START)))
        await trio.sleep(1)
        assert rung == [200]

    run(story)
