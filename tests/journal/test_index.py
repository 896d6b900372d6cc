"""A sidecar proves itself, and what it cannot prove is proved by the lines it leads to."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from journal import Position, open_journal
from journal.index import WIDTH, BadSidecar, Index, Sidecar, name_hash
from journal.segments import scan
from tests.journal.stage import fill, lines, names, options, run


def build(directory: Path, streams: dict[str, int]) -> Index:
    """An index and the sidecar that it makes, in ``directory``."""
    index = Index()
    position = 0
    for number in range(max(streams.values())):
        for stream, count in streams.items():
            if number < count:
                position += 3
                index.add(stream, Position(position), 50 + number, erased=stream == "call/erased")
    (directory / "made.index").write_bytes(index.encode())
    return index


def test_a_sidecar_says_what_the_index_said(tmp_path: Path) -> None:
    streams = {f"call/{number}": 1 + number % 7 for number in range(300)} | {"call/erased": 1}
    index = build(tmp_path, streams)
    sidecar = Sidecar(tmp_path / "made.index", segment_size=index.size)
    assert list(sidecar.names()) == list(index.names()) == sorted(streams)
    for stream, count in streams.items():
        assert sidecar.offsets(stream) == index.offsets(stream)
        assert len(index.offsets(stream)) == count
        assert sidecar.last_of(stream) == index.last_of(stream) > 0
    for unknown in ("call/1x", "call", "", "zzz"):
        assert (sidecar.last_of(unknown), len(sidecar.offsets(unknown))) == (0, 0)
    assert (sidecar.size, sidecar.last, sidecar.erased) == (index.size, index.last, {"call/erased"})


def test_streams_with_the_same_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("journal.index.name_hash", len)
    index = build(tmp_path, {"call/a": 2, "call/b": 3, "call/c": 1, "x": 1})
    sidecar = Sidecar(tmp_path / "made.index", segment_size=index.size)
    for stream in ("call/a", "call/b", "call/c", "x"):
        assert sidecar.offsets(stream) == index.offsets(stream)
    assert sidecar.last_of("call/d") == 0


def test_the_hash_of_a_name_does_not_change() -> None:
    assert name_hash("call/a1") == 0x651452F82EF12CCC


def test_a_sidecar_of_another_segment_does_not_fit(tmp_path: Path) -> None:
    index = build(tmp_path, {"call/a": 2})
    with pytest.raises(BadSidecar, match="does not fit the segment"):
        Sidecar(tmp_path / "made.index", segment_size=index.size + 1)
    with pytest.raises(BadSidecar, match="No such file"):
        Sidecar(tmp_path / "none.index", segment_size=index.size)


def test_whatever_byte_of_a_sidecar_is_damaged_nothing_is_lost(tmp_path: Path) -> None:
    sidecar = tmp_path / "00000000000000000001.index"

    async def write() -> None:
        async with open_journal(tmp_path, **options(segment_size=400)) as journal:
            for number in range(12):
                await fill(journal, f"call/{number % 3}", 1, first=number)
            await journal.erase("call/1")

    async def story() -> None:
        async with open_journal(tmp_path, **options()) as journal:
            before = await lines(journal)
        good = sidecar.read_bytes()
        for at in range(len(good)):
            sidecar.write_bytes(good[:at] + bytes([good[at] ^ 0x11]) + good[at + 1 :])
            async with open_journal(tmp_path, **options()) as journal:
                for stream in ("call/0", "call/1", "call/2"):
                    assert await lines(journal, stream) == [line for line in before if line.stream == stream], at
                assert await names(journal) == ["call/0", "call/2"]
        for size in range(len(good)):
            sidecar.write_bytes(good[:size])
            async with open_journal(tmp_path, **options()) as journal:
                assert await lines(journal, "call/2") == [line for line in before if line.stream == "call/2"]
            assert sidecar.read_bytes() == good

    run(write)
    run(story)


def test_an_offset_that_leads_to_another_line_is_not_believed(tmp_path: Path) -> None:
    sidecar = tmp_path / "00000000000000000001.index"

    async def story() -> None:
        async with open_journal(tmp_path, **options(segment_size=400)) as journal:
            for number in range(12):
                await fill(journal, f"call/{number % 3}", 1, first=number)
            before = await lines(journal)
        good = sidecar.read_bytes()
        count = sidecar.with_suffix(".jsonl").read_bytes().count(b"\n")
        places = [good[len(good) - (count - n) * WIDTH :][:WIDTH] for n in range(count)]
        for wrong in range(count):
            for other in places:
                moved = b"".join([*places[:wrong], other, *places[wrong + 1 :]])
                sidecar.write_bytes(good[: -len(moved)] + moved)
                async with open_journal(tmp_path, **options()) as journal:
                    for stream in ("call/0", "call/1", "call/2"):
                        assert await lines(journal, stream) == [line for line in before if line.stream == stream]

    run(story)


def test_a_sidecar_that_cannot_be_made_again_is_a_scan(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_journal(tmp_path, **options(segment_size=400)) as journal:
            await fill(journal, "call/a", 20)
        path = tmp_path / "00000000000000000001.jsonl"
        index, torn = scan(path)
        assert torn == 0
        assert path.with_suffix(".index").read_bytes() == index.encode()

    run(story)


def test_an_index_gives_the_garbage_collector_nothing_to_walk() -> None:
    gc.collect()
    before = len(gc.get_objects())
    index = Index()
    for number in range(5_000):
        index.add(f"call/{number}", Position(number + 1), 100, erased=False)
    assert len(gc.get_objects()) - before < 50
    assert index.last_of("call/4999") == 5_000
