"""The list of calls (Twilio, "Read multiple Call resources"): newest first, all on one page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from voicecall.testing.dialect import Call
from voicecall.testing.twilio.creating import Refusal
from voicecall.testing.twilio.resource import VERSION, Plain, status_of

FILTERS = frozenset({"To", "From", "Status", "ParentCallSid", "PageSize", "Page", "PageToken"})
TIMES = frozenset({"StartTime", "StartTime>", "StartTime<", "EndTime", "EndTime>", "EndTime<"})
DAY_MS = 86_400_000


def search(calls: Sequence[Call], query: str, *, account_sid: str, view: Callable[[Call], Plain]) -> Plain:
    """One page. Raises ``Refusal``."""
    asked = dict(parse_qsl(query, keep_blank_values=True))
    unknown = asked.keys() - FILTERS - TIMES
    if unknown:
        raise Refusal(400, None, f"{min(unknown)}: there is no such filter")
    size = asked.get("PageSize", "50")
    if not (size.isascii() and size.isdigit() and 1 <= int(size) <= 1_000):
        raise Refusal(400, 20006, f"PageSize: must be a number from 1 to 1000, got {size!r}")
    found = [one for one in reversed(calls) if _matches(one, asked)][: int(size)]
    uri = f"/{VERSION}/Accounts/{account_sid}/Calls.json?{query}"
    return {
        "calls": [view(one) for one in found],
        "end": max(0, len(found) - 1),
        "first_page_uri": uri,
        "next_page_uri": None,
        "page": 0,
        "page_size": int(size),
        "previous_page_uri": None,
        "start": 0,
        "uri": uri,
    }


def _matches(call: Call, asked: dict[str, str]) -> bool:
    party = call.party
    told = {"To": party.callee, "From": party.caller, "Status": status_of(call), "ParentCallSid": ""}
    if any(asked[name] != value for name, value in told.items() if asked.get(name)):
        return False
    return all(
        _in_time(name, asked[name], call.began_at if name.startswith("Start") else call.ended_at)
        for name in TIMES & asked.keys()
    )


def _in_time(name: str, text: str, at: int | None) -> bool:
    """Whether an instant lies on, from or up to a day or a moment (UTC)."""
    try:
        given = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise Refusal(400, 20001, f"{name}: {text!r} is no date") from error
    start = round(given.replace(tzinfo=given.tzinfo or UTC).timestamp() * 1000)
    if at is None:
        return False
    length = DAY_MS if len(text) == len("2026-01-01") else 1_000
    match name[-1]:
        case ">":
            return at >= start
        case "<":
            return at < start + length
        case _:
            return start <= at < start + length
