"""Does today's code still decide what was decided?"""

from __future__ import annotations

from attrs import evolve

from tests.core.story import Story, conversing
from voicecall.core.replay import Replay, replay
from voicecall.events import Entry, Instant
from voicecall.events import effects as do
from voicecall.events import facts as fact


def a_call() -> Story:
    call = conversing()
    call.says("Tell me.")
    call.replies("Here it is.")
    call.plays(2)
    call.thought()
    call.tell(fact.CallEnded(reason="hangup-user"), key="end")
    return call


def test_a_call_is_decided_the_same_again() -> None:
    call = a_call()
    assert replay(call.entries) == Replay(ledger=call.ledger, entries=len(call.entries))
    assert replay([]).entries == 0


def test_the_state_at_any_entry_can_be_looked_at() -> None:
    call = a_call()
    until = replay(call.entries, until=3)
    assert (until.entries, until.ledger.seq) == (3, 3)
    assert until.ledger.state.phase.value == "live"
    assert replay(call.entries, until=10_000).ledger == call.ledger


def test_a_decision_that_differs_is_shown_with_the_state_before_it() -> None:
    entries = a_call().entries
    changed = evolve(entries[3], effects=(do.Hangup(),))
    first = replay([*entries[:3], changed, *entries[4:]]).divergences[0]
    assert (first.entry, first.problem) == (changed, "")
    assert first.recorded == (do.Hangup(),)
    assert first.decided == entries[3].effects
    assert first.before == replay(entries, until=3).ledger.state


def test_the_recorded_decisions_count_for_what_follows() -> None:
    entries = a_call().entries
    changed = evolve(entries[3], effects=(*entries[3].effects, do.Hangup(reason="timeout")))
    assert replay([*entries[:3], changed]).ledger.state.end_reason == "timeout"


def problem(entries: list[Entry]) -> str:
    return replay(entries).divergences[0].problem


def test_a_missing_entry_is_named() -> None:
    entries = a_call().entries
    assert problem([*entries[:2], *entries[3:]]) == "seq 4 follows seq 2: an entry is missing or out of order"


def test_a_repeat_is_named() -> None:
    entries = a_call().entries
    again = evolve(entries[-1], seq=entries[-1].seq + 1)
    assert problem([*entries, again]) == "this fact is in the journal already: it would have been dropped as a repeat"


def test_time_that_runs_backwards_is_named() -> None:
    entries = a_call().entries
    early = evolve(entries[4], at=Instant(5))
    assert problem([*entries[:4], early]) == f"time runs backwards: 5 after {entries[3].at}"


def test_a_second_terminal_fact_is_named() -> None:
    entries = a_call().entries
    second = evolve(entries[-1], seq=entries[-1].seq + 1, key="another")
    assert problem([*entries, second]) == "this fact would have been recorded in other words: vendor.reported"


def test_a_changed_setting_shows_where_it_would_have_mattered() -> None:
    first, *rest = a_call().entries
    assert isinstance(first.event, fact.CallPlaced)
    terse = evolve(first.event.policy, greeting="Yes?")
    changed = evolve(first, event=evolve(first.event, policy=terse))
    difference = replay([changed, *rest]).divergences[0]
    assert [getattr(effect, "text", "") for effect in difference.recorded] == ["", "Hello, this is us.", ""]
    assert [getattr(effect, "text", "") for effect in difference.decided] == ["", "Yes?", ""]
