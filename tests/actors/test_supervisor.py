"""Stories about many calls: capacity, identity, late facts, failing actors."""

from __future__ import annotations

import trio
import trio.lowlevel
import trio.testing
from attrs import evolve

from tests.actors.disk import SlowDisk
from tests.actors.stage import Stage, Wire, lost, ok, play, wish
from voicecall.actors.supervisor import Accepted, Supervisor, outbound_call_id
from voicecall.core.replay import replay
from voicecall.core.requests import Ask, EndCall, PressDigits, Refused, Say
from voicecall.core.state import Media
from voicecall.events import CallId, Policy
from voicecall.events import facts as fact
from voicecall.ports import Capability, Heard


def test_the_same_request_dials_once_even_after_a_restart() -> None:
    async def first(stage: Stage) -> None:
        one = await stage.supervisor.place(wish("same"))
        two = await stage.supervisor.place(wish("same"))
        assert one == two == Accepted(call_id=outbound_call_id("same"), seq=2)
        await trio.sleep(1)
        assert [kind for kind, _ in stage.wire.sent] == ["dial"]

    async def second(stage: Stage) -> None:
        assert await stage.supervisor.place(wish("same")) == Accepted(call_id=outbound_call_id("same"), seq=2)
        await trio.sleep(1)
        assert "dial" not in [kind for kind, _ in stage.wire.sent]

    play(second, journal=play(first))


def test_the_same_request_at_the_same_time_has_the_same_answer_and_not_before_it_is_durable() -> None:
    async def story(stage: Stage) -> None:
        memory = stage.memory
        memory.fail_before(1)  # the first claim: both have to wait for the next incarnation
        results: list[Accepted | Refused] = []

        async def place() -> None:
            results.append(await stage.supervisor.place(wish("same")))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(place)
            nursery.start_soon(place)
            await trio.testing.wait_all_tasks_blocked()
        assert results[0] == results[1] == Accepted(call_id=outbound_call_id("same"), seq=2)
        await trio.sleep(1)
        assert [kind for kind, _ in stage.wire.sent] == ["dial"]

    play(story)


def test_a_repeated_request_names_the_entry_that_really_placed_the_call() -> None:
    async def first(stage: Stage) -> None:
        stage.memory.fail_after(1)  # the claim is written and its incarnation dies: the call is placed at seq 3
        assert await stage.supervisor.place(wish("same")) == Accepted(call_id=outbound_call_id("same"), seq=3)

    async def second(stage: Stage) -> None:
        await trio.sleep(1)  # the call is woken, because it has not ended
        before = stage.memory.position
        again = await stage.supervisor.place(wish("same"))
        assert again == Accepted(call_id=outbound_call_id("same"), seq=3)
        assert stage.memory.position == before

    play(second, journal=play(first))


def test_a_request_that_was_refused_in_the_meantime_is_not_carried_out_later() -> None:
    async def story(stage: Stage) -> None:
        stage.memory.fail_before(100)
        refused = await stage.supervisor.place(wish("late"))
        assert isinstance(refused, Refused)
        assert refused.code == "unavailable"
        stage.memory.fail_before(0)
        await trio.sleep(60)
        assert stage.wire.sent == []
        assert (stage.supervisor.live_calls, stage.supervisor.actors) == (0, 0)
        await stage.place("late")
        assert [kind for kind, _ in stage.wire.sent] == ["dial"]

    play(story)


def test_what_a_carrier_says_about_a_call_that_never_began_makes_no_phantom() -> None:
    async def story(stage: Stage) -> None:
        stage.memory.hang(5)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.supervisor.place, wish("slow"))  # given up before it is on record
            await trio.sleep(9)
            answers = [await stage.hear(outbound_call_id("slow"), fact.CallRinging(), "ringing") for _ in range(8)]
        await trio.sleep(60)
        assert {answer.status for answer in answers} <= {200, 503}
        assert set(await stage.kinds(outbound_call_id("slow"))) == {"actor.started"}
        assert (stage.supervisor.live_calls, stage.supervisor.actors) == (0, 0)

    play(story)


