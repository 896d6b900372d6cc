"""A call in time: who spoke when, and what of it was heard."""

from __future__ import annotations

from typing import Any

from tests.core.story import Story, answered, connected, conversing, dialed, offered
from voicecall.events import Instant
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.effects import Speak
from voicecall.projections.timeline import Mark, Span, timeline


def finished(call: Story, utterance: int, *, after_ms: int, **told: Any) -> None:
    """An utterance is over."""
    settles = next(
        name for name, effect in call.ledger.owed.items() if isinstance(effect, Speak) and effect.utterance == utterance
    )
    figures = {"heard_ms": 1_000, "sent_ms": 1_000, **told}
    call.tell(fact.PlaybackFinished(settles=settles, utterance=utterance, **figures), after_ms=after_ms)


def spans(call: Story, voice: str) -> list[Span]:
    return [one for one in timeline(call.entries).spans if one.voice == voice]


def marks(call: Story) -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in timeline(call.entries).marks]


def test_both_voices_are_where_they_were_heard() -> None:
    call = connected()
    opened = call.now
    call.tell(fact.PlaybackStarted(utterance=1, offset_ms=100), after_ms=100)
    finished(call, 1, after_ms=1_200, first_heard_ms=180)
    call.tell(fact.CallerSaid(text="Is Thursday free?", started_ms=2_000, ended_ms=3_500), after_ms=2_500)
    call.replies("Yes.")
    drawn = timeline(call.entries)
    assert (drawn.begins_at, drawn.openings) == (opened - 200, (opened,))  # they picked up before the sound was there
    assert drawn.spans == (
        Span(
            voice="agent",
            begins_at=Instant(opened + 180),
            ends_at=Instant(opened + 1_180),
            heard_until=Instant(opened + 1_180),
            text="Hello, this is us.",
            purpose="greeting",
        ),
        Span(
            voice="caller",
            begins_at=Instant(opened + 2_000),
            ends_at=Instant(opened + 3_500),
            heard_until=Instant(opened + 3_500),
            text="Is Thursday free?",
        ),
    )


def test_what_was_cut_off_was_sent_no_longer_and_heard_no_further() -> None:
    call = conversing()
    opened = call.now
    call.says("Tell me.")
    call.replies("It takes about an hour.")
    call.tell(fact.PlaybackStarted(utterance=2, offset_ms=1_000), after_ms=1_000)
    call.tell(fact.CallerStarted(offset_ms=1_900), after_ms=960)
    finished(call, 2, after_ms=0, heard_ms=600, sent_ms=1_020, interrupted=True, first_heard_ms=1_050)
    (_, cut) = spans(call, "agent")
    assert (cut.begins_at, cut.heard_until, cut.ends_at) == (opened + 1_050, opened + 1_650, opened + 1_960)
    assert cut.interrupted
    assert Mark(at=Instant(opened + 1_900), kind="interruption", text="interrupted") in timeline(call.entries).marks


def test_what_nobody_interrupted_was_cut_off() -> None:
    call = conversing()
    call.says("Tell me.")
    call.replies("It takes about an hour.")
    call.starts(2)
    finished(call, 2, after_ms=500, heard_ms=400, sent_ms=600, interrupted=True)
    assert ("interruption", "cut off") in marks(call)


def test_one_voice_says_one_thing_after_the_other() -> None:
    call = conversing()
    call.says("Tell me.")
    call.replies("First.", "Second.")
    call.starts(2)
    call.starts(3)  # a carrier is sent a little more than it plays
    finished(call, 2, after_ms=1_000)
    finished(call, 3, after_ms=1_000)
    (_, first, second) = spans(call, "agent")
    assert (second.begins_at, second.ends_at) == (first.ends_at, first.ends_at + 1_000)


