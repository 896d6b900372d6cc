"""Stories of media streams that come, go and come back."""

from __future__ import annotations

from tests.core.story import answered, connected, conversing, dialed, kinds, notifying, offered, open_media, spoken
from voicecall.core.state import Floor, Media, Owing, Phase
from voicecall.events import effects as do
from voicecall.events import facts as fact


def test_a_lost_stream_is_asked_for_again_and_the_person_is_told() -> None:
    call = conversing()
    assert kinds(call.tell(fact.MediaClosed(stream_id="s1", reason="lost"))) == ["open_media"]
    assert (call.state.media, call.state.floor) == (Media.CLOSED, Floor.NOBODY)
    assert call.wait(7_000) == ()
    assert spoken(open_media(call, "s2")) == ["I am back. Sorry about the pause."]
    assert call.state.tickets == ("s1", "s2")


def test_a_lost_stream_is_asked_for_after_a_restart_too() -> None:
    call = conversing()
    assert kinds(call.tell(fact.MediaClosed(stream_id="s1", reason="restart"))) == ["open_media"]


def test_a_stream_that_the_carrier_stopped_is_not_asked_for_but_missed() -> None:
    call = conversing()
    assert call.tell(fact.MediaClosed(stream_id="s1", reason="stopped")) == ()
    assert call.wait(8_000) == (do.Hangup(reason="error"),)


def test_a_stream_that_was_stopped_on_purpose_comes_back_without_a_word() -> None:
    call = conversing()
    call.tell(fact.MediaClosed(stream_id="s1", reason="stopped"))
    assert spoken(open_media(call, "s2")) == []


def test_the_end_of_an_older_stream_means_nothing() -> None:
    call = conversing()
    call.tell(fact.MediaClosed(stream_id="s1", reason="lost"))
    open_media(call, "s2")
    assert call.tell(fact.MediaClosed(stream_id="s1", reason="lost")) == ()
    assert call.state.media is Media.OPEN


def test_a_stream_that_closes_twice_is_closed_once() -> None:
    call = conversing()
    call.tell(fact.MediaClosed(stream_id="s1", reason="lost"))
    since = call.state.media_since
    call.tell(fact.MediaClosed(stream_id="s1", reason="lost"), after_ms=100)
    assert call.state.media_since == since


def test_a_greeting_that_nobody_heard_because_the_stream_broke_is_said_again() -> None:
    call = connected()
    call.finishes(1, heard_ms=0, interrupted=True)
    call.tell(fact.MediaClosed(stream_id="s1", reason="lost"))
    assert spoken(open_media(call, "s2")) == ["Hello, this is us."]


def test_being_back_does_not_settle_what_the_person_waits_for() -> None:
    call = conversing()
    call.says("Is Thursday free?")
    call.tell(fact.MediaClosed(stream_id="s1", reason="restart"))
    open_media(call, "s2")
    call.plays(2)
    assert call.state.owing is Owing.AGENT


def test_half_an_answer_that_was_cut_off_by_a_restart_is_not_owed_any_more() -> None:
    call = conversing()
    call.says("Is Thursday free?")
    call.replies("Let me see.", "It is.")
    call.plays(2)
    call.starts(3)
    call.thought()
    call.tell(fact.MediaClosed(stream_id="s1", reason="restart"))
    call.fails(do.Speak, "restart")
    open_media(call, "s2")
    call.plays(4)
    assert call.state.owing is Owing.NOBODY
    assert call.wait(60_000) == ()


def test_an_answer_of_which_a_restart_left_nothing_is_asked_for_again() -> None:
    call = conversing()
    call.says("Is Thursday free?")
    call.replies("It is.")
    call.thought()
    call.tell(fact.MediaClosed(stream_id="s1", reason="restart"))
    call.fails(do.Speak, "restart")
    open_media(call, "s2")
    call.plays(3)
    assert kinds(call.wait(2_500)) == ["ask_agent"]


def test_a_carrier_that_asks_again_where_the_sound_should_go_is_told() -> None:
    call = answered()
    call.fails(do.OpenMedia, "timed out")
    assert kinds(call.tell(fact.CallAnswered())) == ["open_media"]


def test_a_stream_that_is_open_is_not_asked_for() -> None:
    call = conversing()
    assert call.tell(fact.CallAnswered()) == ()


def test_a_call_without_streaming_never_asks_for_a_stream() -> None:
    call = dialed(streaming=False)
    assert kinds(call.tell(fact.CallAnswered())) == ["listen", "speak"]


def test_an_inbound_call_whose_answer_failed_late_may_ask_for_media() -> None:
    call = offered()
    call.tell(fact.CallAnswered())
    call.fails(do.Answer, "answered already")
    assert kinds(call.tell(fact.CallAnswered())) == ["open_media"]


