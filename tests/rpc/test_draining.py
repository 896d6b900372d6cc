"""A server is drained: nobody comes in any more, nobody is cut off, and at the bound everybody is told goodbye."""

from __future__ import annotations

import pytest
import trio
from attrs import evolve

from tests.rpc.stage import FRIENDLY, LISTENER, NEVER_ANSWERS, Stage, play
from voicecall.actors import drain
from voicecall.events import CallId
from voicecall.events import facts as fact
from voicecall.rpc.protocol import RpcError
from voicecall.testing.happenings import Offer
from voicecall.testing.memory_system import OURS, WEBHOOK_URL

GOODBYE = "I am sorry, I have to hang up now. Goodbye."
DRAINING = "draining: this server takes no new calls and stops after the last one; ask the next one"


async def over(stage: Stage) -> None:
    assert stage.methods.drain is not None
    await stage.methods.drain.over.wait()


async def said(stage: Stage, call_id: str) -> list[str]:
    record = (await stage.call("status", callId=call_id))["call"]
    return [one["text"] for one in record["transcript"] if one["speaker"] == "bot"]


def test_without_a_call_it_is_over_at_once() -> None:
    async def story(stage: Stage) -> None:
        assert (await stage.client().call("voicecall.hello", {}))["draining"] is False
        began = trio.current_time()
        assert await stage.call("drain", requestId="d") == {"draining": True, "calls": 0}
        await over(stage)
        assert trio.current_time() - began < 0.1
        assert (await stage.client().call("voicecall.hello", {}))["draining"] is True

    play(story)


def test_no_call_begins_any_more_and_a_repeated_wish_is_still_known() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER, "r1")
        await stage.saw(call_id, "media.opened")
        assert await stage.call("drain", requestId="d") == {"draining": True, "calls": 1}
        words, data = await stage.refusal("initiate", to=FRIENDLY, message="Hi", requestId="r2")
        assert (words, data["reason"]) == (DRAINING, "draining")
        assert await stage.place(LISTENER, "r1") == call_id
        assert stage.dials == 1

    play(story)


def test_who_calls_meanwhile_is_refused_and_that_is_on_record() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        await stage.saw(call_id, "media.opened")
        await stage.call("drain", requestId="d")
        offer = Offer(caller=FRIENDLY, callee=OURS, webhook_url=WEBHOOK_URL)
        stage.town.network.board.dialect.offer(offer)
        async with stage.system.journal.follow() as lines:
            async for line in lines:
                if line.stream != f"call/{call_id}" and b"call.ended" in line.body:
                    break
        refused = CallId(line.stream.removeprefix("call/"))
        entries = await stage.system.entries(refused)
        (offered,) = [one for one in entries if isinstance(one.event, fact.CallOffered)]
        assert isinstance(offered.event, fact.CallOffered)
        assert offered.event.policy.verdict == "draining"
        assert [type(one).kind for one in offered.effects][:1] == ["reject"]
        record = (await stage.call("status", callId=refused))["call"]
        assert record["metadata"]["rejectionReason"] == "draining"
        assert not any(isinstance(one.event, fact.CallAnswered) for one in entries)

    play(story, inboundPolicy="open")


def test_a_live_call_is_finished_before_the_bound_and_nobody_says_goodbye_for_it() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(FRIENDLY)
        await stage.saw(call_id, "media.opened")
        await stage.call("drain", requestId="d", withinMs=200_000)
        await over(stage)
        record = (await stage.call("status", callId=call_id))["call"]
        assert record["endReason"] == "hangup-user"
        assert GOODBYE not in str(record)

    play(story)


