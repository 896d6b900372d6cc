"""Both ends of the calls of a scenario, and what a call came to: the same on every carrier."""

from __future__ import annotations

from typing import Any

import trio
from attrs import frozen

from tests.carriers.told import Told, sum_up
from voicecall.actors.identity import inbound_call_id
from voicecall.actors.supervisor import Accepted
from voicecall.core.requests import Wish
from voicecall.events import CallId, Entry, Mode
from voicecall.events import facts as fact
from voicecall.testing.happenings import Offer
from voicecall.testing.memory_system import OURS, WEBHOOK_URL, MemorySystem
from voicecall.testing.script import Script, Step

THEM = "+15551112222"
MESSAGE = "Hello, this is voicecall, calling about Thursday."
QUIET_S = 5
"""Longer than any webhook of a fault script is kept back."""


@frozen(kw_only=True)
class Stage:
    """Both ends of the calls of one scenario."""

    system: MemorySystem

    async def call(
        self, *steps: Step, message: str = MESSAGE, mode: Mode = Mode.CONVERSATION, keys: str = ""
    ) -> CallId:
        """Call somebody who does this."""
        self.system.network.board.people[THEM] = Script(steps=steps)
        return await self.system.place(THEM, message, mode=mode, keys=keys)

    async def ring_us(self, *steps: Step, status_url: str = WEBHOOK_URL) -> CallId:
        """Somebody calls us and does this."""
        board = self.system.network.board
        script = Script(steps=steps)
        offer = Offer(caller=THEM, callee=OURS, webhook_url=WEBHOOK_URL, status_url=status_url, script=script)
        name = board.dialect.offer(offer).party.vendor_call_id
        return inbound_call_id(self.system.config.provider, name)

    async def ask(self, call_id: CallId, wish: Wish) -> None:
        """Ask something of the call."""
        answer = await self.system.calls.supervisor.request(call_id, wish)
        assert isinstance(answer, Accepted), answer

    async def until(self, call_id: CallId, kind: type[Any], number: int = 1) -> Entry:
        """The n-th fact of this kind."""
        seen = 0

        def holds(entry: Entry) -> bool:
            nonlocal seen
            seen += isinstance(entry.event, kind)
            return seen >= number

        return await self.system.until(call_id, holds)

    async def told(self, call_id: CallId, *, since: type[Any] = fact.ActorStarted) -> Told:
        """What the call came to, once it is over at both ends; of what we said, what began after a kind of fact."""
        ended = (await self.system.ended(call_id)).event
        assert isinstance(ended, fact.CallEnded)
        assert ended.vendor_code or ended.settles, "the vendor's own word is lost"
        report = await self._settled()
        (call,) = report["calls"]
        return sum_up(await self.system.entries(call_id), call, since=since)

    async def _settled(self) -> dict[str, Any]:
        """What the network says when its calls are over and no webhook has come for a while."""
        board = self.system.network.board
        settling = True
        while settling or board.report()["living"] or board.report()["mediaSocketsOpen"]:
            with trio.move_on_after(QUIET_S) as quiet:
                await board.tally.pulse.wait()
            settling = not quiet.cancelled_caught
        return board.report()
