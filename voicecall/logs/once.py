"""Whoever counts must see each entry once; whoever tells may tell twice (a quarantined call is read again)."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from journal import Position
from voicecall.events import CallId, Entry
from voicecall.fault import Caught, describe
from voicecall.log import get_logger

Observe = Callable[[CallId, Entry], None]

CALLS = 4_096
"""Calls whose last position is remembered; of the others nothing is told twice any more."""

log = get_logger(__name__)


@frozen
class Once:
    """Passes on what becomes durable after position ``after``, each entry once. Never raises: it is told in the middle
    of a call's work."""

    observers: tuple[Observe, ...]
    after: Position
    _seen: dict[CallId, Position] = field(factory=dict[CallId, Position])

    def __call__(self, call_id: CallId, position: Position, entry: Entry) -> None:
        """Entries of one call come in order."""
        if position <= self._seen.get(call_id, self.after):
            return
        self._seen.pop(call_id, None)
        self._seen[call_id] = position
        if len(self._seen) > CALLS:
            del self._seen[next(iter(self._seen))]
        for observe in self.observers:
            with Caught() as caught:
                observe(call_id, entry)
            if caught.error is not None:
                log.error("a fact was not counted", fact=type(entry.event).kind, error=describe(caught.error))
