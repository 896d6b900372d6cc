"""Who said what, and what of ours was heard: two different facts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from attrs import frozen

from voicecall.core.ledger import Ledger, fold
from voicecall.core.speech import heard_text, keys_text
from voicecall.events import Entry, Instant
from voicecall.events import facts as fact
from voicecall.events.effects import Speak


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
    texts: dict[int, str] = {}
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
            case fact.PlaybackFinished() as event if event.utterance in texts:
                spoken.append(_ours(entry.at, event, texts[event.utterance]))
            case _:
                pass
        for effect in entry.effects:
            if isinstance(effect, Speak):
                texts[effect.utterance] = effect.text
    return spoken


def _ours(at: Instant, event: fact.PlaybackFinished, text: str) -> Spoken:
    heard = heard_text(text, event.heard_ms, event.sent_ms) if event.interrupted else text if event.heard_ms else ""
    return Spoken(
        at=at,
        speaker="bot",
        said=text,
        heard=heard,
        heard_ms=event.heard_ms,
        sent_ms=event.sent_ms,
        interrupted=event.interrupted,
    )
