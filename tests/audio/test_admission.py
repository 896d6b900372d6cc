"""Whose sound a socket carries, who decides it, and what happens to everybody else."""

from __future__ import annotations

import msgspec
import pytest
import trio
from attrs import define, field

from tests.audio.kit import CALL, SENTENCE, SENTENCE_MS, Stage, heard_of, identify, new_plane, play
from tests.audio.kit import codec as usual
from tests.audio.sounds import frames, ulaw, voice
from voicecall.adapters.carriers.mock.media import MockMedia
from voicecall.core.requests import Refused
from voicecall.events import CallId
from voicecall.events import facts as fact
from voicecall.ports import MediaCodec, MediaMessage, MediaStart
from voicecall.testing.memory_network import LinkEnd
from voicecall.testing.mock.media import media_message


def start(ticket: str = CALL, **fields: object) -> bytes:
    return msgspec.json.encode({"event": "start", "streamId": f"s-{ticket}", "ticket": ticket, **fields})


def connect(stage: Stage, *messages: bytes, peer: str = "10.0.0.1", codec: MediaCodec = usual) -> LinkEnd:
    """A socket on which these messages have arrived."""
    end = LinkEnd()
    for message in messages:
        end.put(message)
    stage.plane.accept(end, carrier="mock", codec=codec, peer=peer)
    return end


@define
class Journal:
    """An ``admit`` that takes as long, and says what, a test wants."""

    answer: Refused | None = None
    fault: Exception | None = None
    seconds: float = 0.0
    asked: list[str] = field(factory=list)

    async def admit(self, carrier: str, start: MediaStart) -> CallId | Refused:
        self.asked.append(start.ticket)
        await trio.sleep(self.seconds)
        if self.fault is not None:
            raise self.fault
        return self.answer or identify(carrier, start)


def test_a_socket_without_a_start_is_closed_after_a_while() -> None:
    async def story(stage: Stage) -> None:
        silent = connect(stage)
        talkative = connect(stage, b'{"event":"connected"}', media_message(b"\x20" * 160))
        await trio.sleep(4.9)
        assert not silent.closed
        assert not talkative.closed
        await trio.sleep(0.2)
        assert silent.reason == talkative.reason == "Start timeout"
        assert stage.plane.connections == 0

    play(story)


@pytest.mark.parametrize("message", [b"{", b"\xff", b'{"event":"start"}', b'{"event":"media","payload":7}'])
def test_nonsense_before_the_start_means_nothing(message: bytes) -> None:
    async def story(stage: Stage) -> None:
        end = connect(stage, message)
        await trio.sleep(0.1)
        assert not end.closed
        end.put(start())
        await trio.sleep(0.1)
        assert stage.plane.adopt(CALL, lambda event: None)

    play(story)


def test_a_forged_ticket_opens_nothing() -> None:
    journal = Journal()

    async def story(stage: Stage) -> None:
        end = connect(stage, start("forged"))
        await trio.sleep(0.1)
        assert end.reason == "Unauthorized stream: the signature is wrong"
        assert journal.asked == []
        assert stage.plane.connections == 0

    play(story, admit=journal.admit)


@pytest.mark.parametrize(("encoding", "rate"), [("audio/x-alaw", 8_000), ("audio/x-mulaw", 16_000)])
def test_an_encoding_that_we_cannot_play_is_named(encoding: str, rate: int) -> None:
    journal = Journal()

    async def story(stage: Stage) -> None:
        end = connect(stage, start(encoding=encoding, sampleRate=rate))
        await trio.sleep(0.1)
        assert end.reason == f"encoding: expected audio/x-mulaw at 8000 Hz, got {encoding} at {rate} Hz"
        assert journal.asked == []

    play(story, admit=journal.admit)


def test_a_ticket_that_was_used_opens_nothing_and_what_was_to_be_said_has_failed() -> None:
    journal = Journal(answer=Refused(code="busy", reason="Ticket already used"), seconds=0.5)

    async def story(stage: Stage) -> None:
        mailbox = stage.adopt()
        end = connect(stage, start())
        await trio.sleep(0.2)
        effect_id = stage.say(1, SENTENCE)
        await trio.sleep(0.5)
        assert end.reason == "Ticket already used"
        assert mailbox.of(fact.EffectFailed) == [
            fact.EffectFailed(settles=effect_id, reason="no media stream is open"),
        ]
        assert mailbox.of(fact.MediaClosed) == mailbox.of(fact.PlaybackFinished) == []
        assert stage.plane.connections == 0
        assert not stage.plane.adopt(CALL, mailbox.post)

    play(story, admit=journal.admit)


def test_a_journal_that_fails_costs_one_stream_and_not_the_plane() -> None:
    async def story(stage: Stage) -> None:
        end = connect(stage, start())
        await trio.sleep(0.1)
        assert end.reason == "the stream could not be admitted"
        assert stage.plane.running
        assert stage.plane.connections == 0

    play(story, admit=Journal(fault=OSError("no space")).admit)


def test_nothing_is_played_before_the_ticket_is_spent_and_nothing_of_it_is_lost() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            await trio.sleep(1.8)
            assert caller.ear.heard_ms == 0
            assert stage.plane.connections == 1
            assert (await heard_of(mailbox, 1)).heard_ms == SENTENCE_MS

    play(story, admit=Journal(seconds=2).admit)