def test_a_voice_without_words_is_a_mark_and_one_with_words_is_not() -> None:
    call = conversing()
    opened = call.now
    call.tell(fact.CallerStarted(offset_ms=500), after_ms=600)
    call.tell(fact.CallerSaid(text="Hello?", started_ms=480, ended_ms=900), after_ms=400)
    call.tell(fact.CallerStarted(offset_ms=5_000), after_ms=4_100)
    assert [one for one in timeline(call.entries).marks if one.kind == "voice"] == [
        Mark(at=Instant(opened + 5_000), kind="voice", text="a voice, no words")
    ]


def test_where_the_carrier_speaks_and_listens_everything_is_an_estimate() -> None:
    call = answered(streaming=False)
    begun = call.now
    call.starts(1)
    finished(call, 1, after_ms=1_500, told="carrier")
    call.tell(fact.CallerSaid(text="Yes"), after_ms=3_000)
    (ours,), (theirs,) = spans(call, "agent"), spans(call, "caller")
    assert (ours.begins_at, ours.ends_at, ours.heard_until) == (begun, begun + 1_500, begun + 1_500)
    assert (theirs.begins_at, theirs.ends_at) == (begun + 4_500 - 180, begun + 4_500)
    assert ours.estimated
    assert theirs.estimated
    assert timeline(call.entries).openings == ()


def test_a_carrier_that_speaks_is_interrupted_by_words() -> None:
    call = answered(streaming=False)
    call.starts(1)
    call.tell(fact.CallerHeard(text="Stop"), after_ms=500)
    at = call.now
    finished(call, 1, after_ms=200, told="carrier", interrupted=True)
    assert Mark(at=at, kind="interruption", text="interrupted") in timeline(call.entries).marks


def test_an_utterance_that_a_restart_cut_off_ends_there_and_was_heard_nobody_knows_how_far() -> None:
    call = conversing()
    call.says("Tell me.")
    call.replies("It takes about an hour.")
    call.starts(2)
    begun = call.now
    call.now = Instant(call.now + 3_000)
    call.fails(do.Speak, "restart")
    call.now = Instant(call.now + 9_000)
    call.says("Hello?")
    (_, cut) = spans(call, "agent")
    assert (cut.begins_at, cut.heard_until, cut.ends_at, cut.estimated) == (begun, begun, begun + 3_000, True)
    assert ("failure", "failed: restart") in marks(call)


def test_a_call_in_progress_is_drawn_as_far_as_it_has_come() -> None:
    call = connected()
    call.starts(1)
    call.tell(fact.DigitsPressed(digits="5"), after_ms=2_000)
    drawn = timeline(call.entries)
    assert drawn.ends_at == call.now
    assert [one.ends_at for one in drawn.spans] == [call.now]
    assert [one.text for one in drawn.marks] == ["media stream opened", "keys 5"]


def test_a_call_that_nobody_answered_begins_when_it_was_placed() -> None:
    call = dialed()
    call.tell(fact.CallEnded(reason="busy"), after_ms=2_000)
    drawn = timeline(call.entries)
    assert (drawn.begins_at, drawn.ends_at, drawn.spans) == (drawn.placed_at, drawn.placed_at + 2_000, ())
    assert drawn.title == "+15550000000 → +15550001000, mock"
    assert [one.text for one in drawn.marks] == ["ended: busy"]
    assert timeline(offered().entries).title == "+15550001000 → +15550000000, mock"
    withheld = Story()
    event = offered().entries[0].event
    assert isinstance(event, fact.CallOffered)
    withheld.tell(
        fact.CallOffered(
            carrier="mock", vendor_call_id="v", caller="", callee="+1", policy=event.policy, rules=event.rules
        )
    )
    assert timeline(withheld.entries).title == "unknown → +1, mock"


def test_machines_streams_and_keys_of_ours_are_marks() -> None:
    call = conversing()
    call.tell(fact.MachineDetected(result="human"))
    call.tell(fact.DigitsRequested(digits="1w2"))
    call.tell(fact.MediaClosed(stream_id="s1", reason="lost"))
    assert marks(call) == [
        ("media", "media stream opened"),
        ("machine", "picked up: human"),
        ("keys", "keys sent 1w2"),
        ("media", "media stream closed: lost"),
    ]
