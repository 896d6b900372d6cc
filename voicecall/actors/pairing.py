"""The one writer of the ``pairing`` stream: durable before a code is told, durable before an approval is answered.

A write whose end we did not see (the journal failed, nobody waited any longer) is in doubt. Whoever comes next reads
what became of it first.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

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
        self._in_doubt = False
        self.book = Book()

    async def load(self) -> None:
        """Read the stream, as far as it is not known. Raises ``ValueError`` for a line that is no fact of it."""
        async with self._journal.read(pairing.STREAM, after=self._position) as lines:
            async for line in lines:
                self._learn(line.position, pairing.decode_fact(line.body))
                if self._in_doubt:
                    self._wrote(line.position)
        self._in_doubt = False

    async def meet(self, number: str) -> None:
        """Somebody calls: whoever is unknown gets a code, unless they have had enough."""
        async with self._turn():
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
        async with self._turn():
            fact = pairing.approve(self.book, code, self._wall(), by=by)
            if isinstance(fact, Approved):
                await self._write(fact)
            return fact

    async def revoke(self, number: str, *, by: str) -> Revoked | NotPaired:
        """Shut a number out again."""
        async with self._turn():
            fact = pairing.revoke(self.book, number, self._wall(), by=by)
            if isinstance(fact, Revoked):
                await self._write(fact)
            return fact

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        async with self._writing:
            if self._in_doubt:
                await self.load()
            yield

    async def _write(self, fact: PairingFact) -> None:
        self._in_doubt = True
        position = await self._journal.append(pairing.STREAM, pairing.encode_fact(fact), after=self._position)
        self._in_doubt = False
        self._learn(position, fact)
        self._wrote(position)

    def _learn(self, position: Position, fact: PairingFact) -> None:
        self._position = position
        self.book = pairing.fold(self.book, fact)
