"""What a list of entries implies: sequence, keys seen, effects owed, call state.

Theory of operation
-------------------
``step`` turns a fact into the entry to append: dedupe, decide, number. ``fold`` turns an appended entry into the next
ledger: evolve and bookkeeping. Nothing else moves a ledger. Live, an actor steps, appends, folds; recovering, it only
folds (it must succeed under any rules); replaying, both run and are compared.

Three layers keep a fact from counting twice. The sender's key is kept in the ledger, so in the journal: the same key
is the same message again, for ever. An outcome must name an effect that is still owed. And ``decide`` guards on the
state before the event, for the same fact told in other words.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from voicecall.core import speech
from voicecall.core.change import change
from voicecall.core.decide import decide
from voicecall.core.evolve import evolve, intend
from voicecall.core.state import CallState, Phase
from voicecall.events import AnyEffect, AnyEvent, EffectId, Entry, Instant, effects_of
from voicecall.events import facts as fact
from voicecall.events.base import EPOCH, NO_EFFECT


@frozen(kw_only=True)
class Ledger:
    """``keys`` maps a sender's key to the seq that has it; ``owed`` holds the effects without an outcome, in order."""

    state: CallState = field(factory=CallState)
    seq: int = 0
    at: Instant = EPOCH
    keys: Mapping[str, int] = field(factory=dict[str, int])
    owed: Mapping[EffectId, AnyEffect] = field(factory=dict[EffectId, AnyEffect])


@frozen(kw_only=True)
class Again:
    """The fact is in the journal already: at ``seq``, or (0) as the outcome of an effect that has another."""

    seq: int


def step(
    ledger: Ledger,
    event: AnyEvent,
    *,
    at: Instant,
    writer: str,
    key: str = "",
    evidence: str = "",
    verified: bool = True,
) -> Entry | Again:
    """The entry that ``event`` makes, or ``Again``."""
    if key and key in ledger.keys:
        return Again(seq=ledger.keys[key])
    settles: EffectId = getattr(event, "settles", NO_EFFECT)
    if settles and settles not in ledger.owed:
        return Again(seq=0)
    now = max(at, ledger.at)
    state = change(ledger.state, now=now)
    event = restate(state, event)
    return Entry(
        seq=ledger.seq + 1,
        at=now,
        writer=writer,
        event=event,
        effects=decide(state, event),
        key=key,
        evidence=evidence,
        verified=verified,
    )


def restate(state: CallState, event: AnyEvent) -> AnyEvent:
    """A fact as it is written. An offer after the offer, an ending after the ending: news from the carrier, no second
    call and no second end. What a carrier's voice said gets its measure, and a part of what was said
    to the end is news too."""
    if isinstance(event, fact.PlaybackFinished):
        return speech.measured(state, event)
    if isinstance(event, fact.CallerHeard) and EPOCH < event.told_at <= state.said_until:
        return fact.VendorReported(status="heard late", detail=event.text)
    if isinstance(event, fact.CallOffered) and state.phase is not Phase.NEW:
        return fact.VendorReported(status="offered again")
    if not isinstance(event, fact.CallEnded) or state.phase is not Phase.ENDED:
        return event
    if event.settles:
        return fact.EffectSucceeded(settles=event.settles, detail="the call had ended already")
    return fact.VendorReported(status="ended", code=event.vendor_code, detail=event.reason)


def fold(ledger: Ledger, entry: Entry) -> Ledger:
    """The ledger after ``entry``, whatever rules decided it."""
    state = evolve(change(ledger.state, now=entry.at), entry.event)
    owed = dict(ledger.owed)
    owed.pop(getattr(entry.event, "settles", NO_EFFECT), None)
    for effect_id, effect in effects_of(entry):
        state = intend(state, effect_id, effect)
        owed[effect_id] = effect
    keys = {**ledger.keys, entry.key: entry.seq} if entry.key else ledger.keys
    return Ledger(state=state, seq=entry.seq, at=entry.at, keys=keys, owed=owed)
