"""The call record that users of the reference know (behavior page, section 2.1), folded from the journal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from voicecall.core.ledger import Ledger, fold
from voicecall.core.state import CallState, Floor, Phase
from voicecall.events import CallId, Entry
from voicecall.projections.directory import Row
from voicecall.projections.latency import punctuality
from voicecall.projections.operation import operations
from voicecall.projections.transcript import transcript


def call_record(call_id: CallId, entries: Iterable[Entry], *, server: bool = True) -> dict[str, Any]:
    """The whole record of one call. Without a server a call that has not ended is ``unfinished``, not live."""
    known = list(entries)
    ledger = Ledger()
    word = ""
    for entry in known:
        ledger = fold(ledger, entry)
        word = word if ledger.state.phase is Phase.ENDING else state_word(ledger.state)
    state = ledger.state
    record: dict[str, Any] = {
        "callId": call_id,
        "providerCallId": state.vendor_call_id or None,
        "provider": state.carrier,
        "direction": state.direction,
        "state": word or state_word(state),
        "from": state.caller or "unknown",
        "to": state.callee or "unknown",
        "startedAt": state.started_at,
        "answeredAt": state.answered_at or None,
        "endedAt": state.ended_at or None,
        "endReason": state.end_reason if state.phase is Phase.ENDED else None,
        "transcript": [
            {
                "timestamp": one.at,
                "speaker": one.speaker,
                "text": one.said,
                "isFinal": True,
                **({} if one.heard == one.said else {"heard": one.heard}),
            }
            for one in transcript(known)
        ],
        "processedEventIds": [key for key in ledger.keys if not key.startswith("request:")],
        "metadata": {**_metadata(state), **_turns(known), **_sound(known)},
    }
    if not server and state.phase is not Phase.ENDED:
        record["unfinished"] = True
    return {key: value for key, value in record.items() if value is not None}


def call_line(row: Row, *, server: bool = True) -> dict[str, Any]:
    """A call in short, from the directory."""
    line: dict[str, Any] = {
        "callId": row.call_id,
        "providerCallId": row.vendor_call_id or None,
        "provider": row.carrier,
        "direction": row.direction,
        "state": _row_word(row),
        "from": row.caller or "unknown",
        "to": row.callee or "unknown",
        "startedAt": row.started_at,
        "answeredAt": row.answered_at or None,
        "endedAt": row.ended_at or None,
        "endReason": row.end_reason if row.phase == Phase.ENDED.value else None,
    }
    if not server and row.phase != Phase.ENDED.value:
        line["unfinished"] = True
    return {key: value for key, value in line.items() if value is not None}


def _row_word(row: Row) -> str:
    """The word as far as the directory knows it: it does not follow who speaks."""
    match row.phase:
        case Phase.ENDED.value:
            return row.end_reason or "unknown"
        case Phase.LIVE.value | Phase.ENDING.value if row.answered_at:
            return "active"
        case Phase.DIALING.value:
            return "initiated"
        case _:
            return "ringing"


def state_word(state: CallState) -> str:
    """``initiated ringing answered active speaking listening`` or the end reason.

    While we hang up nothing happens that a user would call by another name: ``call_record`` keeps the word from before.
    """
    match state.phase:
        case Phase.NEW | Phase.DIALING:
            return "initiated"
        case Phase.OFFERED | Phase.RINGING:
            return "ringing"
        case Phase.ENDED:
            return state.end_reason or "unknown"
        case Phase.ENDING:
            return "active"
        case Phase.LIVE if state.floor is Floor.AGENT:
            return "speaking"
        case Phase.LIVE if state.floor is Floor.CALLER or state.greeted or state.waiting_since:
            return "listening"
        case Phase.LIVE:
            return "active" if state.stream_id else "answered"


def _metadata(state: CallState) -> dict[str, str]:
    """An inbound call has no mode, and a first message only as long as it was not heard."""
    found: dict[str, str] = {}
    if state.policy.greeting and not state.greeted:
        found["initialMessage"] = state.policy.greeting
    if state.direction == "outbound":
        found["mode"] = state.policy.mode.value
    verdict = state.policy.verdict
    if verdict != "accept":
        found["rejectionReason"] = verdict if verdict in ("busy", "draining") else "inbound-policy"
    return found


def _sound(entries: list[Entry]) -> dict[str, float]:
    """How late its sound was at worst: the frames (p99 of the worst five seconds), and the tick that sends them."""
    found = punctuality(entries)
    if found.lag_max_ms is None or found.late_p99_ms is None:
        return {}
    return {"frameLateP99Ms": found.late_p99_ms, "loopLagMaxMs": found.lag_max_ms}


def _turns(entries: list[Entry]) -> dict[str, int]:
    """The turns that ``continue`` took: from the request, and from the end of its question, to the answer."""
    turns = [one for one in operations(entries) if one.status == "completed"]
    if not turns:
        return {}
    last = turns[-1]
    return {
        "turnCount": len(turns),
        "lastTurnLatencyMs": last.completed_at - last.requested_at,
        "lastTurnListenWaitMs": last.completed_at - last.listening_at,
        "lastTurnCompletedAt": last.completed_at,
    }
