"""An agent that follows a script: replies in order, the last one again, word by word like a thinking one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import trio

from voicecall.ports import Turn


class ScriptedAgent:
    """See ``voicecall.ports.Agent``. Turn n gets reply n; ``word_s`` passes before every word."""

    def __init__(self, replies: Sequence[str], *, word_s: float = 0.02) -> None:
        self._replies = tuple(replies)
        self._word_s = word_s

    @asynccontextmanager
    async def reply(self, turn: Turn) -> AsyncGenerator[AsyncIterator[str]]:
        """See ``Agent.reply``."""
        async with aclosing(self._words(turn)) as words:
            yield words

    async def _words(self, turn: Turn) -> AsyncGenerator[str]:
        text = self._replies[min(turn.number, len(self._replies)) - 1] if self._replies else ""
        for word in text.split(" "):
            await trio.sleep(self._word_s)
            yield word + " "
