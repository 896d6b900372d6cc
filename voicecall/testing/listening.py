"""What the carrier's own recognizer makes of the person, and how keys are collected."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Literal

import trio
from attrs import define, field

from voicecall.testing.dialect import Listener
from voicecall.testing.happenings import Happening, KeysGathered, KeysWanted, Recognized

CONFIDENCE = 1.0
"""The recognizer knows the script."""


@define
class Recognizer:
    """Hears the person all the time; tells whoever listens at the moment, and transcribes when that is on.

    Nobody is told what was said before they listened: of an utterance under way they get the rest of its words.
    """

    tell: Callable[[Happening], None]
    speaking: bool = False
    _mode: Literal["off", "final", "interim"] = "off"
    _transcribing_since: float = 0.0
    _listener: Listener | None = None
    _listening_since: float = 0.0

    def transcribe(self, mode: Literal["off", "final", "interim"]) -> None:
        """Whether what is said from now on is told, and partial transcripts too."""
        if self._mode == "off":
            self._transcribing_since = trio.current_time()
        self._mode = mode

    @contextmanager
    def listening(self, listener: Listener) -> Generator[None]:
        """``listener`` is told while this is entered."""
        if self._listener is not None:
            raise RuntimeError("somebody listens already")
        self._listener, self._listening_since = listener, trio.current_time()
        if self.speaking:
            listener.speech_began()
        try:
            yield
        finally:
            self._listener = None

    def speech_began(self) -> None:
        """The person opens the mouth."""
        self.speaking = True
        if self._listener is not None:
            self._listener.speech_began()

    def recognize(self, text: str, *, final: bool, started: float, ended: float) -> None:
        """The text of what the person said or is saying."""
        if final:
            self.speaking = False
        if self._listener is not None:
            heard = words_since(text, started=started, ended=ended, since=self._listening_since)
            self._listener.understood(heard, final=final, started=started, ended=ended)
        if self._mode == "interim" or (self._mode == "final" and final):
            heard = words_since(text, started=started, ended=ended, since=self._transcribing_since)
            if heard:
                self.tell(Recognized(text=heard, final=final, confidence=CONFIDENCE, started=started, ended=ended))

    def key(self, digit: str) -> None:
        """The person pressed a key."""
        if self._listener is not None:
            self._listener.key(digit)


def words_since(text: str, *, started: float, ended: float, since: float) -> str:
    """The words of an utterance that were begun at ``since`` or later, taken as spread evenly over its time."""
    words = text.split()
    length = max(ended - started, 1e-9)
    missed = math.ceil(len(words) * (since - started) / length - 1e-6)
    return " ".join(words[max(0, missed) :])


@define
class KeyCollector:
    """One request for keys, until it is satisfied, given up or stopped. A ``Listener``."""

    wanted: KeysWanted
    keys: str = ""
    _done: Literal["", "valid", "invalid", "canceled"] = ""
    _stir: trio.Event = field(factory=trio.Event)

    def speech_began(self) -> None:
        """Words mean nothing here."""

    def understood(self, text: str, *, final: bool, started: float, ended: float) -> None:
        """Words mean nothing here."""

    def key(self, digit: str) -> None:
        """One more key."""
        if self._done:
            return
        if digit in self.wanted.finish_on:
            self._done = "valid" if len(self.keys) >= self.wanted.minimum else "invalid"
        elif not self.wanted.valid or digit in self.wanted.valid:
            self.keys += digit
            if len(self.keys) >= self.wanted.maximum:
                self._done = "valid"
        self._wake()

    def stop(self) -> None:
        """Be content with what there is."""
        self._done = self._done or "canceled"
        self._wake()

    def result(self, how: Literal["valid", "invalid", "timeout", "canceled", "ended"]) -> KeysGathered:
        """What was collected."""
        return KeysGathered(name=self.wanted.name, digits=self.keys, how=how)

    async def run(self) -> KeysGathered:
        """Collect."""
        with trio.move_on_after(self.wanted.total_s):
            while not self._done:
                with trio.move_on_after(self.wanted.between_s if self.keys else self.wanted.first_s) as waiting:
                    await self._stir.wait()
                if waiting.cancelled_caught:
                    break
        enough = len(self.keys) >= self.wanted.minimum
        return self.result(self._done or ("valid" if enough else "timeout"))

    def _wake(self) -> None:
        stir, self._stir = self._stir, trio.Event()
        stir.set()
