"""The actor of one call: durable before done, and nothing lost between two incarnations."""

from __future__ import annotations

import trio
from attrs import define

from tests.actors.disk import SlowDisk, crash_while
from tests.actors.props import Wire, ok
from tests.actors.stage import Stage, play, wish
from voicecall.actors.identity import outbound_call_id
from voicecall.core.requests import EndCall, PressDigits, Say
from voicecall.events import CallId
from voicecall.events import facts as fact
from voicecall.ports import Exchange, Heard, HttpRequest, Leg, Owed, Reply

CALL = outbound_call_id("r1")


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


def test_nothing_is_done_before_the_line_that_decided_it_is_durable() -> None:
    journal, early = SlowDisk(), list[str]()

    @define
    class Witness(Wire):
        async def fetch(self, request: HttpRequest) -> Exchange:
            seq = request.headers["id"].partition(".")[0]
            if not any(f'"seq":{seq},'.encode() in line.body for line in journal._lines):
                early.append(request.url)
            return await super().fetch(request)

    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.answer(call)
        await stage.supervisor.request(call, PressDigits(digits="1"))
        await stage.supervisor.request(call, EndCall())
        await trio.sleep(1)
        assert [kind for kind, _ in stage.wire.sent] == ["dial", "send_digits", "hangup"]
        assert early == []

    play(story, journal=journal, wire=Witness())


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


def test_instructions_that_the_carrier_was_sent_for_are_the_same_when_it_comes_again() -> None:
    wire = Wire()

    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.answer(call)
        asked: list[tuple[Heard, bytes]] = []

        async def come() -> Exchange:
            heard = Heard(key="asked", event=fact.FlowAsked(), call_id=call, flow=True, asks=wire.sent[-1][1])
            asked.append((heard, (await stage.supervisor.receive("wire", (heard,))).body))
            return ok()

        wire.answers["open_media"] = [come]
        stage.speaker.lose(call)
        await trio.sleep(0.1)
        ((heard, first),) = asked
        assert first.startswith(heard.asks.encode())
        assert (await stage.supervisor.receive("wire", (heard,))).body == first

    play(story, wire=wire)


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
