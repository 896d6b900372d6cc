"""A full disk: nothing half-written stays, new calls are refused, and the calls that are on still get their ending."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from attrs import define

from journal import START, FileJournal, Position, Reader, open_journal
from journal.api import JournalError, NoSpace
from journal.disk import Disk
from journal.segments import segment_paths
from tests.checks.sources import ROOT
from tests.journal.stage import FaultyDisk, SlowDisk, bodies, body, fill, last, lines, options, run, stalled

RESERVE = 65_536


@define(eq=False)
class FullDisk(FaultyDisk):
    """Once it is full, every write goes to a real device without room."""

    full: bool = False

    def write(self, descriptor: int, data: bytes) -> None:
        if self.full:
            device = os.open("/dev/full", os.O_WRONLY | os.O_CLOEXEC)
            try:
                Disk.write(self, device, data)
            finally:
                os.close(device)
        super().write(descriptor, data)


def test_new_calls_are_refused_and_endings_are_journaled(tmp_path: Path) -> None:
    disk = FaultyDisk()

    async def story() -> None:
        async with open_journal(tmp_path, **options(disk=disk)) as journal:
            (position,) = await fill(journal, "call/a", 1)
            assert (tmp_path / "reserve").stat().st_blocks * 512 >= RESERVE
            disk.fail("write", errno.ENOSPC)
            disk.room = 2 * RESERVE - 1
            with pytest.raises(NoSpace, match="No space left on device; free some space"):
                await journal.append("call/a", body(1), after=position)
            assert not journal.writable
            with pytest.raises(NoSpace, match="the disk is full; free some space"):
                await journal.append("call/b", b"1", after=START)
            await journal.append("call/a", b'"over"', after=position, ending=True)
            assert not (tmp_path / "reserve").exists()
            assert await bodies(journal) == await bodies(Reader(tmp_path)) == [body(0), b'"over"']
            disk.room = 2 * RESERVE
            await fill(journal, "call/b", 1)
            assert journal.writable
            assert (tmp_path / "reserve").stat().st_size == RESERVE

    run(story)


@pytest.mark.parametrize("failures", [1, 2])
def test_what_was_under_way_when_the_disk_became_full(tmp_path: Path, failures: int) -> None:
    disk = FaultyDisk()
    outcomes: dict[str, object] = {}

    async def attempt(journal: FileJournal, name: str, stream: str, after: Position, *, ending: bool) -> None:
        try:
            await journal.append(stream, b'"%s"' % name.encode(), after=after, ending=ending)
        except JournalError as error:
            outcomes[name] = type(error)

    async def story() -> None:
        async with open_journal(tmp_path, **options(inline=False, disk=disk)) as journal:
            (position,) = await fill(journal, "call/a", 1)
            disk.fail("write", errno.ENOSPC, times=failures)
            disk.room = 0
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lambda: attempt(journal, "new", "call/b", START, ending=False))
                nursery.start_soon(lambda: attempt(journal, "over", "call/a", position, ending=True))
                nursery.start_soon(lambda: attempt(journal, "another", "call/c", START, ending=False))
            assert outcomes.pop("new") == outcomes.pop("another") == NoSpace
            # The reserve made room for the ending; if there was none even so, its writer heard of it.
            assert outcomes == ({} if failures == 1 else {"over": NoSpace})
            assert await bodies(journal) == await bodies(Reader(tmp_path)) == [body(0), b'"over"'][: 3 - failures]
            await journal.append("call/a", b'"really"', after=await last(journal, "call/a"), ending=True)
            assert (await bodies(journal))[-1] == b'"really"'

    run(story, threads=True)


def test_an_ending_does_not_follow_a_line_that_is_lost(tmp_path: Path) -> None:
    disk = SlowDisk(slow="write", room=0)
    disk.fail("write", errno.ENOSPC)

    async def finish(journal: FileJournal) -> None:
        with pytest.raises(NoSpace):
            await journal.append("call/a", b'"over"', after=Position(1), ending=True)

    async def story() -> None:
        async with stalled(tmp_path, disk) as journal:
            async with trio.open_nursery() as nursery:
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await journal.append("call/a", b'"lost"', after=START)
                nursery.start_soon(finish, journal)
                await trio.testing.wait_all_tasks_blocked()
                disk.allowed.set()
            assert await bodies(journal) == await bodies(Reader(tmp_path)) == []

    run(story, threads=True)


def test_a_start_on_a_full_disk_reads_and_takes_endings(tmp_path: Path) -> None:
    async def write() -> None:
        async with open_journal(tmp_path, **options(segment_size=300)) as journal:
            await fill(journal, "call/a", 30)

    async def story() -> None:
        (tmp_path / "reserve").unlink()
        sidecar = tmp_path / "00000000000000000001.index"
        sidecar.unlink()
        disk = FaultyDisk(room=0)
        disk.fail("reserve", errno.ENOSPC)
        async with open_journal(tmp_path, **options(disk=disk)) as journal:
            assert await bodies(journal) == [body(n) for n in range(30)]
            with pytest.raises(NoSpace):
                await journal.append("call/b", b"1", after=START)
            await journal.append("call/a", b'"over"', after=await last(journal, "call/a"), ending=True)
        assert not sidecar.exists()
        async with open_journal(tmp_path, **options()) as journal:
            assert len(await bodies(journal, "call/a")) == 31
        assert sidecar.exists()

    run(write)
    run(story)


@pytest.mark.parametrize("call", ["open_append", "sync_directory"])
def test_a_segment_that_cannot_be_begun_does_not_fail_what_is_durable(tmp_path: Path, call: str) -> None:
    disk = FaultyDisk()

    async def story() -> None:
        async with open_journal(tmp_path, **options(disk=disk, segment_size=300)) as journal:
            places = await fill(journal, "call/a", 5)
            disk.fail(call, errno.ENOSPC if call == "open_append" else errno.EIO, times=2)
            position = await journal.append("call/a", b'"%s"' % (b"x" * 300), after=places[-1])
            assert [line.position for line in await lines(journal)][-1] == position
            if call == "open_append":
                await fill(journal, "call/b", 3)
                assert len(segment_paths(tmp_path)) == 2
            else:
                # A directory that could not be made durable is a failed sync like any other.
                with pytest.raises(JournalError, match="restart"):
                    await fill(journal, "call/b", 1)
        async with open_journal(tmp_path, **options()) as journal:
            assert await last(journal, "call/a") == position
            assert position < (await fill(journal, "call/c", 1))[0]

    run(story)


def test_a_real_device_without_room(tmp_path: Path) -> None:
    disk = FullDisk()

    async def story() -> None:
        async with open_journal(tmp_path, **options(disk=disk)) as journal:
            (position,) = await fill(journal, "call/a", 1)
            disk.full, disk.room = True, 0
            with pytest.raises(NoSpace, match="No space left on device"):
                await journal.append("call/a", body(1), after=position)
            disk.full = False
            await journal.append("call/a", b'"over"', after=position, ending=True)
            assert await bodies(journal) == [body(0), b'"over"']

    run(story)


CHILD = """
import json, resource, sys, trio
from pathlib import Path
from journal import START, open_journal
from journal.api import NoSpace

