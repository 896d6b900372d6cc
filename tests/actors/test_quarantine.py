"""The last resort: no more decisions, one hang-up, an ending on record; and it never fails."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from attrs import define

from journal import MemoryJournal
from journal.api import Position
from tests.actors.props import Wire, lost, ok
from tests.actors.stage import Stage, play
from voicecall.actors.quarantine import quarantine
from voicecall.core.ledger import Again, Ledger, step
from voicecall.core.replay import replay
from voicecall.events import AnyEffect, AnyEvent, CallId, EffectId, Entry
from voicecall.events import facts as fact
from voicecall.ports import HttpRequest, Leg


def test_an_actor_that_keeps_failing_is_quarantined_and_hung_up() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.answer(call)
        stage.memory.fail_before(6)
        await stage.hear(call, fact.DigitsPressed(digits="1"), "digits")
        await trio.sleep(60)
        assert [kind for kind, _ in stage.wire.sent][-1] == "hangup"
        assert stage.speaker.closed[-1] == call
        assert (stage.supervisor.actors, stage.supervisor.live_calls) == (0, 0)
        assert (await stage.kinds(call))[-3:] == ["actor.quarantined", "effect.succeeded", "call.ended"]

    play(story)


def test_a_letter_that_breaks_every_incarnation_leads_there_and_its_sender_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def poisoned(ledger: Ledger, event: AnyEvent, **more: Any) -> Entry | Again:
        if isinstance(event, fact.DigitsPressed):
            raise KeyError(event.digits)
        return step(ledger, event, **more)

    monkeypatch.setattr("voicecall.actors.call.step", poisoned)

    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.answer(call)
        assert (await stage.hear(call, fact.DigitsPressed(digits="42"), "poison")).status == 503
        await trio.sleep(60)
        entries = await stage.entries(call)
        assert [type(entry.event).kind for entry in entries][-1] == "call.ended"
        reason = next(entry.event.reason for entry in entries if isinstance(entry.event, fact.ActorQuarantined))
        assert "KeyError" in reason
        assert "42" not in reason

    play(story)


@define
class Broken(Wire):
    """A carrier whose codec cannot even hang up."""

    def encode(self, effect_id: EffectId, effect: AnyEffect, leg: Leg) -> HttpRequest | None:
        if type(effect).kind == "hangup":
            raise KeyError("no")
        return super().encode(effect_id, effect, leg)


@pytest.mark.parametrize(
    "wire", [Broken(), Wire(answers={"hangup": [lost()] * 100}), Wire(answers={"hangup": [ok(status=400)]})]
)
def test_it_ends_whatever_the_carrier_does(wire: Wire) -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        other = await stage.place("other")
        await stage.answer(call)
        await quarantine(stage.world, call, reason="a test", observe=stage.directory.apply)
        assert (await stage.kinds(call))[-1] == "call.ended"
        assert (await stage.hear(other, fact.CallRinging(), "ringing")).status == 200

    play(story, wire=wire)


def test_it_hangs_up_although_the_journal_is_broken() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.answer(call)
        stage.memory.fail_before(1_000)
        await stage.hear(call, fact.DigitsPressed(digits="1"), "digits")
        await trio.sleep(60)
        assert [kind for kind, _ in stage.wire.sent].count("hangup") == 1
        assert "actor.quarantined" not in await stage.kinds(call)

    play(story)


def test_it_is_on_record_as_soon_as_the_journal_works_again() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.answer(call)
        stage.memory.fail_after(8)  # every incarnation's claim, and the quarantine's first line, are written and fail
        await stage.hear(call, fact.DigitsPressed(digits="1"), "digits")
        await trio.sleep(60)
        kinds = await stage.kinds(call)
        assert kinds[-1] == "call.ended"
        owed = replay(await stage.entries(call)).ledger.owed
        assert {type(effect).kind for effect in owed.values()} == {"start_timer"}
        assert kinds.count("actor.quarantined") == 1
        assert [kind for kind, _ in stage.wire.sent].count("hangup") == 1
        assert (stage.supervisor.live_calls, list(stage.directory.living())) == (0, [])

    play(story)


def test_a_quarantine_that_was_interrupted_is_finished_after_a_restart() -> None:
    class Half(MemoryJournal):
        """Takes the quarantine's first line and no other one."""

        broken = False

        async def append(self, stream: str, body: bytes, *, after: Position, ending: bool = False) -> Position:
            if self.broken:
                raise RuntimeError("out of order")
            self.broken = b"actor.quarantined" in body
            return await super().append(stream, body, after=after, ending=ending)

    journal = Half()

    async def first(stage: Stage) -> None:
        call = await stage.place()
        await stage.answer(call)
        await quarantine(stage.world, call, reason="a test", observe=stage.directory.apply)
        assert (await stage.kinds(call))[-1] == "actor.quarantined"

    async def second(stage: Stage) -> None:
        (row,) = stage.directory.rows()
        await trio.sleep(60)
        assert [kind for kind, _ in stage.wire.sent] == ["hangup"]
        assert (await stage.kinds(CallId(row.call_id)))[-1] == "call.ended"
        assert stage.supervisor.live_calls == 0

    play(first, journal=journal)
    journal.broken = False
    play(second, journal=journal)


def test_there_is_nothing_to_do_for_a_call_that_never_was_or_has_ended() -> None:
    async def story(stage: Stage) -> None:
        call = await stage.place()
        await stage.hear(call, fact.CallEnded(reason="busy"), "ended")
        await trio.sleep(1)
        before = await stage.entries(call)
        await quarantine(stage.world, call, reason="a test", observe=stage.directory.apply)
        assert await stage.entries(call) == before
        assert replay(before).ledger.state.quarantined is False

    play(story)
