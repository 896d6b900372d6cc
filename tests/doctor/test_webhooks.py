"""When two addresses are the same to a carrier, and how money and clocks are read."""

from __future__ import annotations

import pytest

from voicecall.doctor.api import is_spent
from voicecall.doctor.carrier import judge_clock
from voicecall.doctor.webhooks import same_url
from voicecall.events import Instant

OURS = "https://phone.example.com/voice/webhook"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (OURS, True),
        (f"{OURS}/", True),
        (f" {OURS}#rc=5&rp=all", True),
        ("HTTPS://Phone.Example.com/voice/webhook", True),
        ("http://phone.example.com/voice/webhook", False),
        ("https://phone.example.com:8443/voice/webhook", False),
        ("https://phone.example.com/Voice/webhook", False),
        (f"{OURS}?x=1", False),
        ("", False),
    ],
)
def test_addresses_are_compared_by_what_is_asked(other: str, same: bool) -> None:
    assert same_url(other, OURS) is same


def test_what_is_left_to_spend() -> None:
    amounts = ("0", "0.00000", "-1.5", "0.01", "100.00", "", "unlimited")
    assert [amount for amount in amounts if is_spent(amount)] == ["0", "0.00000", "-1.5"]


@pytest.mark.parametrize(
    ("off_s", "level", "words"),
    [
        (0, "ok", "agrees"),
        (5, "ok", "agrees"),
        (-6, "warn", "6 s behind"),
        (60, "warn", "60 s ahead of"),
        (61, "error", "61 s ahead of"),
    ],
)
def test_a_clock_is_held_against_the_carriers(off_s: int, level: str, words: str) -> None:
    found = judge_clock("Thu, 01 Jan 2026 00:00:00 GMT", Instant((1_767_225_600 + off_s) * 1000), "Twilio")
    assert found.level == level
    assert words in found.message


def test_a_date_that_is_none_says_nothing() -> None:
    assert judge_clock("yesterday", Instant(0), "Twilio").level == "skip"
