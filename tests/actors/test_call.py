"""The actor of one call: durable before done, and nothing lost between two incarnations."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from attrs import define

from journal import MemoryJournal
from journal.api import START, Broken, Line, Position
from tests.actors.props import Speaker, Thinker, Wire, lost, ok
from tests.actors.stage import START_AT, Stage, open_stage, play, wish
from voicecall.actors.identity import outbound_call_id
from voicecall.core.requests import EndCall, Say
from voicecall.events import CallId
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Leg, Owed, Reply

CALL = outbound_call_id("r1")


class SlowDisk(MemoryJournal):
    """Every append takes ten milliseconds, and one that has begun is finished, as a real one is. ``endings`` are the
    appends that asked for the space which is kept for last words; the next append of a ``fatal`` fact is written and
    fails all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[bytes] = []
        self.endings: list[bytes] = []
        self.unreadable = 0
        self.fatal = ""
        self.news = trio.Event()

    async def append(self, stream: str, body: bytes, *, after: Position, ending: bool = False) -> Position:
        self.begun.append(body)
        self.news.set()
        self.news = trio.Event()
        if ending:
            self.endings.append(body)
        with trio.CancelScope(shield=True):
            await trio.sleep(0.01)
            position = await super().append(stream, body, after=after, ending=ending)
        if self.fatal and f'"event":{{"type":"{self.fatal}"'.encode() in body:
            self.fatal = ""
            raise Broken("a fault after the write")
        return position

    @asynccontextmanager
    async def read(self, stream: str | None = None, *, after: Position = START) -> AsyncGenerator[AsyncIterator[Line]]:
        if self.unreadable:
            self.unreadable -= 1
            raise OSError("out of order")
        async with super().read(stream, after=after) as lines:
            yield lines

    async def until(self, kind: str) -> None:
        """An append of this fact is under way."""
        while not any(f'"type":"{kind}"'.encode() in body for body in self.begun):
            await self.news.wait()


def crash_while(kind: str, journal: SlowDisk, **options: Any) -> None:
    """Place a call, answer it, and pull the plug while a fact of this kind is on its way to the disk."""

    async def main() -> None:
        async with open_stage(journal, **options) as stage, trio.open_nursery() as nursery:

            async def live() -> None:
                call = await stage.place()
                await stage.answer(call)

            nursery.start_soon(live)
            await journal.until(kind)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


# --- claim, write, dispatch ------------------------------------------------------------------------------------------


def test_the_first_line_of_every_incarnation_is_its_claim() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        stage.memory.fail_before(1)
        await stage.hear(call, fact.CallRinging(), "ringing")
        entries = await stage.entries(call)
        first = {entry.writer: entry for entry in reversed(entries)}
        assert len(first) == 2
        assert all(
            isinstance(entry.event, fact.ActorStarted) and entry.event.incarnation == writer
            for writer, entry in first.items()
        )

    play(story)


def test_what_is_durable_when_the_plug_is_pulled_is_not_done_by_the_dying_actor() -> None:
    journal, wire = SlowDisk(), Wire()
    crash_while("call.placed", journal, wire=wire)
    assert b'"type":"dial"' in journal._lines[-1].body
    assert wire.sent == []


def test_a_dial_that_may_have_happened_is_not_repeated_but_looked_for() -> None:
    journal = SlowDisk()
    crash_while("call.placed", journal)
    wire = Wire(answers={"reconcile": [ok(b"gone")]})

    async def second(stage: Stage) -> None:
        await trio.sleep(60)
        assert [kind for kind, _ in wire.sent] == ["reconcile"]
        assert "call.ended" in await stage.kinds(CALL)

    play(second, journal=journal, wire=wire)


def test_a_line_that_was_written_although_the_append_failed_counts_once() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.answer(call)
        stage.memory.fail_after(1)
        await stage.supervisor.request(call, Say(text="once"))
        await trio.sleep(1)
        assert (await stage.kinds(call)).count("say.requested") == 1

    play(story)


def test_the_directory_hears_of_a_call_and_of_its_end_although_their_appends_failed() -> None:
    journal = SlowDisk()

    async def story(stage: Stage) -> None:
        journal.fatal = "call.placed"
        call = await stage.place()
        assert list(stage.directory.living()) == [call]
        journal.fatal = "call.ended"
        assert (await stage.hear(call, fact.CallEnded(reason="busy"), "ended")).status == 200
        await trio.sleep(60)
        assert (stage.supervisor.live_calls, list(stage.directory.living())) == (0, [])
        kinds = await stage.kinds(call)
        assert (kinds.count("call.placed"), kinds.count("call.ended")) == (1, 1)
        assert stage.wire.sent == []  # the dial was decided, but nobody knows whether it was made

    play(story, journal=journal)


