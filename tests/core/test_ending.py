"""Stories of endings: whoever wants it, there is exactly one terminal fact."""

from __future__ import annotations

import pytest

from tests.core.story import Story, answered, conversing, dialed, kinds, offered, placed
from voicecall.core.ledger import Again, step
from voicecall.core.requests import EndCall, Refused
from voicecall.core.state import Owing, Phase
from voicecall.events import effects as do
from voicecall.events import facts as fact


def terminal(call: Story) -> list[str]:
    return [entry.event.reason for entry in call.entries if isinstance(entry.event, fact.CallEnded)]


def test_we_hang_up_and_the_carrier_confirms() -> None:
    call = conversing()
    assert call.ask(EndCall(reason="hangup-bot", by="cli")) == (do.Hangup(reason="hangup-bot"),)
    assert call.phase is Phase.ENDING
    assert call.ask(EndCall()) == ()
    assert call.done(do.Hangup) == ()
    call.tell(fact.CallEnded(reason="completed"))
    assert (call.phase, call.state.end_reason, terminal(call)) == (Phase.ENDED, "hangup-bot", ["completed"])
    assert call.ask(EndCall()) == Refused(code="ended", reason="Call has ended (endReason=hangup-bot)")


def test_what_the_carrier_says_about_the_end_counts_unless_it_only_repeats_us() -> None:
    call = conversing()
    call.ask(EndCall(reason="timeout"))
    call.tell(fact.CallEnded(reason="hangup-user"))
    assert call.state.end_reason == "hangup-user"


def test_a_carrier_that_does_not_confirm_is_not_waited_for() -> None:
    call = conversing(hangup_grace_ms=10_000)
    call.ask(EndCall())
    call.done(do.Hangup)
    assert call.timers()["ending"] == 10_000
    assert call.wait(10_000) == (do.Conclude(reason="hangup-bot", vendor_code="no word from the carrier"),)
    call.tell(fact.CallEnded(reason="hangup-bot", settles=call.owed(do.Conclude)))
    assert terminal(call) == ["hangup-bot"]


def test_a_hang_up_that_fails_for_good_ends_the_call_here() -> None:
    call = conversing()
    call.ask(EndCall())
    assert call.fails(do.Hangup, "gone", vendor_code="500") == (do.Conclude(reason="hangup-bot", vendor_code="500"),)
    assert "ending" not in {name for name, left in call.timers().items() if left > 10_000}


def test_a_second_ending_is_news_from_the_carrier() -> None:
    call = conversing()
    call.tell(fact.CallEnded(reason="hangup-user"), key="a")
    assert call.tell(fact.CallEnded(reason="completed", vendor_code="late"), key="b") == ()
    assert call.entries[-1].event == fact.VendorReported(status="ended", code="late", detail="completed")
    assert terminal(call) == ["hangup-user"]


def test_our_own_conclusion_after_the_carriers_word_only_settles_itself() -> None:
    call = conversing()
    call.ask(EndCall())
    call.fails(do.Hangup, "gone")
    concluding = call.owed(do.Conclude)
    call.tell(fact.CallEnded(reason="completed"))
    call.tell(fact.CallEnded(reason="hangup-bot", settles=concluding))
    assert isinstance(call.entries[-1].event, fact.EffectSucceeded)
    assert concluding not in call.ledger.owed
    again = step(call.ledger, fact.CallEnded(reason="error", settles=concluding), at=call.now, writer="w1")
    assert again == Again(seq=0)


def test_after_the_end_nothing_is_decided() -> None:
    call = conversing()
    call.says("Tell me.")
    call.tell(fact.CallEnded(reason="hangup-user"))
    assert call.state.owing is Owing.NOBODY
    for event in (
        fact.CallRinging(),
        fact.CallAnswered(),
        fact.DigitsPressed(digits="1"),
        fact.AgentReplied(turn=1, index=0, text="Too late."),
        fact.MediaClosed(stream_id="s1", reason="closed"),
        fact.ActorStarted(incarnation="w2"),
        fact.VendorReported(status="recorded"),
        fact.Unknown(data={"type": "call.priced"}),
    ):
        assert call.tell(event) == ()
        assert call.entries[-1].effects == ()
    assert call.phase is Phase.ENDED


