"""Who has been let in by a code: an unknown caller is told six digits, which the operator approves. Pure.

Facts of a stream of their own, ``pairing``. A code is good for an hour; a number gets at most three a day. Approving
says that whoever holds the number may call: caller ID is not proof of identity, as with every list of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec
from attrs import evolve, field, frozen

from voicecall.events import Instant

STREAM = "pairing"
LIFE_MS = 3_600_000
DAY_MS = 86_400_000
A_DAY = 3
"""Codes that one number may be told within a day."""
E164 = re.compile(r"\+[1-9][0-9]{6,14}")


class Requested(msgspec.Struct, tag_field="type", tag="pairing.requested", frozen=True, kw_only=True):
    """A caller was told a code."""

    v: int = 1
    at: int
    number: str
    code: str


class Approved(msgspec.Struct, tag_field="type", tag="pairing.approved", frozen=True, kw_only=True):
    """The operator let a number in."""

    v: int = 1
    at: int
    number: str
    by: str = ""


class Revoked(msgspec.Struct, tag_field="type", tag="pairing.revoked", frozen=True, kw_only=True):
    """The operator shut a number out again."""

    v: int = 1
    at: int
    number: str
    by: str = ""


PairingFact = Requested | Approved | Revoked

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PairingFact).decode


def encode_fact(fact: PairingFact) -> bytes:
    """The body of a journal line."""
    return _encode(fact)


def decode_fact(body: bytes) -> PairingFact:
    """The fact in a journal line. Raises ``ValueError``."""
    return _decode(body)


@frozen(kw_only=True)
class Book:
    """``approved``: number → when; ``requests``: every code of the last day, oldest first."""

    approved: dict[str, int] = field(factory=dict[str, int])
    requests: tuple[Requested, ...] = ()


@frozen(kw_only=True)
class NotPaired:
    """Why a wish was refused, in words for the operator."""

    field: Literal["code", "number"]
    reason: str


def fold(book: Book, fact: PairingFact) -> Book:
    """The book after ``fact``."""
    match fact:
        case Requested():
            kept = tuple(one for one in book.requests if one.at > fact.at - DAY_MS)
            return evolve(book, requests=(*kept, fact))
        case Approved():
            rest = tuple(one for one in book.requests if one.number != fact.number)
            return evolve(book, approved={**book.approved, fact.number: fact.at}, requests=rest)
        case _:
            left = {number: at for number, at in book.approved.items() if number != fact.number}
            return evolve(book, approved=left)


def fold_all(facts: Iterable[PairingFact]) -> Book:
    """The book after ``facts``."""
    book = Book()
    for fact in facts:
        book = fold(book, fact)
    return book


def open_requests(book: Book, now: Instant) -> tuple[Requested, ...]:
    """Codes that can still be approved."""
    return tuple(one for one in book.requests if one.at > now - LIFE_MS)


def code_of(book: Book, number: str, now: Instant) -> str:
    """The code that a number was told and that is still good; "" for none."""
    return next((one.code for one in reversed(open_requests(book, now)) if one.number == number), "")


def ask(book: Book, number: str, now: Instant, fresh_code: Callable[[], str]) -> Requested | None:
    """A new code for a caller; None when the number is known, has a good one, has had enough, or is no number."""
    if not E164.fullmatch(number) or number in book.approved or code_of(book, number, now):
        return None
    if sum(one.number == number and one.at > now - DAY_MS for one in book.requests) >= A_DAY:
        return None
    taken = {one.code for one in open_requests(book, now)}
    code = next(code for _ in range(1_000) if (code := fresh_code()) not in taken)
    return Requested(at=now, number=number, code=code)


def approve(book: Book, code: str, now: Instant, *, by: str = "") -> Approved | NotPaired:
    """Let in whoever was told ``code``."""
    digits = "".join(one for one in code if one.isdigit())
    found = [one for one in open_requests(book, now) if one.code == digits]
    if not found:
        return NotPaired(field="code", reason="code: nobody was told this code within the last hour; ask to call again")
    return Approved(at=now, number=found[0].number, by=by)


def revoke(book: Book, number: str, now: Instant, *, by: str = "") -> Revoked | NotPaired:
    """Shut a number out again."""
    if number not in book.approved:
        return NotPaired(field="number", reason="number: is not paired; `voicecall pairing list` shows those that are")
    return Revoked(at=now, number=number, by=by)


def spoken(code: str) -> str:
    """A code as a voice should read it: digit by digit."""
    return " ".join(code)
