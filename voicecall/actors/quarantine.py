"""The end of a call whose actor keeps failing: no more decisions, one last-resort hang-up, and an ending on record."""

from __future__ import annotations

import structlog
import trio
from attrs import define, field

from journal.api import START, Position
from voicecall.actors import control
from voicecall.actors.call import APPEND_S, Observe
from voicecall.actors.fault import Caught, describe
from voicecall.actors.world import World, stream_of
from voicecall.core.ledger import Again, Ledger, fold, step
from voicecall.core.state import CallState, Phase
from voicecall.events import AnyEvent, CallId, EffectId, Instant, effect_id
from voicecall.events.effects import Hangup
from voicecall.events.facts import ActorQuarantined, CallEnded
from voicecall.events.schema import decode_entry, encode_entry

log = structlog.get_logger(__name__)


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
    name = effect_id(pen.ledger.seq + 1, 0)
    await pen.write(ActorQuarantined(reason=reason))
    outcomes: list[AnyEvent] = []
    with Caught() as caught:
        await _hang_up(world, call_id, state, name, outcomes)
    if caught.error is not None:
        log.critical("a quarantined call cannot be hung up", call=call_id, error=describe(caught.error))
    world.sound.hang_up(call_id)
    for event in (*outcomes, CallEnded(reason="error", vendor_code="quarantine")):
        await pen.write(event)


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
    """Reads and writes a stream without an actor; gives up, loudly, at the first failure."""

    world: World
    call_id: CallId
    observe: Observe
    ledger: Ledger = field(factory=Ledger)
    position: Position = START
    broken: bool = False

    async def recover(self) -> None:
        with Caught() as caught:
            async with self.world.journal.read(stream_of(self.call_id)) as lines:
                async for line in lines:
                    self.ledger = fold(self.ledger, decode_entry(line.body))
                    self.position = line.position
        self._note(caught, "a quarantined call cannot be read")

    async def write(self, event: AnyEvent) -> None:
        if self.broken:
            return
        with Caught() as caught:
            await self._write(event)
        self._note(caught, "a quarantined call cannot be journaled")

    async def _write(self, event: AnyEvent) -> None:
        at = Instant(max(self.world.wall(), self.ledger.at))
        entry = step(self.ledger, event, at=at, writer="quarantine")
        if isinstance(entry, Again):
            return
        with trio.fail_after(APPEND_S):
            self.position = await self.world.journal.append(
                stream_of(self.call_id), encode_entry(entry), after=self.position, ending=True
            )
        self.ledger = fold(self.ledger, entry)
        self.observe(self.call_id, self.position, entry)

    def _note(self, caught: Caught, what: str) -> None:
        if caught.error is not None:
            log.critical(what, call=self.call_id, error=describe(caught.error))
            self.broken = True
