"""An actor that fails: restarted with pauses, given up in the end, and nobody else notices."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path

import pytest
import trio
import trio.testing

from journal import FileJournal, MemoryJournal, open_journal
from journal.api import Erased, Fenced, Position
from journal.disk import Disk
from tests.actors.stage import Stage, open_stage, play
from voicecall.actors.call import APPEND_S
from voicecall.actors.desk import BACKOFF_S, HEALTHY_S
from voicecall.actors.world import stream_of
from voicecall.core.ledger import step
from voicecall.core.replay import replay
from voicecall.core.requests import Refused, Say
from voicecall.events import Entry
from voicecall.events import facts as fact
from voicecall.events.schema import decode_entry, encode_entry


class Refusing(MemoryJournal):
    """A journal that refuses one stream and keeps the time of every attempt."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = ""
        self.error: Exception = RuntimeError("out of order")
        self.attempts: list[float] = []

    async def append(self, stream: str, body: bytes, *, after: Position, ending: bool = False) -> Position:
        if stream == self.refused:
            self.attempts.append(trio.current_time())
            await trio.lowlevel.checkpoint()
            raise self.error
        return await super().append(stream, body, after=after, ending=ending)


def test_a_failing_actor_is_restarted_its_letter_is_not_lost_and_its_siblings_do_not_notice() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        other = await stage.place("other")
        stage.memory.fail_before(1)
        assert (await stage.hear(call, fact.CallRinging(), "ringing")).status == 200
        kinds = await stage.kinds(call)
        assert kinds.count("call.ringing") == 1
        assert kinds.count("actor.started") == 2
        assert (await stage.kinds(other)).count("actor.started") == 1

    play(story)


def test_pauses_grow_and_after_the_last_one_the_call_is_given_up() -> None:
    journal = Refusing()

    async def story(stage: Stage) -> None:
        call = await stage.place()
        other = await stage.place("other")
        journal.refused = stream_of(call)
        began = trio.current_time()
        assert (await stage.hear(call, fact.CallRinging(), "ringing")).status == 503
        assert (await stage.hear(other, fact.CallRinging(), "ringing")).status == 200
        await trio.sleep(60)
        pauses = [round(after - before, 3) for before, after in pairwise(journal.attempts[: len(BACKOFF_S) + 1])]
        assert pauses == list(BACKOFF_S)
        assert journal.attempts[0] == began
        assert journal.attempts[-1] - began < 45
        assert "call.ended" in await stage.kinds(other)
        assert stage.supervisor.actors == 0

    play(story, journal=journal)


def test_an_actor_that_recovered_long_ago_is_not_held_to_its_past() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place(max_duration_ms=3_600_000)
        await stage.answer(call)
        for number in range(2 * len(BACKOFF_S)):
            await trio.sleep(HEALTHY_S)
            stage.memory.fail_before(1)
            assert (await stage.hear(call, fact.DigitsPressed(digits="1"), f"key {number}")).status == 200
        assert stage.supervisor.actors == 1
        assert "actor.quarantined" not in await stage.kinds(call)

    play(story)


def test_an_append_that_never_returns_ends_the_incarnation_and_nothing_is_written_twice() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.answer(call)
        stage.memory.hang(1)
        began = trio.current_time()
        accepted = await stage.supervisor.request(call, Say(text="once"))
        assert not isinstance(accepted, Refused)
        assert trio.current_time() - began == pytest.approx(APPEND_S, abs=0.1)
        await trio.sleep(1)
        kinds = await stage.kinds(call)
        assert kinds.count("say.requested") == 1
        assert kinds.count("actor.started") == 2

    play(story)


def test_another_writer_takes_the_call_over_and_the_fenced_one_is_quiet() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        ledger = replay(await stage.entries(call)).ledger
        theirs = step(ledger, fact.ActorStarted(incarnation="elsewhere"), at=ledger.at, writer="elsewhere")
        assert isinstance(theirs, Entry)
        await stage.memory.append(stream_of(call), encode_entry(theirs), after=stage.memory.position)
        response = await stage.hear(call, fact.CallRinging(), "ringing")
        assert response.status == 503
        await trio.sleep(1)
        assert stage.supervisor.actors == 0
        assert (await stage.kinds(call))[-1] == "actor.started"

    play(story)


