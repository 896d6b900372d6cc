"""Transcribers that fail, end, or need a moment more: a call does not go on deaf."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from attrs import define, field

from tests.audio.kit import CALL, HUNG_UP, Stage, play
from voicecall.audio.listening import LAST_WORDS_S
from voicecall.events import EffectId
from voicecall.events import facts as fact
from voicecall.ports import AudioTap, CallerSpeech

LISTEN = EffectId("5.0")


@define
class Recognizer:
    """Says how many bytes of each second it got; fails, ends or is slow as told.

    ``started`` is when it was asked; ``leaving_s`` is how long its connection takes to close, ``most_open`` how many
    there were at a time.
    """

    fail_first: int = 0
    seconds_each: int = 1_000
    slow_s: float = 0.0
    leaving_s: float = 0.0
    started: list[float] = field(factory=list)
    open: int = 0
    most_open: int = 0
    drunk: bytearray = field(factory=bytearray)

    @asynccontextmanager
    async def listen(self, tap: AudioTap) -> AsyncGenerator[AsyncIterator[CallerSpeech]]:
        self.started.append(trio.current_time())
        if len(self.started) <= self.fail_first:
            raise ConnectionError("401 from the vendor")
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            yield self.speech(tap)
        finally:
            if self.leaving_s:
                await trio.sleep(self.leaving_s)
            self.open -= 1

    async def speech(self, tap: AudioTap) -> AsyncGenerator[CallerSpeech]:
        for _ in range(self.seconds_each):
            got = bytearray()
            while len(got) < 8_000:
                try:
                    got += await tap.drain()
                except trio.EndOfChannel:
                    await trio.sleep(self.slow_s)
                    self.drunk += got
                    yield fact.CallerSaid(text=f"last {len(got)}")
                    return
            self.drunk += got
            yield fact.CallerSaid(text=f"{len(got)}")


def test_a_transcriber_gets_every_byte_of_the_caller_in_order() -> None:
    recognizer = Recognizer()

    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            stage.adopt()
            stage.plane.listen(CALL, LISTEN)
            await trio.sleep(0.2)
            said = bytes(range(256)) * 50
            await caller.phone.speak(said)
            await trio.sleep(1)
        await trio.sleep(1)
        assert said in bytes(recognizer.drunk)
        assert recognizer.open == 0

    play(story, transcriber=recognizer)


def test_what_was_said_before_somebody_listened_is_not_lost() -> None:
    recognizer = Recognizer()

    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            stage.adopt()
            said = bytes(range(1, 256)) * 50
            await caller.phone.speak(said)
            await trio.sleep(2)
            stage.plane.listen(CALL, LISTEN)
            await trio.sleep(2)
            assert said in bytes(recognizer.drunk)

    play(story, transcriber=recognizer)


def test_listening_twice_starts_one_transcriber_and_succeeds_twice() -> None:
    recognizer = Recognizer()

    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            stage.plane.listen(CALL, LISTEN)
            stage.plane.listen(CALL, EffectId("6.0"))
            await trio.sleep(0.1)
            assert len(recognizer.started) == 1
            assert [one.settles for one in mailbox.of(fact.EffectSucceeded)] == ["5.0", "6.0"]

    play(story, transcriber=recognizer)


def test_a_transcriber_that_fails_is_reported_and_started_again() -> None:
    recognizer = Recognizer(fail_first=3)

    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.plane.listen(CALL, LISTEN)
            said = bytes(range(1, 256)) * 30
            await caller.phone.speak(said)
            await mailbox.until(fact.CallerSaid)
            reports = mailbox.of(fact.TranscriberFailed)
            assert [one.detail for one in reports] == ["ConnectionError: 401 from the vendor"] * 3
            pauses = [b - a for a, b in zip(recognizer.started, recognizer.started[1:], strict=False)]
            assert pauses == pytest.approx([0.5, 1.0, 2.0])
            await trio.sleep(2)
            assert said in bytes(recognizer.drunk)

    play(story, transcriber=recognizer)


def test_a_transcriber_that_has_enough_is_started_again_soon() -> None:
    recognizer = Recognizer(seconds_each=2)

    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            stage.plane.listen(CALL, LISTEN)
            await mailbox.until(fact.CallerSaid, 6)
            assert len(recognizer.started) == 3
            # Two seconds of sound, half of one of which had been kept while nobody listened.
            assert recognizer.started[2] - recognizer.started[1] == pytest.approx(2.0, abs=0.1)
            assert mailbox.of(fact.TranscriberFailed) == []

    play(story, transcriber=recognizer)


def test_a_transcriber_has_left_before_the_next_one_hears_the_call() -> None:
    recognizer = Recognizer(fail_first=1, seconds_each=1, leaving_s=3.0)

    async def story(stage: Stage) -> None:
        async with stage.caller():
            mailbox = stage.adopt()
            stage.plane.listen(CALL, LISTEN)
            await mailbox.until(fact.CallerSaid, 3)
            assert len(recognizer.started) == 4
            assert recognizer.most_open == 1

    play(story, transcriber=recognizer)


def test_a_transcriber_may_finish_what_it_was_given() -> None:
    recognizer = Recognizer(slow_s=LAST_WORDS_S / 2)

    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.plane.listen(CALL, LISTEN)
            await trio.sleep(1.5)
            caller.stream.stop(HUNG_UP)
            await mailbox.until(fact.MediaClosed)
            await mailbox.until(fact.CallerSaid, 2)
            assert mailbox.of(fact.CallerSaid)[-1].text.startswith("last ")
            assert recognizer.open == 0

    play(story, transcriber=recognizer)


def test_a_transcriber_that_does_not_finish_is_stopped() -> None:
    recognizer = Recognizer(slow_s=1_000)

    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.plane.listen(CALL, LISTEN)
            await trio.sleep(0.5)
            caller.stream.stop(HUNG_UP)
            await mailbox.until(fact.MediaClosed)
            assert recognizer.open == 1
            await trio.sleep(LAST_WORDS_S + 0.1)
            assert recognizer.open == 0

    play(story, transcriber=recognizer)