def test_what_comes_in_one_breath_with_the_start_is_heard() -> None:
    async def story(stage: Stage) -> None:
        mailbox = stage.adopt()
        connect(stage, start(), *map(media_message, frames(ulaw(voice(-20, 300)))))
        await mailbox.until(fact.CallerStarted)
        stage.plane.hang_up(CALL)

    play(story)


def test_a_second_socket_for_an_open_call_is_refused_and_the_first_goes_on() -> None:
    async def story(stage: Stage) -> None:
        async with stage.caller() as caller:
            mailbox = stage.adopt()
            stage.say(1, SENTENCE)
            await mailbox.until(fact.PlaybackStarted)
            second = connect(stage, start())
            await trio.sleep(0.1)
            assert second.reason == "Media stream already open"
            assert (await heard_of(mailbox, 1)).heard_ms == SENTENCE_MS
            assert not caller.hung_up

    play(story)


def test_two_sockets_at_once_for_one_call_cannot_both_have_it() -> None:
    journal = Journal(seconds=0.5)

    async def story(stage: Stage) -> None:
        first, second = connect(stage, start()), connect(stage, start())
        await trio.sleep(1)
        assert (first.closed, second.reason) == (False, "Media stream already open")
        assert journal.asked == [CALL]

    play(story, admit=journal.admit)


def test_a_carrier_that_connects_again_the_moment_its_line_broke_is_let_in() -> None:
    async def story(stage: Stage) -> None:
        mailbox = stage.adopt()
        first = connect(stage, start())
        await trio.sleep(0.1)
        first.cut()
        second = connect(stage, start())
        await trio.sleep(0.1)
        assert not second.closed
        assert mailbox.of(fact.MediaClosed) == [fact.MediaClosed(stream_id="s-c1", reason="lost")]

    play(story)


def test_a_second_start_on_one_socket_ends_it() -> None:
    async def story(stage: Stage) -> None:
        mailbox = stage.adopt()
        end = connect(stage, start())
        await trio.sleep(0.1)
        end.put(start())
        await trio.sleep(0.1)
        assert end.reason == "Duplicate start"
        assert mailbox.of(fact.MediaClosed) == [fact.MediaClosed(stream_id="s-c1", reason="lost")]

    play(story)


def test_a_call_that_ends_while_its_stream_is_admitted_leaves_nothing() -> None:
    async def story(stage: Stage) -> None:
        mailbox = stage.adopt()
        end = connect(stage, start())
        await trio.sleep(0.1)
        stage.plane.hang_up(CALL)
        assert end.closed
        assert mailbox.of(fact.MediaClosed) == [fact.MediaClosed(stream_id="s-c1", reason="closed")]
        await trio.sleep(1)
        assert stage.plane.connections == 0

    play(story, admit=Journal(seconds=0.5).admit)


class Cursed(MockMedia):
    """A codec with a bug."""

    def receive(self, message: bytes) -> MediaMessage:
        if message == b"cursed":
            raise ZeroDivisionError("a bug")
        return super().receive(message)


def test_a_fault_of_ours_in_one_call_is_not_the_end_of_the_others() -> None:
    def broken(carrier: str, told: MediaStart) -> CallId | Refused:
        if told.ticket == "cursed":
            raise ZeroDivisionError("a bug")
        return CallId(told.ticket)

    async def story(stage: Stage) -> None:
        async with stage.caller("c2") as other:
            one, two = stage.adopt(), stage.adopt(CallId("c2"))
            stage.say(1, SENTENCE, call_id=CallId("c2"))
            cursed = [
                connect(stage, start("cursed")),
                connect(stage, b"cursed", codec=Cursed()),
                connect(stage, start(), codec=Cursed()),
            ]
            await trio.sleep(0.1)
            assert [end.closed for end in cursed] == [True, True, False]
            cursed[2].put(b"cursed")
            await one.until(fact.MediaClosed)
            assert cursed[2].closed
            await heard_of(two, 1)
            assert other.ear.heard_ms == SENTENCE_MS

    play(story, identify=broken)


def test_limits_on_sockets_that_have_not_started() -> None:
    async def story(stage: Stage) -> None:
        mine = [connect(stage, peer="10.0.0.1") for _ in range(3)]
        others = [connect(stage, peer=f"10.0.1.{number}") for number in range(4)]
        reason = "Too many pending media stream connections"
        assert [end.reason for end in mine] == ["", "", reason]
        assert [end.reason for end in others] == ["", "", "", reason]
        assert stage.plane.connections == 5
        mine[0].put(start("c1"))
        await trio.sleep(0.1)
        assert not connect(stage, peer="10.0.0.1").closed

    play(story, max_pending=5, max_pending_per_peer=2)


def test_room_is_counted_over_every_stage_of_a_connection() -> None:
    async def story(stage: Stage) -> None:
        assert stage.plane.has_room()
        connect(stage)
        connect(stage, start("c1"))
        connect(stage, start("c2"))
        assert not stage.plane.has_room()
        await trio.sleep(0.1)
        assert not stage.plane.has_room()
        await trio.sleep(1)
        assert not stage.plane.has_room()
        stage.plane.hang_up(CallId("c1"))
        await trio.sleep(0.1)
        assert stage.plane.has_room()

    play(story, max_connections=3, admit=Journal(seconds=0.5).admit)


def test_a_plane_that_does_not_run_takes_nobody() -> None:
    plane, end = new_plane(), LinkEnd()
    assert not plane.has_room()
    plane.accept(end, carrier="mock", codec=usual, peer="10.0.0.1")
    assert end.closed
    assert plane.connections == 0
