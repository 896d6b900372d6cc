"""A media ticket opens the sound of one call, on one carrier, for a while."""

from __future__ import annotations

import pytest

from voicecall.core import tickets
from voicecall.core.tickets import BadTicket
from voicecall.events import CallId, Instant

KEY = b"k" * 32
CALL = CallId("5b0e2c1e-0000-5000-8000-000000000001")
NOW = Instant(1_767_225_600_000)
LATER = Instant(NOW + 60_000)


def a_ticket(nonce: str = "7", key: bytes = KEY) -> str:
    return tickets.mint(key, call_id=CALL, carrier="mock", expires=LATER, nonce=nonce)


@pytest.mark.parametrize("nonce", ["7", "7.0", ""])
def test_a_ticket_opens_its_call_until_it_expires(nonce: str) -> None:
    ticket = a_ticket(nonce)
    assert tickets.check(KEY, ticket, carrier="mock", now=NOW) == CALL
    assert tickets.check(KEY, ticket, carrier="mock", now=LATER) == CALL
    assert tickets.nonce(ticket) == nonce
    with pytest.raises(BadTicket, match="the ticket has expired"):
        tickets.check(KEY, ticket, carrier="mock", now=Instant(LATER + 1_000))


def test_the_same_ticket_is_minted_again_and_another_nonce_makes_another() -> None:
    assert a_ticket("7") == a_ticket("7")
    assert a_ticket("7") != a_ticket("8")


def test_a_ticket_of_another_carrier_or_key_is_refused() -> None:
    with pytest.raises(BadTicket, match="signature"):
        tickets.check(KEY, a_ticket(), carrier="twilio", now=NOW)
    with pytest.raises(BadTicket, match="signature"):
        tickets.check(KEY, a_ticket(key=b"x" * 32), carrier="mock", now=NOW)


@pytest.mark.parametrize(
    "change", [lambda t: t.replace("5b0e", "5b0f"), lambda t: t[:-1] + "\ud800", lambda t: t.replace(".7.", ".8.")]
)
def test_a_ticket_that_was_tampered_with_is_refused(change: object) -> None:
    assert callable(change)
    with pytest.raises(BadTicket, match="signature"):
        tickets.check(KEY, change(a_ticket()), carrier="mock", now=NOW)


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "...x", "\ud800"])
def test_what_is_not_a_ticket_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(BadTicket) as refused:
        tickets.check(KEY, text, carrier="mock", now=NOW)
    assert not text or text not in str(refused.value)
