"""What is counted about calls."""

from __future__ import annotations

import pytest

from tests.core.story import US, Story, conversing, dialed, offered, placed
from voicecall.core.requests import EndCall
from voicecall.events import CallId, Entry
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.metrics.calls import CallMetrics
from voicecall.metrics.instruments import Instruments
from voicecall.projections.directory import Directory

CALL = CallId("c1")


class Counted:
    """Metrics that are told whole stories."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.instruments = Instruments()
        self.metrics = CallMetrics(instruments=self.instruments, row=self.directory.row)
        self.position = 0

    def see(self, story: Story, call_id: CallId = CALL, *, since: int = 0) -> Counted:
        for entry in story.entries[since:]:
            self.see_one(call_id, entry)
        return self

    def see_one(self, call_id: CallId, entry: Entry) -> None:
        self.position += 1
        self.directory.apply(call_id, self.position, entry)
        self.metrics.observe(call_id, entry)

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.instruments.registry.get_sample_value(f"voicecall_{name}", labels)


def over(story: Story, reason: str = "hangup-user", after_ms: int = 0) -> Story:
    story.tell(fact.CallEnded(reason=reason), after_ms=after_ms)
    return story


def test_a_call_is_counted_when_it_begins_and_when_it_is_over() -> None:
    counted = Counted().see(placed())
    assert counted("calls_begun_total", direction="outbound", mode="conversation") == 1
    assert counted("calls_ended_total", direction="outbound", mode="conversation", outcome="busy") is None
    counted.see(over(dialed(), "busy"), CallId("c2"))
    assert counted("calls_begun_total", direction="outbound", mode="conversation") == 2
    assert counted("calls_ended_total", direction="outbound", mode="conversation", outcome="busy") == 1
    assert counted("call_seconds_count", direction="outbound", mode="conversation") is None, "nobody answered"
    counted.see(over(offered(verdict="not-allowed"), "completed"), CallId("c3"))
    assert counted("calls_ended_total", direction="inbound", mode="conversation", outcome="rejected") == 1


def test_the_outcome_is_ours_when_we_hung_up() -> None:
    story = conversing()
    story.ask(EndCall(by="test"))
    story.done(do.Hangup)
    counted = Counted().see(over(story, "completed", after_ms=60_000))
    assert counted("calls_ended_total", direction="outbound", mode="conversation", outcome="hangup-bot") == 1
    assert counted("call_seconds_sum", direction="outbound", mode="conversation") == pytest.approx(60.2, abs=0.1)


def test_waits_are_those_of_the_latency_command_and_counted_at_the_end() -> None:
    story = conversing()
    story.tell(fact.CallerSaid(text="Is Thursday free?", started_ms=500, ended_ms=2_000), after_ms=2_200)
    story.tell(fact.AgentReplied(turn=1, index=0, text="Yes."), after_ms=300)
    story.tell(fact.PlaybackStarted(utterance=2, offset_ms=2_640, first_audio_ms=2_610), after_ms=150)
    counted = Counted().see(story)
    assert counted("turn_seconds_count", stage="frame") is None
    counted.see(over(story), since=len(story.entries) - 1)
    assert counted("turn_seconds_count", stage="frame") == 1
    assert counted("turn_seconds_sum", stage="transcript") == pytest.approx(0.2)
    assert counted("turn_seconds_sum", stage="frame") == pytest.approx(0.64)
    assert counted("turn_seconds_bucket", stage="frame", le="0.5") == 0
    assert counted("turn_seconds_bucket", stage="frame", le="0.7") == 1
    assert counted("turn_seconds_count", stage="heard") is None, "nobody says"


def test_effects_are_counted_by_their_fate_and_timers_are_not() -> None:
    story = dialed()
    story.tell(fact.CallAnswered(), after_ms=1_000)
    story.fails(do.OpenMedia, in_doubt=True)
    counted = Counted().see(story)
    assert counted("effects_total", effect="dial", fate="succeeded") == 1
    assert counted("effects_total", effect="open_media", fate="in-doubt") == 1
    story = conversing()
    story.fire("max_duration")
    counted = Counted().see(story)
    assert {labels["effect"] for labels in samples(counted, "voicecall_effects_total")} == {
        *("dial", "open_media", "listen", "speak"),
    }


def test_what_an_earlier_process_decided_has_a_name_of_its_own() -> None:
    story = dialed()
    counted = Counted()
    for entry in story.entries[:1]:
        counted.position += 1
        counted.directory.apply(CALL, counted.position, entry)
    counted.see(story, since=1)
    assert counted("effects_total", effect="earlier", fate="succeeded") == 1


def test_failures_are_counted_by_the_part_that_failed() -> None:
    story = conversing()
    story.tell(fact.TranscriberFailed(detail="no network"))
    story.says("Hello?")
    story.thought(reason="failed")
    story.tell(fact.VendorReported(status="voice failed", code="openai"))
    story.tell(fact.VendorReported(status="voice passed over", code="openai"))
    story.fails(do.Speak, vendor_code="no-voice")
    story.tell(fact.MediaClosed(stream_id="s1", reason="lost"))
    story.tell(fact.ActorQuarantined(reason="it failed too often"))
    counted = Counted().see(story)
    for part in ("transcriber", "agent", "voice", "no-voice", "media", "actor"):
        assert counted("failures_total", part=part) == 1, part


def test_a_stream_that_is_gone_because_the_call_is_over_has_not_failed() -> None:
    story = over(conversing())
    story.tell(fact.MediaClosed(stream_id="s1", reason="lost"))
    assert Counted().see(story)("failures_total", part="media") is None


def test_sound_is_counted_in_frames_and_its_lateness_by_the_reports() -> None:
    story = conversing()
    heard = fact.AudioMeasured(offset_ms=5_000, caller_dbfs=-20, agent_dbfs=-20, frames_in=250, late_p99_ms=400)
    story.tell(heard)
    story.tell(
        fact.AudioMeasured(
            offset_ms=10_000, caller_dbfs=-20, agent_dbfs=-20, frames_in=250, frames_out=100, late_p99_ms=7
        )
    )
    counted = Counted().see(story)
    assert (counted("frames_total", way="in"), counted("frames_total", way="out")) == (500, 100)
    assert counted("frame_late_seconds_count") == 1, "five seconds without a frame say nothing about their lateness"
    assert (counted("frame_late_seconds_bucket", le="0.005"), counted("frame_late_seconds_bucket", le="0.01")) == (0, 1)


def test_nothing_is_kept_of_a_call_that_owes_nothing_any_more() -> None:
    story = conversing()
    story.says("Hello?")
    counted = Counted().see(story)
    assert counted.metrics.remembered == 1
    over(story)
    counted.see(story, since=len(story.entries) - 1)
    assert counted.metrics.remembered == 1, "the agent was asked, and its answer is still to come"
    story.thought(reason="superseded")
    counted.see(story, since=len(story.entries) - 1)
    assert counted.metrics.remembered == 0
    counted.see_one(CallId("erased"), story.entries[-1])
    assert counted.metrics.remembered == 0


def test_no_label_is_a_number_or_a_call() -> None:
    story = over(conversing())
    counted = Counted().see(story)
    told = " ".join(value for labels in samples(counted) for value in labels.values())
    assert told
    assert US not in told
    assert CALL not in told


def samples(counted: Counted, name: str = "") -> list[dict[str, str]]:
    """The labels of every sample, or of those of one name."""
    families = counted.instruments.registry.collect()
    return [one.labels for family in families for one in family.samples if name in ("", one.name)]
