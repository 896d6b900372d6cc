"""What is true of one call: three small coupled machines and what decisions need besides.

*lifecycle* says how far the call has come, *floor* whose turn it is to speak, *media* whether sound can flow. The words
users know (``initiated ringing answered …``) are a projection of these, never stored. Lifecycle transitions are a
table, as data: ``docs/call-states.md`` is generated from it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from attrs import frozen

from voicecall.events import AnyEffect, EffectId, EndReason, Instant, Policy
from voicecall.events.base import EPOCH
from voicecall.events.effects import Purpose
from voicecall.events.policy import DEFAULT_POLICY
from voicecall.events.sound import WordEnd


class Phase(StrEnum):
    """How far the call has come."""

    NEW = "new"
    OFFERED = "offered"
    DIALING = "dialing"
    RINGING = "ringing"
    LIVE = "live"
    ENDING = "ending"
    ENDED = "ended"


class Floor(StrEnum):
    """Whose turn it is to speak."""

    NOBODY = "nobody"
    CALLER = "caller"
    AGENT = "agent"


class Media(StrEnum):
    """Whether sound can flow."""

    NONE = "none"
    OPEN = "open"
    CLOSED = "closed"


TRANSITIONS: dict[Phase, frozenset[Phase]] = {
    Phase.NEW: frozenset({Phase.OFFERED, Phase.DIALING}),
    Phase.OFFERED: frozenset({Phase.LIVE, Phase.ENDING, Phase.ENDED}),
    Phase.DIALING: frozenset({Phase.RINGING, Phase.LIVE, Phase.ENDING, Phase.ENDED}),
    Phase.RINGING: frozenset({Phase.LIVE, Phase.ENDING, Phase.ENDED}),
    Phase.LIVE: frozenset({Phase.ENDING, Phase.ENDED}),
    Phase.ENDING: frozenset({Phase.ENDED}),
    Phase.ENDED: frozenset(),
}
"""Every legal step. Anything else leaves the phase alone and counts as an anomaly."""

UNANSWERED = frozenset({Phase.OFFERED, Phase.DIALING, Phase.RINGING})
LIVING = frozenset({Phase.OFFERED, Phase.DIALING, Phase.RINGING, Phase.LIVE, Phase.ENDING})


class Machine(StrEnum):
    """Whether an answering machine has picked up: no, it speaks its greeting, it records."""

    NONE = "none"
    GREETING = "greeting"
    RECORDING = "recording"


class Owing(StrEnum):
    """Whom the person is waiting for: nobody, whoever transcribes what they said, our agent, or whoever drives the call
    from outside."""

    NOBODY = "nobody"
    EAR = "ear"
    AGENT = "agent"
    OPERATOR = "operator"


@frozen(kw_only=True, slots=False)
class Utterance:
    """Something we decided to say that has not finished playing."""

    number: int
    text: str
    turn: int
    purpose: Purpose
    interruptible: bool
    protected_ms: int = 0
    started: bool = False
    stopped: bool = False
    instead: str = ""
    ends: tuple[WordEnd, ...] = ()


@frozen(kw_only=True)
class Remark:
    """One line of the conversation as the agent may know it: of our own speech only what was heard."""

    speaker: Literal["agent", "caller"]
    text: str


REMARKS_KEPT = 40
"""How many remarks the agent is given; the journal has them all."""


@frozen(kw_only=True, slots=False)
class CallState:
    """Everything a decision may look at. Instants are 0 until the thing has happened."""

    now: Instant = EPOCH
    phase: Phase = Phase.NEW
    floor: Floor = Floor.NOBODY
    media: Media = Media.NONE
    direction: Literal["inbound", "outbound"] = "outbound"
    carrier: str = ""
    caller: str = ""
    callee: str = ""
    vendor_call_id: str = ""
    policy: Policy = DEFAULT_POLICY
    rules: int = 0
    started_at: Instant = EPOCH
    answered_at: Instant = EPOCH
    ended_at: Instant = EPOCH
    end_reason: EndReason | Literal[""] = ""
    ending_since: Instant = EPOCH
    concluded: bool = False
    reconciling_since: Instant = EPOCH
    media_asked: bool = False
    media_since: Instant = EPOCH
    media_refused: bool = False
    media_again_at: Instant = EPOCH
    listening: bool = False
    detecting: bool = False
    machine: Machine = Machine.NONE
    machine_since: Instant = EPOCH
    stream_id: str = ""
    stream_broke: bool = False
    tickets: tuple[str, ...] = ()
    greeted: bool = False
    notified_at: Instant = EPOCH
    utterance: int = 0
    saying: tuple[Utterance, ...] = ()
    carrier_speaks: bool = False
    sound_at: Instant = EPOCH
    turn: int = 0
    discarded_turn: int = 0
    replied_turn: int = 0
    draft: str = ""
    heard_turn: int = 0
    waiting_since: Instant = EPOCH
    waiting_for: int = 0
    spoiled: int = 0
    wordless: bool = False
    misses: int = 0
    owing: Owing = Owing.NOBODY
    owing_since: Instant = EPOCH
    owing_stage: int = 0
    cut: str = ""
    """What nobody has heard of that which the caller's voice cut off, while it is not known what they want."""
    cut_turn: int = 0
    cut_thinking: bool = False
    """Whether there would have been more."""
    hushed_at: Instant = EPOCH
    """When the caller who cut it off fell silent."""
    keys: str = ""
    keys_at: Instant = EPOCH
    keys_told: tuple[Instant, ...] = ()
    said_until: Instant = EPOCH
    remarks: tuple[Remark, ...] = ()
    armed: tuple[tuple[str, Instant], ...] = ()
    owed: tuple[tuple[EffectId, AnyEffect], ...] = ()
    quarantined: bool = False
    anomalies: int = 0

    def owes(self, effect_id: EffectId) -> AnyEffect | None:
        """The effect of this name if it has no outcome yet."""
        return next((effect for name, effect in self.owed if name == effect_id), None) if effect_id else None

    @property
    def streams(self) -> bool:
        """Whether the person's sound comes to us: wanted from the start, and not given up for the carrier's voice."""
        given_up = self.carrier_speaks and self.policy.voice_fallback == "instead"
        return self.policy.streaming and not given_up

    @property
    def by_carrier(self) -> bool:
        """Whether the carrier's own voice says what is said."""
        return self.carrier_speaks or not self.policy.streaming

    @property
    def peer(self) -> str:
        """The person's number."""
        return self.caller if self.direction == "inbound" else self.callee
