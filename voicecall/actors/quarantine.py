"""The end of a call whose actor keeps failing: no more decisions, one last-resort hang-up, and an ending on record."""

from __future__ import annotations

import structlog
from attrs import define, field

from journal.api import START, JournalError, Position
from voicecall.actors import control
from voicecall.actors.call import Observe
from voicecall.actors.world import World, stream_of
from voicecall.core.ledger import Again, Ledger, fold, step
from voicecall.core.state import Phase
from voicecall.events import AnyEvent, CallId, effect_id
from voicecall.events.effects import Hangup
from voicecall.events.facts import ActorQuarantined, CallEnded
from voicecall.events.schema import decode_entry, encode_entry

log = structlog.get_logger(__name__)


async def quarantine(world: World, call_id: CallId, *, reason: str, observe: Observe) -> None:
    """Journal the quarantine, hang up once, journal how that went and the end. Where the journal fails, hang up anyway.

    Never raises: this is the last resort.
    """
    log.critical("a call is quarantined", call=call_id)
    pen = _Pen(world=world, call_id=call_id, observe=observe)
    await pen.recover()
    state = pen.ledger.state
    if state.phase in (Phase.NEW, Phase.ENDED):
        return
    name = effect_id(pen.ledger.seq + 1, 0)
    await pen.write(ActorQuarantined(reason=reason))
    outcomes: list[AnyEvent] = []
    await control.perform(
        name,
        Hangup(reason="error"),
        carrier=world.carriers[state.carrier],
        leg=lambda: world.leg(call_id, state, nonce=name, at=world.wall()),
        fetch=world.fetch,
        post=outcomes.append,
        ended=lambda: False,
    )
    world.sound.hang_up(call_id)
    for event in (*outcomes, CallEnded(reason="error", vendor_code="quarantine")):
        await pen.write(event)


@define
class _Pen:
    """Reads and writes a stream without an actor; gives up, loudly, at the first failure of the journal."""

    world: World
    call_id: CallId
    observe: Observe
    ledger: Ledger = field(factory=Ledger)
    position: Position = START
    broken: bool = False

    async def recover(self) -> None:
        try:
            async with self.world.journal.read(stream_of(self.call_id)) as lines:
                async for line in lines:
                    self.ledger = fold(self.ledger, decode_entry(line.body))
                    self.position = line.position
        except Exception:  # noqa: BLE001 - an unreadable stream is one of the reasons to be here
            log.critical("a quarantined call cannot be read", call=self.call_id)
            self.broken = True

    async def write(self, event: AnyEvent) -> None:
        entry = step(self.ledger, event, at=self.world.wall(), writer="quarantine")
        if self.broken or isinstance(entry, Again):
            return
        try:
            stream = stream_of(self.call_id)
            self.position = await self.world.journal.append(
                stream, encode_entry(entry), after=self.position, ending=True
            )
        except JournalError as error:
            log.critical("a quarantined call cannot be journaled", call=self.call_id, error=repr(error))
            self.broken = True
            return
        self.ledger = fold(self.ledger, entry)
        self.observe(self.call_id, self.position, entry)
