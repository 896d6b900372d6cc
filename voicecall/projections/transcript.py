"""Who said what, and what of ours was heard: two different facts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from attrs import frozen

from voicecall.core.ledger import Ledger, fold
from voicecall.core.speech import keys_text, words_heard
from voicecall.core.state import Utterance
from voicecall.events import Entry, Instant
from voicecall.events import facts as fact


@frozen(kw_only=True)
class Spoken:
    """One remark. For the caller ``said`` and ``heard`` are the same; ours was ``said`` and, as far as playback marks
    prove, ``heard``."""

    at: Instant
    speaker: Literal["bot", "user"]
    said: str
    heard: str
    heard_ms: int = 0
    sent_ms: int = 0
    interrupted: bool = False


def transcript(entries: Iterable[Entry]) -> list[Spoken]:
    """The remarks of a call, ours in order of their end, keys once they are joined."""
    spoken: list[Spoken] = []
    ledger = Ledger()
    for entry in entries:
        before, ledger = ledger.state, fold(ledger, entry)
        if before.keys and not ledger.state.keys:
            text = keys_text(before.keys)
            spoken.append(Spoken(at=entry.at, speaker="user", said=text, heard=text))
        match entry.event:
            case fact.CallerSaid(text=text) if text.strip():
                spoken.append(Spoken(at=entry.at, speaker="user", said=text, heard=text))
            case fact.PlaybackFinished() as event:
                spoken += [_ours(entry.at, event, one) for one in before.saying if one.number == event.utterance]
            case _:
                pass
    return spoken


def _ours(at: Instant, event: fact.PlaybackFinished, one: Utterance) -> Spoken:
    return Spoken(
        at=at,
        speaker="bot",
        said=one.text,
        heard=words_heard(one, event),
        heard_ms=event.heard_ms,
        sent_ms=event.sent_ms,
        interrupted=event.interrupted,
    )
