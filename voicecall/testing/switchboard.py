"""The whole simulated phone network, driven by trio's clock alone: no sockets, no wall clock, no chance.

``fetch`` posts webhooks and ``connect`` opens media streams, so the same network runs as a process on real sockets
(``network.py``) and in memory on a jumping clock (``memory_network.py``). Faults belong in those two seams: a test
wraps either to lose, delay or repeat what passes through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Never

import trio
from attrs import asdict, define, frozen

from voicecall.events import Instant
from voicecall.ports import Fetch
from voicecall.testing import voice as stand_in
from voicecall.testing.call import NetworkCall, Party
from voicecall.testing.media import Connect, Order
from voicecall.testing.outbox import Outbox, Tally
from voicecall.testing.people import CALLER, person_at
from voicecall.testing.person import Voice
from voicecall.testing.script import Script

Plain = dict[str, Any]


@frozen(kw_only=True)
class Rates:
    """``step_ms`` is how much sound moves at once; ``sparse`` leaves silence out (for a jumping clock)."""

    step_ms: int = 20
    sparse: bool = False


@define
class Record:
    """A call as the network keeps it. ``started_at`` is wall time."""

    call: NetworkCall
    started_at: Instant


class Switchboard:
    """``wall`` must not run backwards; its value at the start makes ids unique over restarts of the network."""

    def __init__(
        self,
        *,
        secret: str,
        fetch: Fetch,
        connect: Connect,
        wall: Callable[[], Instant],
        voice: Voice = stand_in.say,
        rates: Rates | None = None,
    ) -> None:
        self.people: dict[str, Script] = {}
        self.tally = Tally()
        self._secret = secret
        self._fetch = fetch
        self._connect = connect
        self._wall = wall
        self._voice = voice
        self._rates = rates or Rates()
        self._records: dict[str, Record] = {}
        self._label = f"{wall():x}"
        self._events = 0
        self._offers = 0
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> Never:
        """Carry calls until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()
        raise AssertionError("unreachable")

    # --- calls -------------------------------------------------------------------------------------------------------

    def dial(self, party: Party, order: Order | None = None) -> NetworkCall:
        """Ring somebody. ``order`` connects the media stream as soon as they answer."""
        script = self.people.get(party.callee) or self.people.get("*") or person_at(party.callee)
        return self._start(party, script, order)

    def offer(self, caller: str, callee: str, webhook_url: str, script: Script | None = None) -> NetworkCall:
        """Somebody calls us."""
        self._offers += 1
        name = f"mock-in-{self._label}-{self._offers}"
        party = Party(
            call_id=name,
            vendor_call_id=name,
            direction="inbound",
            caller=caller,
            callee=callee,
            webhook_url=webhook_url,
        )
        return self._start(party, script or self.people.get(caller) or CALLER, None)

    def call(self, vendor_call_id: str) -> NetworkCall | None:
        """The call of this name, ended ones too."""
        record = self._records.get(vendor_call_id)
        return record.call if record else None

    def calls(self, *, callee: str = "", caller: str = "", since: int = 0) -> list[NetworkCall]:
        """Calls to and from these numbers that began at ``since`` or later."""
        return [
            one.call
            for one in self._records.values()
            if one.started_at >= since
            and (not callee or one.call.party.callee == callee)
            and (not caller or one.call.party.caller == caller)
        ]

    def _start(self, party: Party, script: Script, order: Order | None) -> NetworkCall:
        if self._nursery is None:
            raise RuntimeError("the network is not running")
        call = NetworkCall(
            party=party,
            script=script,
            voice=self._voice,
            connect=self._connect,
            stamp=self._stamp,
            first_order=order,
            step_ms=self._rates.step_ms,
            sparse=self._rates.sparse,
        )
        call.outbox = Outbox(
            url=party.webhook_url,
            secret=self._secret,
            fetch=self._fetch,
            wall=self._wall,
            act=lambda name, details: act(call, name, details),
            note=call.note,
            tally=self.tally,
        )
        self._records[party.vendor_call_id] = Record(call, self._wall())
        self._nursery.start_soon(call.run)
        return call

    def _stamp(self) -> tuple[str, int]:
        self._events += 1
        return f"evt-{self._label}-{self._events}", self._wall()

    # --- what it saw -------------------------------------------------------------------------------------------------

    def report(self) -> Plain:
        """Everything that happened, as plain data (see ``docs/mock-carrier.md``)."""
        calls = [_reported(one) for one in self._records.values()]
        return {
            "calls": calls,
            "dials": sum(one["dials"] for one in calls),
            "living": sum(one["status"] != "ended" for one in calls),
            "mediaSocketsOpen": sum(one["mediaOpen"] for one in calls),
            "webhooks": {_camel(name): value for name, value in asdict(self.tally).items()},
        }


def act(call: NetworkCall, name: str, details: Plain) -> bool:
    """Carry out one instruction of the other side; False when the call is not in a state for it."""
    match name:
        case "answer":
            if call.party.direction != "inbound" or call.answered or call.over:
                return False
            call.pick_up(order_of(details))
        case "media":
            order = order_of(details)
            return order is not None and call.open_media(order)
        case "reject":
            if call.answered or call.over:
                return False
            call.end("rejected")
        case "hangup":
            if call.over:
                return False
            call.end(str(details.get("reason") or "hangup-bot"))
        case _:
            call.note(f"did not understand the action {name!r}")
            return False
    return True


def order_of(details: Plain) -> Order | None:
    """Where the sound should go, if an instruction says so."""
    url, ticket = details.get("mediaUrl"), details.get("ticket")
    if not isinstance(url, str) or not url:
        return None
    return Order(url=url, ticket=ticket if isinstance(ticket, str) else "")


def view(call: NetworkCall) -> Plain:
    """A call as ``GET /calls/<id>`` tells it."""
    party = call.party
    plain: Plain = {
        "providerCallId": party.vendor_call_id,
        "callId": party.call_id,
        "status": call.status,
        "answered": call.answered,
        "direction": party.direction,
        "from": party.caller,
        "to": party.callee,
    }
    return {**plain, "reason": call.reason} if call.over else plain


def _reported(record: Record) -> Plain:
    call = record.call
    return {
        **view(call),
        "dials": call.dials,
        "startedAt": record.started_at,
        "timeline": [{"atMs": one.at_ms, "what": one.what} for one in call.timeline],
        "said": [{"text": one.text, "startMs": one.start_ms, "endMs": one.end_ms} for one in call.spoken],
        "heardMs": call.ear.heard_ms,
        "heard": [
            {"startMs": one.start_ms, "endMs": one.end_ms, "soundMs": one.sound_ms} for one in call.ear.stretches
        ],
        "longestSilenceMs": call.ear.longest_silence_ms,
        "droppedMs": call.phone.dropped_ms,
        "framesIn": call.phone.frames_in,
        "framesOut": call.phone.frames_out,
        "marks": asdict(call.phone.marks),
        "clears": call.phone.clears,
        "keysHeard": call.keys,
        "mediaSockets": call.media_sockets,
        "mediaOpen": call.stream is not None,
    }


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
