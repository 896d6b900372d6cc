"""Calls over real sockets, with a real WebSocket library at the other end."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from tests.audio.kit import CALL, HUNG_UP, SENTENCE, SENTENCE_MS, heard_of
from tests.audio.sockets import Caller, Street, caller_is_on, serve, start
from tests.audio.sounds import ulaw, voice
from tests.audio.wire import text
from tests.web.kit import handshake, read_answer
from voicecall.audio.playback import MARK_MS
from voicecall.audio.recording import channels, loud_ms
from voicecall.events import CallId, EffectId
from voicecall.events import facts as fact
from voicecall.testing.voice import say


def test_both_sides_hear_each_other() -> None:
    async def story(street: Street) -> None:
        async with street.dialed() as (caller, mailbox):
            await caller_is_on(street)
            street.plane.listen(CALL, EffectId("5.0"))
            street.say(1, SENTENCE)
            assert (await heard_of(mailbox, 1)).heard_ms == SENTENCE_MS
            assert caller.phone.ear.heard_ms == SENTENCE_MS
            assert caller.phone.marks.played == caller.phone.marks.received == -(-SENTENCE_MS // MARK_MS)
            await caller.phone.speak(ulaw(voice(-20, 600)))
            await mailbox.until(fact.CallerStarted)
            caller.stream.key("5")
            await caller.phone.speak(say("On Thursday."))
            assert (await mailbox.until(fact.DigitsPressed)).digits == "5"
            assert (await mailbox.until(fact.CallerSaid)).text == "On Thursday."
            caller.stream.stop(HUNG_UP)
            assert (await mailbox.until(fact.MediaClosed)).reason == "stopped"
            await street.emptied()

    serve(story)


def test_an_interruption_reaches_the_ear() -> None:
    async def story(street: Street) -> None:
        async with street.dialed() as (caller, mailbox):
            await caller_is_on(street)
            street.say(1, SENTENCE * 4)
            await mailbox.until(fact.PlaybackStarted)
            await caller.phone.speak(ulaw(voice(-20, 1_000)))
            finished = await heard_of(mailbox, 1)
            assert finished.interrupted
            assert finished.heard_ms <= finished.sent_ms < 4 * SENTENCE_MS
            street.say(2, SENTENCE)
            assert (await heard_of(mailbox, 2)).heard_ms == SENTENCE_MS
            assert caller.phone.clears == 1

    serve(story)


def test_when_we_hang_up_the_peer_sees_a_proper_close() -> None:
    async def story(street: Street) -> None:
        async with street.dialed() as (caller, _):
            await caller_is_on(street)
            street.plane.hang_up(CALL)
            await caller.gone.wait()
            await street.emptied()
            assert caller.ended == ["closed"]

    serve(story)


def test_many_calls_at_once_each_hear_their_own() -> None:
    calls = 12

    async def one(street: Street, number: int, done: list[Caller]) -> None:
        name = CallId(f"c{number}")
        async with street.dialed(name) as (caller, mailbox):
            await caller_is_on(street, name)
            street.say(1, "x" * (10 + number), call_id=name)
            finished = await heard_of(mailbox, 1)
            assert finished.heard_ms == caller.phone.ear.heard_ms == -(-(10 + number) * 60 // 20) * 20
            assert len(mailbox.of(fact.PlaybackStarted)) == 1
            done.append(caller)
            street.plane.hang_up(name)
            await caller.gone.wait()

    async def story(street: Street) -> None:
        done: list[Caller] = []
        async with trio.open_nursery() as nursery:
            for number in range(calls):
                nursery.start_soon(one, street, number, done)
        assert len(done) == calls
        await street.emptied()

    serve(story, max_pending=calls, max_pending_per_peer=calls)


def test_a_peer_that_does_not_read_delays_nobody_and_is_let_go() -> None:
    """It is spoken to for minutes, and reads nothing, and its buffers are small."""

    async def story(street: Street) -> None:
        async with street.raw(text(start("slow")), receive_bytes=4_096):
            slow = street.adopt(CallId("slow"))
            await caller_is_on(street, CallId("slow"))
            street.say(1, SENTENCE * 100, call_id=CallId("slow"))
            await slow.until(fact.PlaybackStarted)
            async with street.dialed() as (caller, mailbox):
                await caller_is_on(street)
                utterance = 0
                while not slow.of(fact.MediaClosed):
                    utterance += 1
                    street.say(utterance, SENTENCE)
                    assert (await heard_of(mailbox, utterance)).heard_ms == SENTENCE_MS
                assert caller.phone.ear.heard_ms == utterance * SENTENCE_MS
            assert slow.of(fact.MediaClosed)[0].reason == "lost"
            [cut_off] = slow.of(fact.PlaybackFinished)
            assert (cut_off.interrupted, cut_off.heard_ms) == (True, 0)
            assert cut_off.sent_ms < 100 * SENTENCE_MS
            await street.emptied()

    serve(story)


@pytest.mark.parametrize("how", ["reset", "end", "close"])
def test_a_peer_that_vanishes_leaves_nothing(how: str) -> None:
    async def story(street: Street) -> None:
        for _ in range(3):
            async with street.raw(text(start())) as peer:
                mailbox = street.adopt()
                await caller_is_on(street)
                street.say(1, SENTENCE)
                await mailbox.until(fact.PlaybackStarted)
                if how == "reset":
                    peer.reset()
                elif how == "end":
                    await peer.stream.send_eof()
                else:
                    await peer.send(b"\x88\x80\0\0\0\0")
                closed = await mailbox.until(fact.MediaClosed)
                assert closed.reason == "lost"
                assert (await heard_of(mailbox, 1)).interrupted
            await street.emptied()

    serve(story)


def test_the_last_place_is_free_again_when_somebody_leaves() -> None:
    async def story(street: Street) -> None:
        for _ in range(3):
            async with street.raw(text(start("c1"))) as first, street.raw(text(start("c2"))):
                async with await trio.open_tcp_stream("127.0.0.1", street.door.port) as turned_away:
                    await turned_away.send_all(handshake())
                    answer = await read_answer(turned_away)
                    assert (answer.status, answer.body) == (503, b"Too many media stream connections")
                await first.stream.aclose()
                await street.emptied(1)
                async with street.raw(text(start("c3"))):
                    assert street.plane.connections == 2
            await street.emptied()

    serve(story, max_connections=2)


def test_everybody_is_said_goodbye_to_when_the_plane_stops() -> None:
    async def story(street: Street) -> None:
        async with street.raw(text(start())) as one, street.raw() as waiting:
            street.adopt()
            await caller_is_on(street)
            street.nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                for peer in (one, waiting):
                    frames = await peer.frames()
                    assert (frames[-1].opcode, frames[-1].code) == (8, 1000)

    serve(story)


def test_every_call_is_recorded_beside_the_tick(tmp_path: Path) -> None:
    async def one(street: Street, number: int) -> None:
        name = CallId(f"c{number}")
        async with street.dialed(name) as (caller, mailbox):
            await caller_is_on(street, name)
            street.say(1, SENTENCE, call_id=name)
            await heard_of(mailbox, 1)
            await caller.phone.speak(ulaw(voice(-20, 1_500)))
            caller.stream.key("1")
            await mailbox.until(fact.DigitsPressed)
            street.plane.hang_up(name)
            await caller.gone.wait()

    async def story(street: Street) -> None:
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(one, street, number)

    serve(story, recordings=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c0.wav", "c1.wav", "c2.wav"]
    for path in tmp_path.iterdir():
        left, right = channels(path).T
        assert len(left) == len(right)
        assert loud_ms(left, above_dbfs=-40) > 500
        assert loud_ms(right, above_dbfs=-40) > SENTENCE_MS - 100
