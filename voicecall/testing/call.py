"""One call in the simulated network: its leg, its phone, its person, its media stream, and what it told whom.

Theory of operation
-------------------
A call is three tasks in one nursery: the *outbox* posts webhooks in order, the *line* runs the person and the phone,
the *media* task keeps one media stream connected from the moment that one was asked for. Ending the call is one
synchronous step: the line is cancelled, the stream says ``stop``, the outbox gets ``call.ended`` and is closed; the
nursery is done when the last webhook is settled.

When the media stream is lost while the call lives, the other side is told ``call.answered`` again and again (a new
event each time) until it asks for media; after a minute of that the network hangs up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import trio
from attrs import define, field, frozen

from voicecall.testing.ear import Ear
from voicecall.testing.media import Connect, NotConnected, Order, Stream
from voicecall.testing.outbox import Delivery, Outbox
from voicecall.testing.person import Person, Voice
from voicecall.testing.phone import Phone
from voicecall.testing.script import Script

Status = Literal["initiated", "ringing", "answered", "ended"]
LEAD_BACK_S = 60.0
"""How long a living call without its media stream is kept."""
LEAD_BACK_PAUSES_S = (1.0, 2.0, 4.0, 8.0)
CLOSED_GRACE_S = 1.0
"""A stream that was closed properly is usually followed by a hang-up."""

Plain = dict[str, Any]


@frozen(kw_only=True)
class Party:
    """Who calls whom, and where the other side wants to hear of it."""

    call_id: str
    vendor_call_id: str
    direction: Literal["inbound", "outbound"]
    caller: str
    callee: str
    webhook_url: str
    ring_timeout_ms: int = 30_000


@frozen(kw_only=True)
class Moment:
    """One line of a call's timeline; ``at_ms`` is since the call began."""

    at_ms: int
    what: str


@define
class Spoken:
    """Something the person said; offsets in ms since the call was answered."""

    text: str
    start_ms: int
    end_ms: int


