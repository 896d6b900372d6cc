"""Sound whose messages may overtake each other, put in order (Telnyx: "media order is not promised").

What comes early waits for what is missing, but not for long: 100 ms of sound are worth more than a lost frame, and what
comes when its turn is over is dropped.
"""

from __future__ import annotations

from attrs import define, field

WINDOW = 5
"""So many messages may wait for a missing one."""


@define
class InOrder:
    """Places count from 1."""

    _next: int = 1
    _early: dict[int, bytes] = field(factory=dict[int, bytes])

    def take(self, place: int, payload: bytes) -> list[bytes]:
        """What can be heard now that this message is there."""
        if place == self._next and not self._early:
            self._next += 1
            return [payload]
        if place >= self._next:
            self._early[place] = payload
        if len(self._early) > WINDOW:
            self._next = min(self._early)
        return self._ready()

    def flush(self) -> list[bytes]:
        """What waits, when nothing comes any more."""
        heard: list[bytes] = []
        while self._early:
            self._next = min(self._early)
            heard += self._ready()
        return heard

    def _ready(self) -> list[bytes]:
        heard: list[bytes] = []
        while (payload := self._early.pop(self._next, None)) is not None:
            heard.append(payload)
            self._next += 1
        return heard
