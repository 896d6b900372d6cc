"""A call's facts on their way to its actor. Without an actor they wait for the next one."""

from __future__ import annotations

from collections import deque

import trio
from attrs import define, field

from voicecall.events import AnyEvent
from voicecall.events import facts as fact
from voicecall.ports import Post

KEPT = 512
"""When so many facts wait, new reports are dropped; everything else never is."""
REPORTS = (fact.AudioMeasured, fact.SpeechChunk, fact.CallerHeard)


@define
class Outbox:
    """``since`` is when the last actor left, or when the box was made, in trio's time."""

    post: Post | None = None
    since: float = field(factory=trio.current_time)
    _waiting: deque[AnyEvent] = field(factory=deque[AnyEvent])

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nobody listens."""
        return self.post is None and not self._waiting

    def tell(self, event: AnyEvent) -> None:
        """A fact for the actor, or for the next one."""
        if self.post is not None:
            self.post(event)
        elif len(self._waiting) < KEPT or not isinstance(event, REPORTS):
            self._waiting.append(event)

    def adopt(self, post: Post) -> None:
        """An actor listens from now on; what waited comes first, in order."""
        self.post = post
        while self._waiting:
            post(self._waiting.popleft())

    def release(self) -> None:
        """The actor is gone."""
        self.post, self.since = None, trio.current_time()
