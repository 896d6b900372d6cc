"""The closed union of facts: everything that can happen to a call.

A class's ``kind`` is its tag on the wire: never changed, never reused. A class that settles an effect names it in
``settles``; exactly one outcome per effect ever lands in a journal. Offsets are milliseconds since the call's media
opened.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from attrs import field, frozen

from voicecall.events.base import EPOCH, NO_EFFECT, EffectId, Event, Instant
from voicecall.events.policy import EndReason, Policy
from voicecall.events.sound import (
    AudioMeasured as AudioMeasured,
    CallerHeard as CallerHeard,
    CallerSaid as CallerSaid,
    CallerStarted as CallerStarted,
    CallerStopped as CallerStopped,
    MediaClosed as MediaClosed,
    MediaOpened as MediaOpened,
    PlaybackFinished as PlaybackFinished,
    PlaybackStarted as PlaybackStarted,
    SpeechChunk as SpeechChunk,
)

# --- how a call begins -----------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class CallPlaced(Event):
    """Somebody here asked for an outbound call. ``caller`` is our number, ``callee`` theirs (E.164)."""

    kind: ClassVar[str] = "call.placed"
    carrier: str
    caller: str
    callee: str
    policy: Policy
    rules: int
    by: str = ""
    request_id: str = ""


@frozen(kw_only=True)
class CallOffered(Event):
    """A carrier offers an inbound call. ``caller`` is theirs ("" when withheld), ``callee`` our number."""

    kind: ClassVar[str] = "call.offered"
    carrier: str
    vendor_call_id: str
    caller: str
    callee: str
    policy: Policy
    rules: int


# --- what the carrier tells us ---------------------------------------------------------------------------------------


@frozen(kw_only=True)
class CallRinging(Event):
    """The callee's phone rings."""

    kind: ClassVar[str] = "call.ringing"
    vendor_call_id: str = ""


@frozen(kw_only=True)
class CallAnswered(Event):
    """Somebody or something picked up."""

    kind: ClassVar[str] = "call.answered"
    by: Literal["human", "machine", "unknown"] = "unknown"
    vendor_call_id: str = ""


@frozen(kw_only=True)
class CallEnded(Event):
    """The terminal fact: exactly one in every finished call.

    ``reason`` is our vocabulary, ``vendor_code`` the carrier's own word. ``settles`` names the ``conclude`` effect when
    it was our decision that ended the call rather than the carrier's message. ``presumed``: the carrier does not say
    who hung up, and ``reason`` holds unless it was us.
    """

    kind: ClassVar[str] = "call.ended"
    reason: EndReason
    vendor_code: str = ""
    settles: EffectId = NO_EFFECT
    presumed: bool = False


@frozen(kw_only=True)
class MachineDetected(Event):
    """The carrier has judged who picked up; ``vendor_word`` is its own word."""

    kind: ClassVar[str] = "machine.detected"
    result: Literal["human", "machine", "fax", "unknown"]
    vendor_word: str = ""


@frozen(kw_only=True)
class MachineFinished(Event):
    """The answering machine's greeting is over: now it records. ``vendor_word`` is the carrier's own word."""

    kind: ClassVar[str] = "machine.finished"
    how: Literal["beep", "silence", "other"]
    vendor_word: str = ""


@frozen(kw_only=True)
class FlowAsked(Event):
    """The carrier has come to the end of its instructions and asks what to do next.

    ``after`` is what it has just done: ``stream`` (the media stream has ended), ``speech`` (it has said its text),
    ``silence`` (it listened and heard nothing), ``wait`` (it waited as told), "" (something else).
    """

    kind: ClassVar[str] = "flow.asked"
    after: Literal["stream", "speech", "silence", "wait", ""] = ""


@frozen(kw_only=True)
class DigitsPressed(Event):
    """The person pressed keys (``0-9 * # A-D``). ``told_at``: see ``CallerSaid``."""

    kind: ClassVar[str] = "digits.pressed"
    digits: str
    told_at: Instant = EPOCH


@frozen(kw_only=True)
class VendorReported(Event):
    """Something authentic from the carrier that moves nothing: kept in the carrier's own words."""

    kind: ClassVar[str] = "vendor.reported"
    status: str
    code: str = ""
    detail: str = ""


