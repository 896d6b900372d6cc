"""What a call came to, in the words that are the same on every carrier, whoever carried it and however it was run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from voicecall.core.replay import replay
from voicecall.events import Entry
from voicecall.events import facts as fact
from voicecall.projections.transcript import Spoken, transcript

USER, BOT = ("hangup", "person"), ("hangup", "api")
"""Who hung up, as the network saw it."""


@frozen(kw_only=True)
class Told:
    """What a call came to. ``said`` has whole remarks in order, ours as heard; ``cut`` those of ours that were cut.

    ``ended`` is the network's own view: why, and by whom (``api`` is us, also by a document); ``keys`` what the person
    heard of our keys.
    """

    reason: str
    said: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    ended: tuple[str, str]
    keys: str = ""


def sum_up(entries: Sequence[Entry], seen: Mapping[str, Any], *, since: type[Any] = fact.ActorStarted) -> Told:
    """Of the journal of a call, which must be decided today as it was then, and what the network has ``seen`` of it; of
    what was said, what came after a kind of fact."""
    again = replay(entries)
    assert again.divergences == ()
    begun = next((entry.at for entry in entries if isinstance(entry.event, since)), 0)
    spoken = [one for one in transcript(entries) if one.at >= begun]
    return Told(
        reason=again.ledger.state.end_reason,
        said=_joined([one for one in spoken if not one.interrupted]),
        cut=tuple(one.said for one in spoken if one.interrupted and one.heard),
        ended=(seen["ended"]["why"], seen["ended"]["by"].replace("document", "api")),
        keys=seen["keysHeard"],
    )


def _joined(spoken: list[Spoken]) -> tuple[str, ...]:
    """Remarks as ``bot:`` and ``user:``; a reply that was said in pieces is one."""
    remarks: list[tuple[str, str]] = []
    for one in spoken:
        text = one.heard if one.speaker == "bot" else one.said
        if remarks and remarks[-1][0] == one.speaker == "bot":
            remarks[-1] = ("bot", f"{remarks[-1][1]} {text}")
        elif text:
            remarks.append((one.speaker, text))
    return tuple(f"{speaker}: {text}" for speaker, text in remarks)
