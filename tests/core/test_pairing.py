"""Stories of unknown callers who are told a code."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from voicecall.core.pairing import (
    DAY_MS,
    LIFE_MS,
    Approved,
    Book,
    NotPaired,
    Requested,
    approve,
    ask,
    code_of,
    decode_fact,
    encode_fact,
    fold,
    fold_all,
    open_requests,
    revoke,
    spoken,
)
from voicecall.events import Instant

NOW = Instant(1_767_225_600_000)
STRANGER = "+15550002000"


def codes() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"{next(numbers):06d}"


def later(ms: int) -> Instant:
    return Instant(NOW + ms)


def asked(book: Book, number: str = STRANGER, now: Instant = NOW, fresh: Callable[[], str] | None = None) -> Requested:
    fact = ask(book, number, now, fresh or codes())
    assert fact is not None
    return fact


def test_a_stranger_is_told_a_code_and_let_in_by_it() -> None:
    fact = asked(Book())
    book = fold(Book(), fact)
    assert code_of(book, STRANGER, later(1)) == "000001"
    let_in = approve(book, "000 001", later(2), by="operator")
    assert let_in == Approved(at=later(2), number=STRANGER, by="operator")
    assert isinstance(let_in, Approved)
    book = fold(book, let_in)
    assert STRANGER in book.approved
    assert open_requests(book, later(3)) == ()
    assert ask(book, STRANGER, later(4), codes()) is None


def test_a_code_that_is_still_good_is_told_again() -> None:
    book = fold(Book(), asked(Book()))
    assert ask(book, STRANGER, later(LIFE_MS - 1), codes()) is None
    assert code_of(book, STRANGER, later(LIFE_MS - 1)) == "000001"


def test_a_code_is_good_for_an_hour() -> None:
    book = fold(Book(), asked(Book()))
    assert code_of(book, STRANGER, later(LIFE_MS)) == ""
    refused = approve(book, "000001", later(LIFE_MS))
    assert isinstance(refused, NotPaired)
    assert refused.field == "code"


def test_a_number_gets_three_codes_a_day() -> None:
    book, fresh = Book(), codes()
    for hour in range(3):
        book = fold(book, asked(book, now=later(hour * LIFE_MS), fresh=fresh))
    assert ask(book, STRANGER, later(3 * LIFE_MS), fresh) is None
    assert ask(book, "+15550002001", later(3 * LIFE_MS), fresh) is not None
    assert ask(book, STRANGER, later(DAY_MS), fresh) is not None


def test_two_strangers_never_share_a_code() -> None:
    same = iter(["111111", "111111", "222222"])
    book = fold(Book(), asked(Book(), fresh=lambda: next(same)))
    assert asked(book, "+15550002001", fresh=lambda: next(same)).code == "222222"


@pytest.mark.parametrize(
    "number", ["", "anonymous", "5550002000", "+0555", "sip:somebody@example.com", "+155500020\u0660\u0660"]
)
def test_whoever_withholds_the_number_gets_no_code(number: str) -> None:
    assert ask(Book(), number, NOW, codes()) is None


def test_the_operator_shuts_a_number_out_again() -> None:
    book = fold_all([asked(Book()), Approved(at=NOW, number=STRANGER)])
    shut_out = revoke(book, STRANGER, later(5))
    assert not isinstance(shut_out, NotPaired)
    book = fold(book, shut_out)
    assert STRANGER not in book.approved
    again = revoke(book, STRANGER, later(6))
    assert isinstance(again, NotPaired)
    assert again.field == "number"


def test_what_is_older_than_a_day_is_forgotten() -> None:
    book = fold_all([Requested(at=NOW, number=STRANGER, code="1"), Requested(at=later(DAY_MS), number="x", code="2")])
    assert [one.code for one in book.requests] == ["2"]


def test_facts_survive_the_journal() -> None:
    for fact in (asked(Book()), Approved(at=NOW, number=STRANGER, by="me")):
        assert decode_fact(encode_fact(fact)) == fact
    with pytest.raises(ValueError, match="Invalid value"):
        decode_fact(b'{"type":"pairing.invented","at":1}')


def test_a_code_is_read_digit_by_digit() -> None:
    assert spoken("120034") == "1 2 0 0 3 4"