def test_a_letter_survives_that_recovery_itself_fails() -> None:
    journal = SlowDisk()

    async def story(stage: Stage) -> None:
        call = await stage.place()
        stage.memory.fail_before(1)
        journal.unreadable = 2
        assert (await stage.hear(call, fact.CallRinging(), "ringing")).status == 200
        assert (await stage.kinds(call)).count("call.ringing") == 1

    play(story, journal=journal)


def test_the_end_of_a_call_may_use_the_space_that_is_kept_for_it() -> None:
    journal = SlowDisk()

    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.answer(call)
        assert journal.endings == []
        await stage.supervisor.request(call, EndCall())
        await stage.hear(call, fact.CallEnded(reason="completed"), "ended")
        await trio.sleep(1)
        first = journal.begun.index(journal.endings[0])
        assert b'"type":"hangup.requested"' in journal.endings[0]
        assert journal.begun[first:] == journal.endings

    play(story, journal=journal)


# --- webhooks --------------------------------------------------------------------------------------------------------


def test_a_vendor_that_hangs_up_on_its_webhook_hurts_nobody() -> None:
    journal = SlowDisk()

    async def story(stage: Stage) -> None:
        call = await stage.place()
        with trio.move_on_after(0.005) as gone:
            await stage.hear(call, fact.CallRinging(), "ringing")
        assert gone.cancelled_caught
        await trio.sleep(1)
        assert (await stage.kinds(call)).count("call.ringing") == 1
        assert (await stage.hear(call, fact.CallAnswered(), "answered")).status == 200

    play(story, journal=journal)


def test_what_a_reply_carries_is_not_sent_a_second_way() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        response = await stage.hear(call, fact.CallAnswered(by="human"), "answered")
        await trio.sleep(1)
        (entry,) = [one for one in await stage.entries(call) if isinstance(one.event, fact.CallAnswered)]
        assert response.body.startswith(f"{entry.seq}.0 ".encode())
        assert [kind for kind, _ in stage.wire.sent] == ["dial"]
        settled = [one.event for one in await stage.entries(call) if isinstance(one.event, fact.EffectSucceeded)]
        assert [one.detail for one in settled] == ["carried by the reply to a webhook"]

    play(story)


def test_a_repeated_webhook_gets_the_same_answer_also_after_a_restart() -> None:
    answers: list[bytes] = []

    async def first(stage: Stage) -> None:
        call = await stage.place()
        answers.append((await stage.hear(call, fact.CallAnswered(), "answered")).body)

    async def second(stage: Stage) -> None:
        answers.append((await stage.hear(CALL, fact.CallAnswered(), "answered")).body)

    play(second, journal=play(first))
    assert answers[0] == answers[1] != b""


def test_a_codec_without_an_answer_costs_the_call_nothing() -> None:
    @define
    class Mute(Wire):
        def reply(self, owed: Owed, leg: Leg | None) -> Reply:
            if leg is not None:
                raise KeyError(leg.callee)
            return super().reply(owed, leg)

    async def story(stage: Stage) -> None:
        call = await stage.place()
        assert (await stage.hear(call, fact.CallAnswered(), "answered")).status == 200
        await trio.sleep(1)
        assert [kind for kind, _ in stage.wire.sent] == ["dial", "open_media"]
        assert (await stage.kinds(call)).count("actor.started") == 1

    play(story, wire=Mute())


async def fired(stage: Stage) -> list[str]:
    """The timers that fired, in order."""
    return [entry.event.name for entry in await stage.entries(CALL) if isinstance(entry.event, fact.TimerFired)]


# --- the next incarnation --------------------------------------------------------------------------------------------


def test_what_was_decided_before_a_restart_comes_before_what_the_restart_decides() -> None:
    silent = Wire(answers={"hangup": [lost()] * 100})

    async def first(stage: Stage) -> None:
        call = await stage.place()
        await stage.answer(call)
        await stage.supervisor.request(call, EndCall())

    async def second(stage: Stage) -> None:
        await trio.sleep(1)
        assert [kind for kind, _ in stage.wire.sent] == ["hangup", "reconcile"]
        assert stage.wire.sent[0] == silent.sent[-1]

    play(second, journal=play(first, wire=silent))


