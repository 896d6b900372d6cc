"""Stories of calls that we place, until somebody picks up or nobody will."""

from __future__ import annotations

import pytest

from tests.core.story import THEM, US, answered, dialed, kinds, open_media, placed, spoken
from voicecall.core.state import Phase
from voicecall.events import effects as do
from voicecall.events import facts as fact


def test_placing_a_call_dials_once_and_watches_the_ringing() -> None:
    call = placed(ring_timeout_ms=20_000)
    assert call.entries[0].effects[0] == do.Dial(caller=US, callee=THEM, ring_timeout_ms=20_000)
    assert call.phase is Phase.DIALING
    assert call.state.peer == THEM
    assert call.timers() == {"ring": 35_000, "stale": 120_000}


def test_a_callee_who_picks_up_is_greeted_once_sound_flows() -> None:
    call = dialed()
    assert call.tell(fact.CallRinging()) == ()
    assert call.phase is Phase.RINGING
    assert kinds(call.tell(fact.CallAnswered())) == ["open_media"]
    assert call.phase is Phase.LIVE
    decided = open_media(call)
    assert kinds(decided) == ["listen", "speak"]
    assert spoken(decided) == ["Hello, this is us."]
    assert decided[1] == do.Speak(utterance=1, text="Hello, this is us.", purpose="greeting")


def test_a_second_answer_in_other_words_changes_nothing() -> None:
    call = answered()
    at = call.state.answered_at
    assert call.tell(fact.CallAnswered(by="human"), after_ms=500) == ()
    assert call.state.answered_at == at


def test_a_late_ringing_after_the_answer_is_odd_and_changes_nothing() -> None:
    call = answered()
    assert call.tell(fact.CallRinging(vendor_call_id="v2")) == ()
    assert (call.phase, call.state.anomalies, call.state.vendor_call_id) == (Phase.LIVE, 1, "v2")


def test_the_dial_answer_does_not_replace_the_name_that_a_callback_told() -> None:
    call = placed()
    call.tell(fact.CallRinging(vendor_call_id="call-uuid"))
    call.tell(fact.DialAccepted(settles=call.owed(do.Dial), vendor_call_id="request-uuid"))
    assert call.state.vendor_call_id == "call-uuid"


@pytest.mark.parametrize("reason", ["busy", "no-answer", "failed", "voicemail"])
def test_the_carrier_says_that_nobody_will_answer(reason: object) -> None:
    call = dialed()
    assert call.tell(fact.CallEnded(reason=reason)) == ()
    assert (call.phase, call.state.end_reason) == (Phase.ENDED, reason)


def test_a_refused_dial_ends_the_call_as_failed_with_the_carriers_words() -> None:
    call = placed()
    assert call.fails(do.Dial, "number is premium", vendor_code="422") == (
        do.Conclude(reason="failed", vendor_code="422"),
    )
    assert call.phase is Phase.ENDING
    call.tell(fact.CallEnded(reason="failed", vendor_code="422", settles=call.owed(do.Conclude)))
    assert (call.phase, call.state.end_reason) == (Phase.ENDED, "failed")


def test_a_refused_dial_without_a_code_keeps_the_reason() -> None:
    assert placed().fails(do.Dial, "no network") == (do.Conclude(reason="failed", vendor_code="no network"),)


def test_a_refusal_of_a_dial_that_rings_already_is_not_believed() -> None:
    call = placed()
    call.tell(fact.CallRinging(vendor_call_id="v1"))
    assert call.fails(do.Dial, "refused") == ()
    assert call.phase is Phase.RINGING


def test_nobody_answers_and_the_carrier_is_asked_and_told_to_stop() -> None:
    call = dialed(ring_timeout_ms=20_000)
    call.tell(fact.CallRinging())
    assert call.timers()["ring"] == 25_000
    assert call.fire("ring") == (do.Reconcile(placed_at=call.state.started_at),)
    asked = call.owed(do.Reconcile)
    assert call.tell(fact.CallReconciled(settles=asked, alive=True)) == (do.Hangup(reason="no-answer"),)
    call.done(do.Hangup)
    call.tell(fact.CallEnded(reason="completed"))
    assert call.state.end_reason == "no-answer"


