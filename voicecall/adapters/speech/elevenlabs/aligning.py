"""When each character was said, in the vendor's two spellings. Pure; an alignment that makes no sense is none.

The original text's alignment, not the normalized one: that has the words that were spoken for "10:30", and no place in
our text. On the WebSocket times count from the message's own sound, in an HTTP answer from its first.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from itertools import chain, repeat

import msgspec

from voicecall.ports import Wording

DAY_MS = 86_400_000.0


class _OfMessage(msgspec.Struct):
    chars: list[str]
    starts: list[float] = msgspec.field(name="charStartTimesMs")
    durations: list[float] = msgspec.field(name="charDurationsMs")


class _OfAnswer(msgspec.Struct):
    characters: list[str]
    character_end_times_seconds: list[float]


def of_message(alignment: object) -> Wording | None:
    """What a WebSocket message tells, in ms of its own sound."""
    try:
        found = msgspec.convert(alignment, _OfMessage)
    except msgspec.ValidationError:
        return None
    ends = (start + duration for start, duration in zip(found.starts, found.durations, strict=False))
    return _wording(found.chars, list(ends))


def of_answer(alignment: object) -> Wording | None:
    """What a line of an HTTP answer tells, in ms of the answer's sound."""
    try:
        found = msgspec.convert(alignment, _OfAnswer, from_attributes=True)
    except msgspec.ValidationError:
        return None
    return _wording(found.characters, [1000 * end for end in found.character_end_times_seconds])


def later(wording: Wording, by_ms: int) -> Wording:
    """The same, when so much sound has come before."""
    return Wording(text=wording.text, ends_ms=tuple(by_ms + end for end in wording.ends_ms))


def sound_of(encoded: object) -> bytes:
    """The μ-law in base64, if it is that."""
    try:
        return base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else b""
    except ValueError:
        return b""


def _wording(characters: list[str], ends: Iterable[float]) -> Wording | None:
    """A "character" may be several, or none."""
    times = [round(min(max(end, 0.0), DAY_MS)) for end in ends]
    if len(times) != len(characters) or not any(characters):
        return None
    each = (repeat(end, len(one)) for one, end in zip(characters, times, strict=True))
    return Wording(text="".join(characters), ends_ms=tuple(chain.from_iterable(each)))