directory, limit = Path(sys.argv[1]), int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

async def main():
    told = {"acknowledged": 0, "refused": "", "ending": 0}
    async with open_journal(directory, reserve_size=1 << 18, segment_size=1 << 30) as journal:
        after = START
        while not told["refused"] and told["acknowledged"] < 100_000:
            try:
                after = await journal.append("call/a", b'"%s"' % (b"x" * 1000), after=after)
                told["acknowledged"] += 1
            except NoSpace as error:
                told["refused"] = str(error)
        try:
            told["ending"] = await journal.append("call/a", b'"over"', after=after, ending=True)
        except NoSpace as error:
            told["ending"] = str(error)
    async with open_journal(directory, reserve_size=1 << 18) as journal:
        async with journal.read("call/a") as lines:
            told["found"] = [line.body.decode()[:8] async for line in lines]
    print(json.dumps(told))

trio.run(main)
"""


def fill_up(*command: str, directory: Path, limit: int = 0) -> dict[str, object]:
    done = subprocess.run(
        [*command, sys.executable, "-c", CHILD, str(directory), str(limit)], cwd=ROOT, capture_output=True, check=False
    )
    assert done.stderr == b""
    return json.loads(done.stdout)


def test_a_real_file_system_that_fills_up(tmp_path: Path) -> None:
    mount = ["unshare", "-Urm", "sh", "-c", 'mount -t tmpfs -o size=2m none "$0" && exec "$@"', str(tmp_path)]
    if not shutil.which("unshare") or subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let its users mount a file system of their own")
    told = fill_up(*mount, directory=tmp_path / "journal")
    acknowledged = told["acknowledged"]
    assert isinstance(acknowledged, int)
    assert 1000 < acknowledged < 2000
    assert "No space left on device" in str(told["refused"])
    assert isinstance(told["ending"], int)
    assert told["found"] == ['"xxxxxxx'] * acknowledged + ['"over"']


def test_a_real_limit_on_the_size_of_files(tmp_path: Path) -> None:
    told = fill_up(directory=tmp_path, limit=1 << 20)
    acknowledged = told["acknowledged"]
    assert isinstance(acknowledged, int)
    assert 900 < acknowledged < 1024
    assert "File too large" in str(told["refused"])
    assert told["found"] == ['"xxxxxxx'] * acknowledged + (['"over"'] if isinstance(told["ending"], int) else [])
