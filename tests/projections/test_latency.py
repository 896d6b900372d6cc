"""How long the person waited, turn by turn."""

from __future__ import annotations

import pytest

from tests.core.story import Story, answered, connected, conversing
from voicecall.events import Instant
from voicecall.events import facts as fact
from voicecall.events.effects import Speak
from voicecall.projections.latency import (
    Punctuality,
    TurnLatency,
    percentile,
    punctuality,
    stage_summaries,
    stream_openings,
    summary,
    turn_latencies,
    worst,
)


def later(call: Story, ms: int) -> None:
    call.now = Instant(call.now + ms)


def heard(call: Story, utterance: int, *, first_heard_ms: int, after_ms: int = 0) -> None:
    """It is over; of a second of it the person heard half, if anything."""
    settles = next(
        name for name, effect in call.ledger.owed.items() if isinstance(effect, Speak) and effect.utterance == utterance
    )
    finished = fact.PlaybackFinished(
        settles=settles,
        utterance=utterance,
        heard_ms=500 if first_heard_ms else 0,
        sent_ms=1_000,
        interrupted=True,
        first_heard_ms=first_heard_ms,
    )
    call.tell(finished, after_ms=after_ms)


def test_every_stage_counts_from_the_callers_last_sound() -> None:
    call = conversing()
    opened = call.now
    call.tell(fact.CallerSaid(text="Is Thursday free?", started_ms=500, ended_ms=2_000), after_ms=2_200)
    first_text_at = Instant(opened + 2_450)
    call.tell(fact.AgentReplied(turn=1, index=0, text="Yes.", first_text_at=first_text_at), after_ms=300)
    call.tell(fact.PlaybackStarted(utterance=2, offset_ms=2_640, first_audio_ms=2_610), after_ms=150)
    heard(call, 2, first_heard_ms=2_700, after_ms=1_000)
    assert turn_latencies(call.entries) == [
        TurnLatency(
            turn=1,
            stopped_at=Instant(opened + 2_000),
            transcript_ms=200,
            token_ms=450,
            clause_ms=500,
            audio_ms=610,
            frame_ms=640,
            heard_ms=700,
        )
    ]


def test_a_stream_was_open_before_its_fact_was_written() -> None:
    """Whoever admits it waits for the journal; the offsets do not wait."""
    call = conversing()
    told = call.now
    call.tell(fact.AudioMeasured(offset_ms=5_040, caller_dbfs=-96, agent_dbfs=-96), after_ms=5_000)
    assert stream_openings(call.entries) == [told - 40]
    call.tell(fact.CallerSaid(text="Is Thursday free?", ended_ms=6_000), after_ms=1_000)
    assert turn_latencies(call.entries)[0].transcript_ms == 40


def test_every_stream_has_its_own_offsets() -> None:
    call = conversing()
    call.tell(fact.MediaClosed(stream_id="s1", reason="lost"), after_ms=60_000)
    call.tell(fact.MediaOpened(stream_id="s2", ticket="s2"), after_ms=1_000)
    opened = call.now
    call.tell(fact.CallerSaid(text="Hello?", ended_ms=800), after_ms=1_000)
    assert turn_latencies(call.entries)[0].stopped_at == opened + 800


def test_a_transcript_without_offsets_counts_from_itself() -> None:
    call = conversing()
    call.says("Is Thursday free?")
    assert turn_latencies(call.entries) == [TurnLatency(turn=1, stopped_at=call.now)]


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
        TurnLatency(turn=1, stopped_at=Instant(call.now - 1_000), clause_ms=100, frame_ms=100)
    ]


def test_what_was_cut_off_before_it_was_heard_was_not_heard() -> None:
    call = conversing()
    call.says("Tell me.")
    call.replies("First.")
    call.tell(fact.PlaybackStarted(utterance=2, offset_ms=2_000))
    heard(call, 2, first_heard_ms=0)
    assert turn_latencies(call.entries)[0].heard_ms is None


def test_fillers_and_keys_do_not_confuse_the_turns() -> None:
    """Keys are joined for a while: the person waits from the last one on."""
    call = conversing()
    call.tell(fact.DigitsPressed(digits="1"))
    later(call, 500)
    call.tell(fact.DigitsPressed(digits="2"))
    pressed_at = call.now
    call.wait(1_500)
    call.wait(2_500)
    call.plays(2)
    later(call, 500)
    call.replies("You pressed twelve.")
    call.starts(3)
    (turn,) = turn_latencies(call.entries)
    assert (turn.stopped_at, turn.transcript_ms, turn.clause_ms, turn.frame_ms) == (pressed_at, 1_500, 4_500, 4_500)


def test_a_carrier_that_speaks_tells_when_it_was_given_the_text_and_nothing_of_sound() -> None:
    call = answered(streaming=False)
    call.plays(1)
    call.says("Is Thursday free?")
    later(call, 400)
    call.replies("Yes.")
    call.thought()
    later(call, 50)
    call.starts(2)
    (turn,) = turn_latencies(call.entries)
    assert (turn.transcript_ms, turn.token_ms, turn.clause_ms) == (None, None, 400)
    assert (turn.audio_ms, turn.frame_ms, turn.heard_ms) == (None, 450, None)


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


def test_a_stage_that_a_turn_never_reached_counts_for_nothing() -> None:
    turns = [
        TurnLatency(turn=1, stopped_at=Instant(0), transcript_ms=100, heard_ms=700),
        TurnLatency(turn=2, stopped_at=Instant(0), transcript_ms=300),
    ]
    found = stage_summaries(turns)
    assert list(found) == ["transcript", "token", "clause", "audio", "frame", "heard"]
    assert [found[stage]["count"] for stage in found] == [2, 0, 0, 0, 0, 1]
    assert (found["transcript"]["p50Ms"], found["heard"]["maxMs"]) == (100, 700)


def test_the_worst_report_of_a_call_and_the_worst_of_several_calls() -> None:
    call = conversing()
    assert punctuality(call.entries) == Punctuality()
    call.tell(fact.AudioMeasured(offset_ms=5_000, caller_dbfs=-20, agent_dbfs=-20, late_p99_ms=1.5))
    unmeasured = Punctuality(late_p99_ms=1.5)
    assert punctuality(call.entries) == unmeasured  # as journals from before the lag was measured have it
    report = fact.AudioMeasured(offset_ms=9_000, caller_dbfs=-20, agent_dbfs=-20, lag_p99_ms=0.4, lag_max_ms=7.5)
    call.tell(report)
    call.tell(fact.AudioMeasured(offset_ms=9_900, caller_dbfs=-20, agent_dbfs=-20, lag_p99_ms=0.6, lag_max_ms=2.0))
    found = punctuality(call.entries)
    assert found == Punctuality(late_p99_ms=1.5, lag_p99_ms=0.6, lag_max_ms=7.5)
    late = Punctuality(late_p99_ms=9.0)
    assert worst([found, Punctuality(), late]) == Punctuality(late_p99_ms=9.0, lag_p99_ms=0.6, lag_max_ms=7.5)
    assert worst([]) == Punctuality()
