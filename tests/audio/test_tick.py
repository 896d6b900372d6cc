"""One tick for all calls: when it ticks, what it tells, and that a call costs no task."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from attrs import define, field

from tests.audio.kit import SENTENCE, SENTENCE_MS, Stage, codec, heard_of, play
from voicecall.events import CallId
from voicecall.events import facts as fact
from voicecall.testing.memory_network import LinkEnd


@define
class Ticks:
    """What the plane tells of its ticks, and when."""

    at: list[float] = field(factory=list)
    late_s: list[float] = field(factory=list)

    def observe(self, late_s: float, took_s: float) -> None:
        assert took_s >= 0
        self.at.append(trio.current_time())
        self.late_s.append(late_s)


def connected(stage: Stage, *names: str) -> list[LinkEnd]:
    """Calls that are on, and silent."""
    ends: list[LinkEnd] = []
    for name in names:
        stage.adopt(CallId(name))
        end = LinkEnd()
        end.put(b'{"event":"start","streamId":"s","ticket":"%s"}' % name.encode())
        stage.plane.accept(end, carrier="mock", codec=codec, peer=name)
        ends.append(end)
    return ends


def test_without_a_socket_nothing_ticks() -> None:
    ticks = Ticks()

    async def story(stage: Stage) -> None:
        await trio.sleep(60)
        assert ticks.at == []
        [end] = connected(stage, "c1")
        await trio.sleep(1)
        assert len(ticks.at) == pytest.approx(200, abs=2)
        end.cut()
        await trio.sleep(1)
        ticks.at.clear()
        await trio.sleep(60)
        assert ticks.at == []

    play(story, observe=ticks.observe)


def test_a_call_has_no_task_of_its_own() -> None:
    async def story(stage: Stage) -> None:
        connected(stage, "c0")
        await trio.sleep(0.1)
        before = trio.lowlevel.current_statistics().tasks_living
        connected(stage, *(f"c{number}" for number in range(1, 20)))
        await trio.sleep(0.1)
        assert stage.plane.connections == 20
        assert trio.lowlevel.current_statistics().tasks_living == before

    play(story)


def test_calls_are_spread_over_the_rings() -> None:
    async def story(stage: Stage) -> None:
        connected(stage, *(f"c{number}" for number in range(10)))
        await trio.sleep(0.1)
        assert sorted(len(ring) for ring in stage.plane._rings) == [2, 2, 3, 3]

    play(story)


def test_after_a_stop_of_the_world_the_tick_starts_a_new_count() -> None:
    """It does not hurry after 400 missed ticks, and nothing that was to be said is lost."""
    ticks = Ticks()

    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            await trio.sleep(0.5)
            clock = trio.lowlevel.current_clock()
            assert isinstance(clock, trio.testing.MockClock)
            clock.jump(2.0)
            ticks.at.clear()
            ticks.late_s.clear()
            await trio.sleep(0.1)
            assert len(ticks.at) == pytest.approx(20, abs=2)
            assert ticks.late_s[0] == pytest.approx(2.0, abs=0.01)
            assert max(ticks.late_s[1:]) < 0.01
            finished = await heard_of(mailbox, 1)
            assert (finished.heard_ms, finished.interrupted) == (SENTENCE_MS, False)
            assert caller.ear.heard_ms == SENTENCE_MS

    play(story, observe=ticks.observe)


def test_a_late_frame_is_on_record() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            stage.say(1, SENTENCE * 3, interruptible=False)
            clock = trio.lowlevel.current_clock()
            assert isinstance(clock, trio.testing.MockClock)
            for _ in range(5):
                await trio.sleep(0.5)
                clock.jump(0.3)
            measured = await mailbox.until(fact.AudioMeasured)
            assert measured.late_p99_ms == pytest.approx(240, abs=25)
            assert measured.lag_max_ms == pytest.approx(300, abs=10)
            assert measured.lag_p99_ms < 1  # five of a thousand ticks

    play(story)
