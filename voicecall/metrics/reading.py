"""What is read when Prometheus asks: nothing is kept for it, it is what the running system knows anyway."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import trio
from attrs import frozen
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from voicecall.core.state import Phase
from voicecall.metrics.lag import LagTally
from voicecall.metrics.meters import BUILD, CALLS, FREE, LAG, PREFIX, QUEUE, READY, STREAMS, WEBHOOKS, Meter
from voicecall.projections.directory import Directory

PHASES = tuple(phase.value for phase in Phase if phase not in (Phase.NEW, Phase.ENDED))


@frozen(kw_only=True)
class Sources:
    """Where the figures come from: the directory, and functions that tell them."""

    directory: Directory
    lags: Callable[[float], list[float]]
    """See ``LagTally.since``."""
    sockets: Callable[[], int]
    webhooks: Callable[[], Mapping[str, int]]
    waiting: Callable[[], int]
    free: Callable[[], int]
    checks: Mapping[str, Callable[[], bool]]
    version: str


class Readings(Collector):
    """A collector; ask it only from the trio run that the system is in."""

    def __init__(self, sources: Sources, tally: LagTally) -> None:
        self._sources = sources
        self._tally = tally

    def describe(self) -> list[Metric]:
        """Nothing: a registry would ask for the figures before there are any."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures of this moment."""
        here = self._sources
        states = dict.fromkeys(PHASES, 0)
        for row in here.directory.live_rows():
            states[row.phase] = states.get(row.phase, 0) + 1
        yield _gauge(CALLS, states)
        yield _gauge(STREAMS, {"": here.sockets()})
        self._tally.take(trio.current_time())
        lag = HistogramMetricFamily(PREFIX + LAG.name, LAG.doc)
        lag.add_metric((), buckets=self._tally.buckets(), sum_value=self._tally.seconds)
        yield lag
        webhooks = CounterMetricFamily(PREFIX + WEBHOOKS.name, WEBHOOKS.doc, labels=WEBHOOKS.labels)
        for verdict, count in here.webhooks().items():
            webhooks.add_metric((verdict,), count)
        yield webhooks
        yield _gauge(QUEUE, {"": here.waiting()})
        yield _gauge(FREE, {"": here.free()})
        yield _gauge(READY, {name: int(check()) for name, check in here.checks.items()})
        yield _gauge(BUILD, {here.version: 1})


def _gauge(meter: Meter, figures: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(PREFIX + meter.name, meter.doc, labels=meter.labels)
    for label, figure in figures.items():
        family.add_metric((label,) if meter.labels else (), figure)
    return family
