"""What a new incarnation does with what is owed: the restart rules of the effects, applied to a recovered ledger. Pure.

An effect that may be repeated is carried out again under its old name. One that may not is given up, and whoever
decides hears of it: settled as failed, reason ``restart``. Some are beside the point by now and settled as such.
"""

from __future__ import annotations

from attrs import frozen

from voicecall.core.ledger import Ledger
from voicecall.core.state import CallState, Phase
from voicecall.events import AnyEffect, AnyEvent, EffectId, OnRestart
from voicecall.events.effects import AskAgent, Dial, StartTimer
from voicecall.events.facts import AgentFinished, EffectFailed

RESTART = "restart"
"""The reason on effects that were given up because nobody knows how far they had come."""


@frozen(kw_only=True)
class Inheritance:
    """Effects without an outcome, in the order they were decided: those to carry out (again), those to give up unless
    somebody still carries them out, and outcomes for the others."""

    carry_out: tuple[tuple[EffectId, AnyEffect], ...] = ()
    abandon: tuple[tuple[EffectId, AnyEffect], ...] = ()
    outcomes: tuple[AnyEvent, ...] = ()


def inherit(ledger: Ledger) -> Inheritance:
    """What the last incarnation left. Timers of a call that is over are dropped: nobody waits for them."""
    over = ledger.state.phase is Phase.ENDED
    carry_out: list[tuple[EffectId, AnyEffect]] = []
    abandon: list[tuple[EffectId, AnyEffect]] = []
    outcomes: list[AnyEvent] = []
    for effect_id, effect in ledger.owed.items():
        if effect.on_restart is OnRestart.ABANDON:
            abandon.append((effect_id, effect))
        elif isinstance(effect, AskAgent) and (found := _beside_the_point(effect_id, effect, ledger.state)):
            outcomes.append(found)
        elif not (over and isinstance(effect, StartTimer)):
            carry_out.append((effect_id, effect))
    return Inheritance(carry_out=tuple(carry_out), abandon=tuple(abandon), outcomes=tuple(outcomes))


def _beside_the_point(effect_id: EffectId, effect: AskAgent, state: CallState) -> AgentFinished | None:
    """The outcome of a question that must not be asked again, if it is one."""
    if state.phase is Phase.ENDED:
        return AgentFinished(settles=effect_id, turn=effect.turn, reason="superseded", detail="the call has ended")
    if effect.turn < state.turn:
        return AgentFinished(settles=effect_id, turn=effect.turn, reason="superseded")
    if state.replied_turn >= effect.turn:
        detail = "part of the reply was given before a restart"
        return AgentFinished(settles=effect_id, turn=effect.turn, detail=detail)
    return None


def given_up(effect_id: EffectId, effect: AnyEffect) -> EffectFailed:
    """The outcome of an effect that must not be repeated. A dial may have reached the carrier: it is in doubt."""
    return EffectFailed(settles=effect_id, reason=RESTART, in_doubt=isinstance(effect, Dial))
