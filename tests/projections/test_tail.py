"""One readable line per entry."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given

from tests.core.story import Story, conversing, offered, placed
from voicecall.events import AnyEffect, AnyEvent, Entry, Instant
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.base import NO_EFFECT
from voicecall.projections.tail import TailLine, tail_line
from voicecall.testing.strategies import entries

STREAM = "call/5b0e2c1e-0000-5000-8000-000000000001"


def shown(event: AnyEvent, *effects: AnyEffect) -> TailLine:
    return tail_line(STREAM, Entry(seq=1, at=Instant(5), writer="w", event=event, effects=effects))


def test_a_line_says_when_which_call_what_and_what_was_decided() -> None:
    call = conversing()
    call.says("Is Thursday free?")
    assert tail_line(STREAM, call.entries[-1]) == TailLine(
        at=call.now,
        call="5b0e2c1e",
        seq=call.ledger.seq,
        happened="caller.said “Is Thursday free?”",
        decided=("ask_agent turn=1 “Is Thursday free?”", "timer silence"),
        important=True,
    )


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (fact.CallerHeard(text="Is Thu"), "caller.heard “Is Thu”"),
        (fact.CallEnded(reason="busy", vendor_code="486"), "call.ended busy vendor_code=486"),
        (fact.TimerFired(settles=NO_EFFECT, name="ring", due=Instant(9)), "timer.fired ring"),
        (fact.DigitsPressed(digits="12#"), "digits.pressed “12#”"),
        (fact.Unknown(data={"type": "call.moved", "to": "x"}), "call.moved {'type': 'call.moved', 'to': 'x'}"),
        (fact.Unknown(), "unknown {}"),
        (
            fact.PlaybackFinished(settles=NO_EFFECT, utterance=2, heard_ms=400, sent_ms=900, interrupted=True),
            "playback.finished #2 interrupted after 400 of 900 ms",
        ),
        (
            fact.PlaybackFinished(settles=NO_EFFECT, utterance=2, heard_ms=900, sent_ms=900),
            "playback.finished #2 heard 900 of 900 ms",
        ),
        (fact.SayRequested(text="Hi", by="cli"), "say.requested “Hi” cli"),
    ],
)
def test_facts_are_told_in_words(event: AnyEvent, words: str) -> None:
    assert shown(event).happened == words


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        (do.Speak(utterance=3, text="Hello."), "speak #3 “Hello.”"),
        (do.StartTimer(name="ring", due=Instant(9)), "timer ring"),
        (do.Hangup(reason="timeout"), "hangup timeout"),
        (do.Answer(), "answer"),
        (do.UnknownEffect(data={"type": "bill"}), "bill"),
        (do.UnknownEffect(), "unknown"),
    ],
)
def test_decisions_are_told_in_words(effect: AnyEffect, words: str) -> None:
    assert shown(fact.CallRinging(), effect).decided == (words,)


def test_what_a_reader_does_not_miss_is_left_out() -> None:
    begun = tail_line(STREAM, placed().entries[0]).happened
    assert "policy" not in begun
    assert "+15550001000" in begun
    opened = shown(fact.MediaOpened(stream_id="s1", ticket="nonce-7")).happened
    assert "nonce-7" not in opened
    assert "s1" in opened


def test_a_fact_that_proves_nothing_is_marked() -> None:
    line = tail_line(STREAM, evolve(offered().entries[0], verified=False))
    assert line.happened.endswith(" (unverified)")
    assert line.important


def test_reports_are_not_important() -> None:
    assert not shown(fact.SpeechChunk(utterance=1, index=0, duration_ms=500)).important


@given(entries())
def test_every_entry_has_a_line(entry: Entry) -> None:
    line = tail_line(STREAM, entry)
    assert line.happened
    assert len(line.decided) == len(entry.effects)


def test_a_whole_call_is_readable() -> None:
    call: Story = conversing()
    call.tell(fact.CallEnded(reason="hangup-user"))
    assert [tail_line(STREAM, entry).happened.split()[0] for entry in call.entries] == [
        type(entry.event).kind for entry in call.entries
    ]
