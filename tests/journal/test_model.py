"""Whatever is done to it, and however often it is closed and opened again, the journal on disk is the one in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path

from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from journal import START, FileJournal, Journal, MemoryJournal, Position, open_journal
from journal.api import JournalError
from tests.journal.stage import lines, names, options, run

STREAMS = st.sampled_from(["call/a", "call/b", "call/c", "else"])


@frozen
class Append:
    stream: str
    stale: bool
    size: int


@frozen
class Erase:
    stream: str


@frozen
class Reopen:
    without_sidecars: bool


STEPS = st.lists(
    st.builds(Append, STREAMS, st.just(True), st.integers(1, 300))
    | st.builds(Append, STREAMS, st.just(False), st.integers(1, 300))
    | st.builds(Append, STREAMS, st.just(False), st.integers(1, 300))
    | st.builds(Erase, STREAMS)
    | st.builds(Reopen, st.booleans()),
    max_size=40,
)


@settings(max_examples=120, deadline=None)
@given(STEPS, st.sampled_from([200, 900, 100_000]))
def test_disk_and_memory_agree(steps: list[Append | Erase | Reopen], segment_size: int) -> None:
    async def story() -> None:
        memory = MemoryJournal()
        with tempfile.TemporaryDirectory() as folder:
            async with AsyncExitStack() as stack:
                disk = await _open(stack, Path(folder), segment_size)
                for number, step in enumerate(steps):
                    match step:
                        case Append(stream, stale, size):
                            text = b'{"n":%d,"fill":"%s"}' % (number, b"x" * size)
                            after = START if stale else await _last(memory, stream)
                            assert await _outcome(disk.append(stream, text, after=after)) == await _outcome(
                                memory.append(stream, text, after=after)
                            )
                        case Erase(stream):
                            await disk.erase(stream)
                            await memory.erase(stream)
                        case Reopen(without_sidecars):
                            await stack.aclose()
                            if without_sidecars:
                                _drop_sidecars(Path(folder))
                            disk = await _open(stack, Path(folder), segment_size)
                    await _agree(disk, memory)

    run(story)


def _drop_sidecars(directory: Path) -> None:
    for sidecar in directory.glob("*.index"):
        sidecar.unlink()


async def _agree(disk: Journal, memory: Journal) -> None:
    assert await lines(disk) == await lines(memory)
    assert await names(disk) == await names(memory)
    for stream in ("call/a", "call/b", "call/c", "else"):
        assert await lines(disk, stream) == await lines(memory, stream)


async def _open(stack: AsyncExitStack, directory: Path, segment_size: int) -> FileJournal:
    return await stack.enter_async_context(open_journal(directory, **options(segment_size=segment_size)))


async def _last(journal: Journal, stream: str) -> Position:
    return max([line.position for line in await lines(journal, stream)], default=START)


async def _outcome(append: Awaitable[Position]) -> object:
    try:
        return await append
    except JournalError as error:
        return type(error), str(error)
