"""What a call came to, in the words that are the same on every carrier, whoever carried it and however it was run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from voicecall.core.replay import replay
from voicecall.events import AnyEvent, Entry
from voicecall.events import facts as fact
from voicecall.projections.transcript import Spoken, transcript

USER, BOT = ("hangup", "person"), ("hangup", "api")
"""Who hung up, as the network saw it."""
COMPARED = frozenset({
    *("call.placed", "call.offered", "call.answered", "call.ended", "machine.detected"),
    *("caller.said", "digits.pressed", "agent.replied", "playback.finished"),
})  # fmt: skip
"""Kinds of facts that every carrier tells, streaming or not."""
DECIDED = frozenset({"dial", "answer", "reject", "hangup", "send_digits", "ask_agent"})
TOLD = frozenset({"dial", "call.placed", "call.answered", "playback.finished", "call.ended"})
"""What there is of a call on which something was said to somebody."""
TALKED = frozenset({*TOLD, "caller.said", "ask_agent", "agent.replied"})
"""What there is of a conversation."""
OFFERED = TALKED - {"dial", "call.placed"} | {"answer", "call.offered"}
"""What there is of one with somebody who called us."""
KEYED = TALKED - {"caller.said"} | {"digits.pressed"}
"""What there is of one with somebody who only presses keys."""


@frozen(kw_only=True)
class Told:
    """What a call came to. ``said`` has whole remarks in order, ours as heard; ``cut`` those of ours that were cut.

    ``ended`` is the network's own view: why, and by whom (``api`` is us, also by a document); ``keys`` what the person
    heard of our keys. ``facts`` are the kinds of facts in the journal, of those in ``COMPARED``, and of what we decided
    about the call as a whole.
    """

    reason: str
    said: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    ended: tuple[str, str]
    keys: str = ""
    facts: frozenset[str] = TALKED


def sum_up(entries: Sequence[Entry], seen: Mapping[str, Any], *, since: type[Any] = fact.ActorStarted) -> Told:
    """Of the journal of a call, which must be decided today as it was then, and what the network has ``seen`` of it; of
    what we said, what began after a kind of fact."""
    again = replay(entries)
    assert again.divergences == ()
    counts = next((index for index, entry in enumerate(entries) if isinstance(entry.event, since)), 0)
    before = {entry.event.utterance for entry in entries[:counts] if isinstance(entry.event, fact.PlaybackStarted)}
    spoken = transcript(entry for entry in entries if not _ends(entry, before))
    return Told(
        reason=again.ledger.state.end_reason,
        said=_joined([one for one in spoken if not one.interrupted]),
        cut=tuple(one.said for one in spoken if one.interrupted and one.heard),
        ended=(seen["ended"]["why"], seen["ended"]["by"].replace("document", "api")),
        keys=seen["keysHeard"],
        facts=_facts(entries),
    )


def _ends(entry: Entry, utterances: set[int]) -> bool:
    return isinstance(entry.event, fact.PlaybackFinished) and entry.event.utterance in utterances


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


def _facts(entries: Sequence[Entry]) -> frozenset[str]:
    kinds = {_kind(entry.event) for entry in entries}
    decided = {type(effect).kind for entry in entries for effect in entry.effects}
    return frozenset(kinds & COMPARED | decided & DECIDED)


def _kind(event: AnyEvent) -> str:
    """Not every carrier tells that it was no machine."""
    person = isinstance(event, fact.MachineDetected) and event.result not in ("machine", "fax")
    return "" if person else type(event).kind
