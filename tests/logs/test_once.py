"""Whoever counts sees each entry once."""

from __future__ import annotations

import pytest

from journal import Position
from tests.core.story import conversing
from voicecall.events import CallId, Entry
from voicecall.logs.once import CALLS, Once

ENTRIES = conversing().entries
A, B = CallId("a"), CallId("b")


def test_what_is_told_twice_or_was_there_before_is_passed_over() -> None:
    seen: list[tuple[CallId, int]] = []
    once = Once((lambda call_id, entry: seen.append((call_id, entry.seq)),), Position(10))
    for call_id, position, entry in (
        (A, 9, ENTRIES[0]),
        (A, 10, ENTRIES[1]),
        (A, 12, ENTRIES[2]),
        (B, 11, ENTRIES[0]),  # calls write at the same time
        (A, 9, ENTRIES[0]),  # a quarantined call is read again
        (A, 12, ENTRIES[2]),
        (A, 13, ENTRIES[3]),
    ):
        once(call_id, Position(position), entry)
    assert seen == [(A, 3), (B, 1), (A, 4)]


def test_a_fault_costs_that_entry_and_no_call(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []

    def broken(call_id: CallId, entry: Entry) -> None:
        raise ValueError("+15550001234")

    once = Once((broken, lambda call_id, entry: seen.append(entry.seq)), Position(0))
    once(A, Position(1), ENTRIES[0])
    assert seen == [1]
    told = caplog.text
    assert "a fact was not counted" in told
    assert "+1555" not in told


def test_it_remembers_no_more_calls_than_it_needs() -> None:
    seen: list[CallId] = []
    once = Once((lambda call_id, entry: seen.append(call_id),), Position(0))
    for number in range(CALLS + 1):
        once(A, Position(2 * number + 1), ENTRIES[0])  # a long call that goes on
        once(CallId(f"c{number}"), Position(2 * number + 2), ENTRIES[0])
    once(CallId(f"c{CALLS}"), Position(2), ENTRIES[0])
    once(A, Position(1), ENTRIES[0])
    assert len(seen) == 2 * (CALLS + 1)
