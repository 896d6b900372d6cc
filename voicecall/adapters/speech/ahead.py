"""What is known beforehand is rendered beforehand: greetings, fillers, the message of a call that still rings.

Kept by content (which voice, which text), as the pieces came, up to a limit; what was used longest ago is dropped. A
text is rendered once, in the background; if that fails nothing is kept, and it is made when it is spoken.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import trio

from voicecall.adapters.speech.beside import open_beside
from voicecall.events.facts import VendorReported
from voicecall.fault import Caught, describe
from voicecall.log import get_logger
from voicecall.ports import Synthesizer, Voiced

KEPT_BYTES = 8_000_000
"""Sound that is kept: a thousand seconds."""
LONGEST_S = 60.0
"""How long the rendering of one text may take."""
AT_ONCE = 2

log = get_logger(__name__)


class RenderedAhead:
    """See ``voicecall.ports.Synthesizer``. Made by ``open_ahead``."""

    def __init__(self, voice: Synthesizer, nursery: trio.Nursery, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._voice = voice
        self._nursery = nursery
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[tuple[str, str], tuple[Voiced, ...]] = OrderedDict()
        self._wanted: set[tuple[str, str]] = set()
        self._free = trio.CapacityLimiter(AT_ONCE)

    def describe(self) -> str:
        """See ``Synthesizer.describe``."""
        return self._voice.describe()

    def ahead(self, text: str) -> None:
        """Render ``text`` in the background, unless that was done. Never waits, never fails."""
        key = self._key(text)
        if text.strip() and key not in self._wanted and key not in self._kept:
            self._wanted.add(key)
            self._nursery.start_soon(self._render, key, text)

    @asynccontextmanager
    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[AsyncIterator[Voiced]]:
        """See ``Synthesizer.speak``: what is kept of the first clause comes at once."""
        first = await anext(clauses, "")
        kept = self._kept.get(self._key(first))
        if kept is None:
            async with aclosing(_after(first, clauses)) as told, self._voice.speak(told) as pieces:
                yield pieces
        else:
            self._kept.move_to_end(self._key(first))
            async with aclosing(self._go_on(kept, clauses)) as pieces:
                yield pieces

    async def _go_on(self, kept: tuple[Voiced, ...], clauses: AsyncIterator[str]) -> AsyncGenerator[Voiced]:
        """What is kept, and then what else there is to say: mostly nothing, and then no voice is asked."""
        for piece in kept:
            yield piece
        async for clause in clauses:
            async with aclosing(_after(clause, clauses)) as told, self._voice.speak(told) as pieces:
                async for piece in pieces:
                    yield piece

    async def _render(self, key: tuple[str, str], text: str) -> None:
        made: list[Voiced] = []
        async with self._free:
            with Caught() as caught, trio.fail_after(LONGEST_S):
                async with aclosing(_one(text)) as clauses, self._voice.speak(clauses) as pieces:
                    made += [piece async for piece in pieces]
        self._wanted.discard(key)
        if caught.error is not None:
            log.debug("a text could not be rendered ahead", error=describe(caught.error))
        elif made and not any(isinstance(piece, VendorReported) for piece in made):
            # In another voice than the first it would be kept as the first one's.
            self._keep(key, tuple(made))

    def _keep(self, key: tuple[str, str], pieces: tuple[Voiced, ...]) -> None:
        self._kept[key] = pieces
        while sum(map(_size, self._kept.values())) > self._kept_bytes:
            self._kept.popitem(last=False)

    def _key(self, text: str) -> tuple[str, str]:
        return self._voice.describe(), text


@asynccontextmanager
async def open_ahead(voice: Synthesizer) -> AsyncGenerator[RenderedAhead]:
    """``voice`` with a memory. Leaving the context stops what is being rendered."""
    async with open_beside() as nursery:
        yield RenderedAhead(voice, nursery)


def _size(pieces: tuple[Voiced, ...]) -> int:
    return sum(len(piece) for piece in pieces if isinstance(piece, bytes))


async def _one(text: str) -> AsyncGenerator[str]:
    yield text


async def _after(first: str, rest: AsyncIterator[str]) -> AsyncGenerator[str]:
    yield first
    async for clause in rest:
        yield clause