def test_the_carrier_knows_that_it_was_answered_long_ago() -> None:
    call = dialed()
    call.fire("ring")
    asked = call.owed(do.Reconcile)
    assert kinds(call.tell(fact.CallReconciled(settles=asked, alive=True, answered=True))) == ["open_media"]
    assert call.phase is Phase.LIVE


@pytest.mark.parametrize(("reason", "ours"), [("busy", "busy"), ("unknown", "failed"), ("hangup-user", "hangup-user")])
def test_the_carrier_knows_that_it_is_over(reason: object, ours: str) -> None:
    call = dialed()
    call.fire("ring")
    over = fact.CallReconciled(
        settles=call.owed(do.Reconcile),
        alive=False,
        vendor_status="gone",
        reason=reason,
    )
    assert call.tell(over) == (do.Conclude(reason=ours, vendor_code="gone"),)


def test_a_carrier_that_says_nothing_about_a_call_in_doubt_is_not_waited_for() -> None:
    call = dialed()
    call.fire("ring")
    assert call.timers()["reconcile"] == 30_000
    assert call.fire("reconcile") == (do.Hangup(reason="failed"),)


def test_a_carrier_that_cannot_be_asked_about_a_ringing_call_is_told_to_hang_up() -> None:
    call = dialed()
    call.fire("ring")
    assert call.fails(do.Reconcile) == (do.Hangup(reason="failed"),)


def test_a_dial_in_doubt_waits_longer_and_is_reconciled_and_never_repeated() -> None:
    call = placed(ring_timeout_ms=20_000)
    assert call.fails(do.Dial, "timed out", in_doubt=True) == ()
    assert call.timers()["ring"] == 35_000
    assert kinds(call.fire("ring")) == ["reconcile"]
    assert call.fails(do.Reconcile, "search failed", vendor_code="500") == (
        do.Conclude(reason="failed", vendor_code="500"),
    )


def test_a_dial_in_doubt_that_nobody_knows_anything_of_has_failed() -> None:
    call = placed()
    call.fails(do.Dial, in_doubt=True)
    call.fire("ring")
    assert call.fire("reconcile") == (do.Conclude(reason="failed", vendor_code="unknown to the carrier"),)


def test_a_dial_in_doubt_that_rings_after_all_goes_on() -> None:
    call = placed()
    call.fails(do.Dial, in_doubt=True)
    call.tell(fact.CallRinging(vendor_call_id="v1"))
    assert kinds(call.tell(fact.CallAnswered())) == ["open_media"]


def test_a_failed_question_about_a_live_call_changes_nothing() -> None:
    call = answered()
    call.tell(fact.ActorStarted(incarnation="w2"))
    assert call.fails(do.Reconcile) == ()
    assert call.phase is Phase.LIVE


def test_a_call_that_was_never_answered_is_reaped_as_stale() -> None:
    call = dialed(ring_timeout_ms=600_000, stale_ms=60_000)
    assert call.timers()["stale"] == 60_000
    assert call.fire("stale") == (do.Hangup(reason="hangup-bot"),)


def test_a_stale_limit_of_zero_is_no_limit_and_an_answered_call_is_never_stale() -> None:
    assert "stale" not in dialed(stale_ms=0).timers()
    call = answered(stale_ms=10_000)
    assert call.fire("stale") == ()
    assert call.phase is Phase.LIVE


def test_a_call_cannot_be_placed_twice() -> None:
    call = placed()
    before = call.state
    again = call.entries[0].event
    assert call.tell(again, after_ms=5_000) == ()
    assert (call.state.started_at, call.state.anomalies) == (before.started_at, 1)