def test_an_ending_before_the_beginning_is_odd() -> None:
    call = Story()
    assert call.tell(fact.CallEnded(reason="completed")) == ()
    assert (call.phase, call.state.anomalies) == (Phase.NEW, 1)


def test_hanging_up_while_it_rings_is_possible() -> None:
    call = dialed()
    assert call.ask(EndCall()) == (do.Hangup(reason="hangup-bot"),)
    assert offered().ask(EndCall()) == (do.Hangup(reason="hangup-bot"),)


def test_hanging_up_a_call_that_does_not_exist_is_refused() -> None:
    assert Story().ask(EndCall()) == Refused(code="not-found", reason="Call not found")
    assert Story().tell(fact.HangupRequested()) == ()


@pytest.mark.parametrize(
    "sign", [fact.CallRinging(vendor_call_id="v1"), fact.CallAnswered(by="human", vendor_call_id="v1")]
)
def test_a_dial_in_doubt_that_shows_up_after_the_hang_up_is_hung_up(sign: fact.CallRinging) -> None:
    call = placed()
    call.fails(do.Dial, in_doubt=True)
    call.ask(EndCall())
    assert call.fails(do.Hangup, "nobody knows which call") == ()
    assert call.tell(sign, after_ms=2_000) == (do.Hangup(reason="hangup-bot"),)
    assert call.phase is Phase.ENDING
    assert call.tell(fact.CallAnswered(vendor_call_id="v1")) == ()


def test_a_dial_in_doubt_that_does_not_show_up_after_the_hang_up_is_over() -> None:
    call = placed()
    call.fails(do.Dial, in_doubt=True)
    call.ask(EndCall())
    call.fails(do.Hangup)
    assert kinds(call.wait(10_000)) == ["conclude"]


def test_a_call_that_we_gave_up_and_that_is_answered_after_all_is_hung_up_once() -> None:
    call = placed()
    call.fails(do.Dial, in_doubt=True)
    call.fire("ring")
    call.fails(do.Reconcile, "no such call")
    call.tell(fact.CallEnded(reason="failed", settles=call.owed(do.Conclude)))
    assert call.tell(fact.CallRinging(vendor_call_id="v1"), after_ms=2_000) == (do.Hangup(reason="failed"),)
    assert call.tell(fact.CallAnswered(vendor_call_id="v1")) == ()
    call.done(do.Hangup)
    call.tell(fact.CallEnded(reason="completed"))
    assert (call.phase, call.state.end_reason, len(terminal(call))) == (Phase.ENDED, "failed", 1)


def test_a_late_callback_of_a_call_that_the_carrier_ended_hangs_up_nothing() -> None:
    call = dialed()
    call.tell(fact.CallEnded(reason="busy"))
    assert call.tell(fact.CallAnswered(vendor_call_id="v1")) == ()


def test_a_dial_that_is_refused_while_we_hang_up_is_over_at_once() -> None:
    call = placed()
    call.ask(EndCall())
    assert call.fails(do.Dial, "busy line") == (do.Conclude(reason="failed", vendor_code="busy line"),)
    assert call.state.end_reason == "hangup-bot"


def test_a_refused_dial_of_a_live_call_is_not_believed() -> None:
    call = placed()
    call.tell(fact.CallAnswered())
    assert call.fails(do.Dial, "no") == ()


def test_a_quarantined_call_is_hung_up_and_decides_nothing_more() -> None:
    call = answered()
    assert call.tell(fact.ActorQuarantined(reason="it kept failing")) == (do.Hangup(reason="error"),)
    assert call.phase is Phase.ENDING
    assert call.tell(fact.HangupRequested()) == ()
    assert call.fails(do.Hangup) == ()
    call.tell(fact.CallEnded(reason="error", vendor_code="quarantine"))
    assert call.state.end_reason == "error"


def test_a_quarantined_call_without_an_end_on_record_is_ended_by_the_next_incarnation() -> None:
    call = answered()
    call.tell(fact.ActorQuarantined(reason="it kept failing"))
    call.tell(fact.ActorStarted(incarnation="w9"))
    assert call.wait(10_000) == (do.Conclude(reason="error", vendor_code="no word from the carrier"),)


def test_an_unknown_word_for_the_end_of_an_unanswered_call_stays_unknown() -> None:
    call = dialed()
    call.tell(fact.CallEnded(reason="unknown", vendor_code="purple"))
    assert call.state.end_reason == "unknown"
