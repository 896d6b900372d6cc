"""A call as Twilio's API shows it, and its words for how calls stand and end (Twilio, "Call resource")."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from voicecall.events import Instant
from voicecall.testing.dialect import Call
from voicecall.testing.happenings import Ending

VERSION = "2010-04-01"
SUBRESOURCES = ("Events", "Notifications", "Payments", "Recordings", "Streams", "Transcriptions")

Plain = dict[str, Any]


def final_status(ending: Ending, *, answered: bool, inbound: bool) -> tuple[str, str]:
    """A final status and the SIP code that goes with it."""
    if answered:
        return "completed", "200"
    match ending.why:
        case "busy":
            return "busy", "486"
        case "declined":
            return "busy", "603"
        case "no-answer":
            return "no-answer", "487"
        case "rejected":
            return "no-answer", "603"
        case "canceled":
            return "canceled", "487"
        case "hangup" | "completed" if inbound:
            return "completed", "200"
        case _:
            return "failed", "404" if ending.why == "unreachable" else "500"


def status_of(call: Call) -> str:
    """Where a call stands, in the API's words."""
    inbound = call.party.direction == "inbound"
    if call.ending is not None:
        return final_status(call.ending, answered=call.answered, inbound=inbound)[0]
    if inbound and not call.answered:
        return "ringing"
    return {"initiated": "queued", "ringing": "ringing", "answered": "in-progress", "ended": "completed"}[call.status]


def direction_of(call: Call) -> str:
    """Who called whom."""
    return "inbound" if call.party.direction == "inbound" else "outbound-api"


def seconds_of(call: Call) -> int:
    """How long a call has lasted since it was answered, in whole seconds."""
    if call.answered_at is None or call.ended_at is None:
        return 0
    return math.ceil((call.ended_at - call.answered_at) / 1000)


def minutes_of(call: Call) -> int:
    """How long a call is billed for."""
    return math.ceil(seconds_of(call) / 60)


def moment(at: Instant | None) -> str | None:
    """An instant in RFC 2822."""
    return None if at is None else format_datetime(datetime.fromtimestamp(at // 1000, UTC))


def call_object(call: Call, *, account_sid: str, answered_by: str = "", fresh: bool = False) -> Plain:
    """One call; ``fresh`` is the answer to its creation, which knows no times yet."""
    party, over = call.party, call.ending is not None
    uri = f"/{VERSION}/Accounts/{account_sid}/Calls/{party.vendor_call_id}"
    return {
        "account_sid": account_sid,
        "annotation": None,
        "answered_by": answered_by or None,
        "api_version": VERSION,
        "caller_name": None,
        "date_created": None if fresh else moment(call.began_at),
        "date_updated": None if fresh else moment(call.ended_at or call.answered_at or call.began_at),
        "direction": direction_of(call),
        "duration": str(seconds_of(call)) if over else None,
        "end_time": moment(call.ended_at),
        "forwarded_from": None,
        "from": party.caller,
        "from_formatted": party.caller,
        "group_sid": None,
        "parent_call_sid": None,
        "phone_number_sid": "PN" + account_sid[2:],
        "price": None,
        "price_unit": "USD",
        "queue_time": "0",
        "sid": party.vendor_call_id,
        "start_time": moment(call.answered_at or (call.ended_at if over else None)),
        "status": "queued" if fresh else status_of(call),
        "subresource_uris": {name.lower(): f"{uri}/{name}.json" for name in SUBRESOURCES},
        "to": party.callee,
        "to_formatted": party.callee,
        "trunk_sid": None,
        "uri": f"{uri}.json",
    }
