"""Media sockets that have not said yet whose sound they carry. They may not wait long, and not many of them."""

from __future__ import annotations

import trio
from attrs import frozen

from voicecall.audio.link import MediaLink
from voicecall.audio.websocket import INTERNAL, POLICY, TRY_LATER
from voicecall.fault import Caught, describe
from voicecall.log import get_logger
from voicecall.ports import MediaCodec, MediaMessage, MediaStart, NotUnderstood

log = get_logger(__name__)


@frozen(kw_only=True, eq=False)
class Guest:
    """A link whose ``start`` must come before ``deadline`` (trio's time)."""

    link: MediaLink
    carrier: str
    codec: MediaCodec
    peer: str
    deadline: float


@frozen(kw_only=True)
class Arrival:
    """A guest that said ``start``, and the messages that came with it."""

    guest: Guest
    start: MediaStart
    early: tuple[bytes, ...]


class Lobby:
    """See the limits ``streaming.*`` of the configuration."""

    def __init__(self, *, start_timeout_s: float, max_pending: int, max_pending_per_peer: int) -> None:
        self._start_timeout_s = start_timeout_s
        self._max_pending = max_pending
        self._max_pending_per_peer = max_pending_per_peer
        self._guests: list[Guest] = []

    def __len__(self) -> int:
        return len(self._guests)

    def enter(self, link: MediaLink, *, carrier: str, codec: MediaCodec, peer: str) -> None:
        """Wait for this link's ``start``; with too many waiting already, close it."""
        same = sum(one.peer == peer for one in self._guests)
        if len(self._guests) >= self._max_pending or same >= self._max_pending_per_peer:
            link.close(TRY_LATER, "Too many pending media stream connections")
            return
        deadline = trio.current_time() + self._start_timeout_s
        self._guests.append(Guest(link=link, carrier=carrier, codec=codec, peer=peer, deadline=deadline))

    def look(self, now: float) -> list[Arrival]:
        """Who has said ``start``. Whoever is gone or has taken too long leaves."""
        arrivals: list[Arrival] = []
        for guest in tuple(self._guests):
            arrival = None
            with Caught() as caught:
                arrival = _arrival(guest)
            if caught.error is not None:
                log.error("a media socket failed before its start", carrier=guest.carrier, error=describe(caught.error))
                guest.link.close(INTERNAL)
            if arrival is not None:
                arrivals.append(arrival)
            elif now > guest.deadline:
                guest.link.close(POLICY, "Start timeout")
            if arrival is not None or guest.link.closed:
                self._guests.remove(guest)
        return arrivals

    def close(self) -> None:
        """Everybody leaves."""
        for guest in self._guests:
            guest.link.close()
        self._guests.clear()


def _arrival(guest: Guest) -> Arrival | None:
    """The ``start`` among what has arrived. What came before it means nothing; what came after it does."""
    messages = guest.link.receive()
    for index, data in enumerate(messages):
        try:
            message: MediaMessage = guest.codec.receive(data)
        except NotUnderstood:
            continue
        if isinstance(message, MediaStart):
            return Arrival(guest=guest, start=message, early=tuple(messages[index + 1 :]))
    return None
