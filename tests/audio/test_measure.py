"""Levels and punctuality."""

from __future__ import annotations

import pytest

from tests.audio.sounds import frames, tone, ulaw
from voicecall.audio.measure import Lag, Meter
from voicecall.audio.vad import power_of


def test_a_report_holds_the_loudest_of_each_side_and_counts() -> None:
    meter = Meter(10.0)
    for level in (-40, -20, -30):
        meter.heard(power_of(ulaw(tone(400, level, 20))))
    for frame in frames(ulaw(tone(400, -10, 200))):
        meter.sent(frame)
    report = meter.report(15.0, offset_ms=5_000, lag=Lag())
    assert (report.offset_ms, report.frames_in, report.frames_out) == (5_000, 3, 10)
    assert report.caller_dbfs == pytest.approx(-20, abs=0.5)
    assert report.agent_dbfs == pytest.approx(-10, abs=0.5)


def test_lateness_is_the_99th_percentile_and_never_negative() -> None:
    meter = Meter(0.0)
    for _ in range(98):
        meter.late(-0.04)
    meter.late(0.0123)
    meter.late(0.5)
    assert meter.report(5.0, offset_ms=0, lag=Lag()).late_p99_ms == 500.0
    for _ in range(100):
        meter.late(-0.04)
    assert meter.report(10.0, offset_ms=0, lag=Lag()).late_p99_ms == 0.0


def test_every_report_starts_over() -> None:
    meter = Meter(0.0)
    meter.heard(1e6)
    meter.late(0.1)
    meter.report(5.0, offset_ms=5_000, lag=Lag())
    assert meter.since == 5.0
    empty = meter.report(10.0, offset_ms=10_000, lag=Lag())
    assert (empty.frames_in, empty.frames_out, empty.late_p99_ms) == (0, 0, 0.0)
    assert (empty.caller_dbfs, empty.agent_dbfs) == (-96.0, -96.0)


def test_the_lag_of_the_tick_is_that_since_the_last_report() -> None:
    lag, meter = Lag(), Meter(0.0)
    lag.note(0.0, 9.0)
    for number in range(1, 201):
        lag.note(number / 200, 0.0123 if number == 100 else -0.001)
    report = meter.report(1.0, offset_ms=1_000, lag=lag)
    assert (report.lag_p99_ms, report.lag_max_ms) == (0.0, 12.3)
    lag.note(1.5, 0.002)
    report = meter.report(2.0, offset_ms=2_000, lag=lag)
    assert (report.lag_p99_ms, report.lag_max_ms) == (2.0, 2.0)
