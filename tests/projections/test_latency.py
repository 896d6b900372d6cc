"""How long the person waited, turn by turn."""

from __future__ import annotations

import pytest

from tests.core.story import Story, connected, conversing
from voicecall.events import Instant
from voicecall.events import facts as fact
from voicecall.projections.latency import TurnLatency, percentile, summary, turn_latencies


def later(call: Story, ms: int) -> None:
    call.now = Instant(call.now + ms)


def test_a_turn_counts_from_the_callers_last_sound_to_our_first() -> None:
    call = conversing()
    opened = call.now
    call.tell(fact.CallerSaid(text="Is Thursday free?", started_ms=500, ended_ms=2_000), after_ms=2_200)
    later(call, 300)
    call.replies("Yes.")
    later(call, 150)
    call.starts(2)
    assert turn_latencies(call.entries) == [
        TurnLatency(turn=1, stopped_at=Instant(opened + 2_000), transcript_ms=200, reply_ms=500, playback_ms=650)
    ]


def test_a_transcript_without_offsets_counts_from_itself() -> None:
    call = conversing()
    call.says("Is Thursday free?")
    assert turn_latencies(call.entries) == [TurnLatency(turn=1, stopped_at=call.now, transcript_ms=0)]


def test_an_offset_in_the_future_is_not_believed() -> None:
    call = conversing()
    call.tell(fact.CallerSaid(text="Hi", ended_ms=3_600_000), after_ms=100)
    assert turn_latencies(call.entries)[0].transcript_ms == 0


def test_only_the_first_words_and_the_first_sound_count() -> None:
    call = conversing()
    call.says("Tell me.")
    later(call, 100)
    call.replies("First.", "Second.")
    call.starts(2)
    later(call, 900)
    call.tell(fact.AgentReplied(turn=1, index=2, text="Third."))
    call.starts(3)
    assert turn_latencies(call.entries) == [
        TurnLatency(turn=1, stopped_at=Instant(call.now - 1_000), transcript_ms=0, reply_ms=100, playback_ms=100)
    ]


def test_fillers_and_keys_do_not_confuse_the_turns() -> None:
    call = conversing()
    call.tell(fact.DigitsPressed(digits="1"))
    call.wait(1_500)
    asked_at = call.now
    call.wait(2_500)
    call.plays(2)
    later(call, 500)
    call.replies("You pressed one.")
    call.starts(3)
    (turn,) = turn_latencies(call.entries)
    assert (turn.stopped_at, turn.reply_ms, turn.playback_ms) == (asked_at, 3_000, 3_000)


def test_a_call_without_turns_has_none() -> None:
    assert turn_latencies(connected().entries) == []


@pytest.mark.parametrize(
    ("values", "percent", "expected"), [([], 50, 0), ([7], 95, 7), ([3, 1, 2], 50, 2), (list(range(1, 101)), 95, 95)]
)
def test_percentiles_are_nearest_rank(values: list[int], percent: int, expected: int) -> None:
    assert percentile(values, percent) == expected


def test_the_summary_has_the_figures_of_the_reference() -> None:
    assert summary([]) == {"count": 0, "minMs": 0, "maxMs": 0, "avgMs": 0, "p50Ms": 0, "p95Ms": 0}
    assert summary([100, 300, 201]) == {
        "count": 3, "minMs": 100, "maxMs": 300, "avgMs": 200, "p50Ms": 201, "p95Ms": 300
    }  # fmt: skip
