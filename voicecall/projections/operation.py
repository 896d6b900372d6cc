"""What became of a ``continue``: folded from the journal, so any process can answer, also after a restart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from attrs import evolve, field, frozen

from voicecall.core.ledger import Ledger, fold
from voicecall.core.speech import keys_text
from voicecall.core.state import CallState
from voicecall.events import Entry, Instant
from voicecall.events import facts as fact
from voicecall.events.base import EPOCH


@frozen(kw_only=True)
class Operation:
    """The ``listen.requested`` fact ``seq`` of a call, and its outcome. Feed ``apply`` every entry of the call.

    ``result`` is the transcript when ``completed``, the reason when ``failed``. ``listening_at`` is when its question
    had been said (or was cut short): from then on the time-out counts.
    """

    seq: int
    status: Literal["pending", "completed", "failed"] = "pending"
    result: str = ""
    found: bool = False
    requested_at: Instant = EPOCH
    listening_at: Instant = EPOCH
    completed_at: Instant = EPOCH
    ledger: Ledger = field(factory=Ledger, repr=False)


def apply(operation: Operation, entry: Entry) -> Operation:
    """The operation after ``entry``."""
    if operation.status != "pending":
        return operation
    before = operation.ledger.state
    operation = evolve(operation, ledger=fold(operation.ledger, entry))
    waiting_since = operation.ledger.state.waiting_since
    if entry.seq == operation.seq:
        if not isinstance(entry.event, fact.ListenRequested):
            return _done(operation, entry, "failed", "operation not found")
        return evolve(operation, found=True, requested_at=entry.at, listening_at=entry.at)
    if not operation.found:
        return operation
    return evolve(operation, listening_at=waiting_since) if waiting_since else _over(operation, before, entry)


def operations(entries: Iterable[Entry]) -> list[Operation]:
    """Every ``continue`` of one call, in order."""
    found: list[Operation] = []
    ledger = Ledger()
    for entry in entries:
        if isinstance(entry.event, fact.ListenRequested):
            found.append(Operation(seq=entry.seq, ledger=ledger))
        if found:
            found[-1] = apply(found[-1], entry)
        ledger = fold(ledger, entry)
    return found


def _over(operation: Operation, before: CallState, entry: Entry) -> Operation:
    """Nobody waits any more since ``entry``: with an answer, or why without one."""
    state = operation.ledger.state
    match entry.event:
        case fact.CallerSaid(text=text):
            return _done(operation, entry, "completed", text)
        case fact.TimerFired(name="keys"):
            return _done(operation, entry, "completed", keys_text(before.keys))
        case fact.TimerFired():
            reason = f"Timed out waiting for transcript after {state.policy.transcript_timeout_ms}ms"
        case fact.EffectFailed(reason=why):
            reason = f"Speak failed: {why}"
        case fact.CallEnded(reason="error", vendor_code=code) if code:
            reason = f"Call error: {code}"
        case _:
            reason = f"Call ended: {state.end_reason}"
    return _done(operation, entry, "failed", reason)


def _done(operation: Operation, entry: Entry, status: Literal["completed", "failed"], result: str) -> Operation:
    return evolve(operation, status=status, result=result, completed_at=entry.at)
