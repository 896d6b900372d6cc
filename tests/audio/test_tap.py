"""The caller's audio on its way to a transcriber."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing

from voicecall.audio.tap import DRAIN_BYTES, KEPT_BYTES, KEPT_HINTS, Tap
from voicecall.ports import MediaSpeech


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
        tap.tell(MediaSpeech(text="bye", final=True))
        tap.close()
        assert await tap.drain() == b"last"
        assert (await tap.hint()).text == "bye"
        with pytest.raises(trio.EndOfChannel):
            await tap.drain()
        with pytest.raises(trio.EndOfChannel):
            await tap.hint()

    play(story)


def test_the_end_wakes_whoever_waits() -> None:
    async def story(tap: Tap) -> None:
        ended: list[str] = []

        async def wait(what: Callable[[], Awaitable[object]], name: str) -> None:
            with pytest.raises(trio.EndOfChannel):
                await what()
            ended.append(name)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, tap.drain, "sound")
            nursery.start_soon(wait, tap.hint, "hints")
            await trio.testing.wait_all_tasks_blocked()
            tap.close()
        assert sorted(ended) == ["hints", "sound"]

    play(story)


def test_hints_come_in_order_and_do_not_fill_the_memory() -> None:
    async def story(tap: Tap) -> None:
        for number in range(KEPT_HINTS + 10):
            tap.tell(MediaSpeech(text=f"{number}", final=True))
        assert [(await tap.hint()).text for _ in range(3)] == ["10", "11", "12"]

    play(story)
