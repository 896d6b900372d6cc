"""Re-decide a journal and compare: does today's code still do what was done?"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

from voicecall.core.ledger import Again, Ledger, fold, step
from voicecall.core.state import CallState
from voicecall.events import AnyEffect, Entry


@frozen(kw_only=True)
class Divergence:
    """Where today's decision differs from the recorded one; ``problem`` says what else is wrong, if anything."""

    entry: Entry
    before: CallState
    decided: tuple[AnyEffect, ...]
    problem: str = ""

    @property
    def recorded(self) -> tuple[AnyEffect, ...]:
        """What the journal says was decided."""
        return self.entry.effects


@frozen(kw_only=True)
class Replay:
    """The ledger that the entries imply, and every divergence in order."""

    ledger: Ledger
    divergences: tuple[Divergence, ...] = field(factory=tuple)
    entries: int = 0


def replay(entries: Iterable[Entry], *, until: int | None = None) -> Replay:
    """Fold the recorded entries up to and including seq ``until``; compare each with what would be decided today."""
    ledger = Ledger()
    divergences: list[Divergence] = []
    count = 0
    for entry in entries:
        if until is not None and entry.seq > until:
            break
        divergence = _compare(ledger, entry)
        if divergence is not None:
            divergences.append(divergence)
        ledger = fold(ledger, entry)
        count += 1
    return Replay(ledger=ledger, divergences=tuple(divergences), entries=count)


def _compare(ledger: Ledger, entry: Entry) -> Divergence | None:
    if entry.seq != ledger.seq + 1:
        problem = f"seq {entry.seq} follows seq {ledger.seq}: an entry is missing or out of order"
        return Divergence(entry=entry, before=ledger.state, decided=(), problem=problem)
    again = step(ledger, entry.event, at=entry.at, writer=entry.writer, key=entry.key)
    if isinstance(again, Again):
        problem = "this fact is in the journal already: it would have been dropped as a repeat"
        return Divergence(entry=entry, before=ledger.state, decided=(), problem=problem)
    if again.at != entry.at:
        problem = f"time runs backwards: {entry.at} after {ledger.at}"
        return Divergence(entry=entry, before=ledger.state, decided=again.effects, problem=problem)
    if again.event != entry.event:
        problem = "this fact would have been recorded in other words: " + type(again.event).kind
        return Divergence(entry=entry, before=ledger.state, decided=again.effects, problem=problem)
    if again.effects != entry.effects:
        return Divergence(entry=entry, before=ledger.state, decided=again.effects)
    return None