@define(kw_only=True)
class NetworkCall:
    """``stamp`` names the next event and gives it its time; ``outbox`` must be set before ``run``."""

    party: Party
    person: Person = field(init=False)
    script: Script
    voice: Voice
    connect: Connect
    outbox: Outbox = field(init=False)
    stamp: Callable[[], tuple[str, int]]
    first_order: Order | None = None
    step_ms: int
    sparse: bool
    status: Status = "initiated"
    answered: bool = False
    reason: str = ""
    dials: int = 0
    keys: str = ""
    timeline: list[Moment] = field(factory=list[Moment])
    spoken: list[Spoken] = field(factory=list[Spoken])
    media_sockets: int = 0
    media: Literal["none", "wanted", "open", "lost"] = "none"
    ear: Ear = field(factory=Ear)
    phone: Phone = field(init=False)
    stream: Stream | None = None
    since: float = field(factory=trio.current_time)
    _order: Order | None = None
    _stir: trio.Event = field(factory=trio.Event)
    _picked_up: trio.Event = field(factory=trio.Event)
    _line: trio.CancelScope = field(factory=trio.CancelScope)

    def __attrs_post_init__(self) -> None:
        self.phone = Phone(step_ms=self.step_ms, sparse=self.sparse, ear=self.ear)
        self.person = Person(self.script, self, self.voice)

    # --- what either side does ---------------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether the call has ended."""
        return self.status == "ended"

    def ring(self) -> None:
        """The callee's phone rings."""
        if self.status == "initiated":
            self.status = "ringing"
            self.tell("call.ringing")

    def pick_up(self, order: Order | None = None) -> None:
        """The callee answers: the person, or the other side of an inbound call, which says where the sound goes."""
        if self.answered or self.over:
            return
        self.status, self.answered = "answered", True
        self.ear.since = trio.current_time()
        self._picked_up.set()
        self.tell("call.answered")
        if (wanted := order or self.first_order) is not None:
            self.open_media(wanted)

    def end(self, reason: str) -> None:
        """The call is over, whoever wanted it."""
        if self.over:
            return
        self.status, self.reason = "ended", reason
        self.ear.end()
        if self.stream is not None:
            self.stream.stop(reason)
        self.tell("call.ended", reason=reason)
        self.outbox.close()
        self._line.cancel()
        self._wake()

    def open_media(self, order: Order) -> bool:
        """Connect a media stream; False when there is one, or one on its way."""
        if self.over or not self.answered or self.media in ("wanted", "open"):
            return False
        self.media, self._order = "wanted", order
        self._wake()
        return True

    def hear_keys(self, digits: str) -> None:
        """The other side pressed keys."""
        self.keys += digits
        self.note(f"heard keys {digits}")

    def tell(self, kind: str, **fields: str | int | bool) -> Delivery:
        """Tell the other side, by webhook."""
        self.note(kind)
        party = self.party
        name, at_ms = self.stamp()
        event: Plain = {
            "id": name,
            "type": kind,
            "callId": party.call_id,
            "providerCallId": party.vendor_call_id,
            "timestamp": at_ms,
            "direction": party.direction,
            "from": party.caller,
            "to": party.callee,
            **fields,
        }
        return self.outbox.post(event)

    def note(self, what: str) -> None:
        """Keep a line for the report."""
        self.timeline.append(Moment(at_ms=round((trio.current_time() - self.since) * 1000), what=what))

    # --- the person's handset ----------------------------------------------------------------------------------------

    async def speak(self, sound: bytes) -> None:
        """Send the person's voice."""
        await self.phone.speak(sound)

    def press(self, digit: str) -> None:
        """A key: on the media stream where there is one, else by webhook."""
        self.note(f"pressed {digit}")
        if self.stream is not None:
            self.stream.tell_object("dtmf", digits=digit)
        else:
            self.tell("call.dtmf", digits=digit)

    def recognize(self, text: str, *, final: bool, started: float, ended: float) -> None:
        """A transcript by webhook. Where a media stream was asked for, recognition is up to whoever hears the sound."""
        if self.media == "none":
            self.tell("call.speech", transcript=text, isFinal=final, confidence=1)

    def said(self, text: str, started: float) -> None:
        """Keep what the person said for the report."""
        start, end = ((at - self.ear.since) * 1000 for at in (started, trio.current_time()))
        self.spoken.append(Spoken(text, round(start), round(end)))

    # --- tasks -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """The whole life of the call."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.outbox.run)
            nursery.start_soon(self._run_media)
            self.tell("call.initiated")
            with self._line:
                async with trio.open_nursery() as line:
                    line.start_soon(self._await_answer)
                    if self.party.direction == "inbound" or await self.person.take_call():
                        await self._picked_up.wait()
                        line.start_soon(self.phone.run)
                        await self.person.talk()

    async def _await_answer(self) -> None:
        with trio.move_on_after(self.party.ring_timeout_ms / 1000):
            await self._picked_up.wait()
            return
        self.end("no-answer" if self.party.direction == "outbound" else "hangup-user")

    async def _run_media(self) -> None:
        order = await self._next_order()
        while order is not None and not self.over:
            clean = await self._carry(order)
            if self.over:
                return
            self.media = "lost"
            self.note("media closed" if clean else "media lost")
            order = await self._lead_back(CLOSED_GRACE_S if clean else 0.0)
            if order is None:
                self.end("error")

    async def _carry(self, order: Order) -> bool:
        """One media stream from end to end; whether it was closed properly."""
        stream = Stream(stream_id=f"{self.party.vendor_call_id}-s{self.media_sockets + 1}", phone=self.phone)
        try:
            async with self.connect(order.url) as wire:
                if self.over:
                    return True
                self.media, self.stream = "open", stream
                self.media_sockets += 1
                self.note(f"media open {stream.stream_id}")
                party = self.party
                end = await stream.carry(
                    wire, call_id=party.call_id, vendor_call_id=party.vendor_call_id, ticket=order.ticket
                )
                self.stream = None
                return end != "lost"
        except NotConnected as error:
            self.note(f"media refused: {error}")
            return False
        finally:
            self.stream = None

    async def _lead_back(self, pause_s: float) -> Order | None:
        """Ask the other side where the sound should go now; None when nobody wants it."""
        with trio.move_on_after(LEAD_BACK_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._ask_again, pause_s)
                order = await self._next_order()
                nursery.cancel_scope.cancel()
            return order
        return None

    async def _ask_again(self, pause_s: float) -> None:
        await trio.sleep(pause_s)
        for index in range(1_000):
            await self.tell("call.answered").settled.wait()
            await trio.sleep(LEAD_BACK_PAUSES_S[min(index, len(LEAD_BACK_PAUSES_S) - 1)])

    async def _next_order(self) -> Order | None:
        """The next order for a media stream; None when the call is over."""
        while not self.over:
            order, self._order = self._order, None
            if order is not None:
                return order
            await self._stir.wait()
        return None

    def _wake(self) -> None:
        stir, self._stir = self._stir, trio.Event()
        stir.set()
