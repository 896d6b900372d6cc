"""The configuration changes while people talk: their calls go on as they began, the next one goes by the new one."""

from __future__ import annotations

from typing import Any

import trio
import trio.testing

from tests.system.test_reception import call_in
from voicecall.config import parse
from voicecall.events import CallId, Entry
from voicecall.events import facts as fact
from voicecall.events.effects import Speak
from voicecall.testing.memory_system import MemorySystem, open_memory_system

BUSY_CALLS = 12
BASE: dict[str, Any] = {
    "provider": "mock",
    "inboundPolicy": "open",
    "maxConcurrentCalls": BUSY_CALLS + 1,
    "maxDurationSeconds": 20,
}
PEOPLE = [f"+1555000{number}" for number in range(3000, 3000 + BUSY_CALLS)]
OLD = {"inboundGreeting": "Hello from before.", "phrases": {"filler": "Old filler."}}
NEW = {"inboundGreeting": "Hello from now.", "phrases": {"filler": "New filler."}, "serve": {"port": 4000}}


def offered(entries: list[Entry]) -> fact.CallOffered:
    (found,) = (entry.event for entry in entries if isinstance(entry.event, fact.CallOffered))
    return found


async def said_first(system: MemorySystem, call_id: CallId) -> str:
    """The first words to a caller."""
    entry = await system.until(call_id, lambda one: any(isinstance(effect, Speak) for effect in one.effects))
    return next(effect.text for effect in entry.effects if isinstance(effect, Speak))


def test_live_calls_go_on_across_a_change_under_load_and_the_next_call_has_the_new_greeting() -> None:
    async def main() -> None:
        async with open_memory_system(config=parse({**BASE, **OLD}, {})) as system:
            busy: list[CallId] = []
            for caller in PEOPLE:  # one after the other: only so many media sockets of one address may wait at a time
                busy.append(await call_in(system, caller))
                assert await said_first(system, busy[-1]) == "Hello from before."
            for number in range(20):
                change = system.current.update(parse({**BASE, **NEW, "maxDurationSeconds": 21 + number}, {}))
                assert change.needs_restart == ("serve.port",)
                await trio.sleep(0.1)
            assert sorted(system.calls.directory.living()) == sorted(busy), "nobody was hung up on"
            late = await call_in(system, "+15550009999")
            assert await said_first(system, late) == "Hello from now."
            policies = [offered(await system.entries(call_id)).policy for call_id in (*busy, late)]
            assert [policy.filler for policy in policies] == ["Old filler."] * BUSY_CALLS + ["New filler."]
            assert policies[-1].max_duration_ms == 40_000
            for call_id in (*busy, late):
                await system.ended(call_id)
                assert (await system.replayed(call_id)).divergences == ()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_fewer_lines_end_no_call_and_let_nobody_else_in() -> None:
    async def main() -> None:
        async with open_memory_system(config=parse(BASE, {})) as system:
            busy = [await call_in(system, caller) for caller in PEOPLE[:3]]
            change = system.current.update(parse({**BASE, "maxConcurrentCalls": 1}, {}))
            assert change.applied == ("maxConcurrentCalls",)
            turned_away = await call_in(system, "+15550009999")
            assert offered(await system.entries(turned_away)).policy.verdict == "busy"
            assert set(busy) <= set(system.calls.directory.living())
            system.current.update(parse({**BASE, "inboundPolicy": "disabled"}, {}))
            unwanted = await call_in(system, "+15550009998")
            assert offered(await system.entries(unwanted)).policy.verdict == "disabled"

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
