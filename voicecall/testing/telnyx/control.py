"""Telnyx's side of one call: what happens becomes webhooks (Telnyx, "Receiving webhooks for Call Control").

``client_state`` is whatever the last command said, in every event from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import trio
from attrs import define, field, frozen

from voicecall.testing.dialect import Call, Network, Patience, Trouble, Webhook
from voicecall.testing.happenings import (
    Answered,
    Ended,
    Ending,
    GreetingEnded,
    Happening,
    Initiated,
    KeyPressed,
    KeysGathered,
    MachineDetected,
    Recognized,
    SpeakEnded,
    SpeakStarted,
    StreamEnded,
    StreamStarted,
)
from voicecall.testing.telnyx.media import TelnyxFraming, Terms, order_of
from voicecall.testing.telnyx.words import detected, gathered, greeted, hangup_of, stamp, uuid_of

PAUSES_S = (1.0, 2.0)
"""Three attempts for each URL; the pauses between them are not published."""
AGAIN: frozenset[Trouble] = frozenset({"ct", "rt", "5xx", "later"})
FIRST_COMMAND_S = 30.0
"""An inbound call that nobody commands is over by then."""
WITH_TRACK = frozenset({"B", "Telnyx"})
"""Engines that name the track of what they understood."""

Plain = dict[str, Any]


@frozen(kw_only=True)
class Names:
    """What identifies a call besides its ``call_control_id``."""

    leg: str
    session: str
    connection: str
    user: str


@define(kw_only=True)
class TelnyxControl:
    """``url`` and ``retries_ms`` may be replaced by a command. ``commands`` are the names that were used."""

    network: Network
    call: Call
    names: Names
    url: str
    fallback_url: str = ""
    timeout_s: float
    client_state: str | None = None
    retries_ms: dict[str, tuple[int, ...]] = field(factory=dict[str, tuple[int, ...]])
    terms: Terms | None = None
    detection: str = "disabled"
    retry_on_timeout: bool = True
    engine: str = ""
    commands: set[str] = field(factory=set[str])
    commanded: bool = False
    _cut: str = "completed"

    @property
    def inbound(self) -> bool:
        return self.call.party.direction == "inbound"

    def hear(self, event: Happening) -> None:
        match event:
            case Initiated():
                self._begin()
            case Answered():
                self.tell("call.answered", state="answered", custom_headers=[], tags=[], **self._since())
                if self.terms is not None:
                    self.open_stream(self.terms)
            case KeyPressed():
                self.tell("call.dtmf.received", digit=event.digit)
            case KeysGathered():
                self.tell("call.gather.ended", **gathered(event))
            case Recognized() | SpeakStarted() | SpeakEnded():
                self._hear_speech(event)
            case MachineDetected() | GreetingEnded():
                self._hear_machine(event)
            case StreamStarted() | StreamEnded():
                self._hear_stream(event)
            case Ended():
                why = hangup_of(event.ending, inbound=self.inbound, retry_on_timeout=self.retry_on_timeout)
                self.tell("call.hangup", state="hangup", **why, **self._since())
            case _:
                pass  # Nobody tells that a telephone rings.

    def _begin(self) -> None:
        if not self.inbound:
            self.tell("call.initiated", direction="outgoing", state="bridging", **self._since())
            return
        more: Plain = {"caller_id_name": self.call.party.caller, "custom_headers": [], "tags": []}
        self.tell("call.initiated", direction="incoming", state="parked", **more, **self._since())
        self.call.spawn(self._expect_command)

    async def _expect_command(self) -> None:
        await trio.sleep(FIRST_COMMAND_S)
        if not self.commanded:
            self.call.end(Ending(why="no-answer", by="network"))

    def _hear_speech(self, event: Recognized | SpeakStarted | SpeakEnded) -> None:
        match event:
            case Recognized():
                data: Plain = {"transcript": event.text, "confidence": event.confidence, "is_final": event.final}
                track = {"transcription_track": "inbound"} if self.engine in WITH_TRACK else {}
                self.tell("call.transcription", parties=False, transcription_data={**data, **track})
            case SpeakStarted():
                self.tell("call.speak.started", parties=False)
            case SpeakEnded():
                status = {"completed": "completed", "ended": "call_hangup", "stopped": self._cut}[event.how]
                self._cut = "completed"
                self.tell("call.speak.ended", parties=False, status=status)

    def _hear_machine(self, event: MachineDetected | GreetingEnded) -> None:
        if isinstance(event, GreetingEnded):
            kind, result = greeted(event, self.detection)
        else:
            kind, result = detected(event, self.detection)
            if result == "machine" and self.call.stop_speaking():
                self._cut = "cancelled_amd"
        self.tell(kind, result=result)

    def _hear_stream(self, event: StreamStarted | StreamEnded) -> None:
        match event:
            case StreamStarted():
                self.tell("streaming.started", parties=False, stream_url=event.url)
            case StreamEnded(how="refused"):
                params = {"stream_url": event.url, "track": "inbound_track"}
                more = {"stream_id": event.stream_id, "stream_params": params, "stream_type": "websocket"}
                self.tell("streaming.failed", parties=False, failure_reason="connection_failed", **more)
            case StreamEnded():
                self.tell("streaming.stopped", parties=False, stream_url=event.url)

    # --- streams -----------------------------------------------------------------------------------------------------

    def open_stream(self, terms: Terms) -> bool:
        """Connect a media stream; False when the call is not answered, or has one."""
        framing = TelnyxFraming(
            stream_id=uuid_of(self.network.fresh_id()),
            session_id=self.names.session,
            user_id=self.names.user,
            party=self.call.party,
            terms=terms,
            client_state=self.client_state,
            now=lambda: stamp(self.network.wall()),
        )
        return self.call.open_stream(order_of(framing))

    # --- telling -----------------------------------------------------------------------------------------------------

    def tell(self, kind: str, *, parties: bool = True, **more: Any) -> None:
        """Post one event."""
        party = self.call.party
        payload: Plain = {
            "call_control_id": party.vendor_call_id,
            "call_leg_id": self.names.leg,
            "call_session_id": self.names.session,
            "client_state": self.client_state,
            "connection_id": self.names.connection,
            **({"from": party.caller, "to": party.callee} if parties else {}),
            **more,
        }
        data: Plain = {
            "record_type": "event",
            "event_type": kind,
            "id": uuid_of(self.network.fresh_id()),
            "occurred_at": stamp(self.network.wall()),
            "payload": payload,
        }
        self.call.post(self._webhook(kind, data))

    def _webhook(self, kind: str, data: Mapping[str, Any]) -> Webhook:
        pauses = self.retries_ms.get(kind)
        seconds = PAUSES_S if pauses is None else tuple(one / 1000 for one in pauses)
        patience = Patience(read_s=self.timeout_s, pauses_s=seconds, again=AGAIN)
        other = Webhook(kind=kind, url=self.fallback_url, fields=data, patience=patience) if self.fallback_url else None
        return Webhook(kind=kind, url=self.url, fields=data, patience=patience, fallback=other)

    def _since(self) -> Plain:
        return {"start_time": stamp(self.call.began_at)}
