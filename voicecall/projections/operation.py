"""What became of a ``continue``: folded from the journal, so any process can answer, also after a restart."""

from __future__ import annotations

from typing import Literal

from attrs import evolve, frozen

from voicecall.core.speech import keys_text
from voicecall.events import Entry, Instant
from voicecall.events import facts as fact
from voicecall.events.effects import Speak


@frozen(kw_only=True)
class Operation:
    """The ``listen.requested`` fact ``seq`` of a call, and its outcome. Feed ``apply`` every entry of the call.

    ``result`` is the transcript when ``completed``, the reason when ``failed``.
    """

    seq: int
    status: Literal["pending", "completed", "failed"] = "pending"
    result: str = ""
    found: bool = False
    requested_at: Instant = Instant(0)  # noqa: RUF009 - a NewType of an int
    completed_at: Instant = Instant(0)  # noqa: RUF009
    utterance: int = 0
    timeout_ms: int = 0
    keys: str = ""


def apply(operation: Operation, entry: Entry) -> Operation:
    """The operation after ``entry``."""
    event = entry.event
    if isinstance(event, fact.CallPlaced | fact.CallOffered):
        return evolve(operation, timeout_ms=event.policy.transcript_timeout_ms)
    if entry.seq == operation.seq:
        return _requested(operation, entry)
    if not operation.found or operation.status != "pending":
        return operation
    match event:
        case fact.CallerSaid(text=text) if text.strip():
            return _done(operation, entry, "completed", text)
        case fact.DigitsPressed(digits=digits):
            return evolve(operation, keys=operation.keys + digits)
        case fact.TimerFired(name="keys") if operation.keys:
            return _done(operation, entry, "completed", keys_text(operation.keys))
        case fact.TimerFired(name="transcript") if entry.at >= operation.requested_at + operation.timeout_ms:
            reason = f"Timed out waiting for transcript after {operation.timeout_ms}ms"
            return _done(operation, entry, "failed", reason)
        case fact.CallEnded(reason=reason):
            return _done(operation, entry, "failed", f"Call ended: {reason}")
        case _:
            return operation


def _requested(operation: Operation, entry: Entry) -> Operation:
    if not isinstance(entry.event, fact.ListenRequested):
        return _done(operation, entry, "failed", "operation not found")
    spoken = next((effect.utterance for effect in entry.effects if isinstance(effect, Speak)), 0)
    return evolve(operation, found=True, requested_at=entry.at, utterance=spoken)


def _done(operation: Operation, entry: Entry, status: Literal["completed", "failed"], result: str) -> Operation:
    return evolve(operation, status=status, result=result, completed_at=entry.at)
