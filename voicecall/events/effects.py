"""The closed union of effects: everything a call can want done. Each declares its lane and its restart rule."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from attrs import field, frozen

from voicecall.events.base import EPOCH, Effect, Instant, Lane, OnRestart
from voicecall.events.policy import EndReason

Purpose = Literal["greeting", "reply", "say", "filler", "apology", "return"]
"""Why something is said; ``return`` is what a person hears whose line was dead while we restarted."""


@frozen(kw_only=True)
class Answer(Effect):
    """Pick up an inbound call."""

    kind: ClassVar[str] = "answer"
    lane: ClassVar[Lane] = Lane.CONTROL
    on_restart: ClassVar[OnRestart] = OnRestart.RETRY


@frozen(kw_only=True)
class Reject(Effect):
    """Refuse an inbound call before it is answered."""

    kind: ClassVar[str] = "reject"
    lane: ClassVar[Lane] = Lane.CONTROL
    on_restart: ClassVar[OnRestart] = OnRestart.RETRY
    reason: str = ""


@frozen(kw_only=True)
class Dial(Effect):
    """Ring somebody. Never repeated: a reply in doubt is reconciled instead."""

    kind: ClassVar[str] = "dial"
    lane: ClassVar[Lane] = Lane.CONTROL
    on_restart: ClassVar[OnRestart] = OnRestart.ABANDON
    caller: str
    callee: str
    ring_timeout_ms: int
    detect_machine: bool = False


@frozen(kw_only=True)
class Hangup(Effect):
    """End the carrier's leg; "already gone" counts as done."""

    kind: ClassVar[str] = "hangup"
    lane: ClassVar[Lane] = Lane.CONTROL
    on_restart: ClassVar[OnRestart] = OnRestart.RETRY
    reason: EndReason = "hangup-bot"


@frozen(kw_only=True)
class SendDigits(Effect):
    """Press keys on the live call."""

    kind: ClassVar[str] = "send_digits"
    lane: ClassVar[Lane] = Lane.CONTROL
    on_restart: ClassVar[OnRestart] = OnRestart.ABANDON
    digits: str


@frozen(kw_only=True)
class Reconcile(Effect):
    """Ask the carrier what became of the call. ``placed_at`` bounds the search when no vendor id is known."""

    kind: ClassVar[str] = "reconcile"
    lane: ClassVar[Lane] = Lane.CONTROL
    on_restart: ClassVar[OnRestart] = OnRestart.RETRY
    placed_at: Instant = EPOCH


@frozen(kw_only=True)
class OpenMedia(Effect):
    """Have the carrier connect its media stream to us. A message to the carrier, so the control lane's order holds."""

    kind: ClassVar[str] = "open_media"
    lane: ClassVar[Lane] = Lane.CONTROL
    on_restart: ClassVar[OnRestart] = OnRestart.ABANDON


@frozen(kw_only=True)
class Listen(Effect):
    """Start to recognize what the caller says."""

    kind: ClassVar[str] = "listen"
    lane: ClassVar[Lane] = Lane.MEDIA
    on_restart: ClassVar[OnRestart] = OnRestart.ABANDON


@frozen(kw_only=True)
class Speak(Effect):
    """Say something. ``utterance`` counts from 1 per call; ``turn`` is the agent's turn it belongs to, 0 for none.

    ``purpose`` says why: a ``filler`` only bridges a wait, everything else is what the person waits for.
    ``interruptible`` is the interruption rule that playback carries: the media plane clears on the caller's voice
    without asking again, because this line is where that was decided. Not during the first ``protected_ms`` of it.
    """

    kind: ClassVar[str] = "speak"
    lane: ClassVar[Lane] = Lane.MEDIA
    on_restart: ClassVar[OnRestart] = OnRestart.ABANDON
    utterance: int
    text: str
    turn: int = 0
    purpose: Purpose = "say"
    interruptible: bool = True
    protected_ms: int = 0


@frozen(kw_only=True)
class StopSpeaking(Effect):
    """Silence every utterance up to and including ``utterance``; overtakes everything in the media lane."""

    kind: ClassVar[str] = "stop_speaking"
    lane: ClassVar[Lane] = Lane.MEDIA
    on_restart: ClassVar[OnRestart] = OnRestart.ABANDON
    utterance: int


@frozen(kw_only=True)
class AskAgent(Effect):
    """Ask whoever thinks for us to answer ``text``. A newer turn supersedes an older one."""

    kind: ClassVar[str] = "ask_agent"
    lane: ClassVar[Lane] = Lane.AGENT
    on_restart: ClassVar[OnRestart] = OnRestart.RETRY
    turn: int
    text: str


@frozen(kw_only=True)
class StartTimer(Effect):
    """Wake the call at ``due``. Timers are never cancelled, only outgrown."""

    kind: ClassVar[str] = "start_timer"
    lane: ClassVar[Lane] = Lane.CLOCK
    on_restart: ClassVar[OnRestart] = OnRestart.REARM
    name: str
    due: Instant


@frozen(kw_only=True)
class Conclude(Effect):
    """Declare the call ended without waiting for the carrier any longer; carried out by posting ``call.ended``."""

    kind: ClassVar[str] = "conclude"
    lane: ClassVar[Lane] = Lane.CLOCK
    on_restart: ClassVar[OnRestart] = OnRestart.RETRY
    reason: EndReason
    vendor_code: str = ""


@frozen(kw_only=True)
class UnknownEffect(Effect):
    """An effect written by a version that knows more than we do: kept verbatim, settled as failed on restart."""

    kind: ClassVar[str] = "unknown_effect"
    lane: ClassVar[Lane] = Lane.CLOCK
    on_restart: ClassVar[OnRestart] = OnRestart.ABANDON
    data: dict[str, Any] = field(factory=dict, hash=False)


AnyEffect = (
    Answer
    | Reject
    | Dial
    | Hangup
    | SendDigits
    | Reconcile
    | OpenMedia
    | Listen
    | Speak
    | StopSpeaking
    | AskAgent
    | StartTimer
    | Conclude
    | UnknownEffect
)
"""The closed union."""
