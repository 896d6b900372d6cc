"""The call record that users of the reference know (behavior page, section 2.1), folded from the journal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from voicecall.core.ledger import Ledger, fold
from voicecall.core.state import CallState, Floor, Phase
from voicecall.events import CallId, Entry
from voicecall.projections.directory import Row
from voicecall.projections.latency import turn_latencies
from voicecall.projections.transcript import transcript


def call_record(call_id: CallId, entries: Iterable[Entry], *, server: bool = True) -> dict[str, Any]:
    """The whole record of one call. Without a server a call that has not ended is ``unfinished``, not live."""
    known = list(entries)
    ledger = Ledger()
    for entry in known:
        ledger = fold(ledger, entry)
    state = ledger.state
    record: dict[str, Any] = {
        "callId": call_id,
        "providerCallId": state.vendor_call_id or None,
        "provider": state.carrier,
        "direction": state.direction,
        "state": state_word(state),
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
        "metadata": {"mode": state.policy.mode.value, **_turns(known)},
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
        "state": _ROW_WORDS.get(row.phase, row.end_reason or row.phase),
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


_ROW_WORDS = {
    Phase.OFFERED.value: "ringing",
    Phase.DIALING.value: "initiated",
    Phase.RINGING.value: "ringing",
    Phase.LIVE.value: "active",
    Phase.ENDING.value: "active",
}


def state_word(state: CallState) -> str:
    """``initiated ringing answered active speaking listening`` or the end reason."""
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


def _turns(entries: list[Entry]) -> dict[str, int]:
    turns = [one for one in turn_latencies(entries) if one.playback_ms is not None]
    if not turns:
        return {}
    last = turns[-1]
    return {
        "turnCount": len(turns),
        "lastTurnLatencyMs": last.playback_ms or 0,
        "lastTurnCompletedAt": last.stopped_at + (last.playback_ms or 0),
    }
