"""Every call of the journal in a line: who, when, how far. Serves routing, recovery, capacity and ``status``.

Calls that are not over are objects. Past calls are packed bytes in one dictionary, because a million of them must not
be a million objects for the garbage collector to visit. A checkpoint is a checksum and (version, position, view);
whoever starts folds only the lines that follow it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Literal, cast

import msgspec

from voicecall.core.evolve import final_reason
from voicecall.core.state import Phase
from voicecall.events import CallId, EndReason, Entry, Instant, effects_of
from voicecall.events import facts as fact
from voicecall.events.effects import Conclude, Hangup, Reject, StartTimer

VERSION = 2
"""Bump it when ``Row`` or ``apply`` changes: older checkpoints are then ignored."""

GAP = 4_096
"""A position that is still missing when so many later ones are known holds no entry (an erased line, a tombstone)."""


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One call. Instants are milliseconds since the epoch, 0 until the thing has happened."""

    call_id: str
    carrier: str
    direction: Literal["inbound", "outbound"]
    caller: str
    callee: str
    phase: str
    vendor_call_id: str = ""
    mode: str = ""
    started_at: int = 0
    answered_at: int = 0
    ended_at: int = 0
    end_reason: str = ""

    @property
    def peer(self) -> str:
        """The person's number."""
        return self.caller if self.direction == "inbound" else self.callee


class _View(msgspec.Struct):
    """What a checkpoint holds."""

    version: int
    position: int
    live: dict[str, Row]
    past: dict[str, bytes]
    vendors: dict[str, str]
    owed: dict[str, list[str]]


class Directory:
    """The live view. ``apply`` every entry of every call, those of one call in order.

    Calls write at the same time and one may learn before another that its line is durable, so entries of different
    calls come in any order. Everything up to ``position`` is in the view, and some of what follows: a checkpoint must
    not claim more.
    """

    def __init__(self) -> None:
        self.position = 0
        self._ahead: set[int] = set()
        self._live: dict[str, Row] = {}
        self._past: dict[str, bytes] = {}
        self._vendors: dict[str, str] = {}
        self._owed: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self._live) + len(self._past)

    def knows(self, call_id: CallId) -> bool:
        """Whether the call is in the journal."""
        return call_id in self._live or call_id in self._past

    def named(self, carrier: str, vendor_call_id: str) -> CallId | None:
        """The call that a carrier calls ``vendor_call_id``."""
        found = self._vendors.get(f"{carrier}\n{vendor_call_id}")
        return None if found is None else CallId(found)

    def living(self) -> Iterator[CallId]:
        """Calls that have not ended."""
        return map(CallId, tuple(self._live))

    def live_rows(self) -> Iterator[Row]:
        """What is known of the calls that have not ended."""
        return iter(tuple(self._live.values()))

    def owing(self) -> Iterator[CallId]:
        """Calls that have ended and still owe something: whoever starts has to see to it."""
        return (CallId(call_id) for call_id in tuple(self._owed) if call_id in self._past)

    def row(self, call_id: CallId) -> Row | None:
        """What is known of a call."""
        past = self._past.get(call_id)
        return self._live.get(call_id) if past is None else _decode_row(past)

    def rows(self) -> Iterator[Row]:
        """Every call: those that are over first, in order of their end."""
        yield from map(_decode_row, self._past.values())
        yield from self._live.values()

    def past_with(self, peer: str, since: Instant) -> Iterator[Row | None]:
        """Calls with a person that ended after ``since``, newest first; "" is everybody. None comes now and then: there
        a long search may be interrupted."""
        sought = peer.encode()
        for count, packed in enumerate(reversed(tuple(self._past.values()))):
            pause = count % _STRIDE == _STRIDE - 1
            if pause or sought in packed:
                row = _decode_row(packed)
                if row.ended_at < since:
                    return
                if not peer or row.peer == peer:
                    yield row
            if pause:
                yield None

    def find(self, name: str) -> CallId | None:
        """A call by its id, by the carrier's id, or by an unambiguous beginning of its id (at least 4 characters)."""
        if self.knows(CallId(name)):
            return CallId(name)
        for row in self._live.values():
            if row.vendor_call_id == name:
                return CallId(row.call_id)
        by_vendor = {call_id for vendor, call_id in self._vendors.items() if vendor.partition("\n")[2] == name}
        if len(by_vendor) == 1:
            return CallId(by_vendor.pop())
        if len(name) < 4:
            return None
        matching = [one for view in (self._live, self._past) for one in view if one.startswith(name)]
        return CallId(matching[0]) if len(matching) == 1 else None

    def apply(self, call_id: CallId, position: int, entry: Entry) -> None:
        """Fold one entry, once."""
        if position <= self.position or position in self._ahead:
            return
        self.passed(position)
        row = self._live.get(call_id) or _begin(call_id, entry)
        if row is not None:
            self._advance(call_id, _advance(row, entry))
        if self.knows(call_id):
            self._keep_owed(call_id, entry)

    def _advance(self, call_id: CallId, row: Row) -> None:
        if row.vendor_call_id and self.named(row.carrier, row.vendor_call_id) != call_id:
            self._vendors[f"{row.carrier}\n{row.vendor_call_id}"] = call_id
        if row.phase == Phase.ENDED.value:
            self._live.pop(call_id, None)
            self._past[call_id] = _encode(row)
        else:
            self._live[call_id] = row

    def _keep_owed(self, call_id: CallId, entry: Entry) -> None:
        """Which effects have no outcome yet, timers aside."""
        settles = getattr(entry.event, "settles", "")
        fresh = [name for name, effect in effects_of(entry) if not isinstance(effect, StartTimer)]
        if settles or fresh:
            owed = [name for name in self._owed.pop(call_id, []) if name != settles and name not in fresh]
            if owed or fresh:
                self._owed[call_id] = owed + fresh

    def passed(self, position: int) -> None:
        """The line there is known: an entry that is applied, or no call's at all."""
        self._ahead.add(position)
        if len(self._ahead) > GAP:
            self.position = min(self._ahead) - 1
        while self.position + 1 in self._ahead:
            self.position += 1
            self._ahead.discard(self.position)

    def reached(self, position: int) -> None:
        """Everything up to ``position`` has been applied, by a reader who reads all lines in order."""
        self.position = max(self.position, position)
        self._ahead = {one for one in self._ahead if one > self.position}

    def forget(self, call_id: CallId) -> None:
        """The call was erased."""
        self._live.pop(call_id, None)
        self._past.pop(call_id, None)
        self._owed.pop(call_id, None)
        self._vendors = {vendor: one for vendor, one in self._vendors.items() if one != call_id}

    def checkpoint(self) -> bytes:
        """The view as bytes, for ``restore``."""
        view = _View(
            version=VERSION,
            position=self.position,
            live=self._live,
            past=self._past,
            vendors=self._vendors,
            owed=self._owed,
        )
        data = _encode(view)
        return zlib.crc32(data).to_bytes(_CHECKSUM, "big") + data

    @staticmethod
    def restore(data: bytes) -> Directory:
        """The directory in a checkpoint; an empty one when it is damaged or of another version."""
        directory = Directory()
        checksum, data = data[:_CHECKSUM], data[_CHECKSUM:]
        if checksum != zlib.crc32(data).to_bytes(_CHECKSUM, "big"):
            return directory
        try:
            view = msgspec.msgpack.decode(data, type=_View)
        except msgspec.DecodeError:
            return directory
        if view.version == VERSION:
            directory.position = view.position
            directory._live, directory._past, directory._vendors = view.live, view.past, view.vendors
            directory._owed = view.owed
        return directory


