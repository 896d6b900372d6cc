"""What the answer to a webhook may carry out, and what it means that it did. Pure.

Some carriers take instructions only in answers to their own requests (*flow* requests). Such an answer carries out what
the fact itself decided, and beyond that whatever waits for the carrier's voice; then it is not asked for by a request
of ours. What was carried is a fact at once, so a repeated webhook can be given the same answer again.
"""

from __future__ import annotations

from collections.abc import Iterable

from voicecall.core.speech import is_unwanted
from voicecall.core.state import CallState
from voicecall.events import AnyEffect, AnyEvent, EffectId, Entry, Lane, effects_of
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Owed, Reply

CARRIED = "carried by the reply to a webhook"


def by_carrier(state: CallState, effect: AnyEffect) -> bool:
    """Whether the carrier itself speaks or listens for this effect, in order with the rest of what it says."""
    if state.streams:
        return state.carrier_speaks and isinstance(effect, do.Speak | do.StopSpeaking)
    return type(effect).lane is Lane.MEDIA or isinstance(effect, do.SendDigits)


def asked_for(state: CallState, asks: str) -> Owed:
    """The effect whose instructions the carrier comes for, if it still has no outcome and has not begun."""
    effect = state.owes(EffectId(asks))
    if isinstance(effect, do.Speak) and any(one.started for one in state.saying if one.number == effect.utterance):
        return ()
    return () if effect is None else ((EffectId(asks), effect),)


def offered(entry: Entry, state: CallState, waiting: Owed, *, flow: bool, busy: bool) -> Owed:
    """What the answer to the webhook of ``entry`` may carry out; ``busy``: the carrier is being asked to speak."""
    control = tuple(
        (name, effect)
        for name, effect in effects_of(entry)
        if type(effect).lane is Lane.CONTROL and not by_carrier(state, effect)
    )
    if not flow or busy or state.streams:
        # A document that speaks would take the place of the stream.
        return control
    own = tuple((name, effect) for name, effect in effects_of(entry) if by_carrier(state, effect))
    return (*control, *_voice((*waiting, *own), state))


def _voice(owed: Owed, state: CallState) -> Iterable[tuple[EffectId, AnyEffect]]:
    """In order, at most one utterance, none while another is being said, and none that is to be said no more."""
    speaking = any(one.started for one in state.saying)
    for name, effect in owed:
        if isinstance(effect, do.Speak):
            if is_unwanted(state, effect):
                continue
            if speaking:
                return
            speaking = True
        yield name, effect


def outcomes(reply: Reply, owed: Owed, seq: int) -> list[AnyEvent]:
    """The facts that follow from an answer: who takes it has picked up, an utterance has begun, the rest is done."""
    facts: list[AnyEvent] = [fact.CallAnswered(by="unknown")] if reply.answers else []
    for name, effect in owed:
        if name not in reply.carried:
            continue
        if isinstance(effect, do.Speak):
            facts.append(fact.PlaybackStarted(utterance=effect.utterance, carried_by=str(seq)))
        else:
            facts.append(fact.EffectSucceeded(settles=name, detail=CARRIED))
    return facts


def carried_before(entries: Iterable[Entry], seq: int) -> Owed:
    """What the answer to the webhook at ``seq`` carried out, from the journal of the call."""
    speaks: dict[int, tuple[EffectId, AnyEffect]] = {}
    own: list[tuple[EffectId, AnyEffect]] = []
    for entry in entries:
        for name, effect in effects_of(entry):
            if isinstance(effect, do.Speak):
                speaks[effect.utterance] = (name, effect)
            elif entry.seq == seq and type(effect).lane in (Lane.CONTROL, Lane.MEDIA):
                own.append((name, effect))
        match entry.event:
            case fact.PlaybackStarted(utterance=number, carried_by=by) if by == str(seq) and number in speaks:
                own.append(speaks[number])
            case _:
                pass
    return tuple(own)
