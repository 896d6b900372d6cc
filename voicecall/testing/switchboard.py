"""The whole simulated phone network, driven by trio's clock alone: no sockets, no wall clock, no chance.

``fetch`` posts webhooks and ``connect`` opens media streams, so the same network runs as a process on real sockets
(``network.py``) and in memory on a jumping clock (``memory_network.py``). What it speaks is a dialect's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Never, cast

import trio
from attrs import frozen

from voicecall.events import Instant
from voicecall.ports import Fetch
from voicecall.testing import voice as stand_in
from voicecall.testing.call import NetworkCall
from voicecall.testing.console import Console
from voicecall.testing.dialect import Call, CallControl, Vendor
from voicecall.testing.faults import Faults
from voicecall.testing.happenings import Party, Plan
from voicecall.testing.media import Connect
from voicecall.testing.outbox import Outbox, Tally
from voicecall.testing.people import CALLER, person_at
from voicecall.testing.person import Voice
from voicecall.testing.report import report
from voicecall.testing.script import Script


class NoVendor(LookupError):
    """There is no simulated carrier of this name."""


@frozen(kw_only=True)
class Rates:
    """``step_ms`` is how much sound moves at once; ``sparse`` leaves silence out (for a jumping clock)."""

    step_ms: int = 20
    sparse: bool = False


class Switchboard:
    """``wall`` must not run backwards; its value at the start makes ids unique over restarts of the network.

    ``account`` is what opens the vendor's API.
    """

    def __init__(
        self,
        *,
        vendor: Vendor,
        account: Mapping[str, str],
        fetch: Fetch,
        connect: Connect,
        wall: Callable[[], Instant],
        voice: Voice = stand_in.say,
        rates: Rates | None = None,
    ) -> None:
        self.people: dict[str, Script] = {}
        self.tally = Tally()
        self.faults = Faults()
        self.wall = wall
        self._fetch = fetch
        self._connect = connect
        self._voice = voice
        self._rates = rates or Rates()
        self._calls: dict[str, NetworkCall] = {}
        self._started_at = wall()
        self._ids = 0
        self._nursery: trio.Nursery | None = None
        self.account = account
        self.console = Console()
        self.dialect = vendor.open_dialect(self, account)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> Never:
        """Carry calls until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()
        raise AssertionError("unreachable")

    # --- what a dialect may ask of it (see ``dialect.Network``) ------------------------------------------------------

    def fresh_id(self) -> str:
        self._ids += 1
        return hashlib.sha256(f"{self._started_at}/{self._ids}".encode()).hexdigest()[:32]

    def start(
        self, party: Party, plan: Plan, control: Callable[[Call], CallControl], *, script: Script | None = None
    ) -> NetworkCall:
        if self._nursery is None:
            raise RuntimeError("the network is not running")
        call = NetworkCall(
            party=party,
            plan=plan,
            script=script or self._script(party),
            voice=self._voice,
            connect=self._connect,
            stream_lasts_s=self.faults.stream_lasts_s,
            wall=self.wall,
            step_ms=self._rates.step_ms,
            sparse=self._rates.sparse,
            dials=int(party.direction == "outbound"),
        )
        call.outbox = Outbox(
            dialect=self.dialect, fetch=self._fetch, faults=self.faults, note=call.note, tally=self.tally
        )
        call.control = control(call)
        self._calls[party.vendor_call_id] = call
        call.begin()
        self._nursery.start_soon(call.run)
        return call

    def call(self, vendor_call_id: str) -> NetworkCall | None:
        return self._calls.get(vendor_call_id)

    def calls(self, *, callee: str = "", caller: str = "", since: int = 0) -> list[NetworkCall]:
        return [
            one
            for one in self._calls.values()
            if one.began_at >= since
            and (not callee or one.party.callee == callee)
            and (not caller or one.party.caller == caller)
        ]

    def _script(self, party: Party) -> Script:
        if party.direction == "inbound":
            return self.people.get(party.caller) or CALLER
        return self.people.get(party.callee) or self.people.get("*") or person_at(party.callee)

    # --- what it saw -------------------------------------------------------------------------------------------------

    def report(self) -> dict[str, Any]:
        """Everything that happened, as plain data."""
        return report(list(self._calls.values()), self.tally, self.faults)


def vendor_of(carrier: str) -> Vendor:
    """The simulated carrier in ``voicecall/testing/<carrier>``. Raises ``NoVendor``."""
    name = f"voicecall.testing.{carrier}"
    if not carrier.isidentifier() or find_spec(name) is None or not hasattr(import_module(name), "open_dialect"):
        raise NoVendor(f"there is no simulated carrier {carrier!r}")
    return cast("Vendor", import_module(name))
