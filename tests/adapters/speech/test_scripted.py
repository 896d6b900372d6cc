"""Speech that follows a script, on a clock that jumps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import pytest
import trio
import trio.testing

from voicecall.adapters.speech.scripted import ScriptedSynthesizer
from voicecall.audio.g711 import ulaw_decode
from voicecall.audio.recording import loud_ms


def run(story: Callable[[], Awaitable[None]]) -> None:
    trio.run(story, clock=trio.testing.MockClock(autojump_threshold=0))


async def told(*clauses: str) -> AsyncGenerator[str]:
    for clause in clauses:
        yield clause


async def drink(pieces: AsyncIterator[bytes], into: list[bytes]) -> None:
    async for piece in pieces:
        into.append(piece)


def test_sound_has_exactly_the_length_of_its_text() -> None:
    async def story() -> None:
        synthesizer = ScriptedSynthesizer(ms_per_character=55, piece_ms=200)
        async with aclosing(told("Hello.", "You?")) as clauses, synthesizer.speak(clauses) as pieces:
            lengths = [len(piece) // 8 async for piece in pieces]
        assert lengths == [200, 130, 200, 20]

    run(story)


def test_it_is_audible() -> None:
    async def story() -> None:
        async with aclosing(told("Hello there.")) as clauses, ScriptedSynthesizer().speak(clauses) as pieces:
            sound = b"".join([piece async for piece in pieces])
        assert loud_ms(ulaw_decode(sound), above_dbfs=-40) == len(sound) // 8 == 720

    run(story)


def test_it_takes_its_time_before_every_clause() -> None:
    async def story() -> None:
        synthesizer = ScriptedSynthesizer(delay_s=0.7, ms_per_character=10)
        async with aclosing(told("a", "b")) as clauses, synthesizer.speak(clauses) as pieces:
            at = [trio.current_time() async for _ in pieces]
        assert at == pytest.approx([0.7, 1.4])

    run(story)


def test_it_fails_when_the_script_says_so_and_only_then() -> None:
    async def story() -> None:
        synthesizer = ScriptedSynthesizer(fault="boom")
        made: list[bytes] = []
        async with aclosing(told("fine", "boom now")) as clauses, synthesizer.speak(clauses) as pieces:
            with pytest.raises(RuntimeError, match="the script says that this fails"):
                await drink(pieces, made)
        assert sum(map(len, made)) == 4 * 60 * 8

    run(story)


def test_it_says_what_it_is() -> None:
    assert ScriptedSynthesizer().describe() == "scripted tone"
