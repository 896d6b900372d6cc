"""A call's mailbox: the only way in.

Facts of our own lanes and of the media plane always enter, because they cannot wait; webhooks and requests are counted
and refused when too many wait (the vendor tries again). A receipt is an event and a slot, not a channel: the web
framework cancels a webhook's task when the vendor disconnects, and that must not be able to hurt the writer.
"""

from __future__ import annotations

from collections import deque

import trio
from attrs import define, field, frozen

from voicecall.core.ledger import Again
from voicecall.core.requests import Refused, Wish
from voicecall.events import AnyEvent, Entry, Request
from voicecall.ports import HttpResponse

BOUND = 64
"""How many webhooks and requests may wait for one call."""


@frozen(kw_only=True)
class Written:
    """The letter became ``entry``; ``reply`` answers a webhook."""

    entry: Entry
    reply: HttpResponse | None = None


@frozen(kw_only=True)
class Repeated:
    """The letter was in the journal already, at ``again.seq``; ``reply`` is the first answer once more."""

    again: Again
    reply: HttpResponse | None = None


@frozen(kw_only=True)
class Failed:
    """Nobody knows that the letter is durable; ``reason`` is for whoever sent it."""

    reason: str


Result = Written | Repeated | Refused | Failed


@define
class Receipt:
    """Where the sender of a letter finds what became of it."""

    done: trio.Event = field(factory=trio.Event)
    result: Result | None = None

    def settle(self, result: Result) -> None:
        """The first result counts."""
        if self.result is None:
            self.result = result
            self.done.set()

    async def wait(self) -> Result:
        """The result, once there is one."""
        await self.done.wait()
        return self.result or Failed(reason="no result")


@frozen(kw_only=True)
class Letter:
    """A fact, or a request that may become one. ``webhook`` asks for the carrier's reply, ``flow`` for instructions,
    those of the effect that it ``asks`` for if it names one."""

    content: AnyEvent | Wish
    key: str = ""
    evidence: str = ""
    verified: bool = True
    webhook: bool = False
    flow: bool = False
    asks: str = ""
    receipt: Receipt | None = None

    @property
    def withdrawn(self) -> bool:
        """Whether this is a request whose sender was told "no" already: doing it now would be a surprise.

        Facts are never withdrawn, whatever their sender was told: they have happened.
        """
        told = self.receipt is not None and self.receipt.result is not None
        return told and isinstance(self.content, Request)

    def settle(self, result: Result) -> None:
        """Tell the sender, if there is one."""
        if self.receipt is not None:
            self.receipt.settle(result)


class Full(Exception):
    """Too many webhooks and requests wait for this call."""


class Mailbox:
    """Letters in order of arrival."""

    def __init__(self) -> None:
        self._letters: deque[Letter] = deque()
        self._waiting = 0
        self._arrived = trio.Event()
        self.closed = False

    def __len__(self) -> int:
        return len(self._letters)

    def post(self, event: AnyEvent) -> None:
        """A fact of our own: always enters, unless the actor is gone for good."""
        if not self.closed:
            self._push(Letter(content=event))

    def put(self, letter: Letter) -> None:
        """A webhook or a request. Raises ``Full``."""
        if self._waiting >= BOUND:
            raise Full
        if self.closed:
            letter.settle(Failed(reason="the call's actor is gone"))
        else:
            self._push(letter)

    def put_back(self, letter: Letter) -> None:
        """A letter that the previous incarnation did not finish goes first."""
        self._letters.appendleft(letter)
        self._waiting += letter.receipt is not None
        self._arrived.set()

    async def take(self) -> Letter:
        """The next letter."""
        while not self._letters:
            self._arrived = trio.Event()
            await self._arrived.wait()
        letter = self._letters.popleft()
        self._waiting -= letter.receipt is not None
        return letter

    def close(self, reason: str) -> None:
        """No more letters; those that wait are refused with ``reason``."""
        self.closed = True
        while self._letters:
            self._letters.popleft().settle(Failed(reason=reason))

    def _push(self, letter: Letter) -> None:
        self._letters.append(letter)
        self._waiting += letter.receipt is not None
        self._arrived.set()
