"""When a system may be sent calls."""

from __future__ import annotations

import trio
import trio.testing

from voicecall.actors.world import stream_of
from voicecall.events import facts as fact
from voicecall.testing.memory_system import MemorySystem, MemoryTown, open_memory_town

NEVER_ANSWERS = "+15550001003"


def ready(system: MemorySystem) -> dict[str, bool]:
    return {name: check() for name, check in system.calls.checks().items()}


async def claims(town: MemoryTown, call_id: str) -> int:
    async with town.journal.read(stream_of(call_id)) as lines:
        return len([line async for line in lines if fact.ActorStarted.kind.encode() in line.body])


def test_it_is_not_ready_before_every_call_has_come_to_itself() -> None:
    async def main() -> None:
        async with open_memory_town() as town:
            async with town.serve() as system:
                assert ready(system) == {"plane": True, "recovered": True, "loop": True}
                calls = [await system.place(NEVER_ANSWERS) for _ in range(3)]
            before = [await claims(town, call_id) for call_id in calls]
            async with town.serve() as system:
                assert ready(system) == {"plane": True, "recovered": False, "loop": True}
                while not ready(system)["recovered"]:
                    await trio.testing.wait_all_tasks_blocked()
                assert [await claims(town, call_id) for call_id in calls] == [one + 1 for one in before]

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_it_is_not_ready_while_ticks_come_late_and_again_when_they_do_not() -> None:
    async def main() -> None:
        async with open_memory_town() as town, town.serve() as system:
            lag = system.calls.plane.lag
            for late in (0.3, *[0.0] * 98):
                lag.note(trio.current_time(), late)
                await trio.sleep(0.001)
            assert not ready(system)["loop"]
            for _ in range(10):
                lag.note(trio.current_time(), 0.09)
            assert ready(system)["loop"], "one tick in more than a hundred may be late"
            for _ in range(10):
                lag.note(trio.current_time(), 0.2)
            assert not ready(system)["loop"]
            await trio.sleep(6)
            assert ready(system)["loop"]

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
