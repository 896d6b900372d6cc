"""Both ends of the calls of a scenario, and what a call came to: the same on every carrier."""

from __future__ import annotations

from typing import Any

import trio
from attrs import frozen

from voicecall.actors.identity import inbound_call_id
from voicecall.actors.supervisor import Accepted
from voicecall.core.requests import Wish
from voicecall.events import AnyEvent, CallId, Entry, Mode
from voicecall.events import facts as fact
from voicecall.projections.transcript import Spoken, transcript
from voicecall.testing.happenings import Offer
from voicecall.testing.memory_system import OURS, WEBHOOK_URL, MemorySystem
from voicecall.testing.script import Script, Step

THEM = "+15551112222"
MESSAGE = "Hello, this is voicecall, calling about Thursday."
QUIET_S = 5
"""Longer than any webhook of a fault script is kept back."""
COMPARED = frozenset({
    *("call.placed", "call.offered", "call.answered", "call.ended", "machine.detected"),
    *("caller.said", "digits.pressed", "agent.replied", "playback.finished"),
})  # fmt: skip
"""Kinds of facts that every carrier tells, streaming or not."""
DECIDED = frozenset({"dial", "answer", "reject", "hangup", "send_digits", "ask_agent"})
TOLD = frozenset({"dial", "call.placed", "call.answered", "playback.finished", "call.ended"})
"""What there is of a call on which something was said to somebody."""
TALKED = frozenset({*TOLD, "caller.said", "ask_agent", "agent.replied"})
"""What there is of a conversation."""


@frozen(kw_only=True)
class Told:
    """What a call came to. ``said`` has whole remarks in order, ours as heard; ``cut`` those of ours that were cut.

    ``ended`` is the network's own view: why, and by whom (``api`` is us, also by a document); ``keys`` what the person
    heard of our keys. ``facts`` are the kinds of facts in the journal, of those in ``COMPARED``, and of what we decided
    about the call as a whole.
    """

    reason: str
    said: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    ended: tuple[str, str]
    keys: str = ""
    facts: frozenset[str] = TALKED


@frozen(kw_only=True)
class Stage:
    """Both ends of the calls of one scenario."""

    system: MemorySystem

    async def call(self, *steps: Step, message: str = MESSAGE, mode: Mode = Mode.CONVERSATION) -> CallId:
        """Call somebody who does this."""
        self.system.network.board.people[THEM] = Script(steps=steps)
        return await self.system.place(THEM, message, mode=mode)

    async def ring_us(self, *steps: Step) -> CallId:
        """Somebody calls us and does this."""
        board = self.system.network.board
        offer = Offer(
            caller=THEM, callee=OURS, webhook_url=WEBHOOK_URL, status_url=WEBHOOK_URL, script=Script(steps=steps)
        )
        name = board.dialect.offer(offer).party.vendor_call_id
        return inbound_call_id(self.system.config.provider, name)

    async def ask(self, call_id: CallId, wish: Wish) -> None:
        """Ask something of the call."""
        answer = await self.system.calls.supervisor.request(call_id, wish)
        assert isinstance(answer, Accepted), answer

    async def until(self, call_id: CallId, kind: type[Any], number: int = 1) -> Entry:
        """The n-th fact of this kind."""
        seen = 0

        def holds(entry: Entry) -> bool:
            nonlocal seen
            seen += isinstance(entry.event, kind)
            return seen >= number

        return await self.system.until(call_id, holds)

    async def told(self, call_id: CallId, *, since: type[Any] = fact.ActorStarted) -> Told:
        """What the call came to, once it is over at both ends; of what we said, what began after a kind of fact."""
        ended = (await self.system.ended(call_id)).event
        assert isinstance(ended, fact.CallEnded)
        assert ended.vendor_code or ended.settles, "the vendor's own word is lost"
        report = await self._settled()
        (call,) = report["calls"]
        entries = await self.system.entries(call_id)
        counts = next((index for index, entry in enumerate(entries) if isinstance(entry.event, since)), 0)
        before = {entry.event.utterance for entry in entries[:counts] if isinstance(entry.event, fact.PlaybackStarted)}
        spoken = transcript(entry for entry in entries if not _ends(entry, before))
        return Told(
            reason=await self._reason(call_id),
            said=_joined([one for one in spoken if not one.interrupted]),
            cut=tuple(one.said for one in spoken if one.interrupted and one.heard),
            ended=(call["ended"]["why"], call["ended"]["by"].replace("document", "api")),
            keys=call["keysHeard"],
            facts=_facts(entries),
        )

    async def _settled(self) -> dict[str, Any]:
        """What the network says when its calls are over and no webhook has come for a while."""
        board = self.system.network.board
        settling = True
        while settling or board.report()["living"] or board.report()["mediaSocketsOpen"]:
            with trio.move_on_after(QUIET_S) as quiet:
                await board.tally.pulse.wait()
            settling = not quiet.cancelled_caught
        return board.report()

    async def _reason(self, call_id: CallId) -> str:
        replayed = await self.system.replayed(call_id)
        assert replayed.divergences == ()
        return replayed.ledger.state.end_reason


def _ends(entry: Entry, utterances: set[int]) -> bool:
    return isinstance(entry.event, fact.PlaybackFinished) and entry.event.utterance in utterances


def _joined(spoken: list[Spoken]) -> tuple[str, ...]:
    """Remarks as ``bot:`` and ``user:``; a reply that was said in pieces is one."""
    remarks: list[tuple[str, str]] = []
    for one in spoken:
        text = one.heard if one.speaker == "bot" else one.said
        if remarks and remarks[-1][0] == one.speaker == "bot":
            remarks[-1] = ("bot", f"{remarks[-1][1]} {text}")
        elif text:
            remarks.append((one.speaker, text))
    return tuple(f"{speaker}: {text}" for speaker, text in remarks)


def _facts(entries: list[Entry]) -> frozenset[str]:
    kinds = {_kind(entry.event) for entry in entries}
    decided = {type(effect).kind for entry in entries for effect in entry.effects}
    return frozenset(kinds & COMPARED | decided & DECIDED)


def _kind(event: AnyEvent) -> str:
    """Not every carrier tells that it was no machine."""
    person = isinstance(event, fact.MachineDetected) and event.result not in ("machine", "fax")
    return "" if person else type(event).kind