def test_at_the_bound_everybody_is_told_goodbye_and_hung_up_by_requests_on_record() -> None:
    async def story(stage: Stage) -> None:
        calls = [await stage.place(LISTENER, name) for name in ("r1", "r2")]
        for call_id in calls:
            await stage.saw(call_id, "playback.finished")
        rings = await stage.place(NEVER_ANSWERS, "r3")
        await stage.saw(rings, "call.ringing")
        began = trio.current_time()
        await stage.call("drain", requestId="d", by="the operator", withinMs=5_000)
        await over(stage)
        assert 5 < trio.current_time() - began < 5 + drain.GOODBYE_S
        for call_id in calls:
            record = (await stage.call("status", callId=call_id))["call"]
            assert record["endReason"] == "hangup-bot"
            assert (await said(stage, call_id))[-1] == GOODBYE
            wishes = [(one.key, one.event) for one in await stage.system.entries(call_id) if "request:d" in one.key]
            assert wishes == [
                ("request:d/goodbye", fact.SayRequested(text=GOODBYE, by="the operator")),
                ("request:d/end", fact.HangupRequested(by="the operator")),
            ]
        assert (await stage.call("status", callId=rings))["call"]["endReason"] == "hangup-bot"
        assert not (await stage.call("status"))["calls"]

    play(story)


def test_a_second_drain_makes_it_shorter_and_never_longer() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        await stage.saw(call_id, "playback.finished")
        began = trio.current_time()
        for name, within in (("d", {}), ("d2", {"withinMs": 10_000}), ("d3", {"withinMs": 60_000}), ("d4", {})):
            assert await stage.call("drain", requestId=name, **within) == {"draining": True, "calls": 1}
        await over(stage)
        assert 10 < trio.current_time() - began < 10 + drain.GOODBYE_S

    play(story)


def test_a_call_that_was_just_being_placed_is_hung_up_too() -> None:
    async def story(stage: Stage) -> None:
        placed: list[str] = []

        async def place() -> None:
            placed.append(await stage.place(NEVER_ANSWERS))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(place)
            while not stage.system.calls.supervisor.living:
                await trio.lowlevel.checkpoint()
            await stage.methods.call("voicecall.drain", {"requestId": "d", "withinMs": 0})
        await over(stage)
        assert (await stage.call("status", callId=placed[0]))["call"]["endReason"] == "hangup-bot"

    play(story)


def test_a_call_that_cannot_be_ended_holds_nobody_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        await stage.saw(call_id, "playback.finished")
        supervisor = stage.system.calls.supervisor
        monkeypatch.setattr(supervisor, "asleep", trio.sleep_forever)
        began = trio.current_time()
        await stage.call("drain", requestId="d", withinMs=0)
        await over(stage)
        assert trio.current_time() - began < drain.GOODBYE_S + drain.HANGING_UP_S + 1

    play(story)


def test_after_a_crash_in_between_the_same_drain_says_nothing_twice() -> None:
    async def before(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        await stage.saw(call_id, "playback.finished")
        await stage.call("drain", requestId="d", withinMs=0)
        await stage.saw(call_id, "say.requested")

    async def afterwards(stage: Stage) -> None:
        ((call_id,),) = [[one["callId"] for one in (await stage.call("status"))["calls"]]]
        await stage.saw(call_id, "media.opened", 2)
        await stage.saw(call_id, "playback.finished", 2)  # the goodbye was lost; this is: I am back
        assert (await stage.client().call("voicecall.hello", {}))["draining"] is False
        await stage.call("drain", requestId="d", withinMs=0)
        await over(stage)
        entries = await stage.system.entries(CallId(call_id))
        assert sum(isinstance(one.event, fact.SayRequested) for one in entries) == 1
        assert (await stage.call("status", callId=call_id))["call"]["endReason"] == "hangup-bot"

    play(before, afterwards)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "requestId required"),
        ({"requestId": "d", "withinMs": -1}, "withinMs: must be 0 or more, got -1"),
        ({"requestId": "d", "withinMs": "1s"}, "withinMs: expected a whole number, got text"),
        ({"requestId": "d", "within": 5}, "within: unknown parameter; did you mean withinMs?"),
    ],
)
def test_a_drain_that_makes_no_sense_drains_nothing(params: dict[str, object], words: str) -> None:
    async def story(stage: Stage) -> None:
        message, _ = await stage.refusal("drain", **params)
        assert message.startswith(words)
        assert await stage.place(LISTENER)

    play(story)


def test_what_is_part_of_another_program_is_not_drained() -> None:
    async def story(stage: Stage) -> None:
        with pytest.raises(RpcError, match="ends with the program"):
            await evolve(stage.methods, drain=None).call("voicecall.drain", {"requestId": "d"})

    play(story)
