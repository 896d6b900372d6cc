"""Calls during which voicecall dies and comes back, in memory, for any carrier."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import trio
import trio.testing

from tests.carriers.scenarios import LONGEST_S, REPLIES
from tests.carriers.stage import MESSAGE, THEM, Stage
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.events import CallId, Entry, Mode
from voicecall.ports import Fetch
from voicecall.testing.memory_system import MemorySystem, MemoryTown, open_memory_town
from voicecall.testing.script import Script, Step

BACK = "I am back. Sorry about the pause."
STREAMED: dict[str, Any] = {"streaming": {"enabled": True, "provider": "offline"}}
CARRIED: dict[str, Any] = {"streaming": {"enabled": False}}


def live(
    carrier: str,
    story: Callable[[MemoryTown], Awaitable[None]],
    *,
    faulty: Callable[[Fetch], Fetch] = lambda fetch: fetch,
) -> None:
    """Tell a story in a town whose network outlives voicecall. ``faulty`` wraps the way of webhooks."""

    async def main() -> None:
        with trio.fail_after(LONGEST_S):
            async with open_memory_town(carrier=carrier, faulty=faulty) as town:
                await story(town)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def serve(town: MemoryTown, settings: dict[str, Any]) -> Any:
    """Voicecall, with the agent of the table."""
    return town.serve(settings=settings, agent=ScriptedAgent(REPLIES))


async def begin(town: MemoryTown, settings: dict[str, Any], *steps: Step, until: type[Any], number: int = 1) -> CallId:
    """Call somebody, and die after the n-th fact of a kind."""
    async with serve(town, settings) as system:
        town.network.board.people[THEM] = Script(steps=steps)
        call_id = await system.place(THEM, MESSAGE, mode=Mode.CONVERSATION)
        await Stage(system=system).until(call_id, until, number)
        await trio.sleep(0.5)
    return call_id


async def facts(system: MemorySystem, call_id: CallId, kind: type[Any]) -> list[Entry]:
    """The entries of one kind of fact."""
    return [entry for entry in await system.entries(call_id) if isinstance(entry.event, kind)]
