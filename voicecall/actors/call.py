"""The actor: one trio task per call, the only writer of that call's stream.

Theory of operation
-------------------
Take a letter, ``step``, append, consume. *Consume* means fold the entry into the ledger, settle the letter's receipt
and hand the effects to their lanes. State advances by nothing else, live or recovering, so what is in memory is always
what the journal says.

An incarnation begins by folding the stream, then appends ``actor.started``: its claim. Two overlapping incarnations
collide on that line (``Fenced``), not on the first hang-up. Then it looks at what the stream says is owed: effects that
may be repeated are carried out again, those that may not are settled as failed (reason ``restart``), timers are armed.
Only then come the effects of the claim itself, because lanes keep the order of decisions.

The actor is crash-only. If an append does not return normally, or not in time, nobody knows whether the line is in the
journal, so the incarnation is over; the next one reads what really happened and, if the line is there, settles the
letter as written. If it is not there when the next claim is durable, it never will be, and the letter goes back to the
head of the mailbox, as it does whatever else fails while it is worked on.
Between "durable" and "dispatched" there is one deliberate checkpoint, so that a cancelled actor is cancelled there,
with the effects listed as owed, and never half way through a dispatch.

A call's time is the wall clock's, but never behind the last line of its stream. When a restart finds the wall clock
behind, the call stays that much ahead of it, and its timers wait by the call's time: nothing freezes until the wall
clock has caught up.
"""

from __future__ import annotations

from collections.abc import Callable

import trio
from attrs import frozen

from journal.api import START, Position
from voicecall.actors.lanes import Lanes
from voicecall.actors.mailbox import Letter, Mailbox, Repeated, Written
from voicecall.actors.recovery import RESTART, Inheritance, given_up, inherit
from voicecall.actors.replying import asked_for, carried_before, offered, outcomes
from voicecall.actors.world import World, stream_of
from voicecall.core.admit import admit
from voicecall.core.ledger import Again, Ledger, fold, step
from voicecall.core.requests import Refused
from voicecall.core.state import CallState, Media, Phase
from voicecall.events import AnyEffect, AnyEvent, CallId, EffectId, Entry, Instant, Mode, Request, effects_of
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.schema import decode_entry, encode_entry
from voicecall.fault import Caught, describe
from voicecall.log import get_logger
from voicecall.ports import Capability, HttpResponse, Owed, Reply

SOUND_FOLLOWS = do.Dial | do.Answer | do.OpenMedia
"""Effects after which, if all goes well, a media stream opens."""
APPEND_S = 5.0
"""An append that takes longer ends the incarnation, so that the person hears something else than silence."""

log = get_logger(__name__)

Observe = Callable[[CallId, Position, Entry], None]
"""Told of every entry once it is durable and folded, of some twice. Must not fail or wait."""


@frozen(kw_only=True)
class Attempt:
    """What an incarnation was doing when it died: the next one finds out whether ``entry`` was written."""

    letter: Letter
    entry: Entry | None = None


@frozen(kw_only=True)
class Consumed:
    """An entry that is durable and folded; of what was owed, what a webhook's ``reply`` carries."""

    entry: Entry
    owed: Owed = ()
    reply: Reply | None = None