def test_a_stream_that_was_refused_because_the_journal_was_slow_is_not_taken_for_open() -> None:
    journal = SlowDisk()

    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.hear(call, fact.CallAnswered(), "answered")
        await trio.sleep(1)
        journal.delay_s = 4.0
        for _ in range(2):  # two facts are ahead of the stream: its own line is begun in time, but not finished
            stage.speaker.posts[call](fact.AudioMeasured(offset_ms=1, caller_dbfs=-20, agent_dbfs=-20))
        assert isinstance(await stage.open_media(call), Refused)
        journal.delay_s = 0.01
        await trio.sleep(5)
        kinds = await stage.kinds(call)
        assert ("media.opened" in kinds, kinds.count("actor.started")) == (True, 1)
        assert replay(await stage.entries(call)).ledger.state.media is Media.CLOSED

    play(story, journal=journal)


def test_whoever_asks_a_supervisor_that_does_not_run_any_more_is_told_so() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        gone = Supervisor(
            world=stage.world, directory=stage.directory, offer_policy=lambda heard: Policy(), max_calls=lambda: 4
        )
        assert await gone.place(wish("late")) == Refused(code="unavailable", reason="shutting down")
        heard = Heard(key="late", event=fact.CallRinging(), call_id=call)
        assert (await gone.receive("wire", (heard,))).status == 503

    play(story)


def test_what_a_carrier_cannot_do_is_refused_before_anybody_is_rung() -> None:
    wire = Wire(capabilities=frozenset({Capability.INBOUND}))

    async def story(stage: Stage) -> None:
        refused = await stage.supervisor.place(wish("a"))
        assert refused == Refused(code="unsupported", reason="provider: wire cannot stream a call's sound to us")
        call = await stage.place("b", streaming=False)
        await stage.hear(call, fact.CallAnswered(), "answered")
        digits = await stage.supervisor.request(call, PressDigits(digits="1"))
        assert digits == Refused(code="unsupported", reason="digits: wire cannot press keys on a call")

    play(story, wire=wire)


