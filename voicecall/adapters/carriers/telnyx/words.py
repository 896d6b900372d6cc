"""Telnyx's words and ours (Telnyx, "Receiving webhooks: call.hangup", "Answering machine detection")."""

from __future__ import annotations

from typing import Literal

from voicecall.events import EndReason
from voicecall.events import facts as fact

CAUSES: dict[str, EndReason] = {
    "timeout": "no-answer",
    "no_answer": "no-answer",
    "time_limit": "timeout",
    "user_busy": "busy",
    "call_rejected": "busy",
    "not_found": "failed",
    "unspecified": "failed",
}
MACHINES: dict[str, Literal["human", "machine", "fax", "unknown"]] = {
    "human": "human",
    "human_residence": "human",
    "human_business": "human",
    "machine": "machine",
    "fax_detected": "fax",
}
GREETINGS: dict[str, Literal["beep", "silence", "other"]] = {
    "beep_detected": "beep",
    "ended": "silence",
    "prompt_ended": "silence",
}
WITHHELD = frozenset({"anonymous", "restricted", "unavailable", "unknown", "blocked", "private"})
"""What stands for a number that the caller does not show, in lower case."""
NOT_PUT_THROUGH = "403"
"""The SIP code when the network refuses a call, not the person: too many channels, a destination not allowed."""


def caller(number: str) -> str:
    """Who calls; "" when they do not show it."""
    return "" if number.strip().lower() in WITHHELD else number.strip()


def ended(cause: str, source: str, *, inbound: bool, sip_code: str = "") -> fact.CallEnded:
    """The terminal fact for a hang-up. ``source`` is the leg's caller or callee; on an inbound leg the caller is the
    person, on an outbound one the callee."""
    code = f"{cause} ({source})" if source else cause
    if sip_code and sip_code != "unspecified":
        code = f"{code} SIP {sip_code}"
    if cause == "call_rejected" and sip_code == NOT_PUT_THROUGH and not inbound:
        return fact.CallEnded(reason="failed", vendor_code=code)
    reason, presumed = _reason(cause, source, inbound=inbound)
    return fact.CallEnded(reason=reason, vendor_code=code, presumed=presumed)


def _reason(cause: str, source: str, *, inbound: bool) -> tuple[EndReason, bool]:
    person = "caller" if inbound else "callee"
    match cause:
        case "normal_clearing" if source == person:
            return "hangup-user", False
        case "normal_clearing" if source in ("caller", "callee"):
            return "hangup-bot", False
        case "normal_clearing":
            return "completed", False
        case "originator_cancel":
            return ("hangup-user", False) if inbound else ("hangup-bot", True)
        case "call_rejected" | "user_busy" if inbound:
            return "rejected", True
        case _:
            return CAUSES.get(cause, "unknown"), False
