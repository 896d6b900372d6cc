"""Real processes, really killed: what was acknowledged is there, and what was being erased gets erased."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from journal import START, Reader, open_journal
from journal.api import Erased, Locked
from journal.index import Sidecar
from journal.segments import segment_paths, sidecar_path
from tests.checks.sources import ROOT
from tests.journal.child import ERASED, KEPT, ROUNDS, SEGMENT, WRITERS
from tests.journal.stage import bodies, body, fill, last, lines, names, options, run

ACKNOWLEDGED = 4_000


@contextmanager
def start(what: str, directory: Path) -> Generator[subprocess.Popen[str]]:
    """A child process, killed when it is over."""
    command = [sys.executable, "-m", "tests.journal.child", what, str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_every_acknowledged_append_survives_a_kill(tmp_path: Path) -> None:
    acknowledged = defaultdict[str, int](int)
    with start("append", tmp_path) as process:
        assert process.stdout is not None
        for count, said in enumerate(process.stdout, 1):
            stream, number = said.split()
            assert int(number) == acknowledged[stream]
            acknowledged[stream] += 1
            if count == ACKNOWLEDGED:
                process.kill()
    assert len(acknowledged) == WRITERS

    async def story() -> None:
        async with open_journal(tmp_path, **options()) as journal:
            assert len(segment_paths(tmp_path)) > 5
            for stream, count in acknowledged.items():
                found = await bodies(journal, stream)
                assert len(found) >= count
                assert found == [body(number) for number in range(len(found))]
                await journal.append(stream, b'"back"', after=await last(journal, stream))

    run(story)


def test_a_second_process_is_told_who_holds_the_journal(tmp_path: Path) -> None:
    async def story(expected: str) -> None:
        with pytest.raises(Locked, match=expected):
            await open_journal(tmp_path, **options()).__aenter__()

    with start("hold", tmp_path) as first, start("append", tmp_path / "other") as _:
        assert first.stdout is not None
        assert first.stdout.readline() == "holds\n"
        run(lambda: story(rf"process {first.pid} on .* holds this journal; stop it, or use another directory"))
        with start("hold", tmp_path) as second:
            assert second.stdout is not None
            assert second.stdout.readline().startswith(f"Locked {tmp_path}: process {first.pid} on ")

    async def free() -> None:
        async with open_journal(tmp_path, **options()) as journal:
            await fill(journal, "call/a", 1)

    run(free)


def test_dying_at_any_system_call_loses_nothing_and_leaves_no_erasure_half_done(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.journal.child", "die_everywhere", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    said = defaultdict[int, dict[str, int]](dict)
    for line in done.stdout.splitlines():
        lives, what, number = line.split()
        said[int(lives)][what] = int(number)
    *_, end = said.values()
    assert end == {KEPT: 2 * ROUNDS - 1, ERASED: 2 * ROUNDS - 1, "erased": 1, "survived": 1}
    half_done = 0
    for lives in range(1, max(said)):
        directory = tmp_path / str(lives)
        had_work = directory.is_dir() and _has_lines_of_an_erased_stream(directory)
        half_done += had_work
        run(lambda directory=directory, told=said[lives]: survey(directory, told))
    # The tombstone was durable, and lines of the stream still there: each step of the erasure was the last one once.
    assert half_done > 10


async def survey(directory: Path, told: dict[str, int]) -> None:
    async with open_journal(directory, **options(segment_size=SEGMENT)) as journal:
        kept = await bodies(journal, KEPT)
        assert kept == [body(number) for number in range(len(kept))]
        assert len(kept) > told.get(KEPT, -1)
        raw = b"".join(path.read_bytes() for path in segment_paths(directory))
        if b'"t":"erased"' in raw:
            assert raw.count(ERASED.encode()) == 1
            assert await lines(journal, ERASED) == []
            with pytest.raises(Erased):
                await journal.append(ERASED, b"1", after=START)
        else:
            assert "erased" not in told
            erased = await bodies(journal, ERASED)
            assert erased == [body(number) for number in range(len(erased))]
            assert len(erased) > told.get(ERASED, -1)
        await fill(journal, KEPT, 1, first=len(kept))
        assert await bodies(Reader(directory), KEPT) == [*kept, body(len(kept))]
        assert await names(journal) == await names(Reader(directory))
    for path in segment_paths(directory)[:-1]:
        Sidecar(sidecar_path(path), segment_size=path.stat().st_size)
    assert {name.rpartition(".")[2] for name in os.listdir(directory)} <= {"jsonl", "index", "lock", "reserve"}


def _has_lines_of_an_erased_stream(directory: Path) -> bool:
    raw = b"".join(path.read_bytes() for path in segment_paths(directory))
    return b'"t":"erased"' in raw and raw.count(ERASED.encode()) > 1
