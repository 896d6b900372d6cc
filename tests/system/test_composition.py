"""What a system is made of is there before it takes its first call, and costs nothing after."""

from __future__ import annotations

import gc
import stat
import weakref
from pathlib import Path

import attrs
import trio
import trio.testing

from voicecall.collecting import LOOK_S, QUIET_S, nothing_to_collect
from voicecall.config import Config, parse
from voicecall.system import open_system


def any_port() -> Config:
    config = parse({"provider": "mock"}, {})
    return attrs.evolve(config, serve=attrs.evolve(config.serve, port=0))


def test_the_garbage_collector_leaves_a_running_system_alone(tmp_path: Path) -> None:
    before = gc.get_freeze_count()

    async def main() -> None:
        async with open_system(any_port(), state=tmp_path / "state"):
            assert gc.get_freeze_count() > 10_000
            assert len(gc.get_objects()) < gc.get_freeze_count() / 10

    trio.run(main, clock=trio.testing.MockClock(rate=20))
    assert gc.get_freeze_count() == before


class Ring:
    """Goes only when somebody looks for it."""

    def __init__(self) -> None:
        self.itself = self


def test_what_stays_is_put_out_of_sight_while_calls_go_on_and_what_is_left_of_them_is_found_afterwards() -> None:
    calls = True

    async def main() -> None:
        nonlocal calls
        async with nothing_to_collect(lambda: not calls):
            rings = [Ring() for _ in range(5_000)]
            gone = weakref.ref(rings[0])
            await trio.sleep(2 * LOOK_S)
            assert len(gc.get_objects()) < 5_000
            rings.clear()
            await trio.sleep(2 * QUIET_S)
            assert gone() is not None
            calls = False
            await trio.sleep(2 * LOOK_S)
            assert gone() is None

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_the_state_directory_is_for_its_owner_only(tmp_path: Path) -> None:
    state = tmp_path / "not" / "there yet"

    async def main() -> None:
        async with open_system(any_port(), state=state):
            assert stat.S_IMODE(state.stat().st_mode) == 0o700

    trio.run(main, clock=trio.testing.MockClock(rate=20))
