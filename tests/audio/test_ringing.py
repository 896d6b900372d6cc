"""An ear that is connected before there is sound: while it rings."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from attrs import define, field

from tests.audio.kit import CALL, Stage, play
from voicecall.events import EffectId
from voicecall.events import facts as fact
from voicecall.ports import AudioTap, CallerSpeech

LISTEN = EffectId("5.0")
HANDSHAKE_S = 1.0


@define
class SlowToConnect:
    """Takes a second to connect, and tells of each remark when it ended; ``faults`` of its connections fail."""

    faults: int = 0
    connected: list[float] = field(factory=list)
    open: int = 0

    @asynccontextmanager
    async def listen(self, tap: AudioTap) -> AsyncGenerator[AsyncIterator[CallerSpeech]]:
        self.open += 1
        try:
            await trio.sleep(HANDSHAKE_S)
            self.connected.append(trio.current_time())
            if len(self.connected) <= self.faults:
                raise ConnectionError("reset by the vendor")
            yield self.speech(tap)
        finally:
            self.open -= 1

    async def speech(self, tap: AudioTap) -> AsyncGenerator[CallerSpeech]:
        while True:
            try:
                audio = await tap.drain()
            except trio.EndOfChannel:
                return
            if audio.strip(b"\xff"):
                yield fact.CallerSaid(text="something", ended_ms=tap.ends_ms)


def test_who_picks_up_is_heard_by_an_ear_that_is_connected_already() -> None:
    ear = SlowToConnect()

    async def story(stage: Stage) -> None:
        stage.plane.prepare(CALL, 45)
        stage.plane.prepare(CALL, 45)
        await trio.sleep(20)
        assert ear.connected == [HANDSHAKE_S]
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.plane.listen(CALL, LISTEN)
            await caller.speaks(200)
            said = await mailbox.until(fact.CallerSaid)
            # Its clock began when the media opened, and nobody waited for a handshake.
            assert said.ended_ms <= 400
            assert (len(ear.connected), ear.open) == (1, 1)
        await trio.sleep(3)
        assert ear.open == 0

    play(story, transcriber=ear)


def test_an_ear_nobody_needs_is_let_go_when_the_call_ends() -> None:
    ear = SlowToConnect()

    async def story(stage: Stage) -> None:
        stage.adopt()
        stage.plane.prepare(CALL, 45)
        await trio.sleep(2)
        assert ear.open == 1
        stage.plane.hang_up(CALL)
        await trio.sleep(0.01)
        assert ear.open == 0
        stage.plane.release(CALL)

    play(story, transcriber=ear)


@pytest.mark.parametrize("wait_s", [10.0, 10.5])
def test_an_ear_that_waited_too_long_has_gone_and_another_one_hears(wait_s: float) -> None:
    ear = SlowToConnect()

    async def story(stage: Stage) -> None:
        stage.plane.prepare(CALL, 10)
        await trio.sleep(wait_s)
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            assert ear.open == 0
            stage.plane.listen(CALL, LISTEN)
            await caller.speaks(200)
            assert (await mailbox.until(fact.CallerSaid)).text == "something"
            assert len(ear.connected) == 2

    play(story, transcriber=ear)


def test_an_ear_that_fails_while_it_rings_is_started_again() -> None:
    ear = SlowToConnect(faults=2)

    async def story(stage: Stage) -> None:
        mailbox = stage.adopt()
        stage.plane.prepare(CALL, 45)
        await trio.sleep(20)
        reports = mailbox.of(fact.TranscriberFailed)
        assert [one.detail for one in reports] == ["ConnectionError: reset by the vendor"] * 2
        async with stage.caller() as caller:
            stage.plane.listen(CALL, LISTEN)
            await caller.speaks(200)
            await mailbox.until(fact.CallerSaid)
            assert len(ear.connected) == 3

    play(story, transcriber=ear)


def test_an_ear_is_not_prepared_for_a_stream_that_is_open() -> None:
    ear = SlowToConnect()

    async def story(stage: Stage) -> None:
        async with stage.caller():
            stage.plane.prepare(CALL, 45)
            await trio.sleep(2)
            assert ear.open == 0

    play(story, transcriber=ear)
