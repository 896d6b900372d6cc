"""The directory on disk: what it may claim, and what a start makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from journal import MemoryJournal, Position, open_journal
from journal.api import START
from tests.actors.stage import Stage, open_stage, wish
from voicecall.actors.checkpoint import EVERY, Checkpoint, load_directory
from voicecall.actors.supervisor import Accepted
from voicecall.events import CallId, Entry, Instant, Policy
from voicecall.events import facts as fact
from voicecall.events.schema import encode_entry
from voicecall.projections.directory import GAP, Directory, Row

Written = tuple[CallId, Position, Entry]


def a_call(name: str, *, ended: bool = True) -> list[Entry]:
    """A whole life, or one that is not over."""
    placed = fact.CallPlaced(carrier="mock", caller="+15550000000", callee="+15550001000", policy=Policy(), rules=1)
    life = [
        fact.ActorStarted(incarnation=name),
        placed,
        fact.CallRinging(vendor_call_id=f"v-{name}"),
        fact.CallAnswered(vendor_call_id=f"v-{name}"),
        *([fact.CallEnded(reason="completed")] if ended else []),
    ]
    return [Entry(seq=seq, at=Instant(1_000 * seq), writer=name, event=event) for seq, event in enumerate(life, 1)]


def rows(directory: Directory) -> list[Row]:
    return sorted(directory.rows(), key=lambda row: row.call_id)


async def write(journal: MemoryJournal, calls: dict[str, list[Entry]], order: list[str]) -> list[Written]:
    """Lines of several calls, in this order."""
    after = dict.fromkeys(calls, START)
    written: list[Written] = []
    left: dict[str, Iterator[Entry]] = {name: iter(entries) for name, entries in calls.items()}
    for name in order:
        entry = next(left[name])
        after[name] = await journal.append(f"call/{name}", encode_entry(entry), after=after[name])
        written.append((CallId(name), after[name], entry))
    return written


@settings(derandomize=True, deadline=None, max_examples=150, database=None)
@given(data=st.data())
def test_in_whatever_order_calls_learn_of_their_lines_a_checkpoint_never_claims_too_much(data: st.DataObject) -> None:
    calls = {name: a_call(name, ended=name != "b") for name in "abc"}
    order = data.draw(st.permutations([name for name, entries in calls.items() for _ in entries]))

    async def main() -> None:
        journal = MemoryJournal()
        written = await write(journal, calls, order)
        whole = await load_directory(journal)
        directory = Directory()
        queues = {name: [one for one in written if one[0] == name] for name in calls}
        told = data.draw(st.permutations(order))
        saved = data.draw(st.integers(0, len(told)))
        for count, name in enumerate([*told, ""]):
            if count == saved:
                again = Directory.restore(directory.checkpoint())
                async with journal.read(after=Position(again.position)) as lines:
                    known = {position: (call_id, entry) for call_id, position, entry in written}
                    async for line in lines:
                        call_id, entry = known[line.position]
                        again.apply(call_id, line.position, entry)
                assert rows(again) == rows(whole)
            if name:
                directory.apply(*queues[name].pop(0))
        assert rows(directory) == rows(whole)
        assert directory.position == journal.position

    trio.run(main)


def test_calls_that_share_a_commit_are_all_in_the_directory(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        placed: list[CallId] = []

        async def live(number: int) -> None:
            accepted = await stage.supervisor.place(wish(f"r{number}"))
            assert isinstance(accepted, Accepted), accepted
            await stage.hear(accepted.call_id, fact.CallAnswered(vendor_call_id=f"v{number}"), f"answered {number}")
            placed.append(accepted.call_id)

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(live, number)
        phases = [row.phase for call_id in placed if (row := stage.directory.row(call_id)) is not None]
        assert phases == ["live"] * 20
        assert all(stage.directory.named("wire", f"v{number}") for number in range(20))

    async def main() -> None:
        async with open_journal(tmp_path / "journal") as journal, open_stage(journal, max_calls=20) as stage:
            await story(stage)

    trio.run(main, clock=trio.testing.MockClock(rate=20))


def test_positions_that_hold_no_entry_do_not_hold_the_checkpoint_back_for_ever() -> None:
    directory = Directory()
    entry = a_call("a")[0]
    for position in range(2, GAP + 3):
        directory.apply(CallId("a"), position, entry)
    assert directory.position == GAP + 2


def test_a_start_folds_only_what_follows_the_checkpoint(tmp_path: Path) -> None:
    async def main() -> None:
        journal = MemoryJournal()
        calls = {"a": a_call("a"), "b": a_call("b", ended=False)}
        await write(journal, calls, ["a"] * 5 + ["b"] * 2)
        path = tmp_path / "directory.bin"
        first = await load_directory(journal, path)
        Checkpoint(first, path).save()
        journal._lines = journal._lines[5:]  # what is before the checkpoint is not needed
        second = await load_directory(journal, path)
        assert rows(second) == rows(first)
        assert (second.position, path.stat().st_mode & 0o777) == (7, 0o600)

    trio.run(main)


def test_a_damaged_checkpoint_costs_a_longer_start_and_nothing_else(tmp_path: Path) -> None:
    async def main() -> None:
        journal = MemoryJournal()
        await write(journal, {"a": a_call("a")}, ["a"] * 5)
        path = tmp_path / "directory.bin"
        whole = await load_directory(journal, path)
        Checkpoint(whole, path).save()
        good = path.read_bytes()
        for bad in (b"", good[:-3], good[:9] + b"\xff" + good[10:], b"nonsense"):
            path.write_bytes(bad)
            assert rows(await load_directory(journal, path)) == rows(whole)

    trio.run(main)


def test_an_entry_that_cannot_be_read_hides_no_other() -> None:
    async def main() -> None:
        journal = MemoryJournal()
        position = await journal.append("call/bad", b'{"v": 999}', after=START)
        await write(journal, {"a": a_call("a")}, ["a"] * 5)
        directory = await load_directory(journal)
        assert [row.call_id for row in directory.rows()] == ["a"]
        assert directory.position == position + 5

    trio.run(main)


def test_it_is_written_now_and_then_when_nobody_can_hear_it(tmp_path: Path) -> None:
    path = tmp_path / "directory.bin"
    directory = Directory()
    checkpoint = Checkpoint(directory, path)
    call, placed = CallId("a"), a_call("a")[1]

    def tell(position: int, entry: Entry) -> None:
        directory.apply(call, position, entry)
        checkpoint.seen(call, Position(position), entry)

    tell(1, placed)
    for position in range(2, EVERY + 10):
        tell(position, placed)
    assert not path.exists()
    tell(EVERY + 10, a_call("a")[-1])
    assert path.exists()
    assert Directory.restore(path.read_bytes()).position == EVERY + 10
