"""The closed union of facts: everything that can happen to a call.

A class's ``kind`` is its tag on the wire: never changed, never reused. A class that settles an effect names it in
``settles``; exactly one outcome per effect ever lands in a journal. Offsets are milliseconds since the call's media
opened.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from attrs import field, frozen

from voicecall.events.base import NO_EFFECT, EffectId, Event, Instant
from voicecall.events.policy import EndReason, Policy

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
    it was our decision that ended the call rather than the carrier's message.
    """

    kind: ClassVar[str] = "call.ended"
    reason: EndReason
    vendor_code: str = ""
    settles: EffectId = NO_EFFECT


@frozen(kw_only=True)
class DigitsPressed(Event):
    """The person pressed keys (``0-9 * # A-D``)."""

    kind: ClassVar[str] = "digits.pressed"
    digits: str


@frozen(kw_only=True)
class VendorReported(Event):
    """Something authentic from the carrier that moves nothing: kept in the carrier's own words."""

    kind: ClassVar[str] = "vendor.reported"
    status: str
    code: str = ""
    detail: str = ""


# --- media -----------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class MediaOpened(Event):
    """The carrier's media stream is connected; ``stream_id`` is the carrier's name for it."""

    kind: ClassVar[str] = "media.opened"
    stream_id: str
    encoding: str = "audio/x-mulaw"
    sample_rate: int = 8_000
    ticket: str = ""


@frozen(kw_only=True)
class MediaClosed(Event):
    """The media stream is gone.

    ``reason``: ``stopped`` (the carrier said so), ``lost`` (the socket is gone), ``restart`` (our process is a new one)
    or ``closed`` (we closed it); anything else is shown as it is.
    """

    kind: ClassVar[str] = "media.closed"
    stream_id: str
    reason: str = ""


@frozen(kw_only=True)
class AudioMeasured(Event):
    """Levels and punctuality of the sound since the last such report: peak levels in dBFS, gaps in milliseconds."""

    kind: ClassVar[str] = "audio.measured"
    offset_ms: int
    caller_dbfs: float
    agent_dbfs: float
    late_p99_ms: float = 0.0
    frames_in: int = 0
    frames_out: int = 0


@frozen(kw_only=True)
class CallerStarted(Event):
    """The caller's voice was detected."""

    kind: ClassVar[str] = "caller.started"
    offset_ms: int = 0


@frozen(kw_only=True)
class CallerHeard(Event):
    """A partial transcript of what the caller is saying."""

    kind: ClassVar[str] = "caller.heard"
    text: str


@frozen(kw_only=True)
class CallerSaid(Event):
    """A final transcript. ``confidence`` is 0..1; offsets are of the first and last sound of the utterance."""

    kind: ClassVar[str] = "caller.said"
    text: str
    confidence: float = 1.0
    started_ms: int = 0
    ended_ms: int = 0


@frozen(kw_only=True)
class SpeechChunk(Event):
    """A piece of synthesized speech was made; ``digest`` is the SHA-256 of its audio, hex."""

    kind: ClassVar[str] = "speech.chunk"
    utterance: int
    index: int
    duration_ms: int
    digest: str = ""
    blob: str = ""


@frozen(kw_only=True)
class PlaybackStarted(Event):
    """The first frame of an utterance went out; ``offset_ms`` is when."""

    kind: ClassVar[str] = "playback.started"
    utterance: int
    offset_ms: int = 0


@frozen(kw_only=True)
class PlaybackFinished(Event):
    """An utterance is over. ``heard_ms`` is what the carrier's playback marks prove was played to the person."""

    kind: ClassVar[str] = "playback.finished"
    settles: EffectId
    utterance: int
    heard_ms: int
    sent_ms: int = 0
    interrupted: bool = False


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
    | DigitsPressed
    | VendorReported
    | MediaOpened
    | MediaClosed
    | AudioMeasured
    | CallerStarted
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
