"""Readers without the lock: other processes, copies, single files; and that they never lose their place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from journal import START, Line, Position, Readable, Reader, open_journal, open_reader
from journal.api import NoSpace
from journal.lines import build
from journal.reading import POLL_S, FoundSegments
from journal.segments import segment_paths
from tests.checks.sources import ROOT
from tests.journal.stage import FaultyDisk, bodies, body, fill, lines, names, options, run


class CountedSegments(FoundSegments):
    """The files of a directory, and how often they were looked at in vain."""

    polls = 0

    async def news(self) -> None:
        self.polls += 1
        await super().news()


def write(directory: Path, count: int = 60, *, fill: int = 0, **changes: object) -> list[Line]:
    found: list[Line] = []

    async def story() -> None:
        async with open_journal(directory, **options(**changes)) as journal:
            ends: dict[str, Position] = {}
            for number in range(count):
                stream = f"call/{number % 3}"
                text = b'{"n":%d,"fill":"%s"}' % (number, b"x" * fill)
                ends[stream] = await journal.append(stream, text, after=ends.get(stream, START))
            found.extend(await lines(journal))

    run(story)
    return found


async def take(reader: Readable, count: int, stream: str | None = None, *, after: Position = START) -> list[Line]:
    """The first ``count`` lines that a follower gets."""
    async with reader.follow(stream, after=after) as found:
        return [await anext(found) for _ in range(count)]


def test_another_process_sees_a_line_after_at_most_two_looks(tmp_path: Path) -> None:
    # Two looks are 100 ms.
    assert 2 * POLL_S <= 0.1

    async def story() -> None:
        segments = CountedSegments(tmp_path, None)
        send, receive = trio.open_memory_channel[Line](100)

        async def follow() -> None:
            async with Reader(tmp_path, segments=segments).follow("call/a") as found:
                async for line in found:
                    await send.send(line)

        async with open_journal(tmp_path, **options()) as journal, trio.open_nursery() as nursery:
            nursery.start_soon(follow)
            for number in range(30):
                await trio.sleep(0.33)
                (position,) = await fill(journal, "call/a", 1, first=number)
                written, polls = trio.current_time(), segments.polls
                assert (await receive.receive()).position == position
                assert trio.current_time() - written <= 2 * POLL_S
                assert segments.polls - polls <= 2
            nursery.cancel_scope.cancel()

    run(story)


def test_a_real_process_follows_a_real_process(tmp_path: Path) -> None:
    async def story() -> None:
        command = [sys.executable, "-m", "tests.journal.child", "follow", str(tmp_path)]
        process = await trio.lowlevel.open_process(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert process.stdout is not None
        try:
            said = b""
            while b"follows\n" not in said:
                said += await process.stdout.receive_some()
            async with open_journal(tmp_path, **options(inline=False, segment_size=500)) as journal:
                for number in range(40):
                    await fill(journal, f"call/{number % 2}", 1, first=number)
                    while f"call/{number % 2} {number + 1}\n".encode() not in said:
                        said += await process.stdout.receive_some()
                await journal.erase("call/0")
                await fill(journal, "call/2", 1)
                while b"call/2 42\n" not in said:
                    said += await process.stdout.receive_some()
            told = said.split(b"follows\n")[1].splitlines()
            assert told == [b"call/%d %d" % (n % 2, n + 1) for n in range(40)] + [b"call/2 42"]
        finally:
            process.kill()
            await process.wait()

    run(story, threads=True)


def test_any_file_of_lines_can_be_read(tmp_path: Path) -> None:
    every = write(tmp_path / "journal", segment_size=700)
    first, second, *_ = segment_paths(tmp_path / "journal")
    golden = tmp_path / "elsewhere/golden rules.jsonl"
    golden.parent.mkdir()
    shutil.copy(second, golden)
    begin = int(second.stem) - 1

    async def story() -> None:
        in_first, in_second = every[:begin], await lines(Reader(tmp_path, only=golden))
        assert in_second == every[begin : begin + len(in_second)]
        for reader, expected in (
            (Reader(first.parent, only=first), in_first),
            (Reader(golden.parent, only=golden), in_second),
            (open_reader(first.parent), every),
        ):
            mine = [line for line in expected if line.stream == "call/1"]
            assert await lines(reader) == await take(reader, len(expected)) == expected
            assert await lines(reader, "call/1") == await take(reader, len(mine), "call/1") == mine
            assert await lines(reader, "call/1", after=mine[1].position) == mine[2:]
            assert await names(reader) == ["call/0", "call/1", "call/2"]
            assert await names(reader, "call/", after="call/1") == ["call/2"]

    run(story)


def test_a_single_file_is_followed_while_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(build(Position(1), "call/a", b"1"))

    async def story() -> None:
        seen: list[bytes] = []

        async def follow() -> None:
            async with Reader(tmp_path, only=path).follow() as found:
                async for line in found:
                    seen.append(line.body)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow)
            await trio.sleep(1)
            data = build(Position(2), "call/a", b'"second"')
            for piece in (data[:9], data[9:-1], data[-1:]):
                assert seen == [b"1"]
                append(path, piece)
                await trio.sleep(1)
            assert seen == [b"1", b'"second"']
            nursery.cancel_scope.cancel()

    run(story)


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_a_copy_without_sidecars_reads_like_the_original(tmp_path: Path) -> None:
    every = write(tmp_path / "journal", segment_size=700)
    shutil.copytree(tmp_path / "journal", tmp_path / "copy", ignore=shutil.ignore_patterns("*.index", "lock"))

    async def story() -> None:
        copy = open_reader(tmp_path / "copy")
        assert await lines(copy) == every
        assert await lines(copy, "call/2") == [line for line in every if line.stream == "call/2"]
        assert await names(copy) == ["call/0", "call/1", "call/2"]
        assert copy.milestones() == open_reader(tmp_path / "journal").milestones()

    run(story)
    assert not (tmp_path / "copy/lock").exists()


def test_nothing_to_read_yet_is_nothing_to_complain_about(tmp_path: Path) -> None:
    async def story() -> None:
        reader = open_reader(tmp_path / "journal")
        assert (await lines(reader), await lines(reader, "call/a"), await names(reader)) == ([], [], [])
        seen: list[Line] = []

        async def follow() -> None:
            seen.extend(await take(reader, 1, "call/a"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow)
            await trio.sleep(1)
            async with open_journal(tmp_path / "journal", **options()) as journal:
                await fill(journal, "call/a", 1)
        assert [line.body for line in seen] == [body(0)]

    run(story)


def test_milestones_lead_to_the_newest_lines(tmp_path: Path) -> None:
    every = write(tmp_path, segment_size=700)

    async def story() -> None:
        reader = open_reader(tmp_path)
        milestones = reader.milestones()
        assert milestones[0] == START
        assert len(milestones) == len(segment_paths(tmp_path)) > 3
        for after in milestones:
            assert await lines(reader, after=after) == every[after:]
        assert Reader(tmp_path, only=tmp_path / "golden.jsonl").milestones() == [START]

    run(story)


@pytest.mark.parametrize("stream", [None, "call/a"])
def test_a_follower_finds_its_place_when_a_line_is_taken_back(tmp_path: Path, stream: str | None) -> None:
    disk = FaultyDisk(torn=False)

    async def story() -> None:
        seen: list[bytes] = []

        async def follow() -> None:
            async with open_reader(tmp_path).follow(stream) as found:
                async for line in found:
                    seen.append(line.body)

        async with open_journal(tmp_path, **options(disk=disk)) as journal, trio.open_nursery() as nursery:
            nursery.start_soon(follow)
            (position,) = await fill(journal, "call/a", 1)
            await trio.sleep(1)
            # A line that others have seen before the disk turned out to be full. The next one is as long.
            (path,) = segment_paths(tmp_path)
            append(path, build(Position(2), "call/a", b'"seen"'))
            await trio.sleep(1)
            disk.fail("write", 28)
            with pytest.raises(NoSpace):
                await journal.append("call/a", b'"gone"', after=position)
            disk.room = 1 << 40
            await journal.append("call/a", b'"kept"', after=position)
            await trio.sleep(1)
            await fill(journal, "call/a", 1, first=7)
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
        assert seen == [body(0), b'"seen"', b'"kept"', body(7)]

    run(story)


def test_a_reader_goes_on_in_the_file_that_an_erasure_replaces(tmp_path: Path) -> None:
    every = write(tmp_path, 300, segment_size=6_000)

    async def story() -> None:
        async with open_journal(tmp_path, **options()) as journal:
            inside, outside = journal.read(), open_reader(tmp_path).read()
            async with inside as first, outside as second:
                seen = [[await anext(first) for _ in range(10)], [await anext(second) for _ in range(10)]]
                before = os.stat(segment_paths(tmp_path)[0]).st_ino
                await journal.erase("call/1")
                assert os.stat(segment_paths(tmp_path)[0]).st_ino != before
                seen[0] += [line async for line in first]
                seen[1] += [line async for line in second]
            kept = [line for line in every if line.stream != "call/1"]
            for found in seen:
                assert [line for line in found if line.stream != "call/1"] == kept
            assert await lines(journal) == await lines(open_reader(tmp_path)) == kept
            assert await bodies(open_reader(tmp_path), "call/1") == []

    run(story)


def test_reading_gives_way_to_others(tmp_path: Path) -> None:
    write(tmp_path, 1_500, fill=300, segment_size=200_000)

    async def story() -> None:
        async with open_journal(tmp_path, **options()) as journal:
            for reader, stream in ((journal, None), (journal, "call/1"), (open_reader(tmp_path), "call/2")):
                turns = 0

                async def count() -> None:
                    nonlocal turns
                    while True:
                        await trio.lowlevel.checkpoint()
                        turns += 1

                async with trio.open_nursery() as nursery:
                    nursery.start_soon(count)
                    assert len(await lines(reader, stream)) >= 500
                    nursery.cancel_scope.cancel()
                assert turns >= 3

    run(story)
