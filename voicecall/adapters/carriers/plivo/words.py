"""Plivo's words and ours (Plivo, "Hangup causes and sources")."""

from __future__ import annotations

from voicecall.events import EndReason
from voicecall.events import facts as fact

ALIVE = frozenset({"queued", "ringing", "in-progress"})
STATUSES: dict[str, EndReason] = {
    "busy": "busy",
    "no-answer": "no-answer",
    "timeout": "no-answer",
    "failed": "failed",
}
CODES: dict[int, EndReason] = {
    3000: "no-answer",
    6010: "no-answer",
    3010: "busy",
    3020: "busy",
    3100: "busy",
    3110: "busy",
    4010: "completed",
    6020: "error",
    9100: "voicemail",
}
FAMILIES: dict[int, EndReason] = {2: "failed", 3: "failed", 5: "failed", 7: "error", 8: "error"}
"""By the thousands of a code that the table does not have."""
CANCELED = frozenset({1000, 1010, 1020})
OURS = frozenset({"api request", "answer xml"})


def ended(status: str, code: str, source: str, *, inbound: bool, name: str = "") -> fact.CallEnded:
    """The terminal fact for a hang-up report: source and code tell more than the status."""
    number = int(code) if code.isascii() and code.isdigit() else 0
    words = " ".join(part for part in (status, code, name, f"({source})" if source else "") if part)
    reason, presumed = _reason(status, number, source.strip().lower(), inbound=inbound)
    return fact.CallEnded(reason=reason, vendor_code=words, presumed=presumed)


def _reason(status: str, code: int, source: str, *, inbound: bool) -> tuple[EndReason, bool]:
    if code in CANCELED or status == "cancel":
        return ("hangup-user", False) if inbound else ("hangup-bot", True)
    person = source == "caller" if inbound else source in ("callee", "call recipient")
    if code in (0, 4000, 4020, 4030) and status in ("completed", ""):
        if person:
            return "hangup-user", False
        if source in OURS:
            return "hangup-bot", True
    if source == "error":
        return "error", False
    reason = CODES.get(code) or FAMILIES.get(code // 1000) or STATUSES.get(status)
    if reason is None:
        return ("completed", False) if status == "completed" and code == 4000 else ("unknown", False)
    return reason, False
