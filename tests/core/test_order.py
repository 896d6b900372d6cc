"""Carriers that promise no order: keys and words are taken as they were pressed and said, not as they came."""

from __future__ import annotations

from tests.core.story import Story, answered, conversing, kinds
from voicecall.events import Instant
from voicecall.events import facts as fact

NOON = 1_767_268_800_000


def at(ms: int) -> Instant:
    return Instant(NOON + ms)


def talking() -> Story:
    """The carrier listens, and has heard something; the answer is being said."""
    call = answered(streaming=False)
    call.plays(1)
    call.tell(fact.CallerSaid(text="Is Thursday free?", told_at=at(1_000)))
    call.tell(fact.SayRequested(text="It is. From ten to twelve, and again from three."))
    call.starts(2)
    return call


def test_keys_are_joined_in_the_order_they_were_pressed() -> None:
    call = conversing()
    for digit, pressed_at in (("1", 100), ("#", 700), ("2", 300), ("3", 500)):
        call.tell(fact.DigitsPressed(digits=digit, told_at=at(pressed_at)))
    assert call.state.keys == "123#"
    call.fire("keys")
    call.tell(fact.DigitsPressed(digits="9", told_at=at(200)))
    assert call.state.keys == "9"


def test_keys_of_one_instant_and_keys_without_one_keep_the_order_they_came_in() -> None:
    call = conversing()
    for digits in ("12", "3", "4"):
        call.tell(fact.DigitsPressed(digits=digits))
    call.tell(fact.DigitsPressed(digits="#"), after_ms=10)
    assert call.state.keys == "1234#"


def test_a_part_of_what_was_said_that_comes_after_the_whole_interrupts_nobody() -> None:
    call = talking()
    assert kinds(call.tell(fact.CallerHeard(text="Is Thursday", told_at=at(600)))) == []
    assert call.entries[-1].event == fact.VendorReported(status="heard late", detail="Is Thursday")


def test_a_part_of_the_next_thing_that_is_said_interrupts_us() -> None:
    call = talking()
    assert kinds(call.tell(fact.CallerHeard(text="Wait", told_at=at(1_001)))) == ["stop_speaking"]


def test_where_nobody_says_when_words_were_said_every_word_interrupts_us() -> None:
    call = talking()
    assert kinds(call.tell(fact.CallerHeard(text="Wait"))) == ["stop_speaking"]
