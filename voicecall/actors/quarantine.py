"""The end of a call whose actor keeps failing: no more decisions, one last-resort hang-up, and an ending on record."""

from __future__ import annotations

import trio
from attrs import define, field
from attrs import evolve as change

from journal.api import START, Position
from voicecall.actors import control
from voicecall.actors.call import APPEND_S, Observe
from voicecall.actors.recovery import given_up
from voicecall.actors.world import World, stream_of
from voicecall.core.ledger import Again, Ledger, fold, step
from voicecall.core.state import CallState, Phase
from voicecall.events import AnyEvent, CallId, EffectId, Instant, effect_id
from voicecall.events.effects import Hangup, StartTimer
from voicecall.events.facts import ActorQuarantined, CallEnded
from voicecall.events.schema import decode_entry, encode_entry
from voicecall.fault import Caught, describe
from voicecall.log import get_logger

BACKOFF_S = (0.5, 5.0, 30.0)
"""Pauses after which a quarantine tries again to be on record."""

log = get_logger(__name__)


async def quarantine(world: World, call_id: CallId, *, reason: str, observe: Observe) -> None:
    """Journal the quarantine, hang up once, journal how that went and the end. Where the journal fails, hang up anyway.

    Never raises for what journal, carrier or decisions do: this is the last resort.
    """
    log.critical("a call is quarantined", call=call_id, reason=reason)
    pen = _Pen(world=world, call_id=call_id, observe=observe)
    await pen.recover()
    state = pen.ledger.state
    if state.phase in (Phase.NEW, Phase.ENDED):
        return
    quarantined = ActorQuarantined(reason=reason)
    await pen.write(quarantined, patiently=False)
    outcomes: list[AnyEvent] = []
    with Caught() as caught:
        await _hang_up(world, call_id, state, pen.hangup, outcomes)
    if caught.error is not None:
        log.critical("a quarantined call cannot be hung up", call=call_id, error=describe(caught.error))
    world.sound.hang_up(call_id)
    await pen.write(quarantined)
    for outcome in outcomes:
        await pen.write(change(outcome, settles=pen.hangup))
    for name, effect in tuple(pen.ledger.owed.items()):
        if not isinstance(effect, StartTimer):
            await pen.write(change(given_up(name, effect), reason="quarantine"))
    await pen.write(CallEnded(reason="error", vendor_code="quarantine"))


async def _hang_up(world: World, call_id: CallId, state: CallState, name: EffectId, outcomes: list[AnyEvent]) -> None:
    await control.perform(
        name,
        Hangup(reason="error"),
        carrier=world.carriers[state.carrier],
        leg=lambda: world.leg(call_id, state, nonce=name, at=world.wall()),
        fetch=world.fetch,
        post=outcomes.append,
        ended=lambda: False,
    )


@define
class _Pen:
    """Reads and writes a stream without an actor. What fails is tried again for a while, from what is really there."""

    world: World
    call_id: CallId
    observe: Observe
    ledger: Ledger = field(factory=Ledger)
    position: Position = START
    legible: bool = False
    hopeless: bool = False

    async def recover(self) -> None:
        """Read what there is, and have everybody see what the last incarnation may not have lived to tell."""
        self.ledger, self.position, self.legible = Ledger(), START, False
        with Caught() as caught:
            async with self.world.journal.read(stream_of(self.call_id)) as lines:
                async for line in lines:
                    entry = decode_entry(line.body)
                    self.ledger = fold(self.ledger, entry)
                    self.position = line.position
                    self.observe(self.call_id, line.position, entry)
            self.legible = True
        if caught.error is not None:
            log.critical("a quarantined call cannot be read", call=self.call_id, error=describe(caught.error))

    @property
    def hangup(self) -> EffectId:
        """The name of the last hang-up that is owed, or of the one that would be decided now."""
        owed = [name for name, effect in self.ledger.owed.items() if isinstance(effect, Hangup)]
        return owed[-1] if owed else effect_id(self.ledger.seq + 1, 0)

    async def write(self, event: AnyEvent, *, patiently: bool = True) -> None:
        """Make ``event`` durable, unless it is already; in the end give up, loudly."""
        for pause in (*BACKOFF_S, None) if patiently else (None,):
            if self.hopeless:
                return
            with Caught() as caught:
                if self.legible and not self._is_known(event):
                    await self._write(event)
            if self.legible and caught.error is None:
                return
            if caught.error is not None:
                log.critical("a quarantined call cannot be journaled", call=self.call_id, error=describe(caught.error))
            await trio.sleep(pause or 0)
            await self.recover()
        self.hopeless = patiently

    def _is_known(self, event: AnyEvent) -> bool:
        state = self.ledger.state
        match event:
            case ActorQuarantined():
                return state.quarantined
            case CallEnded():
                return state.phase is Phase.ENDED
            case _:
                return False

    async def _write(self, event: AnyEvent) -> None:
        at = Instant(max(self.world.wall(), self.ledger.at))
        entry = step(self.ledger, event, at=at, writer="quarantine")
        if isinstance(entry, Again):
            return
        with trio.fail_after(APPEND_S * self.world.clock_rate):
            self.position = await self.world.journal.append(
                stream_of(self.call_id), encode_entry(entry), after=self.position, ending=True
            )
        self.ledger = fold(self.ledger, entry)
        self.observe(self.call_id, self.position, entry)
