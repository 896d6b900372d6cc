"""Stories of calls that we are offered."""

from __future__ import annotations

import pytest

from tests.core.story import THEM, kinds, offered, open_media, spoken
from voicecall.core.evolve import evolve
from voicecall.core.state import Phase
from voicecall.events import effects as do
from voicecall.events import facts as fact


def test_a_welcome_caller_is_answered_greeted_and_asked_about() -> None:
    call = offered()
    assert call.entries[0].effects[0] == do.Answer()
    assert (call.phase, call.state.direction, call.state.peer) == (Phase.OFFERED, "inbound", THEM)
    call.done(do.Answer)
    assert call.tell(fact.CallAnswered()) == ()
    assert spoken(open_media(call)) == ["Hello, this is us."]
    call.plays(1)
    assert call.says("What are your opening hours?") == (do.AskAgent(turn=1, text="What are your opening hours?"),)
    assert spoken(call.replies("We are open from nine.", "Until five.")) == ["We are open from nine.", "Until five."]
    call.thought()
    assert call.state.remarks[-1].text == "What are your opening hours?"
    call.plays(2)
    call.plays(3)
    assert [one.speaker for one in call.state.remarks] == ["agent", "caller", "agent", "agent"]


def test_sound_that_flows_before_the_answer_is_told_is_an_answer() -> None:
    call = offered()
    assert kinds(open_media(call)) == ["listen", "speak"]
    assert call.phase is Phase.LIVE
    assert call.tell(fact.CallAnswered()) == ()


@pytest.mark.parametrize("verdict", ["disabled", "not-allowed", "busy"])
def test_an_unwelcome_caller_is_rejected_before_anything_is_answered(verdict: str) -> None:
    call = offered(verdict=verdict)
    assert call.entries[0].effects[0] == do.Reject(reason=verdict)
    assert call.phase is Phase.ENDING
    assert call.done(do.Reject) == (do.Conclude(reason="rejected", vendor_code=""),)
    call.tell(fact.CallEnded(reason="rejected", settles=call.owed(do.Conclude)))
    assert call.state.end_reason == "rejected"


def test_who_calls_while_we_stop_hears_the_busy_tone_whatever_is_on_record() -> None:
    assert offered(verdict="draining").entries[0].effects[0] == do.Reject(reason="busy")


def test_a_rejection_that_fails_ends_the_call_all_the_same() -> None:
    call = offered(verdict="disabled")
    assert call.fails(do.Reject, "timed out", vendor_code="504") == (do.Conclude(reason="rejected", vendor_code="504"),)


def test_an_answer_that_the_carrier_refuses_ends_the_call_as_failed() -> None:
    assert offered().fails(do.Answer, "too late") == (do.Conclude(reason="failed", vendor_code="too late"),)


def test_a_failed_answer_to_a_call_that_is_live_is_not_believed() -> None:
    call = offered()
    open_media(call)
    assert call.fails(do.Answer, "answered twice") == ()


def test_an_answer_that_leads_to_nothing_is_asked_about() -> None:
    call = offered()
    call.done(do.Answer)
    assert call.timers()["answer"] == 15_000
    assert kinds(call.fire("answer")) == ["reconcile"]
    asked = call.owed(do.Reconcile)
    assert call.tell(fact.CallReconciled(settles=asked, alive=True)) == (do.Hangup(reason="no-answer"),)


def test_a_caller_who_hangs_up_before_the_answer_is_gone() -> None:
    call = offered()
    call.tell(fact.CallEnded(reason="hangup-user"))
    assert (call.phase, call.state.end_reason, call.state.answered_at) == (Phase.ENDED, "hangup-user", 0)


def test_an_offer_of_a_call_that_goes_on_is_news_from_the_carrier() -> None:
    call = offered()
    begun = call.state
    assert call.tell(call.entries[0].event, after_ms=1_000, key="offer again") == ()
    assert call.entries[-1].event == fact.VendorReported(status="offered again")
    assert (call.phase, call.state.started_at) == (Phase.OFFERED, begun.started_at)


def test_a_second_offer_in_a_journal_begins_nothing_again() -> None:
    call = offered()
    again = evolve(call.state, call.entries[0].event)
    assert (again.started_at, again.anomalies) == (call.state.started_at, 1)
