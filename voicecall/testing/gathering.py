"""One ``Gather``: prompts, then the person's words or keys, whichever begin first, and when they are over."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import trio
from attrs import define, field

from voicecall.testing.verbs import Gather, Gathered, Pause, Say

Prompt = Callable[[Say | Pause], Awaitable[None]]


@define
class Gathering:
    """A ``dialect.Listener``. ``tell`` gets partial transcripts, numbered from 0.

    ``_due`` is when the gathering is over if nothing happens: never while prompts run or the person speaks.
    """

    verb: Gather
    tell: Callable[[str, int], None]
    _words: list[str] = field(factory=list[str])
    _keys: str = ""
    _finish: str = ""
    _partials: int = 0
    _begun: bool = False
    _due: float = math.inf
    _stir: trio.Event = field(factory=trio.Event)
    _prompting: trio.CancelScope = field(factory=trio.CancelScope)

    async def run(self, prompt: Prompt) -> Gathered:
        """Prompt and listen; what came of it."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._prompt, prompt)
            await self._until_due()
            nursery.cancel_scope.cancel()
        if self._keys:
            return Gathered(target=self.verb.action, kind="keys", keys=self._keys, finish=self._finish)
        if self._words:
            return Gathered(target=self.verb.action, kind="speech", speech=" ".join(self._words))
        return Gathered(target=self.verb.action, kind="nothing", finish=self._finish)

    async def _prompt(self, prompt: Prompt) -> None:
        with self._prompting:
            for verb in self.verb.prompts:
                await prompt(verb)
        if not self._begun:
            self._wait_until(trio.current_time() + self.verb.begin_s)

    async def _until_due(self) -> None:
        while trio.current_time() < self._due:
            with trio.move_on_at(self._due):
                await self._stir.wait()

    # --- what is heard -----------------------------------------------------------------------------------------------

    def speech_began(self) -> None:
        """The person speaks."""
        if self.verb.speech and not self._keys:
            self._begin()
            self._wait_until(math.inf)

    def understood(self, text: str, *, final: bool, started: float, ended: float) -> None:
        """What the person said, or has said so far."""
        if not self.verb.speech or self._keys:
            return
        if not final:
            self._tell_partial(text)
            return
        if text:
            self._words.append(text)
        patience_s = self.verb.speech_end_s if self._words else self.verb.begin_s
        self._wait_until(ended + patience_s)

    def key(self, digit: str) -> None:
        """The person pressed a key."""
        if not self.verb.keys or self._words:
            return
        self._begin()
        if digit in self.verb.finish_on:
            self._finish = digit
            self._wait_until(trio.current_time())
            return
        self._keys += digit
        complete = 0 < self.verb.most_keys <= len(self._keys)
        self._wait_until(trio.current_time() + (0.0 if complete else self.verb.key_end_s))

    def _tell_partial(self, text: str) -> None:
        if text:
            self.tell(" ".join((*self._words, text)), self._partials)
            self._partials += 1

    def _begin(self) -> None:
        """Input cuts the prompts."""
        self._begun = True
        self._prompting.cancel()

    def _wait_until(self, due: float) -> None:
        self._due = due
        stir, self._stir = self._stir, trio.Event()
        stir.set()
