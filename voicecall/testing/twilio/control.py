"""Twilio's side of one call: its documents, its status callbacks and the machine detection."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from attrs import define, field, frozen

from voicecall.testing.dialect import Call, Network, Webhook
from voicecall.testing.document import DocumentRunner
from voicecall.testing.happenings import (
    Answered,
    Ended,
    Ending,
    GreetingEnded,
    Happening,
    Initiated,
    MachineDetected,
    Ringing,
    StreamEnded,
    StreamStarted,
)
from voicecall.testing.patience import BadFragment, patience_of
from voicecall.testing.twilio.documents import RULES, Account, TwilioDocuments
from voicecall.testing.twilio.resource import (
    VERSION,
    direction_of,
    final_status,
    minutes_of,
    moment,
    seconds_of,
    status_of,
)
from voicecall.testing.verbs import BadDocument, First, Target

PLACES = ("City", "State", "Zip", "Country")
"""What Twilio believes to know of where a number is; empty for numbers that are nowhere."""


@frozen(kw_only=True)
class Orders:
    """What was ordered with a call, or is configured for the number that was called.

    ``first`` is whom to ask what to do; ``twiml`` is a document instead. ``events`` are those that ``status`` is told.
    ``detection``: who answered is told to ``amd``, or (None) brought along by the first request, which waits for it.
    """

    first: Target | None
    twiml: str = ""
    spare: Target | None = None
    status: Target | None = None
    events: frozenset[str] = frozenset({"completed"})
    detection: Literal["", "Enable", "DetectMessageEnd"] = ""
    amd: Target | None = None
    send_digits: str = ""


@define(kw_only=True)
class TwilioControl:
    """See ``dialect.CallControl``. ``runner`` runs the documents."""

    network: Network
    call: Call
    account: Account
    orders: Orders
    answered_by: str = ""
    runner: DocumentRunner = field(init=False)
    documents: TwilioDocuments = field(init=False)
    _told: int = 0

    def __attrs_post_init__(self) -> None:
        self.documents = TwilioDocuments(
            account=self.account,
            call_sid=self.call.party.vendor_call_id,
            fields=self.fields,
            fresh_id=self.network.fresh_id,
            spare=self.orders.spare,
        )
        self.runner = DocumentRunner(self.call, self.documents)

    def fields(self) -> dict[str, str]:
        """What every request about a document tells."""
        more = {"AnsweredBy": self.answered_by} if self.answered_by and self.orders.amd is None else {}
        return {**self._party(status_of(self.call)), **more}

    def hear(self, event: Happening) -> None:
        match event:
            case Initiated():
                self.call.spawn(self.runner.run)
                if self.call.party.direction == "inbound":
                    self._begin()
                else:
                    self._report("initiated", "initiated")
            case Ringing():
                self._report("ringing", "ringing")
            case Answered() if self.call.party.direction == "outbound":
                self._report("answered", "in-progress")
                if not self.orders.detection or self.orders.amd is not None:
                    self._begin()
            case MachineDetected() | GreetingEnded():
                self._detect(event)
            case StreamStarted() | StreamEnded():
                self._tell_of_stream(event)
            case Ended():
                self._end(event)
            case _:
                pass

    def _begin(self) -> None:
        """The call's first document."""
        if self.orders.send_digits:
            self.call.send_keys(self.orders.send_digits)
        if self.orders.first is not None:
            self.runner.go(First(target=self.orders.first))
        else:
            self.perform(self.orders.twiml)

    def perform(self, twiml: str) -> None:
        """Run this document, instead of whatever runs. Twilio takes any; on a bad one the call fails."""
        try:
            self.runner.perform(self.documents.understand(twiml))
        except BadDocument as error:
            self.call.note(f"no instructions: {error}")
            self.call.end(Ending(why="error", by="network"))

    # --- machine detection -------------------------------------------------------------------------------------------

    def _detect(self, event: MachineDetected | GreetingEnded) -> None:
        """The one result of the detection: at once, or for a machine, if that was ordered, when it has said its say."""
        match event:
            case MachineDetected(result="machine"):
                if self.orders.detection == "DetectMessageEnd":
                    return
                self.answered_by = "machine_start"
            case MachineDetected():
                self.answered_by = event.result
            case GreetingEnded():
                self.answered_by = f"machine_end_{event.how}"
        if self.orders.amd is None:
            self._begin()
            return
        fields = {
            "AccountSid": self.account.sid,
            "CallSid": self.call.party.vendor_call_id,
            "AnsweredBy": self.answered_by,
            "MachineDetectionDuration": str(event.after_ms),
        }
        self._post("amd", self.orders.amd, fields)

    # --- reports -----------------------------------------------------------------------------------------------------

    def _report(self, event: str, status: str, more: Mapping[str, str] | None = None) -> None:
        """A status callback, if this event was subscribed to; events are numbered whether or not they are told."""
        number, self._told = self._told, self._told + 1
        if self.orders.status is None or event not in self.orders.events:
            return
        fields = {
            **self._party(status),
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(number),
            "Timestamp": moment(self.network.wall()) or "",
            **(more or {}),
        }
        self._post(f"status.{event}", self.orders.status, fields)

    def _end(self, event: Ended) -> None:
        call = self.call
        status, code = final_status(event.ending, answered=call.answered, inbound=call.party.direction == "inbound")
        minutes, seconds = minutes_of(call), seconds_of(call)
        more = {"CallDuration": str(seconds), "Duration": str(minutes), "SipResponseCode": code}
        self._report("completed", status, more)

    def _tell_of_stream(self, event: StreamStarted | StreamEnded) -> None:
        if event.stream_id not in self.documents.reports:
            return
        target, name = self.documents.reports[event.stream_id]
        at = datetime.fromtimestamp(self.network.wall() / 1000, UTC).isoformat(timespec="microseconds")
        fields = {
            "AccountSid": self.account.sid,
            "CallSid": self.call.party.vendor_call_id,
            "StreamSid": event.stream_id,
            "StreamName": name,
            "Timestamp": at.replace("+00:00", "Z"),
        }
        match event:
            case StreamStarted():
                self._post("stream.started", target, {**fields, "StreamEvent": "stream-started"})
            case StreamEnded(how="refused"):
                error = f"31920: {event.detail or 'the stream could not be opened'}"
                self._post("stream.error", target, {**fields, "StreamEvent": "stream-error", "StreamError": error})
            case StreamEnded():
                self._post("stream.stopped", target, {**fields, "StreamEvent": "stream-stopped"})

    def _post(self, kind: str, target: Target, fields: Mapping[str, str]) -> None:
        try:
            patience = patience_of(target.url, RULES)
        except BadFragment as error:
            self.call.note(f"{kind}: {error}")
            return
        self.call.post(Webhook(kind=kind, url=target.url, fields=fields, method=target.method, patience=patience))

    def _party(self, status: str) -> dict[str, str]:
        party = self.call.party
        numbers = {"From": party.caller, "To": party.callee, "Caller": party.caller, "Called": party.callee}
        return {
            "AccountSid": self.account.sid,
            "ApiVersion": VERSION,
            "CallSid": party.vendor_call_id,
            "CallStatus": status,
            "Direction": direction_of(self.call),
            **numbers,
            **{f"{who}{what}": "" for who in numbers for what in PLACES},
        }
