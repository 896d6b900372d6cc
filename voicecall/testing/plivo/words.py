"""Plivo's words for what the network knows: names, numbers, times, statuses, hang-up causes."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

from attrs import evolve, frozen

from voicecall.events import Instant
from voicecall.testing.dialect import Call
from voicecall.testing.happenings import Ending, Why

ACCOUNT_ZONE = timezone(timedelta(hours=5, minutes=30))
"""Webhooks tell times in the account's time zone, and do not say which."""
BILLED_S = 60
RATE = 0.005


def uuid_of(digits: str) -> str:
    """32 hexadecimal digits as Plivo writes ids."""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def without_plus(number: str) -> str:
    """A number as webhooks tell it; who withholds it has a name."""
    return number.removeprefix("+") or "anonymous"


def local_time(at: Instant | None) -> str:
    """An instant in a webhook; blank when there was none."""
    return "" if at is None else datetime.fromtimestamp(at / 1000, ACCOUNT_ZONE).strftime("%Y-%m-%d %H:%M:%S")


def utc_time(at: Instant) -> str:
    """UTC with microseconds and without a zone."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def zoned_time(at: Instant | None) -> str | None:
    """An instant in a call's record."""
    return None if at is None else datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S+00:00")


def is_live(call: Call) -> bool:
    """Whether ``status=live`` has it."""
    return call.answered and not call.over


def is_queued(call: Call) -> bool:
    """Whether ``status=queued`` has it: it was ordered and nobody has answered."""
    return call.party.direction == "outbound" and not call.answered and not call.over


def status_of(call: Call) -> str:
    """``CallStatus`` of a call that is not over."""
    return "in-progress" if call.answered else "ringing"


def seconds_of(call: Call) -> int:
    """How long it was answered."""
    if call.answered_at is None or call.ended_at is None:
        return 0
    return round((call.ended_at - call.answered_at) / 1000)


def billed_of(call: Call) -> int:
    """The same as it is charged, in whole minutes."""
    return math.ceil(seconds_of(call) / BILLED_S) * BILLED_S


@frozen
class Cause:
    """How a call ended, in Plivo's words (Plivo, "Hangup causes and sources")."""

    status: str
    code: int
    name: str
    cause: str
    source: str = ""


def cause_of(ending: Ending, *, inbound: bool, failed: int = 0) -> Cause:
    """``failed`` is the code for instructions that could not be had."""
    if ending.why == "error":
        return Cause("completed", failed, FAILURES.get(failed, "Unknown"), "NORMAL_CLEARING", "Error")
    cause = CAUSES[ending.why]
    person = "Caller" if inbound else "Callee"
    sources = {"person": person, "api": "API Request", "document": "Answer XML", "network": "Plivo"}
    return cause if cause.source else evolve(cause, source=sources[ending.by])


CAUSES: dict[Why, Cause] = {
    "hangup": Cause("completed", 4000, "Normal Hangup", "NORMAL_CLEARING"),
    "completed": Cause("completed", 4010, "End Of XML Instructions", "NORMAL_CLEARING", "Plivo"),
    "canceled": Cause("cancel", 1000, "Cancelled", "ORIGINATOR_CANCEL"),
    "rejected": Cause("failed", 3020, "Rejected", "CALL_REJECTED"),
    "busy": Cause("busy", 3010, "Busy Line", "USER_BUSY"),
    "declined": Cause("busy", 3020, "Rejected", "CALL_REJECTED"),
    "no-answer": Cause("timeout", 6010, "Ring Timeout Reached", "ORIGINATOR_CANCEL", "Plivo"),
    "unreachable": Cause("failed", 2000, "Invalid Destination Address", "UNALLOCATED_NUMBER", "Plivo"),
    "machine": Cause("completed", 9100, "Machine Detected", "NORMAL_CLEARING", "Plivo"),
    "time-limit": Cause("completed", 4020, "Reached Time Limit", "ALLOTTED_TIMEOUT", "Plivo"),
}
"""Where the source is "", it is whoever ended the call."""
FAILURES = {
    7011: "Error Reaching Answer URL",
    7012: "Error Reaching Action URL",
    7013: "Error Reaching Transfer URL",
    7014: "Error Reaching Redirect URL",
    8011: "Invalid Answer XML",
    8012: "Invalid Action XML",
    8013: "Invalid Transfer XML",
    8014: "Invalid Redirect XML",
}
"""Why there were no instructions."""
