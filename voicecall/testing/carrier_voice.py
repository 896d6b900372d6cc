"""The carrier's own voice: an audible stand-in that takes as long as its text is, towards the person's ear."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import trio
from attrs import define, field

from voicecall.testing.happenings import Happening, SpeakEnded, SpeakStarted
from voicecall.testing.person import Voice
from voicecall.testing.phone import Phone


@define
class Remark:
    """What the carrier's voice said, for the report; instants are trio's. ``whole`` is False when it was cut."""

    text: str
    started: float
    ended: float = 0.0
    whole: bool = False


@define(kw_only=True)
class CarrierVoice:
    """Says one thing after the other; what is ordered by ``speak`` is told by ``tell``."""

    phone: Phone
    voice: Voice
    tell: Callable[[Happening], None]
    remarks: list[Remark] = field(factory=list[Remark])
    _queue: deque[tuple[str, str]] = field(factory=deque[tuple[str, str]])
    _stir: trio.Event = field(factory=trio.Event)
    _mouth: trio.Lock = field(factory=trio.Lock)
    _saying: str = ""
    _scope: trio.CancelScope = field(factory=trio.CancelScope)

    async def say(self, text: str) -> None:
        """Returns when it was heard; silent when cancelled."""
        async with self._mouth:
            remark = Remark(text, trio.current_time())
            self.remarks.append(remark)
            try:
                await self.phone.play(self.voice(text))
                remark.whole = True
            finally:
                remark.ended = trio.current_time()

    def speak(self, name: str, text: str) -> None:
        """Queue something to say."""
        self._queue.append((name, text))
        stir, self._stir = self._stir, trio.Event()
        stir.set()

    def stop(self, *, everything: bool) -> bool:
        """Cut what is being said and, with ``everything``, drop what is queued; False when there was nothing."""
        speaking = bool(self._saying)
        dropped = everything and bool(self._queue)
        if everything:
            self._queue.clear()
        self._scope.cancel()
        return speaking or dropped

    def end(self) -> None:
        """The call is over."""
        self._queue.clear()
        if self._saying:
            self.tell(SpeakEnded(name=self._saying, how="ended"))

    async def run(self) -> None:
        """Say what is queued, until cancelled."""
        while True:
            while not self._queue:
                await self._stir.wait()
            name, text = self._queue.popleft()
            with trio.CancelScope() as self._scope:
                self._saying = name
                self.tell(SpeakStarted(name=name))
                await self.say(text)
            self._saying = ""
            self.tell(SpeakEnded(name=name, how="stopped" if self._scope.cancelled_caught else "completed"))
