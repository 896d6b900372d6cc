"""The caller's audio when a carrier sends nothing for silence, and where in the call it was heard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing

from voicecall.audio.tap import Tap


def play(story: Callable[[Tap], Awaitable[None]]) -> None:
    async def main() -> None:
        await trio.sleep(7)
        await story(Tap())

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_the_last_bit_before_a_lull_does_not_wait_for_more() -> None:
    async def story(tap: Tap) -> None:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def pour() -> None:
                tap.pour(b"x" * 160)
                await trio.sleep(0.06)
                tap.lull()

            assert await tap.drain() == b"x" * 160
        assert trio.current_time() == pytest.approx(7.06)

    play(story)


def test_a_lull_without_audio_changes_nothing() -> None:
    async def story(tap: Tap) -> None:
        tap.lull()
        tap.pour(b"x" * 160)
        with trio.move_on_after(1) as patience:
            await tap.drain()
        assert patience.cancelled_caught

    play(story)


def test_after_a_lull_a_drink_is_100_ms_again() -> None:
    async def story(tap: Tap) -> None:
        tap.pour(b"x" * 160)
        tap.lull()
        assert await tap.drain() == b"x" * 160
        tap.pour(b"y" * 160)
        with trio.move_on_after(1) as patience:
            await tap.drain()
        assert patience.cancelled_caught

    play(story)


def test_it_is_known_where_in_the_call_the_audio_ends() -> None:
    async def story(tap: Tap) -> None:
        assert tap.ends_ms == 0
        await trio.sleep(0.5)
        tap.pour(b"x" * 800)
        await trio.sleep(2)
        await tap.drain()
        assert tap.ends_ms == 500
        tap.pour(b"y" * 800)
        assert tap.ends_ms == 500
        await tap.drain()
        assert tap.ends_ms == 2_500

    play(story)
