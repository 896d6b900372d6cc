"""Ears that are connected while it rings, so that the first words need not wait for a vendor's handshake.

An ear is taken when its call's media opens, and dropped when the call ends or after a limit; a call whose ear has gone
listens with a new one, as every call does whose media opens unannounced.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from voicecall.audio.listening import Listening
from voicecall.events import CallId


@define
class RingingEars:
    """``make`` makes an ear for a call, ``spawn`` runs it somewhere that outlives the call's actor."""

    make: Callable[[CallId], Listening]
    spawn: Callable[..., None]
    _ears: dict[CallId, Listening] = field(factory=dict[CallId, Listening])

    def __contains__(self, call_id: CallId) -> bool:
        return call_id in self._ears

    def prepare(self, call_id: CallId, limit_s: float) -> None:
        """Connect now; once is enough."""
        if call_id not in self._ears:
            ear = self._ears[call_id] = self.make(call_id)
            ear.start(self.spawn, wait_s=limit_s)

    def take(self, call_id: CallId) -> Listening:
        """The ear of a call whose media opens."""
        ear = self._ears.pop(call_id, None)
        return ear if ear is not None and ear.open() else self.make(call_id)

    def drop(self, call_id: CallId) -> None:
        """No media will open."""
        ear = self._ears.pop(call_id, None)
        if ear is not None:
            ear.drop()