def test_after_a_restart_the_carrier_is_asked_what_became_of_the_call() -> None:
    call = answered()
    assert call.tell(fact.ActorStarted(incarnation="w2")) == (do.Reconcile(placed_at=call.state.started_at),)
    asked = call.owed(do.Reconcile)
    assert kinds(call.tell(fact.CallReconciled(settles=asked, alive=True, answered=True))) == ["open_media"]


def test_a_stream_that_is_under_way_again_is_not_asked_for_twice() -> None:
    call = conversing()
    call.tell(fact.ActorStarted(incarnation="w2"))
    call.tell(fact.MediaClosed(stream_id="s1", reason="restart"))
    asked = call.owed(do.Reconcile)
    assert call.tell(fact.CallReconciled(settles=asked, alive=True, answered=True)) == ()


def test_a_call_that_ended_while_we_were_away_is_concluded() -> None:
    call = conversing()
    call.tell(fact.ActorStarted(incarnation="w2"))
    over = fact.CallReconciled(
        settles=call.owed(do.Reconcile), alive=False, vendor_status="ended", reason="hangup-user"
    )
    assert call.tell(over) == (do.Conclude(reason="hangup-user", vendor_code="ended"),)


def test_a_restart_before_the_carrier_named_the_call_asks_nothing_yet() -> None:
    call = dialed()
    call.tell(fact.ActorStarted(incarnation="w2"))
    fresh = answered()
    fresh.tell(fact.CallEnded(reason="hangup-user"))
    assert fresh.tell(fact.ActorStarted(incarnation="w2")) == ()


def test_a_ringing_call_that_is_ringing_still_goes_on_after_a_restart() -> None:
    call = dialed()
    call.tell(fact.ActorStarted(incarnation="w2"))
    asked = call.owed(do.Reconcile)
    assert call.tell(fact.CallReconciled(settles=asked, alive=True)) == ()
    assert call.phase is Phase.DIALING
    assert "ring" in call.timers()


def test_a_call_that_is_being_hung_up_is_not_led_back() -> None:
    call = answered()
    call.tell(fact.HangupRequested())
    call.tell(fact.ActorStarted(incarnation="w2"))
    asked = call.owed(do.Reconcile)
    assert call.tell(fact.CallReconciled(settles=asked, alive=True, answered=True)) == ()


def test_speech_in_flight_at_a_restart_is_given_up_and_settled() -> None:
    call = notifying()
    call.starts(1)
    assert call.fails(do.Speak, "restart") == ()
    assert call.state.saying == ()
    assert call.state.floor is Floor.NOBODY


def test_a_stream_that_cannot_be_opened_is_asked_for_at_once_and_then_once_a_second() -> None:
    call = answered()
    call.done(do.OpenMedia)
    assert kinds(call.tell(fact.FlowAsked(after="stream"), after_ms=10)) == ["open_media"]
    for _ in range(3):
        call.done(do.OpenMedia)
        assert call.tell(fact.FlowAsked(after="stream"), after_ms=10) == ()
        assert call.timers()["reopen"] == 1_000
        assert call.tell(fact.FlowAsked(after="wait"), after_ms=900) == ()
        assert kinds(call.wait(100)) == ["open_media"]
        assert "reopen" not in call.timers()


def test_whoever_asks_after_a_second_need_not_wait_for_the_timer() -> None:
    call = answered()
    for _ in range(2):
        call.done(do.OpenMedia)
        call.tell(fact.FlowAsked(after="stream"))
    assert kinds(call.tell(fact.FlowAsked(after="wait"), after_ms=1_000)) == ["open_media"]
    assert call.fire("reopen") == ()


def test_a_stream_that_opened_is_not_held_against_the_next_one() -> None:
    call = answered()
    for _ in range(2):
        call.done(do.OpenMedia)
        call.tell(fact.FlowAsked(after="stream"))
    call.wait(1_000)
    open_media(call)
    assert call.tell(fact.FlowAsked(after="stream")) == ()
    assert not call.state.media_refused
    call.tell(fact.MediaClosed(stream_id=call.state.stream_id, reason="stopped"))
    assert kinds(call.tell(fact.FlowAsked(after="stream"))) == ["open_media"]


def test_a_carrier_that_cannot_open_a_stream_now_is_asked_again_and_one_that_cannot_at_all_is_not() -> None:
    call = answered()
    call.tell(fact.EffectFailed(settles=call.owed(do.OpenMedia), reason="too many requests", retryable=True))
    assert kinds(call.wait(1_000)) == ["open_media"]
    call.fails(do.OpenMedia, "no such thing")
    assert "reopen" not in call.timers()
    assert call.wait(8_000) == (do.Hangup(reason="error"),)
