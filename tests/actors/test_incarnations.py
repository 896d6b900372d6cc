"""The next incarnation of a call's actor: what it carries on with, and what it leaves alone."""

from __future__ import annotations

import pytest
import trio

from tests.actors.disk import SlowDisk, crash_while
from tests.actors.props import Speaker, Thinker, Wire, lost, ok
from tests.actors.stage import START_AT, Stage, play
from voicecall.actors.identity import outbound_call_id
from voicecall.core.requests import EndCall, Say
from voicecall.events import effects as do
from voicecall.events import facts as fact

CALL = outbound_call_id("r1")


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
        await trio.sleep(0.1)

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


def test_a_call_that_is_over_but_owes_a_hangup_is_woken_for_it() -> None:
    wire = Wire(answers={"dial": [lost()], "reconcile": [ok(b"gone")], "hangup": [lost()] * 100})

    async def first(stage: Stage) -> None:
        call = await stage.place()
        await trio.sleep(60)
        assert stage.supervisor.actors == 0  # given up: the carrier knew nothing of it
        await stage.hear(call, fact.CallAnswered(vendor_call_id="v1"), "after all")

    async def second(stage: Stage) -> None:
        await trio.sleep(1)
        assert [kind for kind, _ in stage.wire.sent] == ["hangup"]
        assert list(stage.directory.owing()) == []

    play(second, journal=play(first, wire=wire))
