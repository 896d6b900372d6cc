"""Machine detection: who answered, and when a machine has finished its greeting."""

from __future__ import annotations

from collections.abc import Callable

import trio
from attrs import define, field

from voicecall.testing.happenings import GreetingEnded, Happening, MachineDetected, Plan
from voicecall.testing.script import Script

SILENCE_S = 1.5
"""So long after the last word of a machine that does not beep its greeting counts as over."""


@define(kw_only=True)
class Detection:
    """Knows the truth from the script, and takes as long as the script says to find out."""

    script: Script
    plan: Plan
    tell: Callable[[Happening], None]
    _beeped: bool = False
    _finished: trio.Event = field(factory=trio.Event)

    def greeting_ended(self, *, beep: bool) -> None:
        """The machine beeps, or says no more."""
        self._beeped = beep
        self._finished.set()

    async def run(self) -> None:
        """From the moment that the call is answered."""
        if self.plan.detect == "off":
            return
        since = trio.current_time()
        limit = since + self.plan.detect_timeout_s
        decided = since + self.script.detection_ms / 1000
        await trio.sleep_until(min(decided, limit))
        result = self.script.who if decided <= limit else "unknown"
        self.tell(MachineDetected(result=result, after_ms=_ms(since)))
        if result != "machine" or self.plan.detect != "greeting":
            return
        with trio.move_on_at(limit):
            await self._finished.wait()
            if not self._beeped:
                await trio.sleep(SILENCE_S)
            self.tell(GreetingEnded(how="beep" if self._beeped else "silence", after_ms=_ms(since)))
            return
        self.tell(GreetingEnded(how="other", after_ms=_ms(since)))


def _ms(since: float) -> int:
    return round((trio.current_time() - since) * 1000)
