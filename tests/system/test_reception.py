"""Stories of strangers who call: told a code and let in by it, told that no line is free, or not let in at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import trio
import trio.testing

from journal import MemoryJournal, Position
from voicecall.config import parse
from voicecall.core.pairing import NotPaired
from voicecall.events import CallId, Entry
from voicecall.events import facts as fact
from voicecall.events.effects import Reject, Speak
from voicecall.events.schema import decode_entry
from voicecall.testing.happenings import Offer
from voicecall.testing.memory_system import OURS, WEBHOOK_URL, MemorySystem, open_memory_system
from voicecall.testing.script import load_script

STRANGER, ANOTHER = "+15550002000", "+15550002001"
LISTENER = load_script([{"do": "staySilent"}])


def play(
    story: Callable[[MemorySystem], Awaitable[None]], journal: MemoryJournal | None = None, **settings: Any
) -> None:
    async def main() -> None:
        config = parse({"provider": "mock", "inboundPolicy": "pairing", "maxConcurrentCalls": 4, **settings}, {})
        async with open_memory_system(config=config, journal=journal) as system:
            await story(system)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def call_in(system: MemorySystem, caller: str = STRANGER) -> CallId:
    """Somebody calls us and only listens."""
    async with system.journal.follow(after=Position(system.calls.directory.position)) as lines:
        system.network.board.dialect.offer(Offer(caller=caller, callee=OURS, webhook_url=WEBHOOK_URL, script=LISTENER))
        async for line in lines:
            if line.stream.startswith("call/") and isinstance(decode_entry(line.body).event, fact.CallOffered):
                return CallId(line.stream.removeprefix("call/"))
    raise AssertionError("a follower does not end")


async def heard(system: MemorySystem, call_id: CallId) -> str:
    """What was said to the caller until the end of the call."""
    await system.ended(call_id)
    return " ".join(text for entry in await system.entries(call_id) for text in _said(entry))


def _said(entry: Entry) -> list[str]:
    return [effect.text for effect in entry.effects if isinstance(effect, Speak)]


def test_a_stranger_is_told_a_code_and_may_come_in_once_it_is_approved() -> None:
    async def story(system: MemorySystem) -> None:
        call_id = await call_in(system)
        text = await heard(system, call_id)
        (waiting,) = system.calls.pairings.waiting()
        assert text.count(" ".join(waiting.code)) == 2
        assert (await system.ended(call_id)).event == fact.CallEnded(reason="hangup-bot", vendor_code="hangup-bot")
        await system.calls.pairings.approve(waiting.code, by="operator")
        call_id = await call_in(system)
        await system.until(call_id, lambda entry: isinstance(entry.event, fact.PlaybackFinished))
        assert [_said(entry) for entry in await system.entries(call_id) if _said(entry)] == [
            ["Hello! How can I help you today?"]
        ]

    play(story)


def test_who_was_let_in_is_still_let_in_after_a_restart() -> None:
    journal = MemoryJournal()

    async def first(system: MemorySystem) -> None:
        await heard(system, await call_in(system))
        (waiting,) = system.calls.pairings.waiting()
        await system.calls.pairings.approve(waiting.code, by="operator")

    async def second(system: MemorySystem) -> None:
        assert system.calls.pairings.knows(STRANGER)
        assert not isinstance(await system.calls.pairings.revoke(STRANGER, by="operator"), NotPaired)
        assert not system.calls.pairings.knows(STRANGER)

    play(first, journal)
    play(second, journal)


def test_an_impatient_stranger_hears_the_same_code_and_after_three_codes_a_day_nothing() -> None:
    async def story(system: MemorySystem) -> None:
        codes: list[str] = []
        for _ in range(6):
            await heard(system, await call_in(system))
            codes += [one.code for one in system.calls.pairings.waiting()]
            await trio.sleep(1_795)
        assert (codes[0], codes[2], codes[4]) == (codes[1], codes[3], codes[5])
        assert len(set(codes)) == 3
        call_id = await call_in(system)
        await system.ended(call_id)
        offered = (await system.entries(call_id))[1]
        assert any(isinstance(effect, Reject) for effect in offered.effects)

    play(story)


def test_who_withholds_the_number_is_not_let_in() -> None:
    async def story(system: MemorySystem) -> None:
        call_id = await call_in(system, "anonymous")
        await system.ended(call_id)
        assert [
            effect for entry in await system.entries(call_id) for effect in entry.effects if isinstance(effect, Reject)
        ]
        assert system.calls.pairings.waiting() == ()

    play(story)


def test_a_caller_for_whom_no_line_is_free_hears_the_busy_tone() -> None:
    async def story(system: MemorySystem) -> None:
        await call_in(system)
        call_id = await call_in(system, ANOTHER)
        await system.ended(call_id)
        (reject,) = [
            effect for entry in await system.entries(call_id) for effect in entry.effects if isinstance(effect, Reject)
        ]
        assert reject.reason == "busy"

    play(story, inboundPolicy="open", maxConcurrentCalls=1)


def test_or_is_told_so_in_words_but_no_more_callers_than_there_are_lines() -> None:
    async def story(system: MemorySystem) -> None:
        await call_in(system)
        second, third = await call_in(system, ANOTHER), await call_in(system, "+15550002002")
        assert await heard(system, second) == "All lines are busy right now. Please call again later."
        assert await heard(system, third) == ""
        assert system.calls.supervisor.live_calls == 1

    play(story, inboundPolicy="open", maxConcurrentCalls=1, whenBusy="notice")
