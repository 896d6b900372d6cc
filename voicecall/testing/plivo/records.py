"""What the API tells of one call (Plivo, "Retrieve a live call", "Retrieve a call")."""

from __future__ import annotations

from voicecall.testing.dialect import Call
from voicecall.testing.json_api import Plain
from voicecall.testing.plivo.words import (
    RATE,
    billed_of,
    cause_of,
    seconds_of,
    status_of,
    utc_time,
    without_plus,
    zoned_time,
)


def live_view(call: Call) -> Plain:
    """A call that is not over."""
    party = call.party
    return {
        "call_status": status_of(call),
        "call_uuid": party.vendor_call_id,
        "caller_name": "",
        "direction": party.direction,
        "from": without_plus(party.caller),
        "to": without_plus(party.callee),
        "request_uuid": party.vendor_call_id if party.direction == "outbound" else "",
        "session_start": utc_time(call.began_at),
    }


def record_view(call: Call, *, auth_id: str, failed: int) -> Plain:
    """A call that is over."""
    party, ending = call.party, call.ending
    assert ending is not None
    cause = cause_of(ending, inbound=party.direction == "inbound", failed=failed)
    return {
        "answer_time": zoned_time(call.answered_at),
        "bill_duration": billed_of(call),
        "billed_duration": billed_of(call),
        "call_direction": party.direction,
        "call_duration": seconds_of(call),
        "call_uuid": party.vendor_call_id,
        "end_time": zoned_time(call.ended_at),
        "from_number": without_plus(party.caller),
        "hangup_cause_code": cause.code,
        "hangup_cause_name": cause.name,
        "hangup_source": cause.source,
        "initiation_time": zoned_time(call.began_at),
        "parent_call_uuid": None,
        "resource_uri": f"/v1/Account/{auth_id}/Call/{party.vendor_call_id}/",
        "to_number": without_plus(party.callee),
        "total_amount": f"{billed_of(call) / 60 * RATE:.5f}",
        "total_rate": f"{RATE:.5f}",
    }
