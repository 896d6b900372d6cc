"""What is rendered before it is spoken, with a voice that counts, on a clock that jumps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import trio
import trio.testing
from attrs import define, field

from voicecall.adapters.speech.ahead import RenderedAhead, open_ahead
from voicecall.events.facts import VendorReported
from voicecall.ports import Voiced


@define
class Counting:
    """A voice that takes a second and says the text itself; it fails at "boom", and "other" is another one's."""

    asked: list[str] = field(factory=list[str])
    name: str = "counting"

    def describe(self) -> str:
        return self.name

    @asynccontextmanager
    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[AsyncIterator[Voiced]]:
        async with aclosing(self._audio(clauses)) as audio:
            yield audio

    async def _audio(self, clauses: AsyncIterator[str]) -> AsyncGenerator[Voiced]:
        async for clause in clauses:
            self.asked.append(clause)
            await trio.sleep(1)
            if clause == "boom":
                raise RuntimeError(clause)
            if clause == "other":
                yield VendorReported(status="voice failed", code="first")
            yield clause.encode()
            yield b"."


async def say(voice: RenderedAhead, *texts: str) -> tuple[bytes, float]:
    async def told() -> AsyncGenerator[str]:
        for text in texts:
            yield text

    since = trio.current_time()
    async with aclosing(told()) as clauses, voice.speak(clauses) as pieces:
        sound = b"".join([piece async for piece in pieces if isinstance(piece, bytes)])
    return sound, trio.current_time() - since


def play(story: Callable[[], Awaitable[None]]) -> None:
    trio.run(story, clock=trio.testing.MockClock(autojump_threshold=0))


def test_what_was_rendered_comes_at_once_and_is_paid_for_once() -> None:
    async def story() -> None:
        inner = Counting()
        async with open_ahead(inner) as voice:
            voice.ahead("Hello")
            voice.ahead("Hello")
            voice.ahead(" ")
            await trio.sleep(2)
            voice.ahead("Hello")
            assert await say(voice, "Hello") == (b"Hello.", 0.0)
            assert await say(voice, "Hello") == (b"Hello.", 0.0)
            assert inner.asked == ["Hello"]
            assert voice.describe() == "counting"

    play(story)


def test_anything_else_is_made_as_it_is_spoken_and_not_kept() -> None:
    async def story() -> None:
        inner = Counting()
        async with open_ahead(inner) as voice:
            assert await say(voice, "One", "Two") == (b"One.Two.", 2.0)
            assert await say(voice, "One") == (b"One.", 1.0)

    play(story)


def test_after_what_is_kept_comes_what_else_there_is_to_say() -> None:
    async def story() -> None:
        inner = Counting()
        async with open_ahead(inner) as voice:
            voice.ahead("Hello")
            await trio.sleep(2)
            assert await say(voice, "Hello", "you", "there") == (b"Hello.you.there.", 2.0)
            assert inner.asked == ["Hello", "you", "there"]

    play(story)


def test_a_failure_ahead_is_silent_and_nothing_is_kept_of_it_or_of_another_voice() -> None:
    async def story() -> None:
        inner = Counting()
        async with open_ahead(inner) as voice:
            voice.ahead("boom")
            voice.ahead("other")
            await trio.sleep(3)
            assert await say(voice, "other") == (b"other.", 1.0)

    play(story)


def test_another_voice_is_another_content() -> None:
    async def story() -> None:
        inner = Counting()
        async with open_ahead(inner) as voice:
            voice.ahead("Hello")
            await trio.sleep(2)
            inner.name = "another"
            assert await say(voice, "Hello") == (b"Hello.", 1.0)

    play(story)


def test_what_was_used_longest_ago_makes_room() -> None:
    async def story() -> None:
        inner = Counting()
        async with trio.open_nursery() as nursery:
            voice = RenderedAhead(inner, nursery, kept_bytes=12)
            for text in ("aaaa", "bbbb"):
                voice.ahead(text)
                await trio.sleep(2)
            await say(voice, "aaaa")
            voice.ahead("cccc")
            await trio.sleep(2)
            assert [(await say(voice, text))[1] for text in ("aaaa", "cccc", "bbbb")] == [0.0, 0.0, 1.0]

    play(story)


def test_leaving_stops_what_is_being_rendered() -> None:
    async def story() -> None:
        async with open_ahead(Counting()) as voice:
            voice.ahead("Hello")
            await trio.lowlevel.checkpoint()
        assert trio.current_time() == since

    async def main() -> None:
        nonlocal since
        since = trio.current_time()
        await story()

    since = 0.0
    play(main)
