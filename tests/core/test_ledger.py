"""Sequence, keys, effects owed, time: what a list of entries implies."""

from __future__ import annotations

from tests.core.story import START, Story, conversing, dialed, placed
from voicecall.core.ledger import Again, Ledger, fold, step
from voicecall.core.state import Phase
from voicecall.events import Entry, Instant, effect_id, effects_of
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.schema import encode_entry


def test_entries_are_numbered_without_gaps() -> None:
    call = conversing()
    assert [entry.seq for entry in call.entries] == list(range(1, len(call.entries) + 1))
    assert call.ledger.seq == len(call.entries)


def test_the_same_key_is_the_same_message_again_for_ever() -> None:
    call = dialed()
    call.tell(fact.CallRinging(), key="evt-1")
    seq = call.ledger.seq
    call.tell(fact.CallEnded(reason="busy"), key="evt-2")
    assert step(call.ledger, fact.CallRinging(), at=call.now, writer="w2", key="evt-1") == Again(seq=seq)
    assert call.ledger.keys["evt-2"] == seq + 1


def test_a_line_of_a_long_call_says_no_more_than_one_of_a_short_call() -> None:
    call = conversing()
    sizes: list[int] = []
    for turn in range(1, 201):
        call.says("Is it free?")
        sizes.append(len(encode_entry(call.entries[-1])))
        call.tell(fact.CallRinging(), key=f"evt-{turn}")
        call.replies("It is.", turn=turn)
        call.thought(turn)
        call.plays(call.state.utterance)
    assert max(sizes) == sizes[0]


def test_facts_of_our_own_have_no_key_and_are_never_repeats() -> None:
    call = conversing()
    call.tell(fact.CallerHeard(text="Is"))
    call.tell(fact.CallerHeard(text="Is"))
    assert "" not in call.ledger.keys


def test_an_effect_has_one_outcome() -> None:
    call = placed()
    dial = call.owed(do.Dial)
    call.tell(fact.DialAccepted(settles=dial, vendor_call_id="v1"))
    assert dial not in call.ledger.owed
    late = fact.EffectFailed(settles=dial, reason="restart", in_doubt=True)
    assert step(call.ledger, late, at=call.now, writer="w1") == Again(seq=0)


def test_effects_are_owed_in_the_order_they_were_decided_under_derived_names() -> None:
    call = placed()
    entry = call.entries[0]
    assert list(call.ledger.owed) == [effect_id(1, index) for index in range(len(entry.effects))]
    assert dict(effects_of(entry)) == call.ledger.owed
    assert tuple(effect for _, effect in call.state.owed) == tuple(
        effect for effect in entry.effects if not isinstance(effect, do.StartTimer)
    )


def test_time_does_not_run_backwards_when_the_clock_is_set_back() -> None:
    call = dialed()
    call.now = Instant(START - 3_600_000)
    call.tell(fact.CallRinging())
    assert call.entries[-1].at == call.entries[-2].at == call.state.now


def test_an_entry_tells_who_wrote_it_and_what_proves_it() -> None:
    entry = step(Ledger(), fact.Unknown(), at=START, writer="w7", key="k", evidence="sha256:00", verified=False)
    assert entry == Entry(
        seq=1, at=START, writer="w7", event=fact.Unknown(), key="k", evidence="sha256:00", verified=False
    )


def test_recovery_believes_the_journal_and_not_todays_rules() -> None:
    call = placed()
    other = do.Reject(reason="a rule that we do not have any more")
    strange = Entry(seq=2, at=call.now, writer="w1", event=fact.CallRinging(), effects=(other,))
    ledger = fold(call.ledger, strange)
    assert ledger.owed[effect_id(2, 0)] == other
    assert ledger.state.phase is Phase.ENDING


def test_an_unknown_effect_is_owed_like_any_other() -> None:
    unknown = do.UnknownEffect(data={"type": "transfer", "to": "sales"})
    entry = Entry(seq=1, at=START, writer="w1", event=fact.Unknown(), effects=(unknown,))
    assert fold(Ledger(), entry).owed == {effect_id(1, 0): unknown}


def test_folding_the_journal_gives_the_ledger_of_the_live_call() -> None:
    call = conversing()
    call.says("Tell me.")
    call.replies("Here.")
    again = Story()
    for entry in call.entries:
        again.ledger = fold(again.ledger, entry)
    assert again.ledger == call.ledger
