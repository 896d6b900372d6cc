"""Which wishes become facts, and in what words the others are refused."""

from __future__ import annotations

import pytest

from tests.core.story import THEM, US, answered, conversing, dialed, offered, placed
from voicecall.core.admit import admit
from voicecall.core.requests import Ask, EndCall, OpenStream, PlaceCall, PressDigits, Refused, Say
from voicecall.core.state import CallState
from voicecall.events import RULES, Policy
from voicecall.events import facts as fact

PLACE = PlaceCall(request_id="r1", carrier="mock", caller=US, callee=THEM, policy=Policy(), by="cli")
STREAM = OpenStream(stream_id="s2", ticket="n2")


def test_a_new_call_may_be_placed_and_remembers_who_wished_it() -> None:
    assert admit(CallState(), PLACE) == fact.CallPlaced(
        carrier="mock", caller=US, callee=THEM, policy=Policy(), rules=RULES, by="cli", request_id="r1"
    )


def test_a_call_is_placed_once() -> None:
    assert admit(placed().state, PLACE) == Refused(code="busy", reason="This call has been placed already")


@pytest.mark.parametrize("wish", [Say(text="Hi"), Ask(text="Hi?"), PressDigits(digits="1"), EndCall(), STREAM])
def test_nothing_can_be_asked_of_a_call_that_does_not_exist(wish: object) -> None:
    assert admit(CallState(), wish) == Refused(code="not-found", reason="Call not found")


@pytest.mark.parametrize("wish", [Say(text="Hi"), Ask(text="Hi?"), PressDigits(digits="1"), EndCall(), STREAM])
def test_nothing_can_be_asked_of_a_call_that_has_ended(wish: object) -> None:
    call = conversing()
    call.tell(fact.CallEnded(reason="hangup-user"))
    refused = admit(call.state, wish)
    assert refused == Refused(code="ended", reason="Call has ended (endReason=hangup-user)")


@pytest.mark.parametrize("wish", [Say(text="Hi"), Ask(text="Hi?"), PressDigits(digits="1")])
def test_nobody_can_be_spoken_to_before_the_answer(wish: object) -> None:
    assert admit(dialed().state, wish) == Refused(code="not-connected", reason="Call not connected (state=dialing)")


@pytest.mark.parametrize("wish", [Say(text="Hi"), Ask(text="Hi?")])
def test_nothing_can_be_said_without_a_stream(wish: object) -> None:
    assert admit(answered().state, wish) == Refused(
        code="not-connected", reason="Call not connected (its media stream is not open; try again)"
    )
    assert not isinstance(admit(answered(streaming=False).state, wish), Refused)


def test_keys_do_not_need_a_stream() -> None:
    assert admit(answered().state, PressDigits(digits="12#", by="rpc")) == fact.DigitsRequested(digits="12#", by="rpc")


def test_wishes_of_a_live_call_become_facts() -> None:
    state = conversing().state
    assert admit(state, Say(text="Hi", by="a")) == fact.SayRequested(text="Hi", by="a")
    assert admit(state, Ask(text="Hi?", by="a")) == fact.ListenRequested(text="Hi?", by="a")
    assert admit(state, EndCall(by="a")) == fact.HangupRequested(reason="hangup-bot", by="a")


@pytest.mark.parametrize("wish", [Say(text=" "), Ask(text="")])
def test_an_empty_message_names_the_field_and_the_fix(wish: object) -> None:
    assert admit(conversing().state, wish) == Refused(
        code="bad-request", reason="message: must not be empty; say what should be said"
    )


@pytest.mark.parametrize("digits", ["", "12x", "one", "1 2"])
def test_keys_that_no_telephone_has_are_refused(digits: str) -> None:
    refused = admit(conversing().state, PressDigits(digits=digits))
    assert isinstance(refused, Refused)
    assert refused.code == "bad-request"
    assert refused.reason == f"digits: may only contain 0-9, *, #, A-D, w, p and comma, got {digits!r}"


def test_a_media_stream_is_let_in_once_per_ticket() -> None:
    call = conversing()
    assert admit(call.state, STREAM) == Refused(code="busy", reason="Media stream already open")
    used = OpenStream(stream_id="s2", ticket="s1")
    assert admit(call.state, used) == Refused(code="busy", reason="Ticket already used")
    call.tell(fact.MediaClosed(stream_id="s1", reason="lost"))
    assert admit(call.state, STREAM) == fact.MediaOpened(stream_id="s2", ticket="n2")
    assert admit(call.state, used) == Refused(code="busy", reason="Ticket already used")


def test_a_media_stream_may_come_before_the_answer_but_not_after_the_hang_up() -> None:
    assert isinstance(admit(offered().state, STREAM), fact.MediaOpened)
    call = conversing()
    call.tell(fact.HangupRequested())
    assert admit(call.state, STREAM) == Refused(code="ended", reason="Unknown call")


def test_a_ticket_is_not_shown() -> None:
    assert "n2" not in repr(STREAM)
