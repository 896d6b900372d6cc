"""Erasing is for good: on disk, across restarts, after failures, and whatever is refused is refused for a reason."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import trio

from journal import START, FileJournal, Line, Position, open_journal
from journal.api import Corrupt, Erased, JournalError, NoSpace, Unavailable
from journal.disk import MADE
from journal.index import Sidecar
from journal.lines import build_tombstone
from journal.segments import segment_paths, sidecar_path
from tests.journal.stage import FaultyDisk, SlowDisk, bodies, body, fill, lines, names, options, run, stalled

SECRET = b"a secret that has to go"
TOMBSTONE = build_tombstone(Position(41), "call/gone")


def write(directory: Path) -> list[Line]:
    """Two streams in many segments; the lines of the one that stays."""
    kept: list[Line] = []

    async def story() -> None:
        async with open_journal(directory, **options(segment_size=600)) as journal:
            gone = START
            for number in range(20):
                gone = await journal.append("call/gone", b'"%d: %s"' % (number, SECRET), after=gone)
                await fill(journal, "call/kept", 1, first=number)
            kept.extend(await lines(journal, "call/kept"))

    run(story)
    return kept


def raw(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.iterdir()))


def check_sealed(directory: Path) -> None:
    """Every segment but the last has a sidecar that fits."""
    for path in segment_paths(directory)[:-1]:
        Sidecar(sidecar_path(path), segment_size=path.stat().st_size)


def files(directory: Path) -> dict[str, int]:
    """The name and identity of every file."""
    return {path.name: path.stat().st_ino for path in directory.iterdir()}


def test_nothing_of_an_erased_stream_is_left_on_disk_but_its_name(tmp_path: Path) -> None:
    kept = write(tmp_path)
    assert raw(tmp_path).count(SECRET) == 20

    async def story() -> None:
        async with open_journal(tmp_path, **options()) as journal:
            await journal.erase("call/gone")
            assert await lines(journal) == kept
        assert SECRET not in raw(tmp_path)
        assert b"".join(path.read_bytes() for path in segment_paths(tmp_path)).count(b"call/gone") == 1
        assert TOMBSTONE in raw(tmp_path)
        for _ in range(2):
            async with open_journal(tmp_path, **options()) as journal:
                assert await lines(journal) == kept
                assert await names(journal) == ["call/kept"]
                with pytest.raises(Erased):
                    await journal.append("call/gone", b"1", after=START)

    run(story)


def test_a_tombstone_stops_a_late_message_from_making_a_phantom(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_journal(tmp_path, **options(segment_size=200)) as journal:
            await journal.erase("call/late")
            await fill(journal, "call/other", 10)
        async with open_journal(tmp_path, **options()) as journal:
            with pytest.raises(Erased, match="call/late: this stream was erased"):
                await journal.append("call/late", b"1", after=START)
            assert await names(journal) == ["call/other"]

    run(story)


@pytest.mark.parametrize("call", ["write", "sync", "rename", "sync_directory"])
@pytest.mark.parametrize("step", range(12))
def test_an_erasure_that_failed_is_finished_by_erasing_again_or_at_the_next_start(
    tmp_path: Path, call: str, step: int
) -> None:
    kept = write(tmp_path)

    async def story(*, again: bool) -> None:
        disk = FaultyDisk()
        async with open_journal(tmp_path, **options(disk=disk, segment_size=600)) as journal:
            disk.fail(call, errno.ENOSPC, after=step)
            try:
                await journal.erase("call/gone")
            except JournalError as error:
                failed = error
            else:
                return
            buried = TOMBSTONE in raw(tmp_path)
            assert isinstance(failed, Unavailable)
            assert await lines(journal, "call/kept") == kept
            assert not [name for name in files(tmp_path) if name.endswith(MADE)]
            if not buried:
                return
            if again and journal.writable:
                await journal.erase("call/gone")
                assert SECRET not in raw(tmp_path)
            if not again and journal.writable:
                # The segment with the tombstone is followed by another one before the erasure is finished.
                await journal.append("call/kept", b'"%s"' % (b"x" * 600), after=kept[-1].position)
                await fill(journal, "call/kept", 1)
        async with open_journal(tmp_path, **options()) as journal:
            assert SECRET not in raw(tmp_path)
            assert (await lines(journal))[:20] == kept
            check_sealed(tmp_path)

    run(lambda: story(again=step % 2 == 0))


def test_an_erasure_that_is_cancelled_and_never_durable_refuses_nothing(tmp_path: Path) -> None:
    write(tmp_path)
    disk = SlowDisk(slow="write")
    disk.fail("write", errno.ENOSPC, times=2)

    async def story() -> None:
        async with stalled(tmp_path, disk) as journal:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(give_up, journal, nursery.cancel_scope)
                await trio.to_thread.run_sync(disk.begun.wait)
                nursery.cancel_scope.cancel()
                disk.allowed.set()
            assert len(await lines(journal, "call/gone")) == 20
            assert len(await fill(journal, "call/gone", 1)) == 1

    async def give_up(journal: FileJournal, scope: trio.CancelScope) -> None:
        with pytest.raises(NoSpace):
            await journal.erase("call/gone")
        assert scope.cancel_called

    run(story, threads=True)


def test_appends_go_on_while_a_stream_is_erased(tmp_path: Path) -> None:
    write(tmp_path)

    async def story() -> None:
        async with open_journal(tmp_path, **options(inline=False, segment_size=600)) as journal:
            async with trio.open_nursery() as nursery:
                for number in range(8):
                    nursery.start_soon(fill, journal, f"call/{number}", 30)
                nursery.start_soon(journal.erase, "call/gone")
                nursery.start_soon(journal.erase, "call/never")
            every = await lines(journal)
        assert len(every) == 20 + 8 * 30
        assert SECRET not in raw(tmp_path)
        async with open_journal(tmp_path, **options()) as journal:
            assert await lines(journal) == every
            check_sealed(tmp_path)

    run(story, threads=True)


def test_old_tombstones_cost_a_start_nothing(tmp_path: Path) -> None:
    write(tmp_path)

    async def story() -> None:
        async with open_journal(tmp_path, **options(segment_size=600)) as journal:
            await journal.erase("call/gone")
            await fill(journal, "call/kept", 20, first=20)
        before = files(tmp_path)
        disk = FaultyDisk()
        async with open_journal(tmp_path, **options(disk=disk)) as journal:
            assert len(await bodies(journal)) == 40
        assert disk.calls["rename"] == 0
        assert files(tmp_path) == before

    run(story)


def test_a_damaged_segment_is_not_rewritten(tmp_path: Path) -> None:
    write(tmp_path)
    first, *_ = segment_paths(tmp_path)
    damaged = first.read_bytes().replace(b'{"n":1}', b'{"n":7}')
    first.write_bytes(damaged)

    async def story() -> None:
        async with open_journal(tmp_path, **options()) as journal:
            with pytest.raises(Corrupt, match=rf"{first}: offset \d+: the checksum is wrong"):
                await journal.erase("call/gone")
            assert first.read_bytes() == damaged
            with pytest.raises(Erased):
                await journal.append("call/gone", b"1", after=START)
        with pytest.raises(Corrupt, match=rf"{first}: offset \d+: the checksum is wrong"):
            await open_journal(tmp_path, **options()).__aenter__()

    run(story)


def test_a_start_without_room_leaves_the_erasure_for_later(tmp_path: Path) -> None:
    kept = write(tmp_path)
    last = segment_paths(tmp_path)[-1]
    with last.open("ab") as file:
        file.write(TOMBSTONE)

    async def story() -> None:
        disk = FaultyDisk(room=0)
        disk.fail("write", errno.ENOSPC)
        async with open_journal(tmp_path, **options(disk=disk)) as journal:
            assert await lines(journal, "call/kept") == kept
            with pytest.raises(NoSpace):
                await fill(journal, "call/new", 1)
            with pytest.raises(Erased):
                await journal.append("call/gone", b"1", after=START, ending=True)
        async with open_journal(tmp_path, **options()) as journal:
            assert SECRET not in raw(tmp_path)
            assert await lines(journal) == kept
            check_sealed(tmp_path)
            assert (await fill(journal, "call/new", 1))[0] == 42
            assert await bodies(journal, "call/new") == [body(0)]

    run(story)
