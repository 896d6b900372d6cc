"""One nursery holds all calls; every call has a desk (``desk.py``). Here it is decided whose a request or a webhook is.

An ended call that owes nothing goes to sleep; a late fact wakes it by recovery, so a late status callback never makes a
phantom call. Capacity is reserved before the first await, so two requests at once cannot both take the last place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Never, Protocol

import structlog
import trio
from attrs import evolve as change
from attrs import frozen

from journal.api import Position
from voicecall.actors.call import Observe
from voicecall.actors.desk import Desk, attend
from voicecall.actors.identity import inbound_call_id, outbound_call_id
from voicecall.actors.mailbox import Failed, Full, Letter, Receipt, Repeated, Result, Written
from voicecall.actors.world import World, stream_of
from voicecall.core import tickets
from voicecall.core.admit import unsuited
from voicecall.core.requests import OpenStream, PlaceCall, Refused, Wish
from voicecall.events import RULES, CallId, Entry
from voicecall.events import facts as fact
from voicecall.events.policy import Policy
from voicecall.events.schema import decode_entry
from voicecall.ports import Capability, Heard, HttpResponse, MediaStart

RECEIPT_S = 1.5
"""How long a webhook waits for its receipt; then 503, and the vendor tries again."""
REQUEST_S = 10.0
"""How long a local request waits for its receipt; what was not begun by then is not done later."""
DRAINING = "draining: this server takes no new calls and stops after the last one; ask the next one"
NOT_PUBLIC = "the door is not public now: its tunnel is lost and is being opened again; try again in a moment"

log = structlog.get_logger(__name__)


class Directory(Protocol):
    """What the supervisor asks the directory projection."""

    def knows(self, call_id: CallId) -> bool: ...

    def named(self, carrier: str, vendor_call_id: str) -> CallId | None: ...

    def living(self) -> Iterable[CallId]: ...

    def owing(self) -> Iterable[CallId]: ...

    def apply(self, call_id: CallId, position: Position, entry: Entry) -> None: ...


@frozen(kw_only=True)
class Accepted:
    """The request became fact ``seq`` of this call."""

    call_id: CallId
    seq: int


class Supervisor:
    """``run`` must be running for anything to happen. While it is ``draining``, no call begins.

    ``max_calls`` is asked each time. ``meet`` is awaited before an unknown inbound call is judged by ``offer_policy``;
    ``full_policy`` makes the policy of a caller who is told in words that no line is free (None: a busy tone).
    """

    def __init__(
        self,
        *,
        world: World,
        directory: Directory,
        offer_policy: Callable[[Heard], Policy],
        max_calls: Callable[[], int],
        meet: Callable[[Heard], Awaitable[None]] | None = None,
        full_policy: Callable[[Policy], Policy | None] = lambda policy: None,
        observe: Observe | None = None,
    ) -> None:
        self._world = world
        self._directory = directory
        self._offer_policy = offer_policy
        self._max_calls = max_calls
        self._meet = meet
        self._full_policy = full_policy
        self._told_full: set[CallId] = set()
        self._tell = observe
        self._desks: dict[CallId, Desk] = {}
        self._taken: set[CallId] = set(directory.living())
        self._fewer = trio.Event()
        self.draining = False
        self._nursery: trio.Nursery | None = None

    @property
    def live_calls(self) -> int:
        """Calls that have not ended."""
        return len(self._taken)

    @property
    def living(self) -> tuple[CallId, ...]:
        """Calls that have not ended, and those that are just being placed."""
        return tuple(self._taken)

    async def idle(self) -> None:
        """Wait until no call is live."""
        while self._taken:
            await self._fewer.wait()

    async def asleep(self) -> None:
        """Wait until no call is live, and of the ended ones none owes anything."""
        while self._taken or self._desks:
            await self._fewer.wait()

    @property
    def actors(self) -> int:
        """Calls that have an actor."""
        return len(self._desks)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> Never:
        """Wake every call that has not ended or owes something, then supervise until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            for call_id in (*self._taken, *self._directory.owing()):
                self._desk(call_id, nursery)
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                self._nursery = None
        raise AssertionError("unreachable")

    async def place(self, request: PlaceCall) -> Accepted | Refused:
        """Place an outbound call. The same ``request_id`` again gives the first result and dials nothing."""
        call_id = outbound_call_id(request.request_id)
        if self._directory.knows(call_id):
            return await self._placed_before(call_id)
        if call_id not in self._taken:
            refused = self._unplaceable(request)
            if refused is not None:
                return refused
            self._taken.add(call_id)
        letter = Letter(content=request, key=_key(request.request_id), receipt=Receipt())
        return self._accepted(call_id, await self._send(call_id, letter, REQUEST_S))

    def _unplaceable(self, request: PlaceCall) -> Refused | None:
        carrier = self._world.carriers.get(request.carrier)
        if self.draining:
            return Refused(code="draining", reason=DRAINING)
        if carrier is None:
            return Refused(code="unsupported", reason=f"provider: no carrier called {request.carrier!r} is configured")
        if request.policy.streaming and Capability.STREAM not in carrier.capabilities:
            return Refused(code="unsupported", reason=f"provider: {request.carrier} cannot stream a call's sound to us")
        if request.policy.keys and Capability.SEND_DIGITS not in carrier.capabilities:
            return Refused(code="unsupported", reason=f"dtmfSequence: {request.carrier} cannot press keys on a call")
        fault = unsuited(request.policy)
        if fault is not None:
            return fault
        if len(self._taken) >= self._max_calls():
            return Refused(code="limit", reason=f"Maximum concurrent calls ({self._max_calls()}) reached")
        if not self._world.is_public():
            return Refused(code="unavailable", reason=NOT_PUBLIC)
        return None

    async def _placed_before(self, call_id: CallId) -> Accepted | Refused:
        """What the first request was told, from the journal: a call that sleeps is not woken for it."""
        async with self._world.journal.read(stream_of(call_id)) as lines:
            async for line in lines:
                entry = decode_entry(line.body)
                if isinstance(entry.event, fact.CallPlaced):
                    return Accepted(call_id=call_id, seq=entry.seq)
        return Refused(code="not-found", reason="Call not found")

    async def request(self, call_id: CallId, request: Wish, *, request_id: str = "") -> Accepted | Refused:
        """Ask something of a call. The same ``request_id`` again gives the first answer and does nothing."""
        if not self._directory.knows(call_id):
            return Refused(code="not-found", reason="Call not found")
        letter = Letter(content=request, key=_key(request_id), receipt=Receipt())
        return self._accepted(call_id, await self._send(call_id, letter, REQUEST_S))

    async def receive(
        self, carrier: str, heard: tuple[Heard, ...], *, evidence: str = "", verified: bool = True
    ) -> HttpResponse:
        """Deliver a webhook's facts; the answer once they are durable, or 503 so that the vendor tries again."""
        response = self._world.carriers[carrier].reply((), None).response
        with trio.move_on_after(RECEIPT_S * self._world.clock_rate) as patience:
            for one in heard:
                result = await self._deliver(carrier, one, evidence=evidence, verified=verified)
                if isinstance(result, Failed):
                    return _try_again(result.reason)
                if isinstance(result, Written | Repeated) and result.reply is not None:
                    response = result.reply
        return _try_again("the journal is slow") if patience.cancelled_caught else response

    def identify(self, carrier: str, start: MediaStart) -> CallId | Refused:
        """Whose ticket a media socket shows; it is spent only by ``open_stream``."""
        try:
            return tickets.check(self._world.ticket_key, start.ticket, carrier=carrier, now=self._world.wall())
        except tickets.BadTicket as error:
            return Refused(code="bad-request", reason=f"Unauthorized stream: {error}")

    async def open_stream(self, carrier: str, start: MediaStart) -> CallId | Refused:
        """Let a media socket carry a call's sound: its ticket is spent, durably, before the answer."""
        call_id = self.identify(carrier, start)
        if isinstance(call_id, Refused):
            return call_id
        wish = OpenStream(
            stream_id=start.stream_id,
            ticket=tickets.nonce(start.ticket),
            encoding=start.encoding,
            sample_rate=start.sample_rate,
        )
        accepted = await self.request(call_id, wish)
        if not isinstance(accepted, Refused):
            return call_id
        desk = self._desks.get(call_id)
        if accepted.code == "unavailable" and desk is not None:
            # The ticket may yet be spent, but nobody will be there: the call must not take that stream for open.
            desk.mailbox.post(fact.MediaClosed(stream_id=start.stream_id, reason="lost"))
        return accepted

    def expects(self, carrier: str, heard: Heard) -> bool:
        """Whether a fact is about a call of ours, or offers us one."""
        return self._whose(carrier, heard) is not None

    async def _deliver(self, carrier: str, heard: Heard, *, evidence: str, verified: bool) -> Result | None:
        call_id = self._whose(carrier, heard)
        if call_id is None:
            log.warning("webhook for an unknown call", carrier=carrier, key=heard.key)
            return None
        content = heard.event
        if heard.offer and self._meet is not None and not self._known(call_id) and not self.draining:
            await self._meet(heard)
        if heard.offer and (content is None or not self._directory.knows(call_id)):
            content = self._offer(carrier, call_id, heard)
        if content is None:
            return None
        letter = Letter(
            content=content,
            key=heard.key,
            evidence=evidence,
            verified=verified,
            webhook=True,
            flow=heard.flow,
            asks=heard.asks,
            receipt=Receipt(),
        )
        return await self._send(call_id, letter, RECEIPT_S)

    def _whose(self, carrier: str, heard: Heard) -> CallId | None:
        ours = CallId(heard.call_id)
        if heard.call_id and self._known(ours):
            return ours
        named = self._directory.named(carrier, heard.vendor_call_id) if heard.vendor_call_id else None
        if named is not None:
            return named
        if not heard.vendor_call_id:
            return None
        offered = inbound_call_id(carrier, heard.vendor_call_id)
        return offered if heard.offer or self._known(offered) else None

    def _known(self, call_id: CallId) -> bool:
        return call_id in self._desks or self._directory.knows(call_id)

    def _offer(self, carrier: str, call_id: CallId, heard: Heard) -> fact.CallOffered:
        """The first fact of an inbound call, with the verdict of the policy and of the limit in it."""
        policy = self._offer_policy(heard)
        fresh = call_id not in self._taken and not self._directory.knows(call_id)
        if fresh and self.draining:
            policy = change(policy, verdict="draining")
        elif fresh and policy.verdict == "accept":
            if len(self._taken) >= self._max_calls():
                policy = self._turned_away(call_id, policy)
            else:
                self._taken.add(call_id)
        return fact.CallOffered(
            carrier=carrier,
            vendor_call_id=heard.vendor_call_id,
            caller=heard.caller,
            callee=heard.callee,
            policy=policy,
            rules=RULES,
        )

    def _turned_away(self, call_id: CallId, policy: Policy) -> Policy:
        """No line is free: a busy tone, or, to no more callers than there are lines, words to the same effect."""
        words = self._full_policy(policy)
        if words is None or len(self._told_full) >= self._max_calls():
            return change(policy, verdict="busy")
        self._told_full.add(call_id)
        return words

    async def _send(self, call_id: CallId, letter: Letter, limit_s: float) -> Result:
        receipt = letter.receipt or Receipt()
        if self._nursery is None:
            return Failed(reason="shutting down")
        try:
            self._desk(call_id, self._nursery).mailbox.put(letter)
        except Full:
            return Failed(reason="too much is waiting for this call")
        with trio.move_on_after(limit_s * self._world.clock_rate):
            return await receipt.wait()
        receipt.settle(Failed(reason="the call did not answer in time"))
        return await receipt.wait()

    def _desk(self, call_id: CallId, nursery: trio.Nursery) -> Desk:
        """The call's desk, with an actor at it: a sleeping call is woken."""
        desk = self._desks.get(call_id)
        if desk is None:
            desk = self._desks[call_id] = Desk()
            nursery.start_soon(self._supervise, call_id, desk)
        return desk

    async def _supervise(self, call_id: CallId, desk: Desk) -> None:
        try:
            await attend(self._world, call_id, desk, self._observe)
        finally:
            self._desks.pop(call_id, None)
            if not self._directory.knows(call_id):
                self._free(call_id)  # reserved for a call that never was
            self._one_fewer()

    def _observe(self, call_id: CallId, position: Position, entry: Entry) -> None:
        self._directory.apply(call_id, position, entry)
        if isinstance(entry.event, fact.CallEnded):
            self._free(call_id)
        if self._tell is not None:
            self._tell(call_id, position, entry)

    def _free(self, call_id: CallId) -> None:
        self._taken.discard(call_id)
        self._told_full.discard(call_id)
        self._one_fewer()

    def _one_fewer(self) -> None:
        self._fewer.set()
        self._fewer = trio.Event()

    @staticmethod
    def _accepted(call_id: CallId, result: Result) -> Accepted | Refused:
        match result:
            case Written():
                return Accepted(call_id=call_id, seq=result.entry.seq)
            case Repeated():
                return Accepted(call_id=call_id, seq=result.again.seq)
            case Refused():
                return result
            case Failed():
                return Refused(code="unavailable", reason=result.reason)


def _key(request_id: str) -> str:
    """How the journal knows a request; "" for one without a name."""
    return f"request:{request_id}" if request_id else ""


def _try_again(reason: str) -> HttpResponse:
    return HttpResponse(status=503, headers={"retry-after": "1"}, body=reason.encode())
