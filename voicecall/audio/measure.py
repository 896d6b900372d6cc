"""How loud and how punctual: what ``audio.measured`` reports every few seconds."""

from __future__ import annotations

from collections import deque

from attrs import define, field

from voicecall.audio.vad import dbfs, power_of
from voicecall.events.facts import AudioMeasured

SAMPLE = 5
"""Of our own audio, whose level hardly matters while it is sent, every fifth frame is weighed."""


LAGS = 2_000
"""Ticks that are remembered: 10 s of them."""


@define(eq=False)
class Lag:
    """How late the tick came that serves all calls. Times are trio's, in seconds."""

    _ticks: deque[tuple[float, float]] = field(factory=lambda: deque[tuple[float, float]](maxlen=LAGS))

    def note(self, now: float, seconds: float) -> None:
        """The tick that is due came so late."""
        self._ticks.append((now, seconds))

    def since(self, then: float) -> list[float]:
        """The lags of all ticks after ``then``, the smallest first, in milliseconds."""
        return sorted(max(seconds, 0.0) * 1000 for at, seconds in self._ticks if at > then)

    def p99_ms(self, then: float) -> float:
        """How late all ticks after ``then`` were but one in a hundred; 0 if there was none."""
        return _p99(self.since(then))


class Meter:
    """Counts until ``report``. Times are trio's, in seconds."""

    def __init__(self, now: float) -> None:
        self._ducked_ms = self._echo_ms = 0
        self._start(now)

    def _start(self, now: float) -> None:
        self.since = now
        self._caller = self._agent = 0.0
        self._in = self._out = 0
        self._late: list[float] = []

    def heard(self, power: float) -> None:
        """A frame of this power came in."""
        self._in += 1
        if power > self._caller:
            self._caller = power

    def sent(self, ulaw: bytes) -> None:
        """A frame went out."""
        if self._out % SAMPLE == 0:
            self._agent = max(self._agent, power_of(ulaw))
        self._out += 1

    def late(self, seconds: float) -> None:
        """A frame that should have followed another was sent this long after the person had heard that one."""
        self._late.append(max(seconds, 0.0) * 1000)

    def report(self, now: float, *, offset_ms: int, lag: Lag, ducked_ms: int = 0, echo_ms: int = 0) -> AudioMeasured:
        """The figures since the last report; starts over. ``ducked_ms`` and ``echo_ms`` are given as they stand."""
        late, lags = sorted(self._late), lag.since(self.since)
        measured = AudioMeasured(
            offset_ms=offset_ms,
            caller_dbfs=round(dbfs(self._caller), 1),
            agent_dbfs=round(dbfs(self._agent), 1),
            late_p99_ms=_p99(late),
            frames_in=self._in,
            frames_out=self._out,
            lag_p99_ms=_p99(lags),
            lag_max_ms=round(lags[-1], 1) if lags else 0.0,
            ducked_ms=ducked_ms - self._ducked_ms,
            echo_ms=echo_ms - self._echo_ms,
        )
        self._ducked_ms, self._echo_ms = ducked_ms, echo_ms
        self._start(now)
        return measured


def _p99(ordered: list[float]) -> float:
    return round(ordered[len(ordered) * 99 // 100], 1) if ordered else 0.0