_CHECKSUM = 4
_STRIDE = 10_000
"""Past calls that are searched at once, in well under a millisecond."""
_encode = msgspec.msgpack.Encoder().encode
_decode_row = msgspec.msgpack.Decoder(Row).decode


def _begin(call_id: CallId, entry: Entry) -> Row | None:
    match entry.event:
        case fact.CallPlaced() as event:
            direction, phase, vendor = "outbound", Phase.DIALING, ""
        case fact.CallOffered() as event:
            direction, phase, vendor = "inbound", Phase.OFFERED, event.vendor_call_id
        case _:
            return None
    return Row(
        call_id=call_id,
        carrier=event.carrier,
        direction=direction,
        caller=event.caller,
        callee=event.callee,
        phase=phase.value,
        vendor_call_id=vendor,
        mode=event.policy.mode.value,
        started_at=entry.at,
    )


def _advance(row: Row, entry: Entry) -> Row:
    event = entry.event
    vendor = str(getattr(event, "vendor_call_id", ""))
    if vendor and (not row.vendor_call_id or not isinstance(event, fact.DialAccepted)):
        row = msgspec.structs.replace(row, vendor_call_id=vendor)
    match event:
        case fact.CallEnded():
            reason = final_reason(cast("EndReason", row.end_reason), event)
            return msgspec.structs.replace(row, phase=Phase.ENDED.value, ended_at=entry.at, end_reason=reason)
        case fact.CallRinging() if row.phase == Phase.DIALING.value:
            row = msgspec.structs.replace(row, phase=Phase.RINGING.value)
        case fact.CallAnswered() | fact.MediaOpened() if row.phase in _UNANSWERED:
            row = msgspec.structs.replace(row, phase=Phase.LIVE.value, answered_at=entry.at)
        case fact.CallReconciled() if event.alive and event.answered and row.phase in _UNANSWERED:
            row = msgspec.structs.replace(row, phase=Phase.LIVE.value, answered_at=entry.at)
        case _:
            pass
    for effect in entry.effects:
        if isinstance(effect, Hangup | Reject | Conclude):
            reason = "rejected" if isinstance(effect, Reject) else effect.reason
            row = msgspec.structs.replace(row, phase=Phase.ENDING.value, end_reason=row.end_reason or reason)
    return row


_UNANSWERED = frozenset({Phase.OFFERED.value, Phase.DIALING.value, Phase.RINGING.value})
