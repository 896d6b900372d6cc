"""The one writer of the ``pairing`` stream: durable before a code is told, durable before an approval is answered."""

from __future__ import annotations

from collections.abc import Callable

import trio

from journal.api import START, Journal, Position
from voicecall.core import pairing
from voicecall.core.pairing import Approved, Book, NotPaired, PairingFact, Requested, Revoked
from voicecall.events import Instant


class Pairings:
    """``fresh_code`` gives six random digits; ``wrote`` is told of every line that is written."""

    def __init__(
        self,
        *,
        journal: Journal,
        wall: Callable[[], Instant],
        fresh_code: Callable[[], str],
        wrote: Callable[[Position], None],
    ) -> None:
        self._journal = journal
        self._wall = wall
        self._fresh_code = fresh_code
        self._wrote = wrote
        self._writing = trio.Lock()
        self._position: Position = START
        self.book = Book()

    async def load(self) -> None:
        """Read the stream. Raises ``ValueError`` for a line that is no fact of it."""
        async with self._journal.read(pairing.STREAM) as lines:
            async for line in lines:
                self.book = pairing.fold(self.book, pairing.decode_fact(line.body))
                self._position = line.position

    async def meet(self, number: str) -> None:
        """Somebody calls: whoever is unknown gets a code, unless they have had enough."""
        async with self._writing:
            fact = pairing.ask(self.book, number, self._wall(), self._fresh_code)
            if fact is not None:
                await self._write(fact)

    def knows(self, number: str) -> bool:
        """Whether the operator has let this number in."""
        return number in self.book.approved

    def waiting(self) -> tuple[Requested, ...]:
        """Codes that can still be approved."""
        return pairing.open_requests(self.book, self._wall())

    def code_of(self, number: str) -> str:
        """The code to tell this caller; "" for none."""
        return pairing.code_of(self.book, number, self._wall())

    async def approve(self, code: str, *, by: str) -> Approved | NotPaired:
        """Let in whoever was told ``code``."""
        async with self._writing:
            fact = pairing.approve(self.book, code, self._wall(), by=by)
            if isinstance(fact, Approved):
                await self._write(fact)
            return fact

    async def revoke(self, number: str, *, by: str) -> Revoked | NotPaired:
        """Shut a number out again."""
        async with self._writing:
            fact = pairing.revoke(self.book, number, self._wall(), by=by)
            if isinstance(fact, Revoked):
                await self._write(fact)
            return fact

    async def _write(self, fact: PairingFact) -> None:
        body = pairing.encode_fact(fact)
        self._position = await self._journal.append(pairing.STREAM, body, after=self._position)
        self._wrote(self._position)
        self.book = pairing.fold(self.book, fact)
