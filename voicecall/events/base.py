"""What every event and effect has in common: names for their parts, and the three markers.

Nothing here (or anywhere in ``voicecall.events``) imports the rest of the package: this is the vocabulary that
everything else is written in.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, NewType

from attrs import frozen

Instant = NewType("Instant", int)
"""Milliseconds since the Unix epoch. Never runs backwards inside one call."""

EffectId = NewType("EffectId", str)
"""``"<seq>.<index>"``: the entry that decided the effect and its place there. Derived, never random."""

CallId = NewType("CallId", str)
"""A UUID in its canonical text form: UUIDv5 of the request id (outbound) or of the vendor's identifiers (inbound)."""


NO_EFFECT = EffectId("")
EPOCH = Instant(0)


class Lane(StrEnum):
    """Where a family of effects is carried out; each lane has its own ordering rule (see ``actors/lanes.py``)."""

    CONTROL = "control"
    MEDIA = "media"
    AGENT = "agent"
    CLOCK = "clock"


class OnRestart(StrEnum):
    """What recovery does with an effect whose outcome is not in the journal.

    ``RETRY`` promises *at least once*, ``ABANDON`` promises *at most once* (it is settled as failed, reason
    ``restart``), ``REARM`` is for timers: their due time is absolute, so they simply go on waiting.
    """

    RETRY = "retry"
    ABANDON = "abandon"
    REARM = "rearm"


@frozen(kw_only=True)
class Event:
    """Marker: something that happened. Past tense, frozen, journaled. Facts are never refused."""

    kind: ClassVar[str]


@frozen(kw_only=True)
class Effect:
    """Marker: something to be done. Imperative, frozen, journaled with the fact that caused it."""

    kind: ClassVar[str]
    lane: ClassVar[Lane]
    on_restart: ClassVar[OnRestart]


@frozen(kw_only=True)
class Request:
    """Marker: a local wish. May be refused; if admitted it becomes an event."""
