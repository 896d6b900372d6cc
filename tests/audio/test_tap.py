"""The caller's audio on its way to a transcriber."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing

from voicecall.audio.tap import DRAIN_BYTES, KEPT_BYTES, Tap


def play(story: Callable[[Tap], Awaitable[None]]) -> None:
    async def main() -> None:
        await story(Tap())

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_drink_is_everything_since_the_last_one() -> None:
    async def story(tap: Tap) -> None:
        tap.pour(b"a" * 800)
        tap.pour(b"b" * 160)
        assert await tap.drain() == b"a" * 800 + b"b" * 160
        tap.pour(b"c" * 900)
        assert await tap.drain() == b"c" * 900

    play(story)


def test_a_drink_is_at_least_100_ms() -> None:
    async def story(tap: Tap) -> None:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def pour() -> None:
                for _ in range(6):
                    tap.pour(b"x" * 160)
                    await trio.sleep(0.02)

            assert len(await tap.drain()) == DRAIN_BYTES
        assert trio.current_time() == pytest.approx(0.12, abs=0.03)

    play(story)


def test_the_callers_last_five_seconds_are_kept_for_whoever_listens_next() -> None:
    async def story(tap: Tap) -> None:
        for number in range(100):
            tap.pour(bytes([number]) * 800)
        kept = await tap.drain()
        assert len(kept) == KEPT_BYTES == 40_000
        assert kept == b"".join(bytes([number]) * 800 for number in range(50, 100))

    play(story)


def test_what_is_left_can_be_drunk_after_the_end() -> None:
    async def story(tap: Tap) -> None:
        tap.pour(b"last")
        tap.close()
        assert await tap.drain() == b"last"
        with pytest.raises(trio.EndOfChannel):
            await tap.drain()

    play(story)


def test_the_end_wakes_whoever_waits() -> None:
    async def story(tap: Tap) -> None:
        async def wait() -> None:
            with pytest.raises(trio.EndOfChannel):
                await tap.drain()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            tap.close()

    play(story)
