"""The actor: one trio task per call, the only writer of that call's stream.

Theory of operation
-------------------
Take a letter, ``step``, append, consume. *Consume* means fold the entry into the ledger, settle the letter's receipt
and hand the effects to their lanes. State advances by nothing else, live or recovering, so what is in memory is always
what the journal says.

An incarnation begins by folding the stream, then appends ``actor.started``: its claim. Two overlapping incarnations
collide on that line (``Fenced``), not on the first hang-up. Then it looks at what the stream says is owed: effects that
may be repeated are carried out again, those that may not are settled as failed (reason ``restart``), timers are armed.

The actor is crash-only. If an append does not return normally, nobody knows whether the line is in the journal, so the
incarnation is over; the next one reads what really happened and, if the line is there, settles the letter as written.
Between "durable" and "dispatched" there is one deliberate checkpoint, so that a cancelled actor is cancelled there,
with the effects listed as owed, and never half way through a dispatch.
"""

from __future__ import annotations

from collections.abc import Callable

import trio
from attrs import frozen

from journal.api import START, Position
from voicecall.actors.lanes import Lanes
from voicecall.actors.mailbox import Letter, Mailbox, Repeated, Result, Written
from voicecall.actors.recovery import RESTART, Inheritance, given_up, inherit
from voicecall.actors.world import World, stream_of
from voicecall.core.admit import admit
from voicecall.core.ledger import Again, Ledger, fold, step
from voicecall.core.requests import Refused
from voicecall.core.state import CallState, Media, Phase
from voicecall.events import AnyEffect, CallId, EffectId, Entry, Lane, Request, effects_of
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.schema import decode_entry, encode_entry
from voicecall.ports import HttpResponse, Reply

Observe = Callable[[CallId, Position, Entry], None]
"""Told of every entry once it is durable and folded. Must not fail or wait."""


@frozen(kw_only=True)
class Attempt:
    """What an incarnation was doing when it died: the next one finds out whether it was written."""

    letter: Letter
    entry: Entry


