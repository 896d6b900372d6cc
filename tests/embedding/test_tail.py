"""Events reach a host in order and without a gap, however it reads them, and cost nothing once it has enough."""

from __future__ import annotations

import gc

import pytest
import trio
import trio.testing

import voicecall
from journal import MemoryJournal
from journal.api import Corrupt
from tests.embedding.host import embedded, happened
from tests.rpc.stage import FRIENDLY, SAYS_ONE_THING, Stage, play
from tests.rpc.test_server import Failing
from voicecall.embedding.tail import Tail
from voicecall.events import facts as fact

SHORT = {"outbound": {"notifyHangupDelaySec": 1}}


def test_of_one_call_from_its_first_fact_to_its_last() -> None:
    async def story(stage: Stage) -> None:
        system = embedded(stage)
        call_id = (await system.initiate(FRIENDLY, "Hello.", mode="conversation")).call_id
        seen = list[voicecall.CallEvent]()
        async for event in system.tail(call_id[:8]):
            seen.append(event)
            if isinstance(event.fact, fact.CallEnded):
                break
        assert [one.seq for one in seen] == list(range(1, len(seen) + 1))
        assert {one.call_id for one in seen} == {call_id}
        assert isinstance(seen[1].fact, fact.CallPlaced)
        assert sorted(one.position for one in seen) == [one.position for one in seen]
        assert any(one.effects for one in seen)
        half = seen[len(seen) // 2]
        async with system.tail(call_id, after=half.position) as rest:
            assert [await anext(rest) for _ in seen[half.seq :]] == seen[half.seq :]

    play(story)


def test_of_all_calls_past_and_future_for_a_slow_reader_and_for_one_that_comes_later() -> None:
    async def story(stage: Stage) -> None:
        system = embedded(stage)
        slow = system.tail()
        await stage.system.journal.append("note/1", b"{}", after=0)  # what is no call's is passed over
        calls = [(await system.initiate(SAYS_ONE_THING, "Hello.", mode="notify")).call_id for _ in range(3)]
        for call_id in calls:
            await system.ended(call_id)
        end = max([(await happened(system, call_id, fact.MediaClosed)).position for call_id in calls])

        async def read(tail: voicecall.Tail, pause_s: float) -> list[voicecall.CallEvent]:
            found = list[voicecall.CallEvent]()
            async for event in tail:
                found.append(event)
                if event.position == end:
                    break
                await trio.sleep(pause_s)
            return found

        seen = await read(slow, 10)
        assert await read(system.tail(), 0) == seen
        assert {one.call_id for one in seen} == set(calls)
        assert sorted(one.position for one in seen) == [one.position for one in seen]
        for call_id in calls:
            seqs = [one.seq for one in seen if one.call_id == call_id]
            assert seqs == list(range(1, len(seqs) + 1))

    play(story, **SHORT)


def test_one_that_is_left_dropped_or_closed_leaves_nothing_behind() -> None:
    async def story(stage: Stage) -> None:
        system = embedded(stage)
        call_id = (await system.initiate(FRIENDLY, "Hello.", mode="notify")).call_id
        await system.ended(call_id)
        await trio.sleep(5)
        idle = trio.lowlevel.current_statistics().tasks_living
        async for _ in system.tail():
            break
        dropped, kept = system.tail(), system.tail(call_id)
        await anext(kept)
        assert trio.lowlevel.current_statistics().tasks_living >= idle + 2
        del dropped
        await kept.aclose()
        gc.collect()
        await trio.sleep(1)
        assert trio.lowlevel.current_statistics().tasks_living == idle
        assert [one async for one in kept] == []

    play(story, **SHORT)


def test_it_ends_with_the_system() -> None:
    async def main() -> None:
        async with trio.open_nursery() as ours:
            ended = trio.Event()

            async def read(tail: voicecall.Tail) -> None:
                assert [one async for one in tail] == []
                ended.set()

            async with trio.open_nursery() as theirs:
                ours.start_soon(read, Tail(MemoryJournal(), theirs, None, after=0))
                await trio.testing.wait_all_tasks_blocked()
                theirs.cancel_scope.cancel()
            await ended.wait()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_damaged_journal_is_told_in_its_own_words() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            tail = Tail(Failing(Corrupt("segment 1, offset 7: the checksum is wrong")), nursery, None, after=0)
            with pytest.raises(voicecall.CallRefused, match=r"^segment 1, offset 7: the checksum is wrong$") as refusal:
                await anext(tail)
            assert refusal.value.code == "unavailable"
            assert [one async for one in tail] == []

    trio.run(main)
