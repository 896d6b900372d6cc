"""What is read when Prometheus asks."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from prometheus_client import CollectorRegistry

from tests.core.story import conversing, placed
from voicecall.audio.measure import Lag
from voicecall.events import CallId
from voicecall.metrics.lag import LagTally
from voicecall.metrics.meters import COUNTED, READ
from voicecall.metrics.reading import Readings, Sources
from voicecall.projections.directory import Directory


def sources(directory: Directory, lag: Lag) -> Sources:
    return Sources(
        directory=directory,
        lags=lag.since,
        sockets=lambda: 3,
        webhooks=lambda: {"accepted": 5, "signature": 2},
        waiting=lambda: 1,
        free=lambda: 1_000,
        checks={"journal": lambda: True, "loop": lambda: False},
        version="1.2.3",
    )


def test_every_ask_tells_how_it_is_now() -> None:
    async def main() -> None:
        directory, lag = Directory(), Lag()
        registry = CollectorRegistry()
        registry.register(Readings(sources(directory, lag), LagTally(since=lag.since, taken=0.0)))

        def told(name: str, **labels: str) -> float | None:
            return registry.get_sample_value(f"voicecall_{name}", labels)

        assert told("calls", state="live") == 0
        for call_id, story in (("c1", conversing()), ("c2", placed())):
            for entry in story.entries:
                directory.apply(CallId(call_id), directory.position + 1, entry)
        assert [told("calls", state=state) for state in ("dialing", "ringing", "live", "ending")] == [1, 0, 1, 0]
        assert told("media_sockets") == 3
        assert told("webhooks_total", verdict="signature") == 2
        assert (told("journal_waiting_lines"), told("journal_free_bytes")) == (1, 1_000)
        assert (told("ready", check="journal"), told("ready", check="loop")) == (1, 0)
        assert told("build_info", version="1.2.3") == 1
        names = {f"voicecall_{one.name}" for one in READ}
        assert {family.name for family in registry.collect()} == names

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_the_ticks_lag_is_added_up_and_each_tick_counts_once() -> None:
    async def main() -> None:
        lag = Lag()
        tally = LagTally(since=lag.since, taken=0.0)
        registry = CollectorRegistry()
        registry.register(Readings(sources(Directory(), lag), tally))

        def told(name: str, **labels: str) -> float | None:
            return registry.get_sample_value(f"voicecall_loop_lag_seconds_{name}", labels)

        for late in (0.0, 0.003, 0.03, 7.0):
            await trio.sleep(0.005)
            lag.note(trio.current_time(), late)
        assert [told("bucket", le=most) for most in ("0.001", "0.005", "0.05", "1.0", "+Inf")] == [1, 2, 3, 3, 4]
        tally.take(trio.current_time())
        await trio.sleep(0.005)
        lag.note(trio.current_time(), 0.2)
        assert (told("count"), told("bucket", le="0.2")) == (5, 4)
        assert told("sum") == pytest.approx(7.233)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_no_two_metrics_have_one_name() -> None:
    names = [one.name for one in (*COUNTED, *READ)]
    assert len(names) == len(set(names))
