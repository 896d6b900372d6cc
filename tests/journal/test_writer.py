"""Group commit, and what becomes of appends when the disk does not do what it was asked."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest
import trio

from journal import START, Line, Position, Reader, open_journal
from journal.api import Broken, Erased, JournalError, Unavailable
from journal.files import FileJournal
from tests.journal.stage import FaultyDisk, SlowDisk, bodies, body, fill, last, lines, options, run, stalled


async def attempt(journal: FileJournal, stream: str, outcomes: dict[str, object]) -> None:
    try:
        outcomes[stream] = await journal.append(stream, b"1", after=START)
    except JournalError as error:
        outcomes[stream] = type(error)


def test_five_hundred_appenders_share_their_syncs(tmp_path: Path) -> None:
    disk = FaultyDisk(quick=False)

    async def story() -> None:
        async with open_journal(tmp_path, disk=disk) as journal:
            before = disk.calls["sync"], disk.calls["write"]
            async with trio.open_nursery() as nursery:
                for number in range(500):
                    nursery.start_soon(fill, journal, f"call/{number}", 4)
            syncs, writes = disk.calls["sync"] - before[0], disk.calls["write"] - before[1]
        # 2,000 appends. Each round of 500 needs one batch, and another one for those that came while it was written.
        assert 4 <= syncs == writes <= 100

    run(story, threads=True)


def test_an_append_returns_only_when_it_is_durable(tmp_path: Path) -> None:
    disk = SlowDisk()

    async def story() -> None:
        async with stalled(tmp_path, disk) as journal:
            returned: dict[str, object] = {}
            async with trio.open_nursery() as nursery:
                nursery.start_soon(attempt, journal, "call/a", returned)
                await trio.to_thread.run_sync(disk.begun.wait)
                # Written, and others may see it; not durable, so neither its writer nor anybody in here does.
                assert await lines(Reader(tmp_path)) == [Line(position=Position(1), stream="call/a", body=b"1")]
                assert (returned, await lines(journal)) == ({}, [])
                disk.allowed.set()
            assert returned == {"call/a": 1}
            assert await bodies(journal) == [b"1"]

    run(story, threads=True)


def test_after_a_failed_sync_nothing_is_written_until_a_restart(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def story() -> None:
        async with open_journal(tmp_path, **options(disk=disk)) as journal:
            (position,) = await fill(journal, "call/a", 1)
            disk.fail("sync")
            with pytest.raises(Broken, match=r"could not make data durable \(Input/output error\).*restart"):
                await journal.append("call/a", b'"in doubt"', after=position)
            syncs, writes = disk.calls["sync"], disk.calls["write"]
            for _ in range(3):
                for ending in (False, True):
                    with pytest.raises(Broken, match="restart"):
                        await journal.append("call/b", b"1", after=START, ending=ending)
            with pytest.raises(Broken):
                await journal.erase("call/a")
            assert (disk.calls["sync"], disk.calls["write"]) == (syncs, writes)
            assert not journal.writable
            assert await bodies(journal) == [body(0)]
        async with open_journal(tmp_path, **options()) as journal:
            assert await bodies(journal) == [body(0)]
            await fill(journal, "call/a", 1, first=1)
            assert await bodies(journal) == [body(0), body(1)]

    run(story)


def test_a_failed_sync_fails_everybody_who_waits(tmp_path: Path) -> None:
    disk = SlowDisk()

    async def story() -> None:
        async with stalled(tmp_path, disk) as journal:
            disk.fail("sync")
            outcomes: dict[str, object] = {}
            async with trio.open_nursery() as nursery:
                nursery.start_soon(attempt, journal, "call/first", outcomes)
                await trio.to_thread.run_sync(disk.begun.wait)
                for number in range(20):
                    nursery.start_soon(attempt, journal, f"call/{number}", outcomes)
                await trio.testing.wait_all_tasks_blocked()
                disk.allowed.set()
            assert set(outcomes.values()) == {Broken}
            assert len(outcomes) == 21
            assert await lines(journal) == []

    run(story, threads=True)


def test_a_failed_write_is_cut_away(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def story() -> None:
        async with open_journal(tmp_path, **options(disk=disk)) as journal:
            (position,) = await fill(journal, "call/a", 1)
            disk.fail("write")
            with pytest.raises(Unavailable, match="jsonl: Input/output error"):
                await journal.append("call/a", b'"lost"', after=position)
            await fill(journal, "call/a", 2, first=1)
            assert await bodies(journal) == await bodies(Reader(tmp_path)) == [body(0), body(1), body(2)]
            # The position of the line that was taken back is not used again: somebody may have seen it.
            assert [line.position for line in await lines(journal)] == [1, 3, 4]
        async with open_journal(tmp_path, **options()) as journal:
            assert await bodies(journal) == [body(0), body(1), body(2)]

    run(story)


def test_a_file_that_cannot_be_cut_is_not_written_again(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def story() -> None:
        async with open_journal(tmp_path, **options(disk=disk)) as journal:
            await fill(journal, "call/a", 1)
            disk.fail("write", errno.ENOSPC)
            disk.fail("truncate")
            with pytest.raises(JournalError):
                await journal.append("call/b", b"1", after=START)
            with pytest.raises(Broken, match="restart"):
                await journal.append("call/b", b"1", after=START)
        async with open_journal(tmp_path, **options()) as journal:
            assert await bodies(journal) == [body(0)]

    run(story)


def test_a_cancelled_appender_does_not_disturb_the_others(tmp_path: Path) -> None:
    disk = SlowDisk()

    async def story() -> None:
        async with stalled(tmp_path, disk) as journal:
            outcomes: dict[str, object] = {}
            async with trio.open_nursery() as nursery:
                nursery.start_soon(attempt, journal, "call/a", outcomes)
                await trio.to_thread.run_sync(disk.begun.wait)
                with trio.move_on_after(1) as scope:
                    await journal.append("call/b", b"1", after=START)
                nursery.start_soon(attempt, journal, "call/c", outcomes)
                await trio.testing.wait_all_tasks_blocked()
                disk.allowed.set()
            assert scope.cancelled_caught
            assert outcomes == {"call/a": 1, "call/c": 3}
            assert [line.stream for line in await lines(journal)] == ["call/a", "call/b", "call/c"]
            assert await last(journal, "call/b") == 2

    run(story, threads=True)


def test_who_still_waits_when_the_journal_closes_is_told(tmp_path: Path) -> None:
    disk = SlowDisk()

    async def story() -> None:
        outcomes: dict[str, object] = {}
        async with trio.open_nursery() as nursery:
            async with stalled(tmp_path, disk) as journal:
                nursery.start_soon(attempt, journal, "call/a", outcomes)
                await trio.to_thread.run_sync(disk.begun.wait)
                nursery.start_soon(attempt, journal, "call/b", outcomes)
                await trio.testing.wait_all_tasks_blocked()
                disk.allowed.set()
            with pytest.raises(Broken, match="the journal is closed"):
                await journal.append("call/c", b"1", after=START)
        assert outcomes == {"call/a": 1, "call/b": Broken}

    run(story, threads=True)


@pytest.mark.parametrize("slow", ["open_append", "sync_directory", "rename"])
def test_the_journal_closes_while_a_segment_is_sealed(tmp_path: Path, slow: str) -> None:
    async def story() -> None:
        disk = SlowDisk(slow=slow)
        outcomes: dict[str, object] = {}
        async with trio.open_nursery() as nursery, stalled(tmp_path, disk, segment_size=6 * 48) as journal:
            places = await fill(journal, "call/a", 6)
            await trio.to_thread.run_sync(disk.begun.wait)
            nursery.start_soon(attempt, journal, "call/late", outcomes)
            await trio.testing.wait_all_tasks_blocked()
            disk.allowed.set()
        assert outcomes == {"call/late": Broken}
        before = set(os.listdir("/proc/self/fd"))
        async with open_journal(tmp_path, **options()) as journal:
            assert [line.position for line in await lines(journal)] == places
        assert set(os.listdir("/proc/self/fd")) == before

    run(story, threads=True)


def test_the_journal_closes_while_a_stream_is_erased(tmp_path: Path) -> None:
    outcomes: list[object] = []

    async def erase(journal: FileJournal) -> None:
        try:
            await journal.erase("call/a")
        except JournalError as error:
            outcomes.append(str(error))

    async def story() -> None:
        async with open_journal(tmp_path, **options()) as journal:
            await fill(journal, "call/a", 1)
        disk = SlowDisk()
        async with trio.open_nursery() as nursery, stalled(tmp_path, disk) as journal:
            nursery.start_soon(erase, journal)
            await trio.to_thread.run_sync(disk.begun.wait)
            disk.allowed.set()
        assert outcomes == [f"{tmp_path}: the journal is closed"]
        async with open_journal(tmp_path, **options()) as journal:
            assert await lines(journal) == []
            with pytest.raises(Erased):
                await journal.append("call/a", b"1", after=START)

    run(story, threads=True)


def test_an_error_of_the_caller_stays_what_it_is(tmp_path: Path) -> None:
    async def stumble() -> None:
        async with open_journal(tmp_path) as journal:
            await fill(journal, "call/a", 1)
            raise PermissionError("mine")

    async def story() -> None:
        with pytest.raises(PermissionError, match="mine"):
            await stumble()
        assert not [one for one in threading.enumerate() if one.name == "journal"]

    run(story, threads=True)
