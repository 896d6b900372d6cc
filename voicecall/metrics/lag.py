"""How late the media tick came, added up: the plane remembers ten seconds of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from attrs import define, field

from voicecall.metrics.meters import LAG


@define(kw_only=True)
class LagTally:
    """``since`` tells the lags in milliseconds, the smallest first, of all ticks after a moment of trio's clock."""

    since: Callable[[float], list[float]]
    taken: float
    """When it was last added to."""
    count: int = 0
    seconds: float = 0.0
    within: list[int] = field(factory=lambda: [0] * len(LAG.buckets))
    """How many were not later than each of ``LAG.buckets``."""

    def take(self, now: float) -> None:
        """Add what has come since the last time."""
        lags = self.since(self.taken)
        self.taken = now
        self.count += len(lags)
        self.seconds += sum(lags) / 1000
        for place, most in enumerate(LAG.buckets):
            self.within[place] += bisect_right(lags, most * 1000)

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus wants them, for ``HistogramMetricFamily``."""
        told = [(str(most), float(count)) for most, count in zip(LAG.buckets, self.within, strict=True)]
        return [*told, ("+Inf", float(self.count))]