@pytest.mark.parametrize(("set_back_ms", "due_s"), [(0, 25), (3_600_000, 35)])
def test_timers_go_on_after_a_restart_also_when_the_wall_clock_was_set_back(set_back_ms: int, due_s: int) -> None:
    async def first(stage: Stage) -> None:
        await stage.place(ring_timeout_ms=30_000)
        await trio.sleep(10)

    async def second(stage: Stage) -> None:
        # 30 s of ringing and 5 s of grace, of which the first act took 10, if anybody can know.
        await trio.sleep(due_s - 1)
        assert "ring" not in await fired(stage)
        await trio.sleep(2)
        assert "ring" in await fired(stage)
        times = [entry.at for entry in await stage.entries(CALL)]
        assert times == sorted(times)

    # The restart takes no time by the wall clock, or minus an hour.
    play(second, journal=play(first), start_at=START_AT + 10_050 - set_back_ms)


def test_timers_that_are_overdue_fire_at_once_in_due_order() -> None:
    async def first(stage: Stage) -> None:
        await stage.place(ring_timeout_ms=30_000, stale_ms=200_000)  # in doubt: the carrier did not answer

    async def second(stage: Stage) -> None:
        await trio.sleep(0.2)
        assert await fired(stage) == ["ring", "stale"]

    play(second, journal=play(first, wire=Wire(answers={"dial": [lost()]})), start_at=START_AT + 86_400_000)


def test_an_actor_that_dies_before_it_listened_listens_after_all() -> None:
    journal, speaker = SlowDisk(), Speaker()
    crash_while("media.opened", journal, speaker=speaker)
    assert speaker.listening == []

    async def second(stage: Stage) -> None:
        await trio.sleep(1)
        assert speaker.listening == [CALL]
        await trio.sleep(5)
        assert speaker.said == ["Hello."]  # what was given up is owed: the silence brings it

    play(second, journal=journal, speaker=speaker)


def test_after_a_restart_of_the_process_the_carrier_is_asked_for_the_sound_again() -> None:
    async def first(stage: Stage) -> None:
        await stage.answer(await stage.place())

    async def second(stage: Stage) -> None:
        await trio.sleep(0.2)
        closed = [entry.event for entry in await stage.entries(CALL) if isinstance(entry.event, fact.MediaClosed)]
        assert [one.reason for one in closed] == ["restart"]
        assert "open_media" in [kind for kind, _ in stage.wire.sent]
        await stage.open_media(CALL, nonce="n2")
        assert stage.speaker.said == ["I am back. Sorry about the pause."]

    play(second, journal=play(first))


def test_the_agent_is_asked_again_after_a_restart_unless_it_had_begun_to_answer() -> None:
    for pause, asked in ((60.0, ["Hello?"]), (0.4, [])):

        async def first(stage: Stage) -> None:
            await stage.answer(await stage.place())
            stage.speaker.tell(CALL, fact.CallerSaid(text="Hello?"))
            await trio.sleep(1)

        async def second(stage: Stage, asked: list[str] = asked) -> None:
            await trio.sleep(0.2)
            assert [turn.text for turn in stage.thinker.asked] == asked

        play(second, journal=play(first, thinker=Thinker(pause_s=pause)))


def test_sound_that_plays_on_without_an_actor_is_not_said_twice() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.answer(call)
        stage.speaker.hold = True
        await stage.supervisor.request(call, Say(text="A long story."))
        stage.memory.fail_before(1)
        stage.speaker.tell(call, fact.AudioMeasured(offset_ms=1, caller_dbfs=-20, agent_dbfs=-20))
        await trio.sleep(0.2)
        ((whose, effect_id),) = stage.speaker.held
        stage.speaker.finish(whose, effect_id)
        await trio.sleep(0.2)
        entries = await stage.entries(call)
        assert [type(entry.event).kind for entry in entries].count("actor.started") == 2
        speaks = [effect for entry in entries for effect in entry.effects if isinstance(effect, do.Speak)]
        assert [one.text for one in speaks] == ["Hello.", "A long story."]
        assert stage.speaker.said == ["Hello.", "A long story."]

    play(story)


# --- sleeping --------------------------------------------------------------------------------------------------------


def test_an_actor_without_a_call_does_not_stay() -> None:
    async def story(stage: Stage) -> None:
        stage.memory.fail_before(1_000)
        await stage.supervisor.place(wish())
        stage.memory.fail_before(0)
        await trio.sleep(60)
        assert stage.supervisor.actors == 0
        async with stage.journal.streams("call/") as streams:
            assert [CallId(stream) async for stream in streams] == []

    play(story)