# --- whoever thinks for us -------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class AgentReplied(Event):
    """One clause of the agent's reply to ``turn``; ``index`` counts from 0."""

    kind: ClassVar[str] = "agent.replied"
    turn: int
    index: int
    text: str


@frozen(kw_only=True)
class AgentFinished(Event):
    """The agent has said all it has to say to ``turn``, or was superseded by a newer turn, or gave up."""

    kind: ClassVar[str] = "agent.finished"
    settles: EffectId
    turn: int
    reason: Literal["done", "superseded", "failed"] = "done"
    detail: str = ""


# --- admitted requests -----------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class SayRequested(Event):
    """Somebody here asked us to say something."""

    kind: ClassVar[str] = "say.requested"
    text: str
    by: str = ""


@frozen(kw_only=True)
class ListenRequested(Event):
    """Somebody here asked us to say something and wants the caller's next final utterance (``continue``)."""

    kind: ClassVar[str] = "listen.requested"
    text: str
    by: str = ""


@frozen(kw_only=True)
class DigitsRequested(Event):
    """Somebody here asked us to send keys; ``w`` waits 0.5 s, ``W`` 1 s."""

    kind: ClassVar[str] = "digits.requested"
    digits: str
    by: str = ""


@frozen(kw_only=True)
class HangupRequested(Event):
    """Somebody here asked us to end the call."""

    kind: ClassVar[str] = "hangup.requested"
    reason: EndReason = "hangup-bot"
    by: str = ""


# --- outcomes --------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class DialAccepted(Event):
    """The carrier took our dial request."""

    kind: ClassVar[str] = "dial.accepted"
    settles: EffectId
    vendor_call_id: str


@frozen(kw_only=True)
class CallReconciled(Event):
    """The carrier's own view of the call. ``vendor_status`` is its word, ``reason`` ours when it is over."""

    kind: ClassVar[str] = "call.reconciled"
    settles: EffectId
    alive: bool
    answered: bool = False
    vendor_call_id: str = ""
    vendor_status: str = ""
    reason: EndReason = "unknown"


@frozen(kw_only=True)
class TimerFired(Event):
    """A timer's due time has come."""

    kind: ClassVar[str] = "timer.fired"
    settles: EffectId
    name: str
    due: Instant


@frozen(kw_only=True)
class EffectSucceeded(Event):
    """An effect without a richer outcome was carried out. ``detail`` is for readers."""

    kind: ClassVar[str] = "effect.succeeded"
    settles: EffectId
    detail: str = ""


@frozen(kw_only=True)
class EffectFailed(Event):
    """An effect was not carried out, or nobody knows (``in_doubt``). ``reason`` keeps the vendor's words."""

    kind: ClassVar[str] = "effect.failed"
    settles: EffectId
    reason: str
    retryable: bool = False
    in_doubt: bool = False
    vendor_code: str = ""


# --- the actor itself ------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class ActorStarted(Event):
    """A writer claims the call: the first entry of every incarnation."""

    kind: ClassVar[str] = "actor.started"
    incarnation: str
    version: str = ""


@frozen(kw_only=True)
class ActorQuarantined(Event):
    """The call's actor failed too often: no more decisions but one last-resort hang-up."""

    kind: ClassVar[str] = "actor.quarantined"
    reason: str


@frozen(kw_only=True)
class Unknown(Event):
    """An event written by a version that knows more than we do: kept verbatim, ignored by ``evolve``."""

    kind: ClassVar[str] = "unknown"
    data: dict[str, Any] = field(factory=dict, hash=False)


AnyEvent = (
    CallPlaced
    | CallOffered
    | CallRinging
    | CallAnswered
    | CallEnded
    | MachineDetected
    | MachineFinished
    | FlowAsked
    | DigitsPressed
    | VendorReported
    | MediaOpened
    | MediaClosed
    | AudioMeasured
    | CallerStarted
    | CallerStopped
    | CallerHeard
    | CallerSaid
    | SpeechChunk
    | PlaybackStarted
    | PlaybackFinished
    | AgentReplied
    | AgentFinished
    | SayRequested
    | ListenRequested
    | DigitsRequested
    | HangupRequested
    | DialAccepted
    | CallReconciled
    | TimerFired
    | EffectSucceeded
    | EffectFailed
    | ActorStarted
    | ActorQuarantined
    | Unknown
)
"""The closed union. ``evolve`` ends in ``assert_never`` over it."""