def test_the_last_place_is_given_once() -> None:
    async def story(stage: Stage) -> None:
        results: list[Accepted | Refused] = []

        async def place(name: str) -> None:
            results.append(await stage.supervisor.place(wish(name)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(place, "a")
            nursery.start_soon(place, "b")
        assert sorted(type(result).__name__ for result in results) == ["Accepted", "Refused"]
        refused = next(result for result in results if isinstance(result, Refused))
        assert refused.reason == "Maximum concurrent calls (1) reached"

    play(story, max_calls=1)


def test_a_place_is_free_again_after_the_end() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place("a")
        await stage.hear(call, fact.CallEnded(reason="busy"), "ended")
        assert stage.supervisor.live_calls == 0
        await stage.place("b")

    play(story, max_calls=1)


def test_a_late_callback_wakes_the_call_and_makes_no_phantom() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.hear(call, fact.CallEnded(reason="no-answer"), "ended")
        await trio.sleep(60)
        assert stage.supervisor.actors == 0
        response = await stage.hear(call, fact.CallEnded(reason="completed", vendor_code="late"), "late")
        assert response.status == 200
        await trio.sleep(60)
        assert stage.supervisor.actors == 0
        assert (await stage.kinds(call))[-2:] == ["actor.started", "vendor.reported"]
        assert (await stage.kinds(call)).count("call.ended") == 1

    play(story)


def test_a_webhook_for_nobody_is_answered_and_makes_no_stream() -> None:
    async def story(stage: Stage) -> None:
        heard = Heard(key="x", event=fact.CallRinging(), call_id="who", vendor_call_id="v-who")
        assert (await stage.supervisor.receive("wire", (heard,))).status == 200
        assert stage.supervisor.actors == 0
        async with stage.journal.streams("call/") as streams:
            assert [stream async for stream in streams] == []

    play(story)


def test_a_repeated_offer_gets_the_first_answer() -> None:
    async def story(stage: Stage) -> None:
        offer = Heard(key="o1", offer=True, vendor_call_id="v1", caller="+15550002000", callee="+15550000000")
        answers = [await stage.supervisor.receive("wire", (offer,)) for _ in range(3)]
        assert answers[0].body != b""
        assert answers == [answers[0]] * 3
        call = stage.directory.named("wire", "v1")
        assert call is not None
        await stage.hear(call, fact.CallEnded(reason="completed"), "ended")
        await trio.sleep(60)
        assert await stage.supervisor.receive("wire", (offer,)) == answers[0]
        await trio.sleep(60)
        assert stage.supervisor.live_calls == 0

    play(story)


def test_a_place_reserved_for_an_offer_that_was_never_written_is_given_back() -> None:
    async def story(stage: Stage) -> None:
        offer = Heard(key="o1", offer=True, vendor_call_id="v1", caller="+15550002000", callee="+15550000000")
        stage.memory.fail_before(100)
        assert (await stage.supervisor.receive("wire", (offer,))).status == 503
        await trio.sleep(60)
        stage.memory.fail_before(0)
        assert stage.supervisor.live_calls == 0
        assert (await stage.supervisor.receive("wire", (offer,))).status == 200
        assert stage.supervisor.live_calls == 1
        call = stage.directory.named("wire", "v1")
        assert call is not None
        assert "call.offered" in await stage.kinds(call)

    play(story, max_calls=1)


def test_words_reserved_for_a_caller_whose_offer_was_never_written_are_for_the_next_one() -> None:
    async def story(stage: Stage) -> None:
        await stage.place()
        stage.memory.fail_before(100)
        assert (await stage.supervisor.receive("wire", (_offer("v1"),))).status == 503
        await trio.sleep(60)
        stage.memory.fail_before(0)
        assert (await stage.supervisor.receive("wire", (_offer("v2"),))).status == 200
        call_id = stage.directory.named("wire", "v2")
        assert call_id is not None
        offered = (await stage.entries(call_id))[1].event
        assert isinstance(offered, fact.CallOffered)
        assert offered.policy.greeting == "All lines are busy."

    play(story, max_calls=1, full_policy=lambda policy: evolve(policy, greeting="All lines are busy."))


def _offer(name: str) -> Heard:
    return Heard(key=f"o-{name}", offer=True, vendor_call_id=name, caller="+15550002000", callee="+15550000000")


def test_two_first_webhooks_of_one_inbound_call_meet_in_one_stream() -> None:
    async def story(stage: Stage) -> None:
        offer = Heard(key="o1", offer=True, vendor_call_id="v1", caller="+15550002000", callee="+15550000000")
        told = fact.CallRinging(vendor_call_id="v1")
        ringing = Heard(key="o2", offer=True, vendor_call_id="v1", event=told, caller="+15550002000")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.supervisor.receive, "wire", (offer,))
            nursery.start_soon(stage.supervisor.receive, "wire", (ringing,))
        async with stage.journal.streams("call/") as streams:
            calls = [stream async for stream in streams]
        assert len(calls) == 1
        assert (await stage.kinds(CallId(calls[0].removeprefix("call/")))).count("call.offered") == 1

    play(story)


def test_an_inbound_call_over_the_limit_is_rejected_before_it_is_answered() -> None:
    async def story(stage: Stage) -> None:
        await stage.place()
        offer = Heard(key="o1", offer=True, vendor_call_id="v9", caller="+15550002000", callee="+15550000000")
        assert (await stage.supervisor.receive("wire", (offer,))).status == 200
        await trio.sleep(20)
        call = stage.directory.named("wire", "v9")
        assert call is not None
        entries = await stage.entries(call)
        assert [effect.kind for effect in entries[1].effects][:1] == ["reject"]
        assert any(isinstance(entry.event, fact.CallEnded) and entry.event.reason == "rejected" for entry in entries)

    play(story, max_calls=1)


def test_requests_are_refused_with_the_reason() -> None:
    async def story(stage: Stage) -> None:
        supervisor = stage.supervisor
        nobody = await supervisor.request(CallId("nobody"), Say(text="hi"))
        assert nobody == Refused(code="not-found", reason="Call not found")
        call = await stage.place()
        refused = await supervisor.request(call, Say(text="hi"))
        assert isinstance(refused, Refused)
        assert refused.code == "not-connected"
        await stage.answer(call)
        digits = await supervisor.request(call, PressDigits(digits="12x"))
        assert isinstance(digits, Refused)
        assert digits.reason.startswith("digits: may only contain")
        assert isinstance(await supervisor.request(call, Ask(text="?")), Accepted)
        again = await supervisor.request(call, Ask(text="?"))
        assert again == Refused(code="busy", reason="Already waiting for transcript")
        assert isinstance(await supervisor.request(call, EndCall()), Accepted)
        assert isinstance(await supervisor.request(call, EndCall()), Accepted)
        await stage.hear(call, fact.CallEnded(reason="completed"), "ended")
        ended = await supervisor.request(call, Say(text="hi"))
        assert ended == Refused(code="ended", reason="Call has ended (endReason=hangup-bot)")
        assert [kind for kind, _ in stage.wire.sent].count("hangup") == 1

    play(story)


def test_two_who_hang_up_at_once_hang_up_once() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.answer(call)
        results: list[Accepted | Refused] = []

        async def end() -> None:
            results.append(await stage.supervisor.request(call, EndCall()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(end)
            nursery.start_soon(end)
        await trio.sleep(1)
        assert [type(result) for result in results] == [Accepted, Accepted]
        assert [kind for kind, _ in stage.wire.sent].count("hangup") == 1

    play(story)


def test_callers_who_were_turned_away_leave_nothing_in_memory_but_a_row() -> None:
    async def story(stage: Stage) -> None:
        for number in range(50):
            stranger = f"+1555000{number:04}"
            offer = Heard(
                key=f"o{number}", offer=True, vendor_call_id=f"v{number}", caller=stranger, callee="+15550000000"
            )
            assert (await stage.supervisor.receive("wire", (offer,))).status == 200
        await trio.sleep(60)
        assert (stage.supervisor.actors, stage.supervisor.live_calls, len(stage.directory)) == (0, 0, 50)
        assert list(stage.directory.owing()) == []

    play(story, verdict="disabled")


def test_a_repeated_webhook_gets_the_first_answer_and_changes_nothing() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        first = await stage.hear(call, fact.CallAnswered(), "k1")
        await trio.sleep(3)
        before = await stage.kinds(call)
        second = await stage.hear(call, fact.CallAnswered(), "k1")
        assert first.body == second.body != b""
        assert await stage.kinds(call) == before

    play(story)


def test_a_dial_in_doubt_is_never_repeated() -> None:
    wire = Wire(answers={"dial": [lost()], "reconcile": [ok(b"gone")]})

    async def story(stage: Stage) -> None:
        call = await stage.place(ring_timeout_ms=30_000)
        await trio.sleep(44)
        assert [kind for kind, _ in stage.wire.sent] == ["dial"]
        await trio.sleep(5)
        assert [kind for kind, _ in stage.wire.sent] == ["dial", "reconcile"]
        entries = await stage.entries(call)
        ended = next(entry.event for entry in entries if isinstance(entry.event, fact.CallEnded))
        assert ended.reason == "no-answer"

    play(story, wire=wire)


def test_a_hangup_is_tried_again_until_the_carrier_takes_it() -> None:
    wire = Wire(answers={"hangup": [ok(status=503), ok(status=503)]})

    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.answer(call)
        await stage.supervisor.request(call, EndCall())
        await trio.sleep(30)
        assert [kind for kind, _ in stage.wire.sent].count("hangup") == 3
        entries = await stage.entries(call)
        assert any(isinstance(entry.event, fact.CallEnded) for entry in entries)

    play(story, wire=wire)
