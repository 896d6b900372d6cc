"""Twilio's words and ours (Twilio, "Call resource: status values", "Answering machine detection")."""

from __future__ import annotations

from typing import Literal

from voicecall.events import AnyEvent, EndReason
from voicecall.events import facts as fact

ALIVE = frozenset({"queued", "initiated", "ringing", "in-progress"})
ENDINGS: dict[str, EndReason] = {
    "completed": "hangup-user",
    "busy": "busy",
    "no-answer": "no-answer",
    "failed": "failed",
    "canceled": "hangup-bot",
}
"""Final statuses. Nobody says who hung up a completed call: it was the person, unless it was us."""
PRESUMED = frozenset({"completed", "canceled"})

WITHHELD = frozenset({
    "anonymous", "restricted", "unavailable", "unknown", "blocked", "private",
    "+266696687", "+7378742833", "+86282452253", "+8656696", "+2562533",
})  # fmt: skip
"""What stands for a number that the caller does not show, in words or as keys that spell them (in lower case)."""

MachineResult = Literal["human", "machine", "fax", "unknown"]
HowFinished = Literal["beep", "silence", "other"]
FINISHED: dict[str, HowFinished] = {
    "machine_end_beep": "beep",
    "machine_end_silence": "silence",
    "machine_end_other": "other",
}


def caller(number: str) -> str:
    """Who calls; "" when they do not show it."""
    return "" if number.strip().lower() in WITHHELD else number.strip()


def ended(status: str, *, inbound: bool, sip_code: str = "") -> fact.CallEnded:
    """The terminal fact for a final status; what is not in the table stays unknown."""
    reason: EndReason = ENDINGS.get(status, "unknown")
    if status == "canceled" and inbound:
        reason = "hangup-user"
    code = f"{status} (SIP {sip_code})" if sip_code else status
    return fact.CallEnded(reason=reason, vendor_code=code, presumed=status in PRESUMED)


def machine(answered_by: str) -> tuple[AnyEvent, ...]:
    """What an ``AnsweredBy`` says: who picked up, and whether a machine's greeting is over."""
    result: MachineResult = "unknown"
    if answered_by in ("human", "fax"):
        result = "human" if answered_by == "human" else "fax"
    elif answered_by.startswith("machine"):
        result = "machine"
    detected = fact.MachineDetected(result=result, vendor_word=answered_by)
    how = FINISHED.get(answered_by)
    return (detected,) if how is None else (detected, fact.MachineFinished(how=how, vendor_word=answered_by))
