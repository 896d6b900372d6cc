"""One readable line per entry: what happened, and what was decided about it."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from voicecall.events import AnyEffect, AnyEvent, Entry, Instant
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.schema import to_plain

HIDDEN = frozenset(
    {
        *("type", "settles", "policy", "digest", "blob", "ticket", "request_id", "rules", "told_at", "words"),
        "first_text_at",
    }
)
"""Fields that a reader of a line does not miss; ``--json`` has them all."""


@frozen(kw_only=True)
class TailLine:
    """A line in parts; the command line colors them."""

    at: Instant
    call: str
    seq: int
    happened: str
    decided: tuple[str, ...]
    important: bool


def tail_line(stream: str, entry: Entry) -> TailLine:
    """The line for one entry of a call's stream."""
    return TailLine(
        at=entry.at,
        call=stream.removeprefix("call/")[:8],
        seq=entry.seq,
        happened=_event(entry.event) + ("" if entry.verified else " (unverified)"),
        decided=tuple(_effect(effect) for effect in entry.effects),
        important=isinstance(entry.event, _IMPORTANT),
    )


_IMPORTANT = (fact.CallPlaced, fact.CallOffered, fact.CallAnswered, fact.CallEnded, fact.CallerSaid, fact.EffectFailed)


def _event(event: AnyEvent) -> str:
    match event:
        case fact.CallerSaid(text=text) | fact.CallerHeard(text=text):
            return f"{type(event).kind} “{text}”"
        case fact.PlaybackFinished():
            how = "interrupted after" if event.interrupted else "heard"
            return f"playback.finished #{event.utterance} {how} {event.heard_ms} of {event.sent_ms} ms"
        case fact.TimerFired():
            return f"timer.fired {event.name}"
        case fact.Unknown():
            return f"{event.data.get('type', 'unknown')} {event.data}"
        case _:
            return _words(type(event).kind, to_plain(event))


def _effect(effect: AnyEffect) -> str:
    match effect:
        case do.Speak():
            return f"speak #{effect.utterance} “{effect.text}”"
        case do.StartTimer():
            return f"timer {effect.name}"
        case do.UnknownEffect():
            return str(effect.data.get("type", "unknown"))
        case _:
            return _words(type(effect).kind, to_plain(effect))


def _words(kind: str, plain: dict[str, Any]) -> str:
    shown = [
        _value(name, value)
        for name, value in plain.items()
        if name not in HIDDEN and value not in ("", None) and value is not False
    ]
    return " ".join((kind, *shown))


def _value(name: str, value: object) -> str:
    if name in ("text", "digits"):
        return f"“{value}”"
    return str(value) if name in ("reason", "carrier", "status", "by", "caller", "callee") else f"{name}={value}"
