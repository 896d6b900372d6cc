"""What a new incarnation owes: the restart rules of the effects, applied to a recovered ledger."""

from __future__ import annotations

from attrs import frozen

from voicecall.core.ledger import Ledger
from voicecall.events import AnyEffect, EffectId, OnRestart
from voicecall.events.effects import Dial
from voicecall.events.facts import EffectFailed

RESTART = "restart"
"""The reason on effects that were given up because nobody knows how far they had come."""


@frozen(kw_only=True)
class Inheritance:
    """Effects without an outcome: those to carry out (again), and those to settle as given up."""

    carry_out: tuple[tuple[EffectId, AnyEffect], ...]
    abandon: tuple[tuple[EffectId, AnyEffect], ...]


def inherit(ledger: Ledger) -> Inheritance:
    """Split what is owed by its restart rule, in the order it was decided."""
    owed = tuple(ledger.owed.items())
    return Inheritance(
        carry_out=tuple(one for one in owed if one[1].on_restart is not OnRestart.ABANDON),
        abandon=tuple(one for one in owed if one[1].on_restart is OnRestart.ABANDON),
    )


def given_up(effect_id: EffectId, effect: AnyEffect) -> EffectFailed:
    """The outcome of an effect that must not be repeated. A dial may have reached the carrier: it is in doubt."""
    return EffectFailed(settles=effect_id, reason=RESTART, in_doubt=isinstance(effect, Dial))
