"""Other processes: ``python -m tests.journal.child WHAT DIRECTORY`` holds, appends, follows, or dies on the way."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import trio
import trio.testing
from attrs import define

from journal import START, Reader, open_journal
from journal.api import JournalError
from journal.disk import Disk
from tests.journal.stage import RATE, FaultyDisk, body, options

WRITERS = 8
SEGMENT = 400
"""Bytes, so that the erased stream is in many."""
ROUNDS = 8
ERASED, KEPT = "call/erased", "call/kept"


def say(*words: object) -> None:
    """One line to whoever started us, at once."""
    os.write(1, " ".join(map(str, words)).encode() + b"\n")


async def hold(directory: Path) -> None:
    """Hold the journal for ever."""
    try:
        async with open_journal(directory):
            say("holds")
            await trio.sleep_forever()
    except JournalError as error:
        say(type(error).__name__, error)


async def append(directory: Path) -> None:
    """Append for ever in several streams, and say what was acknowledged."""
    async with open_journal(directory, **options(inline=False, segment_size=20_000, disk=Disk())) as journal:

        async def write(stream: str) -> None:
            after, number = START, 0
            while True:
                after = await journal.append(stream, body(number), after=after)
                say(stream, number)
                number += 1

        async with trio.open_nursery() as nursery:
            for number in range(WRITERS):
                nursery.start_soon(write, f"call/{number}")


async def follow(directory: Path) -> None:
    """Say every line of a journal that somebody else writes."""
    say("follows")
    async with Reader(directory).follow() as lines:
        async for line in lines:
            say(line.stream, line.position)


@define(eq=False)
class MortalDisk(FaultyDisk):
    """Kills its process at one of its system calls: before it, or halfway through a write."""

    lives: int = 0

    def _called(self, call: str) -> None:
        self.lives -= 1
        if self.lives == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def write(self, descriptor: int, data: bytes) -> None:
        if self.lives == 1:
            os.write(descriptor, data[: len(data) // 2])
        super().write(descriptor, data)


async def live(directory: Path, lives: int) -> None:
    """Fill several segments and erase a stream that is in all of them, for as long as we live."""
    async with open_journal(directory, **options(segment_size=SEGMENT, disk=MortalDisk(lives=lives))) as journal:
        kept = erased = START
        for number in range(ROUNDS):
            kept = await journal.append(KEPT, body(number), after=kept)
            say(lives, KEPT, number)
            for part in range(2):
                erased = await journal.append(ERASED, body(2 * number + part), after=erased)
                say(lives, ERASED, 2 * number + part)
        await journal.erase(ERASED)
        say(lives, "erased", 1)
        for number in range(ROUNDS, 2 * ROUNDS):
            kept = await journal.append(KEPT, body(number), after=kept)
            say(lives, KEPT, number)


def die_everywhere(directory: Path) -> None:
    """``live`` again and again, each time killed one system call later, until it gets to its end."""
    for lives in range(1, 2000):
        pid = os.fork()
        if pid == 0:
            trio.run(live, directory / str(lives), lives, clock=trio.testing.MockClock(autojump_threshold=0))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if status == 0:
            say(lives, "survived", 1)
            return
        assert status == signal.SIGKILL


def main() -> None:
    what, directory = sys.argv[1], Path(sys.argv[2])
    if what == "die_everywhere":
        die_everywhere(directory)
    else:
        tasks = {"hold": hold, "append": append, "follow": follow}
        trio.run(tasks[what], directory, clock=trio.testing.MockClock(rate=RATE))


if __name__ == "__main__":
    main()
