"""The journal in memory fails on demand, so that everything above can be tried without a disk."""

from __future__ import annotations

import pytest
import trio

from journal import START, MemoryJournal
from journal.api import Broken
from tests.journal.stage import bodies, body, fill, run


def test_a_fault_before_the_write_leaves_no_trace() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        journal.fail_before(2)
        for _ in range(2):
            with pytest.raises(Broken, match="before the write"):
                await journal.append("call/a", b"1", after=START)
        assert (await bodies(journal), journal.position) == ([], START)
        await fill(journal, "call/a", 1)
        assert await bodies(journal) == [body(0)]

    run(story)


def test_a_fault_after_the_write_leaves_the_line() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        journal.fail_after(1)
        with pytest.raises(Broken, match="after the write"):
            await journal.append("call/a", body(0), after=START)
        await fill(journal, "call/a", 1, first=1)
        assert await bodies(journal) == [body(0), body(1)]

    run(story)


def test_an_append_that_never_returns_has_written() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        journal.hang(1)
        with trio.move_on_after(60) as scope:
            await journal.append("call/a", body(0), after=START)
        assert scope.cancelled_caught
        await fill(journal, "call/a", 1, first=1)
        assert await bodies(journal) == [body(0), body(1)]

    run(story)
