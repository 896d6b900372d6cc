"""Stories of somebody who is reached by keys: an extension, the way through a menu."""

from __future__ import annotations

import pytest

from tests.core.story import answered, dialed, kinds, open_media, placed, spoken
from voicecall.core.admit import unsuited
from voicecall.core.dialing import duration_ms
from voicecall.core.requests import Refused
from voicecall.events import Mode, Policy
from voicecall.events import effects as do
from voicecall.events import facts as fact

GREETING = "Hello, this is us."
KEYS = "12,3w"
"""Three keys and two and a half seconds: four in all."""


def test_keys_are_pressed_when_somebody_answers_and_once() -> None:
    call = dialed(keys=KEYS)
    assert call.tell(fact.CallRinging()) == ()
    assert call.tell(fact.CallAnswered()) == (do.SendDigits(digits="12WW3w"), do.OpenMedia())
    assert call.tell(fact.CallAnswered()) == ()
    assert call.decided_the_same_today()


def test_whoever_notices_first_that_somebody_answered_presses_them() -> None:
    opened = dialed(keys=KEYS)
    assert kinds(open_media(opened)) == ["send_digits", "listen"]
    asked = placed(keys=KEYS)
    asked.fire("ring")
    event = fact.CallReconciled(settles=asked.owed(do.Reconcile), alive=True, answered=True, vendor_call_id="v1")
    assert kinds(asked.tell(event)) == ["send_digits", "open_media"]
    assert asked.tell(fact.CallAnswered()) == ()


def test_the_first_words_wait_for_the_keys_where_we_speak() -> None:
    call = answered(keys=KEYS)
    assert spoken(open_media(call)) == []
    assert call.timers()["dialed"] == 3_800
    assert spoken(call.wait(3_799)) == []
    assert spoken(call.wait(1)) == [GREETING]
    call.plays(1)
    assert "dialed" not in call.timers()
    assert call.wait(60_000) == ()
    assert call.decided_the_same_today()


def test_and_where_the_carrier_speaks() -> None:
    call = dialed(keys=KEYS, streaming=False)
    assert kinds(call.tell(fact.CallAnswered())) == ["send_digits", "listen"]
    assert spoken(call.wait(3_999)) == []
    assert spoken(call.wait(1)) == [GREETING]


def test_a_stream_that_opens_after_the_keys_is_spoken_to_at_once() -> None:
    call = answered(keys=KEYS)
    call.wait(5_000)
    assert spoken(open_media(call)) == [GREETING]


def test_a_stream_is_missed_when_it_does_not_come_after_the_keys() -> None:
    call = answered(keys=KEYS, media_timeout_ms=8_000)
    assert call.timers()["media"] == 12_000


def test_a_menu_is_not_answered_and_the_person_behind_it_is() -> None:
    call = answered(keys=KEYS)
    open_media(call)
    assert call.says("Please enter the extension.") == ()
    assert spoken(call.wait(3_800)) == [GREETING]
    call.plays(1)
    assert call.wait(30_000) == ()
    assert kinds(call.says("Hello?")) == ["ask_agent"]


def test_without_first_words_nothing_is_said_to_a_menu() -> None:
    call = answered(keys=KEYS, greeting="")
    open_media(call)
    assert call.says("Please enter the extension.") == ()
    assert call.wait(60_000) == ()
    assert kinds(call.says("Hello?")) == ["ask_agent"]


def test_first_words_that_were_cut_off_are_not_said_over_and_over() -> None:
    call = answered(keys=KEYS)
    open_media(call)
    call.wait(3_800)
    call.starts(1)
    call.tell(fact.CallerStarted())
    assert spoken(call.finishes(1, heard_ms=0, interrupted=True)) == []
    assert "dialed" not in call.timers()


@pytest.mark.parametrize(
    ("keys", "mode", "words"),
    [
        ("", Mode.NOTIFY, ""),
        ("1w2W#,pP*A", Mode.CONVERSATION, ""),
        ("1", Mode.NOTIFY, "dtmfSequence requires conversation mode"),
        ("call me", Mode.NOTIFY, "dtmfSequence: may only contain 0-9, *, #, A-D, w, p and comma, got 'call me'"),
    ],
)
def test_keys_are_for_conversations(keys: str, mode: Mode, words: str) -> None:
    expected = Refused(code="bad-request", reason=words) if words else None
    assert unsuited(Policy(keys=keys, mode=mode)) == expected


def test_how_long_keys_take() -> None:
    assert [duration_ms(Policy(keys=keys)) for keys in ("", "1", "w", "W", "p", ",", KEYS)] == [
        *(0, 500, 500, 1_000, 2_000, 2_000),
        4_000,
    ]
