"""One journal line: a fact and the decisions it caused."""

from __future__ import annotations

from attrs import frozen

from voicecall.events.base import EffectId, Instant
from voicecall.events.effects import AnyEffect
from voicecall.events.facts import AnyEvent


@frozen(kw_only=True)
class Entry:
    """What one append makes durable.

    ``seq`` counts 1, 2, 3 … per call without gaps. ``writer`` is the incarnation that wrote it. ``key`` is the sender's
    own name for the fact ("" for ours): the same key again is the same message again. ``evidence`` is the digest of the
    raw request if it was kept. ``verified`` is False only for facts that came past a failed signature check on purpose.
    """

    seq: int
    at: Instant
    writer: str
    event: AnyEvent
    effects: tuple[AnyEffect, ...] = ()
    key: str = ""
    evidence: str = ""
    verified: bool = True


def effect_id(seq: int, index: int) -> EffectId:
    """The derived name of the ``index``-th effect of entry ``seq``."""
    return EffectId(f"{seq}.{index}")


def effects_of(entry: Entry) -> tuple[tuple[EffectId, AnyEffect], ...]:
    """An entry's effects with their names, in order."""
    return tuple((effect_id(entry.seq, index), effect) for index, effect in enumerate(entry.effects))
