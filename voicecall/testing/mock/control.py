"""The mock wire's side of one call: its webhooks, the actions in their answers, and leading a lost stream back.

When the media stream is lost while the call lives, the other side is told ``call.answered`` again and again (a new
event each time) until it asks for media; after a minute of that the network hangs up.
"""

from __future__ import annotations

import itertools
from typing import Any, Literal, cast

import msgspec
import trio
from attrs import define, field, frozen

from voicecall.ports import HttpResponse
from voicecall.testing.dialect import Call, Network, Patience, Webhook
from voicecall.testing.happenings import (
    Answered,
    Ended,
    Ending,
    GreetingEnded,
    Happening,
    Initiated,
    KeyPressed,
    MachineDetected,
    Recognized,
    Ringing,
    StreamEnded,
    StreamStarted,
    word_of,
)
from voicecall.testing.mock.media import order_stream

PATIENCE = Patience(
    read_s=15.0,
    life_s=60.0,
    pauses_s=(1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0),
    again=frozenset({"ct", "rt", "5xx", "later"}),
)
LEAD_BACK_S = 60.0
"""How long a living call without its media stream is kept."""
LEAD_BACK_PAUSES_S = (1.0, 2.0, 4.0, 8.0)
CLOSED_GRACE_S = 1.0
"""A stream that was closed properly is usually followed by a hang-up."""

Plain = dict[str, Any]


@frozen(kw_only=True)
class Order:
    """Where a call's sound should go."""

    url: str
    ticket: str


@define
class MockControl:
    """``first`` connects the media stream as soon as the call is answered."""

    network: Network
    call: Call
    url: str
    first: Order | None = None
    media: Literal["none", "wanted", "open", "lost"] = "none"
    _streams: int = 0
    _leading: trio.CancelScope = field(factory=trio.CancelScope)

    def hear(self, event: Happening) -> None:
        match event:
            case Initiated():
                self._tell("call.initiated")
                self.call.transcribe("interim")
            case Ringing():
                self._tell("call.ringing")
            case Answered():
                self._tell("call.answered")
                if self.first is not None:
                    self.open_media(self.first)
            case KeyPressed(on_stream=False):
                self._tell("call.dtmf", digits=event.digit)
            case Recognized():
                self._tell("call.speech", transcript=event.text, isFinal=event.final, confidence=event.confidence)
            case MachineDetected() | GreetingEnded() | StreamStarted() | StreamEnded():
                self._hear_more(event)
            case Ended():
                self._tell("call.ended", reason=word_of(event.ending))
            case _:
                pass

    def _hear_more(self, event: MachineDetected | GreetingEnded | StreamStarted | StreamEnded) -> None:
        match event:
            case MachineDetected():
                self._tell("call.machine", result=event.result)
            case GreetingEnded():
                self._tell("call.machine.finished", how=event.how)
            case StreamStarted():
                self.media = "open"
            case StreamEnded() if not self.call.over:
                self.media = "lost"
                pause_s = CLOSED_GRACE_S if event.how == "closed" else 0.0
                self.call.spawn(lambda: self._lead_back(pause_s))
            case StreamEnded():
                pass

    # --- what the other side wants -----------------------------------------------------------------------------------

    def act(self, name: str, details: Plain) -> bool:
        """Carry out one instruction; False when the call is not in a state for it."""
        call = self.call
        if call.over:
            return False
        match name:
            case "answer" if call.party.direction == "inbound" and not call.answered:
                self.first = order_of(details)
                call.pick_up()
            case "media" if order := order_of(details):
                return self.open_media(order)
            case "reject" if not call.answered:
                call.end(Ending(why="rejected", by="api"))
            case "hangup":
                why = "hangup" if call.answered else "canceled"
                call.end(Ending(why=why, by="api", word=str(details.get("reason") or "")))
            case "answer" | "media" | "reject":
                return False
            case _:
                call.note(f"did not understand the action {name!r}")
                return False
        return True

    def open_media(self, order: Order) -> bool:
        """Connect a media stream; False when there is one, or one on its way."""
        stream_id = f"{self.call.party.vendor_call_id}-s{self._streams + 1}"
        ordered = order_stream(self.call.party, stream_id, url=order.url, ticket=order.ticket)
        if not self.call.open_stream(ordered):
            return False
        self._streams += 1
        self.media = "wanted"
        # From here on recognition is up to whoever hears the sound.
        self.call.transcribe("off")
        self._leading.cancel()
        return True

    async def _lead_back(self, pause_s: float) -> None:
        """Ask the other side where the sound should go now; hang up when nobody wants it."""
        with trio.move_on_after(LEAD_BACK_S) as self._leading:
            await trio.sleep(pause_s)
            for index in itertools.count():
                await self._tell("call.answered").wait()
                await trio.sleep(LEAD_BACK_PAUSES_S[min(index, len(LEAD_BACK_PAUSES_S) - 1)])
        if self.media == "lost":
            self.call.end(Ending(why="error", by="network"))

    # --- what it is told ---------------------------------------------------------------------------------------------

    def _tell(self, kind: str, **fields: str | float | bool) -> trio.Event:
        party = self.call.party
        event: Plain = {
            "id": f"evt-{self.network.fresh_id()}",
            "type": kind,
            "callId": party.call_id,
            "providerCallId": party.vendor_call_id,
            "timestamp": self.network.wall(),
            "direction": party.direction,
            "from": party.caller,
            "to": party.callee,
            **fields,
        }
        return self.call.post(Webhook(kind=kind, url=self.url, fields=event, patience=PATIENCE), self._obey)

    def _obey(self, answer: HttpResponse) -> None:
        """The actions in an answer; anything but ``{"actions": […]}`` (the plain ``OK``, for one) asks for nothing."""
        try:
            data = msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return
        actions = cast("Plain", data).get("actions") if isinstance(data, dict) else None
        for action in cast("list[Any]", actions) if isinstance(actions, list) else []:
            for name, details in cast("Plain", action).items() if isinstance(action, dict) else ():
                if isinstance(details, dict):
                    self.act(name, cast("Plain", details))


def order_of(details: Plain) -> Order | None:
    """Where the sound should go, if an instruction says so."""
    url, ticket = details.get("mediaUrl"), details.get("ticket")
    if not isinstance(url, str) or not url:
        return None
    return Order(url=url, ticket=ticket if isinstance(ticket, str) else "")
