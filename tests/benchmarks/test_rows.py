"""What must be right about the benchmarks without running them: their names, and how lateness is counted."""

from __future__ import annotations

from importlib import import_module

import pytest

from benchmarks.__main__ import MODULES, NAMES
from benchmarks.media_load import FRAME_S, Schedule, frame
from voicecall.audio.websocket import WebSocket


def test_every_module_has_rows_and_every_name_is_there_once() -> None:
    assert all(callable(import_module(f"benchmarks.{module}").rows) for module in MODULES)
    assert len(set(NAMES)) == len(NAMES)


def arrivals(first: int, count: int, *, shift_ms: float = 0.0) -> list[float]:
    return [7.0 + FRAME_S * (first + index) + shift_ms / 1000 for index in range(count)]


def test_punctual_frames_are_not_late_and_a_late_one_is() -> None:
    schedule = Schedule()
    assert schedule.late_ms(arrivals(0, 10), 1, 10) == pytest.approx([0.0] * 9, abs=1e-6)
    came = arrivals(10, 10)
    came[4] += 0.013
    assert schedule.late_ms(came, 1, 20) == pytest.approx([0.0] * 4 + [13.0] + [0.0] * 5, abs=1e-6)


def test_frames_that_were_held_up_together_are_late_by_what_is_left_of_it() -> None:
    schedule = Schedule()
    schedule.late_ms(arrivals(0, 10), 1, 10)
    came = arrivals(10, 10)
    came[2:5] = [came[4]] * 3
    assert schedule.late_ms(came, 1, 20) == pytest.approx([0, 0, 40, 20, 0, 0, 0, 0, 0, 0], abs=1e-6)


def test_being_late_from_now_on_is_being_late_all_the_time() -> None:
    schedule = Schedule()
    schedule.late_ms(arrivals(0, 10), 1, 10)
    for first in (10, 20, 30):
        late = schedule.late_ms(arrivals(first, 10, shift_ms=30), 1, first + 10)
        assert late == pytest.approx([30.0] * 10, abs=1e-6)


def test_a_hole_is_late_once_and_an_utterance_has_a_schedule_of_its_own() -> None:
    schedule = Schedule()
    schedule.late_ms(arrivals(0, 10), 1, 10)
    assert schedule.late_ms(arrivals(10, 10, shift_ms=300), 1, 20) == pytest.approx([300.0] * 10, abs=1e-6)
    assert schedule.late_ms(arrivals(20, 10, shift_ms=300), 1, 30) == pytest.approx([0.0] * 10, abs=1e-6)
    assert schedule.late_ms(arrivals(0, 10, shift_ms=999), 2, 10) == pytest.approx([0.0] * 9, abs=1e-6)


def test_what_is_sent_ahead_when_an_utterance_begins_is_not_on_its_schedule() -> None:
    schedule = Schedule()
    came = arrivals(0, 10)
    came[:4] = [came[3] - 0.06] * 4
    came[4:] = [at - 0.06 for at in came[4:]]
    assert schedule.late_ms(came, 1, 10) == pytest.approx([0.0] * 6, abs=1e-6)


@pytest.mark.parametrize("size", [5, 200])
def test_the_callers_speak_the_protocol(size: int) -> None:
    assert WebSocket().receive(frame(b"x" * size)) == [b"x" * size]
