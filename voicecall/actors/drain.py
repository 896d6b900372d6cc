"""The end of a server that cuts nobody off: no call begins any more, those that are live may finish, within a bound.

Who is still on the line when the bound has passed is said goodbye to and hung up on, by requests like any other's: they
are in each call's journal, by name, so whoever repeats them, also after a crash in between, repeats nothing.
"""

from __future__ import annotations

from math import inf

import structlog
import trio
from attrs import define, field

from journal import Journal
from voicecall.actors.supervisor import Accepted, Supervisor
from voicecall.actors.world import stream_of
from voicecall.core.ledger import Ledger, fold
from voicecall.core.requests import EndCall, Refused, Say, Wish
from voicecall.events import CallId
from voicecall.events.schema import decode_entry
from voicecall.fault import Caught, describe

GOODBYE_S = 15.0
"""How long a goodbye may take to be heard, with what is still to be said before it."""
HANGING_UP_S = 20.0
"""How long the carriers may take with all hang-ups; what remains is the next server's."""
BEING_PLACED_S = 0.1
"""How soon a call that is just being placed is looked at again."""

log = structlog.get_logger(__name__)


@define(eq=False)
class Drain:
    """``begin`` it, while ``run`` runs; ``over`` is set when the process may go. ``goodbye`` is said at the bound."""

    supervisor: Supervisor
    journal: Journal
    goodbye: str
    over: trio.Event = field(factory=trio.Event)
    _begun: trio.Event = field(factory=trio.Event)
    _bound: trio.CancelScope = field(factory=trio.CancelScope)
    _name: str = ""
    _by: str = ""

    @property
    def begun(self) -> bool:
        """Whether no call begins any more."""
        return self._begun.is_set()

    def begin(self, name: str, *, by: str, within_s: float = inf) -> int:
        """Take no new calls; how many are live. Once begun it can only be made shorter.

        ``name`` is the request's: what is asked of the calls is named after it.
        """
        self._bound.deadline = min(self._bound.deadline, trio.current_time() + within_s)
        if not self.begun:
            self._name, self._by = name, by
            self.supervisor.draining = True
            self._begun.set()
        log.info("draining", calls=self.supervisor.live_calls, by=by)
        return self.supervisor.live_calls

    async def run(self) -> None:
        """Wait for ``begin``, then for the end of every call."""
        await self._begun.wait()
        with self._bound:
            await self.supervisor.idle()
        if self.supervisor.living:
            log.info("draining: saying goodbye", calls=self.supervisor.live_calls)
            async with trio.open_nursery() as nursery:
                for call_id in self.supervisor.living:
                    nursery.start_soon(self._part, call_id)
        with trio.move_on_after(HANGING_UP_S):
            await self.supervisor.asleep()
        log.info("drained", left=self.supervisor.live_calls)
        self.over.set()

    async def _part(self, call_id: CallId) -> None:
        """Say goodbye where somebody can hear it, and hang up."""
        said = await self._ask(call_id, Say(text=self.goodbye, by=self._by), "goodbye")
        while isinstance(said, Refused) and said.code == "not-found" and call_id in self.supervisor.living:
            await trio.sleep(BEING_PLACED_S)
            said = await self._ask(call_id, Say(text=self.goodbye, by=self._by), "goodbye")
        if isinstance(said, Accepted):
            with trio.move_on_after(GOODBYE_S), Caught() as caught:
                await self._heard(call_id, said.seq)
            if caught.error is not None:
                log.error("a goodbye could not be waited for", call=call_id, error=describe(caught.error))
        await self._ask(call_id, EndCall(by=self._by), "end")

    async def _ask(self, call_id: CallId, wish: Wish, what: str) -> Accepted | Refused:
        return await self.supervisor.request(call_id, wish, request_id=f"{self._name}/{what}")

    async def _heard(self, call_id: CallId, seq: int) -> None:
        """Wait until nothing that was asked for up to ``seq`` is still to be said."""
        ledger = Ledger()
        async with self.journal.follow(stream_of(call_id)) as lines:
            async for line in lines:
                ledger = fold(ledger, decode_entry(line.body))
                if ledger.seq >= seq and all(one.purpose != "say" for one in ledger.state.saying):
                    return