@pytest.mark.parametrize("error", [Fenced("late"), RuntimeError("out of order")])
def test_a_claim_that_fails_is_tried_again(error: Exception) -> None:
    journal = Refusing()

    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.hear(call, fact.CallEnded(reason="busy"), "ended")
        await trio.sleep(1)
        assert stage.supervisor.actors == 0
        journal.refused, journal.error = stream_of(call), error

        async def mend() -> None:
            await trio.sleep(0.3)
            journal.refused = ""

        async with trio.open_nursery() as nursery:
            nursery.start_soon(mend)
            assert (await stage.hear(call, fact.CallEnded(reason="completed"), "late")).status == 200

    play(story, journal=journal)


def test_an_erased_call_is_left_alone() -> None:
    journal = Refusing()

    async def story(stage: Stage) -> None:
        call = await stage.place()
        journal.refused, journal.error = stream_of(call), Erased("gone")
        assert (await stage.hear(call, fact.CallRinging(), "ringing")).status == 503
        await trio.sleep(60)
        assert len(journal.attempts) == 1
        assert stage.supervisor.actors == 0
        assert "hangup" not in [kind for kind, _ in stage.wire.sent]

    play(story, journal=journal)


def test_a_letter_that_comes_while_the_actor_leaves_is_answered() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        async with trio.open_nursery() as nursery:
            for number in range(20):  # one of them meets the actor on its way out, whatever the scheduler does
                nursery.start_soon(stage.hear, call, fact.CallEnded(reason="busy"), f"ended {number}")
                await trio.lowlevel.checkpoint()
        await trio.sleep(60)
        kinds = await stage.kinds(call)
        assert kinds.count("call.ended") == 1
        assert kinds.count("vendor.reported") == 19

    play(story)


class HeldDisk(Disk):
    """A real disk whose sync can be held."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()

    def sync(self, descriptor: int) -> None:
        self.free.wait()
        super().sync(descriptor)


class Watched:
    """A journal that holds its disk from the line of ``kind`` on; ``reached`` is set by the third append from there."""

    def __init__(self, journal: FileJournal, disk: HeldDisk, kind: str) -> None:
        self.journal, self.disk, self.kind = journal, disk, kind
        self.read, self.follow, self.streams = journal.read, journal.follow, journal.streams
        self.erase = journal.erase
        self.appends = 0
        self.reached = trio.Event()

    async def append(self, stream: str, body: bytes, *, after: Position, ending: bool = False) -> Position:
        if self.appends or self.kind.encode() in body:
            self.appends += 1
            if self.appends == 1:
                self.disk.free.clear()
            if self.appends == 3:
                self.reached.set()
        return await self.journal.append(stream, body, after=after, ending=ending)


def test_a_line_that_a_slow_disk_still_holds_is_waited_for_and_counts_once(tmp_path: Path) -> None:
    disk = HeldDisk()

    async def main() -> None:
        async with open_journal(tmp_path, disk=disk) as files:
            journal = Watched(files, disk, "say.requested")
            async with open_stage(journal) as stage, trio.open_nursery() as nursery:
                call = await stage.place()
                await stage.answer(call)
                nursery.start_soon(stage.supervisor.request, call, Say(text="once"))
                try:
                    with trio.fail_after(600):
                        await journal.reached.wait()  # the line, and two claims that find it staged but cannot read it
                finally:
                    disk.free.set()
                marker = fact.CallerStarted(offset_ms=42)  # comes after whatever is in the mailbox
                stage.speaker.tell(call, marker)
                async with files.follow(stream_of(call)) as lines:
                    async for line in lines:
                        if decode_entry(line.body).event == marker:
                            break
                assert (await stage.kinds(call)).count("say.requested") == 1
                assert stage.supervisor.actors == 1

    trio.run(main, clock=trio.testing.MockClock(rate=20))
