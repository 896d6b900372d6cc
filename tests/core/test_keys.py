"""Stories of keys: those that the caller presses, and those that we send."""

from __future__ import annotations

from tests.core.story import conversing, notifying, placed
from voicecall.core.requests import PressDigits
from voicecall.events import effects as do
from voicecall.events import facts as fact


def test_keys_pressed_close_together_go_to_the_agent_as_one() -> None:
    call = conversing()
    for digit in "123#":
        assert call.tell(fact.DigitsPressed(digits=digit), after_ms=1_400) == ()
        assert call.wait(0) == ()
    assert call.wait(1_499) == ()
    assert call.wait(1) == (do.AskAgent(turn=1, text="[keys 123#]"),)
    assert call.state.remarks[-1].text == "[keys 123#]"
    assert call.state.keys == ""


def test_keys_pressed_far_apart_are_two_remarks() -> None:
    call = conversing()
    call.tell(fact.DigitsPressed(digits="1"))
    assert call.wait(1_600) == (do.AskAgent(turn=1, text="[keys 1]"),)
    call.tell(fact.DigitsPressed(digits="2"))
    assert call.wait(1_600) == (do.AskAgent(turn=2, text="[keys 2]"),)


def test_the_gap_is_what_the_policy_says() -> None:
    call = conversing(keys_gap_ms=300)
    call.tell(fact.DigitsPressed(digits="1"))
    assert call.timers()["keys"] == 300


def test_keys_on_a_notify_call_are_kept_and_not_answered() -> None:
    call = notifying()
    call.starts(1)
    call.tell(fact.DigitsPressed(digits="1"))
    assert call.wait(2_000) == ()
    assert call.state.remarks[-1].text == "[keys 1]"


def test_we_send_keys_on_a_live_call_only() -> None:
    call = conversing()
    assert call.ask(PressDigits(digits="1w2#")) == (do.SendDigits(digits="1w2#"),)
    assert placed().tell(fact.DigitsRequested(digits="1")) == ()
