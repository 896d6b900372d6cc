"""What is due when, as a function of the state."""

from __future__ import annotations

from tests.core.story import Story, answered, conversing, dialed, offered, placed
from voicecall.core.deadlines import deadlines, is_due
from voicecall.core.state import CallState, Phase
from voicecall.events import EffectId, Instant
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.base import NO_EFFECT


def due(call: Story) -> dict[str, int]:
    """Deadlines in milliseconds from now."""
    return {name: at - call.now for name, at in deadlines(call.state).items()}


def test_before_a_call_exists_and_after_it_ended_nothing_is_due() -> None:
    assert deadlines(CallState()) == {}
    call = conversing()
    call.tell(fact.CallEnded(reason="hangup-user"))
    assert deadlines(call.state) == {}


def test_in_every_living_phase_something_is_due() -> None:
    ending = conversing()
    ending.tell(fact.HangupRequested())
    ringing = dialed()
    ringing.tell(fact.CallRinging())
    for call in (placed(), dialed(), ringing, offered(), answered(), conversing(), ending):
        assert due(call), call.phase
        assert set(due(call)) <= set(call.timers()), call.phase


def test_an_unanswered_call_that_we_place_may_ring_so_long() -> None:
    assert due(dialed(ring_timeout_ms=10_000, stale_ms=0)) == {"ring": 15_000}
    assert due(placed(ring_timeout_ms=10_000, dial_doubt_ms=20_000, stale_ms=0)) == {"ring": 30_000}


def test_an_offer_that_we_took_has_to_connect() -> None:
    assert due(offered(stale_ms=0)) == {"answer": 15_000}


def test_a_question_to_the_carrier_takes_the_place_of_the_ringing() -> None:
    call = dialed(stale_ms=0)
    call.fire("ring")
    assert due(call) == {"reconcile": 30_000}
    call.fails(do.Reconcile)
    assert due(call) == {"ending": 10_000}


def test_a_live_call_has_an_end_and_a_bound_to_its_silence() -> None:
    assert due(answered(max_duration_ms=1_000, media_timeout_ms=2_000)) == {"max_duration": 1_000, "media": 2_000}
    assert set(due(conversing())) == {"max_duration"}


def test_keys_a_waiter_and_the_agent_each_have_their_deadline() -> None:
    call = conversing()
    call.says("Tell me.")
    call.tell(fact.ListenRequested(text="How many?"))
    call.plays(2)
    call.tell(fact.DigitsPressed(digits="1"))
    assert set(due(call)) == {"max_duration", "silence", "transcript", "keys"}


def test_a_conclusion_that_is_owed_needs_no_deadline() -> None:
    call = conversing()
    call.tell(fact.HangupRequested())
    call.fails(do.Hangup)
    assert call.phase is Phase.ENDING
    assert due(call) == {}


def test_a_timer_is_due_only_if_its_deadline_stands_and_has_come() -> None:
    call = conversing()
    fired = fact.TimerFired(settles=NO_EFFECT, name="max_duration", due=Instant(0))
    assert not is_due(call.state, fired)
    call.now += 300_000
    call.tell(fact.VendorReported(status="tick"))
    assert is_due(call.state, fired)
    unknown = fact.TimerFired(settles=EffectId("1.9"), name="of another version", due=Instant(0))
    assert not is_due(call.state, unknown)


def test_no_two_timers_of_one_name_are_armed() -> None:
    call = conversing()
    call.says("Tell me.")
    names = [name for name, _ in call.state.armed]
    assert sorted(names) == sorted(set(names))
