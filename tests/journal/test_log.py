"""Opening what a crash left behind: a torn end is cut by whoever holds the lock, damage in the middle is refused."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journal import Line, Position, Reader, open_journal
from journal.api import Corrupt, Unavailable
from journal.lines import build
from tests.journal.stage import FaultyDisk, QuickDisk, bodies, body, fill, lines, options, run


def write(directory: Path, count: int = 12, **changes: object) -> list[Line]:
    """A journal of ``count`` lines in three streams."""
    found: list[Line] = []

    async def story() -> None:
        async with open_journal(directory, **options(**changes)) as journal:
            for number in range(count):
                await fill(journal, f"call/{number % 3}", 1, first=number)
            found.extend(await lines(journal))

    run(story)
    return found


def reopen(directory: Path, *, disk: FaultyDisk | None = None) -> list[Line]:
    """Every line after a start, and that the journal can be written then."""
    found: list[Line] = []

    async def story() -> None:
        async with open_journal(directory, **options(disk=disk or QuickDisk())) as journal:
            found.extend(await lines(journal))
            (position,) = await fill(journal, "call/new", 1)
            assert position == max([line.position for line in found], default=0) + 1
        assert (await lines(Reader(directory)))[:-1] == found

    run(story)
    return found


async def collect(reader: Reader, told: list[Line]) -> None:
    async with reader.read() as found:
        async for line in found:
            told.append(line)


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.jsonl"))


def ends(data: bytes) -> list[int]:
    """Offsets after each line."""
    return [at + 1 for at, letter in enumerate(data) if letter == ord("\n")]


def test_a_line_torn_at_any_byte_is_cut(tmp_path: Path) -> None:
    before = write(tmp_path / "whole")
    (path,) = segments(tmp_path / "whole")
    data = path.read_bytes()
    for size in range(ends(data)[-2], len(data)):
        torn = tmp_path / f"torn-{size}"
        torn.mkdir()
        (torn / path.name).write_bytes(data[:size])
        assert reopen(torn) == before[:-1]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_journal_cut_anywhere_is_a_prefix_of_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("cut")
    before = write(directory / "journal", 30, segment_size=500)
    path = segments(directory / "journal")[-1]
    whole = path.read_bytes()
    size = data.draw(st.integers(0, len(whole)))
    rubbish = data.draw(st.binary(max_size=30).filter(lambda some: not some.startswith(whole[size : size + 1] or b"{")))
    path.write_bytes(whole[:size] + rubbish)
    after = reopen(directory / "journal")
    whole_lines = len([end for end in ends(whole) if end <= size])
    assert after == before[: len(before) - len(ends(whole)) + whole_lines]


def test_a_torn_end_of_several_lines_is_cut(tmp_path: Path) -> None:
    before = write(tmp_path)
    (path,) = segments(tmp_path)
    with path.open("ab") as file:
        file.write(b'{"p":13,"s":"call/0","c":"00000000","b":1}\n' + bytes(4096) + b"\nrubbish\n")
    assert reopen(tmp_path) == before


def test_a_reader_leaves_a_torn_end_alone(tmp_path: Path) -> None:
    before = write(tmp_path)
    (path,) = segments(tmp_path)
    torn = path.read_bytes()[:-3]
    path.write_bytes(torn)

    async def story() -> None:
        assert await lines(Reader(tmp_path)) == before[:-1]
        assert await lines(Reader(tmp_path), "call/1") == [line for line in before[:-1] if line.stream == "call/1"]

    run(story)
    assert path.read_bytes() == torn


def test_damage_before_a_good_line_is_refused_and_named(tmp_path: Path) -> None:
    before = write(tmp_path / "whole")
    (path,) = segments(tmp_path / "whole")
    data = path.read_bytes()
    for number, begin in enumerate([0, *ends(data)][:-2]):
        damaged = tmp_path / f"damaged-{number}"
        damaged.mkdir()
        copy = damaged / path.name
        copy.write_bytes(data[: begin + 14] + bytes([data[begin + 14] ^ 2]) + data[begin + 15 :])
        with pytest.raises(Corrupt, match=rf"{copy}: offset {begin}: the checksum is wrong.*restore this segment"):
            reopen(damaged)
        assert copy.read_bytes() == data[: begin + 14] + bytes([data[begin + 14] ^ 2]) + data[begin + 15 :]

        async def story(damaged: Path = damaged, number: int = number, begin: int = begin) -> None:
            told: list[Line] = []
            with pytest.raises(Corrupt, match=f"offset {begin}:"):
                await collect(Reader(damaged), told)
            assert told == before[:number]

        run(story)


def test_positions_that_do_not_rise_are_refused(tmp_path: Path) -> None:
    write(tmp_path, 3)
    (path,) = segments(tmp_path)
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(build(Position(3), "call/9", b"1") + build(Position(4), "call/9", b"1"))
    with pytest.raises(Corrupt, match=f"offset {size}: position 3 follows 3"):
        reopen(tmp_path)


def test_a_start_scans_the_last_segment_only(tmp_path: Path) -> None:
    before = write(tmp_path, 40, segment_size=700)
    first, second, *_ = segments(tmp_path)
    first.write_bytes(first.read_bytes().replace(b'{"n":0}', b'{"n":9}'))
    later = int(second.stem) - 1

    async def story() -> None:
        async with open_journal(tmp_path, **options()) as journal:
            assert await lines(journal, after=Position(later)) == before[later:]
            assert await lines(journal, "call/1") == [line for line in before if line.stream == "call/1"]
            with pytest.raises(Corrupt, match=rf"{first}: offset 0: the checksum is wrong"):
                await lines(journal, "call/0")

    run(story)
    first.with_suffix(".index").unlink()
    with pytest.raises(Corrupt, match=rf"{first}: offset 0: the checksum is wrong"):
        reopen(tmp_path)


def test_a_sealed_segment_is_never_cut(tmp_path: Path) -> None:
    write(tmp_path, 40, segment_size=700)
    first, *_ = segments(tmp_path)
    torn = first.read_bytes()[:-5]
    first.write_bytes(torn)
    with pytest.raises(Corrupt, match=rf"{first}: offset \d+: the end of a sealed segment is damaged"):
        run(open_journal(tmp_path, **options()).__aenter__)
    told: list[Line] = []
    with pytest.raises(Corrupt, match=rf"{first}: offset \d+: the end of a sealed segment is damaged"):
        run(lambda: collect(Reader(tmp_path), told))
    assert len(told) == len(ends(torn)) > 0
    assert first.read_bytes() == torn


def test_missing_sidecars_are_made_again(tmp_path: Path) -> None:
    before = write(tmp_path, 60, segment_size=700)
    sidecars = {path: path.read_bytes() for path in tmp_path.glob("*.index")}
    assert len(sidecars) == len(segments(tmp_path)) - 1 > 3
    for path in sidecars:
        path.unlink()
    assert reopen(tmp_path) == before
    assert {path: path.read_bytes() for path in tmp_path.glob("*.index")} == sidecars


def test_what_a_killed_process_wrote_is_durable_before_it_is_believed(tmp_path: Path) -> None:
    write(tmp_path)
    disk = FaultyDisk()
    disk.fail("sync", errno.EIO)
    with pytest.raises(Unavailable, match="Input/output error"):
        run(open_journal(tmp_path, **options(disk=disk)).__aenter__)
    assert len(reopen(tmp_path)) == 12


def test_half_made_files_are_swept_away(tmp_path: Path) -> None:
    before = write(tmp_path, 40, segment_size=700)
    first, *_ = segments(tmp_path)
    leftover = first.with_name(first.name + ".new")
    shutil.copy(first, leftover)
    assert reopen(tmp_path) == before
    assert not leftover.exists()


def test_positions_are_not_used_again_after_a_start(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_journal(tmp_path, **options()) as journal:
            await fill(journal, "call/a", 5)
            await journal.erase("call/a")
        async with open_journal(tmp_path, **options()) as journal:
            assert await fill(journal, "call/b", 1) == [7]
            assert await bodies(journal) == [body(0)]

    run(story)


def test_positions_are_not_used_again_when_a_segment_was_moved_away(tmp_path: Path) -> None:
    before = write(tmp_path, 1, segment_size=1)
    sealed, active = segments(tmp_path)
    assert active.stat().st_size == 0
    sealed.unlink()

    async def story() -> None:
        async with open_journal(tmp_path, **options()) as journal:
            assert await fill(journal, "call/b", 1) == [before[-1].position + 1]

    run(story)
