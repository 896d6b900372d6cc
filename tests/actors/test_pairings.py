"""The writer of the ``pairing`` stream when the journal fails, is slow, or nobody waits any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count

import pytest
import trio
import trio.testing

from journal import JournalError, MemoryJournal, Position
from voicecall.actors.pairing import Pairings
from voicecall.core.pairing import STREAM, Approved, NotPaired, Requested, decode_fact
from voicecall.events import Instant

NOW = Instant(1_767_225_600_000)
STRANGER, ANOTHER = "+15550002000", "+15550002001"


def play(
    story: Callable[[Pairings, MemoryJournal], Awaitable[None]], told: list[Position] | None = None
) -> list[object]:
    """Tell a story; the facts that are in the journal afterwards."""
    journal, numbers = MemoryJournal(), count(1)

    async def main() -> list[object]:
        wrote = told if told is not None else []
        pairings = Pairings(
            journal=journal, wall=lambda: NOW, fresh_code=lambda: f"{next(numbers):06d}", wrote=wrote.append
        )
        await pairings.load()
        await story(pairings, journal)
        again = Pairings(journal=journal, wall=lambda: NOW, fresh_code=str, wrote=wrote.append)
        before = list(wrote)
        await again.load()
        assert (again.book, wrote) == (pairings.book, before), "what is there already is no news"
        async with journal.read(STREAM) as lines:
            return [decode_fact(line.body) async for line in lines]

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("fault", ["fail_after", "hang"])
def test_a_code_that_may_have_been_written_is_found_and_not_made_again(fault: str) -> None:
    told: list[Position] = []

    async def story(pairings: Pairings, journal: MemoryJournal) -> None:
        getattr(journal, fault)(1)
        with trio.move_on_after(1.5):
            with suppress(JournalError):
                await pairings.meet(STRANGER)
        assert pairings.code_of(STRANGER) == ""
        await pairings.meet(STRANGER)
        assert pairings.code_of(STRANGER) == "000001"
        await pairings.meet(ANOTHER)
        assert isinstance(await pairings.approve("000001", by="me"), Approved)

    facts = play(story, told)
    assert [type(one) for one in facts] == [Requested, Requested, Approved]
    assert told == [1, 2, 3], "the directory is told of each line"


def test_a_code_that_was_not_written_is_made_again() -> None:
    async def story(pairings: Pairings, journal: MemoryJournal) -> None:
        journal.fail_before(1)
        with pytest.raises(JournalError):
            await pairings.meet(STRANGER)
        await pairings.meet(STRANGER)
        assert pairings.code_of(STRANGER) == "000002"

    assert len(play(story)) == 1


def test_an_approval_that_was_written_and_not_told_holds() -> None:
    async def story(pairings: Pairings, journal: MemoryJournal) -> None:
        await pairings.meet(STRANGER)
        journal.fail_after(1)
        with pytest.raises(JournalError):
            await pairings.approve("000001", by="me")
        assert not pairings.knows(STRANGER), "not before it is known to be written"
        assert isinstance(await pairings.approve("000001", by="me"), NotPaired), "the code is spent"
        assert pairings.knows(STRANGER)
        await pairings.revoke(STRANGER, by="me")
        assert not pairings.knows(STRANGER)

    assert len(play(story)) == 3
