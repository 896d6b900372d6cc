"""Whoever is stalled, sound goes on: frames go out when they are due, and every word is heard without a hole."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from journal import MemoryJournal
from voicecall.events import Entry
from voicecall.events import facts as fact
from voicecall.ports import AudioTap, CallerSpeech, Turn
from voicecall.testing.memory_system import MemorySystem, open_memory_system

LISTENS, CHATS = "+15550001002", "+15550001001"
LONG = "This takes a while: " + "one thing after the other is told, and nobody may notice anything, " * 2 + "really."
LONG_MS = 60 * len(LONG)
REPLY = "This takes a while and one thing after the other is told so that nobody may notice anything until it is over."
"""One clause."""


class Ear:
    """Never reads what the caller says."""

    @asynccontextmanager
    async def listen(self, tap: AudioTap) -> AsyncGenerator[AsyncIterator[CallerSpeech]]:
        async def nothing() -> AsyncGenerator[CallerSpeech]:
            await trio.sleep_forever()
            yield fact.CallerSaid(text="")

        yield nothing()


class Mind:
    """Says one long thing and never ends."""

    @asynccontextmanager
    async def reply(self, turn: Turn) -> AsyncGenerator[AsyncIterator[str]]:
        async def text() -> AsyncGenerator[str]:
            yield f"{REPLY}\n"
            await trio.sleep_forever()

        yield text()


def play(story: Callable[[MemorySystem], Awaitable[None]], **parts: Any) -> None:
    async def main() -> None:
        async with open_memory_system(**parts) as system:
            with trio.fail_after(120):
                await story(system)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def begins(utterance: int) -> Callable[[Entry], bool]:
    return lambda entry: isinstance(entry.event, fact.PlaybackStarted) and entry.event.utterance == utterance


def heard_without_a_hole(system: MemorySystem, text: str = LONG) -> bool:
    """Whether one stretch of what the person heard is the long text, whole."""
    (call,) = system.network.board.report()["calls"]
    return any(
        one["endMs"] - one["startMs"] == one["soundMs"] == pytest.approx(60 * len(text), abs=20)
        for one in call["heard"]
    )


def test_a_journal_that_hangs_moves_no_frame() -> None:
    """The next append never returns: the actor waits, is given up and replaced, and the greeting is heard on."""

    async def story(system: MemorySystem) -> None:
        call_id = await system.place(LISTENS, LONG)
        await system.until(call_id, begins(1))
        assert isinstance(system.journal, MemoryJournal)
        system.journal.hang(1)
        await trio.sleep(LONG_MS / 1000 + 1)
        assert heard_without_a_hole(system)
        starts = [one for one in await system.entries(call_id) if isinstance(one.event, fact.ActorStarted)]
        assert len(starts) == 2

    play(story)


def test_an_ear_that_hangs_moves_no_frame() -> None:
    async def story(system: MemorySystem) -> None:
        call_id = await system.place(LISTENS, LONG)
        await system.until(call_id, begins(1))
        await trio.sleep(LONG_MS / 1000 + 1)
        assert heard_without_a_hole(system)

    play(story, transcriber=Ear())


def test_an_agent_that_hangs_moves_no_frame_and_the_person_is_not_left_in_silence() -> None:
    async def story(system: MemorySystem) -> None:
        call_id = await system.place(CHATS)
        await system.until(call_id, begins(2))
        await trio.sleep(LONG_MS / 1000 + 1)
        assert heard_without_a_hole(system, REPLY)
        await system.until(call_id, begins(3))
        (call,) = system.network.board.report()["calls"]
        assert call["longestSilenceMs"] < 5_000

    play(story, agent=Mind())