class CallActor:
    """One incarnation. ``run`` returns when there is nothing left to do.

    ``claimed`` says whether its first line is in the journal.
    """

    def __init__(
        self, *, world: World, call_id: CallId, mailbox: Mailbox, observe: Observe, unfinished: tuple[Attempt, ...] = ()
    ) -> None:
        self._world = world
        self._call_id = call_id
        self._stream = stream_of(call_id)
        self._mailbox = mailbox
        self._observe = observe
        self._writer = world.incarnation()
        self._ledger = Ledger()
        self._position: Position = START
        self._ahead_ms = 0
        self._lanes: Lanes | None = None
        self._inherited = unfinished
        self._attempt: Attempt | None = None
        self.claimed = False

    @property
    def unfinished(self) -> tuple[Attempt, ...]:
        """What this incarnation and those before it were doing when they died, as far as nobody knows how it ended."""
        return self._inherited if self._attempt is None else (*self._inherited, self._attempt)

    @property
    def state(self) -> CallState:
        """What is true now."""
        return self._ledger.state

    async def run(self) -> None:
        """Recover, claim, then work until the call has ended and owes nothing (or has not even begun).

        Raises ``journal.api.Fenced`` when another writer holds the call, ``trio.TooSlowError`` when the journal takes
        too long, and whatever else the journal raises.
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
                ahead_ms=self._ahead_ms,
            )
            claim = fact.ActorStarted(incarnation=self._writer, version=self._world.version)
            consumed = await self._write(Letter(content=claim), claim)
            self.claimed = True
            self._put_back()
            try:
                self._resume(inheritance)
                self._dispatch_all(consumed)
                while not self._finished():
                    await self._work(await self._mailbox.take())
            finally:
                self._world.sound.release(self._call_id)
            nursery.cancel_scope.cancel()

    async def _recover(self) -> None:
        written: list[tuple[Attempt, Entry]] = []
        async with self._world.journal.read(self._stream) as lines:
            async for line in lines:
                entry = decode_entry(line.body)
                self._ledger = fold(self._ledger, entry)
                self._position = line.position
                for attempt in self._inherited:
                    if attempt.entry is not None and _same(entry, attempt.entry):
                        written.append((attempt, entry))
                        self._observe(self._call_id, line.position, entry)
        self._ahead_ms = max(0, self._ledger.at - self._world.wall())
        for attempt, entry in written:
            reply = None
            if attempt.letter.webhook:
                owed = offered(entry, self.state, (), flow=False, busy=False)
                reply = self._reply(entry, self.state, owed=owed, flow=attempt.letter.flow).response
            attempt.letter.settle(Written(entry=entry, reply=reply))
        done = [attempt for attempt, _ in written]
        self._inherited = tuple(one for one in self._inherited if all(one is not attempt for attempt in done))

    def _put_back(self) -> None:
        """With the claim durable it is certain that a line which was not there before it will never be.

        Not earlier: a slow disk may still hold the line, and its letter would be written twice.
        """
        for attempt in reversed(self._inherited):
            if not isinstance(attempt.letter.content, fact.ActorStarted):
                self._mailbox.put_back(attempt.letter)
        self._inherited = ()

    def _resume(self, inheritance: Inheritance) -> None:
        """Carry on where the last incarnation stopped."""
        open_here = self._world.sound.adopt(self._call_id, self._mailbox.post)
        if self.state.phase is not Phase.ENDED and self.state.media is Media.OPEN and not open_here:
            self._mailbox.post(fact.MediaClosed(stream_id=self.state.stream_id, reason=RESTART))
        for outcome in inheritance.outcomes:
            self._mailbox.post(outcome)
        for effect_id, effect in inheritance.abandon:
            if open_here and isinstance(effect, do.Listen):
                self._dispatch(effect_id, effect)  # asking twice does no harm, being deaf does
            elif not self._world.sound.holds(self._call_id, effect_id):
                self._mailbox.post(given_up(effect_id, effect))
        for effect_id, effect in inheritance.carry_out:
            self._dispatch(effect_id, effect)

    def _finished(self) -> bool:
        """Nothing left to read, and the call never began, or it ended and owes nothing but timers without a purpose."""
        if len(self._mailbox) or self.state.phase not in (Phase.NEW, Phase.ENDED):
            return False
        return all(isinstance(effect, do.StartTimer) for effect in self._ledger.owed.values())

    async def _work(self, letter: Letter) -> None:
        """One letter: step, append, consume, dispatch."""
        if letter.withdrawn:
            return
        self._attempt = Attempt(letter=letter)
        event = self._admit(letter)
        if letter.key in self._ledger.keys:
            again = Again(seq=self._ledger.keys[letter.key])
            letter.settle(Repeated(again=again, reply=await self._reply_again(letter, again.seq)))
        elif isinstance(event, Refused):
            letter.settle(event)
        else:
            self._dispatch_all(await self._write(letter, event))
        self._attempt = None

    def _admit(self, letter: Letter) -> AnyEvent | Refused:
        content = letter.content
        if not isinstance(content, Request):
            # A call whose placement was withdrawn never began: what a carrier says about it is about nobody.
            nobody = letter.webhook and self.state.phase is Phase.NEW and not isinstance(content, fact.CallOffered)
            return Refused(code="not-found", reason="Call not found") if nobody else content
        admitted = admit(self.state, content)
        if isinstance(admitted, fact.DigitsRequested):
            carrier = self._world.carriers[self.state.carrier]
            if Capability.SEND_DIGITS not in carrier.capabilities:
                return Refused(code="unsupported", reason=f"digits: {carrier.name} cannot press keys on a call")
        return admitted

    async def _write(self, letter: Letter, event: AnyEvent) -> Consumed | None:
        """Make a fact durable and part of the state; None when it is already."""
        entry = step(
            self._ledger,
            event,
            at=Instant(self._world.wall() + self._ahead_ms),
            writer=self._writer,
            key=letter.key,
            evidence=letter.evidence,
            verified=letter.verified,
        )
        if isinstance(entry, Again):
            letter.settle(Repeated(again=entry))
            return None
        self._attempt = Attempt(letter=letter, entry=entry)
        with trio.fail_after(APPEND_S * self._world.clock_rate):
            self._position = await self._world.journal.append(
                self._stream, encode_entry(entry), after=self._position, ending=_last_words(self.state, entry)
            )
        consumed = self._consume(letter, entry)
        await trio.lowlevel.checkpoint_if_cancelled()
        return consumed

    def _consume(self, letter: Letter, entry: Entry) -> Consumed:
        self._ledger = fold(self._ledger, entry)
        self._observe(self._call_id, self._position, entry)
        voice = self._lanes_now().voice
        owed = asked_for(self.state, letter.asks)
        owed = owed or offered(entry, self.state, voice.waiting, flow=letter.flow, busy=voice.busy)
        reply = self._reply(entry, self.state, owed=owed, flow=letter.flow) if letter.webhook else None
        letter.settle(Written(entry=entry, reply=reply.response if reply else None))
        self._attempt = None
        self._lanes_now().folded()
        return Consumed(entry=entry, owed=owed, reply=reply)

    def _dispatch_all(self, consumed: Consumed | None) -> None:
        if consumed is None:
            return
        carried = consumed.reply.carried if consumed.reply else ()
        if consumed.reply is not None:
            self._lanes_now().voice.take(tuple(one for one in consumed.owed if one[0] in carried))
            for outcome in outcomes(consumed.reply, consumed.owed, consumed.entry.seq):
                self._mailbox.post(outcome)
        for effect_id, effect in effects_of(consumed.entry):
            self._prepare(effect)
            if effect_id not in carried:
                self._dispatch(effect_id, effect)
        if self.state.phase is Phase.ENDED:
            self._lanes_now().quiet()
            self._world.sound.hang_up(self._call_id)

    def _prepare(self, effect: AnyEffect) -> None:
        """Sound will come: an ear that is ready then hears the first words. Whoever carries the effect out."""
        policy = self.state.policy
        if isinstance(effect, SOUND_FOLLOWS) and policy.streaming and policy.mode is Mode.CONVERSATION:
            limit_s = (policy.ring_timeout_ms + policy.dial_doubt_ms) / 1000
            self._world.sound.prepare(self._call_id, limit_s)

    def _reply(self, entry: Entry, state: CallState, *, owed: Owed, flow: bool = False) -> Reply:
        """The carrier's answer to the webhook that became ``entry``; the same values give the same answer again."""
        with Caught() as caught:
            leg = self._world.leg(self._call_id, state, nonce=f"{entry.seq}", at=entry.at)
            return self._world.carriers[state.carrier].reply(owed, leg, flow=flow)
        if caught.error is not None:
            log.error("a webhook's reply could not be made", call=self._call_id, error=describe(caught.error))
        return Reply(response=HttpResponse(status=200))

    async def _reply_again(self, letter: Letter, seq: int) -> HttpResponse | None:
        """What the webhook at ``seq`` was answered, from the journal."""
        if not letter.webhook:
            return None
        async with self._world.journal.read(self._stream) as lines:
            entries = [decode_entry(line.body) async for line in lines]
        ledger = Ledger()
        for entry in entries:
            ledger = fold(ledger, entry)
            if entry.seq == seq:
                owed = asked_for(ledger.state, letter.asks) or carried_before(entries, seq)
                return self._reply(entry, ledger.state, owed=owed, flow=letter.flow).response
        return HttpResponse(status=200)

    def _dispatch(self, effect_id: EffectId, effect: AnyEffect) -> None:
        self._lanes_now().dispatch(effect_id, effect)

    def _lanes_now(self) -> Lanes:
        if self._lanes is None:
            raise RuntimeError("effects are dispatched only while the actor runs")
        return self._lanes


def _same(entry: Entry, attempted: Entry) -> bool:
    """Every writer has a name of its own, so its seq says it all."""
    return (entry.writer, entry.seq) == (attempted.writer, attempted.seq)


def _last_words(state: CallState, entry: Entry) -> bool:
    """Whether a line may use the space that a full disk keeps for endings."""
    if state.phase in (Phase.ENDING, Phase.ENDED) or isinstance(entry.event, fact.CallEnded):
        return True
    return any(isinstance(effect, do.Hangup | do.Reject | do.Conclude) for effect in entry.effects)
