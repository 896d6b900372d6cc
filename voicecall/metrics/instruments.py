"""What is counted as it happens, in a registry of its own: there may be several systems in a process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from voicecall.metrics.meters import COUNTED, PREFIX, Meter


class Instruments:
    """A counter or histogram for each of ``meters.COUNTED``. Any thread may count."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._counters = {one: self._counter(one) for one in COUNTED if one.kind == "counter"}
        self._histograms = {one: self._histogram(one) for one in COUNTED if one.kind == "histogram"}

    def count(self, meter: Meter, *labels: str, by: float = 1.0) -> None:
        """So many more of it."""
        counter = self._counters[meter]
        (counter.labels(*labels) if labels else counter).inc(by)

    def observe(self, meter: Meter, seconds: float, *labels: str) -> None:
        """One more observation."""
        histogram = self._histograms[meter]
        (histogram.labels(*labels) if labels else histogram).observe(seconds)

    def _counter(self, meter: Meter) -> Counter:
        return Counter(PREFIX + meter.name, meter.doc, meter.labels, registry=self.registry)

    def _histogram(self, meter: Meter) -> Histogram:
        name, buckets = PREFIX + meter.name, meter.buckets
        return Histogram(name, meter.doc, meter.labels, buckets=buckets, registry=self.registry)
