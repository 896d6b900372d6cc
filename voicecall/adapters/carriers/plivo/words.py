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
    4020: "timeout",
    4030: "completed",
    6020: "error",
    9100: "voicemail",
}
FAMILIES: dict[int, EndReason] = {2: "failed", 3: "failed", 5: "failed", 7: "error", 8: "error"}
"""By the thousands of a code that the table does not have."""
WITHHELD = frozenset({"anonymous", "restricted", "unavailable", "unknown", "blocked", "private"})
"""What stands for a number that the caller does not show, in lower case."""
CANCELED = frozenset({1000, 1010, 1020})
REFUSED = frozenset({3010, 3020})
"""Of an inbound call, what we ourselves may have answered."""
PLAIN = frozenset({0, 4000, 4020, 4030})
"""Codes that do not say who hung up."""
OURS = frozenset({"api request", "answer xml"})


def ended(status: str, code: str, source: str, *, inbound: bool, name: str = "") -> fact.CallEnded:
    """The terminal fact for a hang-up report: source and code tell more than the status."""
    number = int(code) if code.isascii() and code.isdigit() and len(code) < 7 else 0
    words = " ".join(part for part in (status, code, name, f"({source})" if source else "") if part)
    reason, presumed = _reason(status, number, source.strip().lower(), inbound=inbound)
    return fact.CallEnded(reason=reason, vendor_code=words, presumed=presumed)


def caller(number: str) -> str:
    """Who calls; "" when they do not show it."""
    return "" if number.strip().lower() in WITHHELD else number.strip()


def _reason(status: str, code: int, source: str, *, inbound: bool) -> tuple[EndReason, bool]:
    canceled = code in CANCELED or status == "cancel"
    if source in OURS and (canceled or code in PLAIN or (inbound and code in REFUSED)):
        return "hangup-bot", True
    if canceled:
        return ("hangup-user", False) if inbound else ("hangup-bot", True)
    person = source == "caller" if inbound else source in ("callee", "call recipient")
    if person and code in PLAIN and status in ("completed", ""):
        return "hangup-user", False
    if source == "error":
        return "error", False
    reason = CODES.get(code) or FAMILIES.get(code // 1000) or STATUSES.get(status)
    if reason is None:
        return ("completed", False) if status in ("completed", "") and code == 4000 else ("unknown", False)
    return reason, False