class CallActor:
    """One incarnation. ``run`` returns when the call has ended and owes nothing."""

    def __init__(
        self, *, world: World, call_id: CallId, mailbox: Mailbox, observe: Observe, unfinished: Attempt | None = None
    ) -> None:
        self._world = world
        self._call_id = call_id
        self._stream = stream_of(call_id)
        self._mailbox = mailbox
        self._observe = observe
        self._writer = world.incarnation()
        self._ledger = Ledger()
        self._position: Position = START
        self._lanes: Lanes | None = None
        self.unfinished = unfinished

    @property
    def state(self) -> CallState:
        """What is true now."""
        return self._ledger.state

    async def run(self) -> None:
        """Recover, claim, then work until the call has ended and owes nothing.

        Raises ``journal.api.Fenced`` when another writer holds the call, and whatever else the journal raises.
        """
        await self._recover()
        inheritance = inherit(self._ledger)
        async with trio.open_nursery() as nursery:
            self._lanes = Lanes(
                world=self._world,
                call_id=self._call_id,
                post=self._mailbox.post,
                state=lambda: self._ledger.state,
                nursery=nursery,
            )
            try:
                await self._claim()
                self._resume(inheritance)
                while not self._finished():
                    await self._work(await self._mailbox.take())
            finally:
                self._world.sound.release(self._call_id)
            nursery.cancel_scope.cancel()

    async def _recover(self) -> None:
        attempt, self.unfinished = self.unfinished, None
        written = False
        async with self._world.journal.read(self._stream) as lines:
            async for line in lines:
                entry = decode_entry(line.body)
                written = written or (attempt is not None and entry == attempt.entry)
                self._ledger = fold(self._ledger, entry)
                self._position = line.position
        if attempt is None or isinstance(attempt.letter.content, fact.ActorStarted):
            return
        if written:
            reply = await self._reply_again(attempt.letter, attempt.entry.seq)
            self._settle(attempt.letter, Written(entry=attempt.entry, reply=reply))
        else:
            self._mailbox.put_back(attempt.letter)

    async def _claim(self) -> None:
        await self._work(Letter(content=fact.ActorStarted(incarnation=self._writer, version=self._world.version)))

    def _resume(self, inheritance: Inheritance) -> None:
        """Carry on where the last incarnation stopped."""
        open_here = self._world.sound.adopt(self._call_id, self._mailbox.post)
        over = self.state.phase is Phase.ENDED
        if not over and self.state.media is Media.OPEN and not open_here:
            self._mailbox.post(fact.MediaClosed(stream_id=self.state.stream_id, reason=RESTART))
        for effect_id, effect in inheritance.abandon:
            if not self._world.sound.holds(self._call_id, effect_id):
                self._mailbox.post(given_up(effect_id, effect))
        for effect_id, effect in inheritance.carry_out:
            if over and isinstance(effect, do.StartTimer):
                continue
            if isinstance(effect, do.AskAgent) and self.state.replied_turn >= effect.turn:
                detail = "part of the reply was given before a restart"
                self._mailbox.post(fact.AgentFinished(settles=effect_id, turn=effect.turn, detail=detail))
            else:
                self._dispatch(effect_id, effect)

    def _finished(self) -> bool:
        """Ended, nothing owed but timers that nobody waits for any more, nothing left to read."""
        if self.state.phase is not Phase.ENDED or len(self._mailbox):
            return False
        return all(isinstance(effect, do.StartTimer) for effect in self._ledger.owed.values())

    async def _work(self, letter: Letter) -> None:
        """One letter: step, append, consume."""
        if letter.key and letter.key in self._ledger.keys:
            again = Again(seq=self._ledger.keys[letter.key])
            self._settle(letter, Repeated(again=again, reply=await self._reply_again(letter, again.seq)))
            return
        event = admit(self.state, letter.content) if isinstance(letter.content, Request) else letter.content
        if isinstance(event, Refused):
            self._settle(letter, event)
            return
        entry = step(
            self._ledger,
            event,
            at=self._world.wall(),
            writer=self._writer,
            key=letter.key,
            evidence=letter.evidence,
            verified=letter.verified,
        )
        if isinstance(entry, Again):
            self._settle(letter, Repeated(again=entry))
            return
        self.unfinished = Attempt(letter=letter, entry=entry)
        self._position = await self._world.journal.append(self._stream, encode_entry(entry), after=self._position)
        self._consume(letter, entry)
        await trio.lowlevel.checkpoint_if_cancelled()
        self._dispatch_all(letter, entry)

    def _consume(self, letter: Letter, entry: Entry) -> None:
        self._ledger = fold(self._ledger, entry)
        self.unfinished = None
        self._observe(self._call_id, self._position, entry)
        reply = self._reply(entry) if letter.webhook else None
        self._settle(letter, Written(entry=entry, reply=reply.response if reply else None))

    def _dispatch_all(self, letter: Letter, entry: Entry) -> None:
        reply = self._reply(entry) if letter.webhook else None
        for effect_id, effect in effects_of(entry):
            if reply is not None and effect_id in reply.carried:
                detail = "carried by the reply to a webhook"
                self._mailbox.post(fact.EffectSucceeded(settles=effect_id, detail=detail))
            else:
                self._dispatch(effect_id, effect)
        if self.state.phase is Phase.ENDED:
            self._lanes_now().quiet()
            self._world.sound.hang_up(self._call_id)

    def _reply(self, entry: Entry) -> Reply:
        """The carrier's answer to the webhook that became ``entry``; the same entry gives the same answer again."""
        owed = tuple((name, effect) for name, effect in effects_of(entry) if type(effect).lane is Lane.CONTROL)
        leg = self._world.leg(self._call_id, self.state, nonce=f"{entry.seq}", at=entry.at)
        return self._world.carriers[self.state.carrier].reply(owed, leg)

    async def _reply_again(self, letter: Letter, seq: int) -> HttpResponse | None:
        if not letter.webhook:
            return None
        async with self._world.journal.read(self._stream) as lines:
            async for line in lines:
                entry = decode_entry(line.body)
                if entry.seq == seq:
                    return self._reply(entry).response
        return self._world.carriers[self.state.carrier].reply((), None).response

    def _dispatch(self, effect_id: EffectId, effect: AnyEffect) -> None:
        self._lanes_now().dispatch(effect_id, effect)

    def _lanes_now(self) -> Lanes:
        if self._lanes is None:
            raise RuntimeError("effects are dispatched only while the actor runs")
        return self._lanes

    @staticmethod
    def _settle(letter: Letter, result: Result) -> None:
        if letter.receipt is not None:
            letter.receipt.settle(result)
