"""What a host is told: plain frozen values. Instants are milliseconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import frozen

from journal.api import Line, Position
from voicecall.events import AnyEffect, AnyEvent, CallId, Instant
from voicecall.events.schema import decode_entry

STREAM = "call/"


@frozen(kw_only=True)
class Accepted:
    """It is on record and will be carried out. The same ``request_id`` again is the same request, also after a
    restart: it does nothing and gives the first answer."""

    call_id: CallId
    request_id: str


@frozen(kw_only=True)
class Answer(Accepted):
    """What the caller said, or the keys that were pressed."""

    transcript: str


@frozen(kw_only=True)
class Remark:
    """One thing that was said; of ours ``heard`` is what the person heard of it."""

    at: Instant
    speaker: Literal["bot", "user"]
    text: str
    heard: str


@frozen(kw_only=True)
class Call:
    """A call in short. ``state`` is ``initiated ringing answered active speaking listening`` or the reason of its
    end."""

    call_id: CallId
    provider: str
    provider_call_id: str | None
    direction: Literal["inbound", "outbound"]
    state: str
    from_number: str
    to_number: str
    started_at: Instant
    answered_at: Instant | None
    ended_at: Instant | None
    end_reason: str | None


@frozen(kw_only=True)
class CallRecord(Call):
    """All that is known of a call. ``metadata`` has the reference's keys (``mode``, ``lastTurnLatencyMs``, …)."""

    transcript: tuple[Remark, ...]
    metadata: Mapping[str, Any]


@frozen(kw_only=True)
class CallEvent:
    """One entry of a call's journal: the ``fact`` that happened and the ``effects`` that were decided about it.

    ``position`` orders the entries of all calls, ``seq`` (1, 2, 3, …) those of one.
    """

    position: Position
    call_id: CallId
    seq: int
    at: Instant
    fact: AnyEvent
    effects: tuple[AnyEffect, ...]


def call_of(plain: Mapping[str, Any]) -> Call:
    """From a line of ``status``."""
    return Call(**_common(plain))


def record_of(plain: Mapping[str, Any]) -> CallRecord:
    """From the record that ``status`` gives."""
    remarks = (
        Remark(at=one["timestamp"], speaker=one["speaker"], text=one["text"], heard=one.get("heard", one["text"]))
        for one in plain["transcript"]
    )
    return CallRecord(**_common(plain), transcript=tuple(remarks), metadata=plain["metadata"])


def event_of(line: Line) -> CallEvent:
    """From a line of a call's stream. Raises ``BadEntry``."""
    entry = decode_entry(line.body)
    return CallEvent(
        position=line.position,
        call_id=CallId(line.stream.removeprefix(STREAM)),
        seq=entry.seq,
        at=entry.at,
        fact=entry.event,
        effects=tuple(entry.effects),
    )


def _common(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "call_id": plain["callId"],
        "provider": plain["provider"],
        "provider_call_id": plain.get("providerCallId"),
        "direction": plain["direction"],
        "state": plain["state"],
        "from_number": plain["from"],
        "to_number": plain["to"],
        "started_at": plain["startedAt"],
        "answered_at": plain.get("answeredAt"),
        "ended_at": plain.get("endedAt"),
        "end_reason": plain.get("endReason"),
    }
