"""Plivo's side of one call: its documents, its reports and the machine detection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import trio
from attrs import define, field, frozen

from voicecall.testing.dialect import Call, Network, Webhook
from voicecall.testing.document import DocumentRunner
from voicecall.testing.happenings import (
    Answered,
    Ended,
    Ending,
    Happening,
    Initiated,
    MachineDetected,
    Ringing,
    StreamEnded,
    StreamStarted,
)
from voicecall.testing.patience import BadFragment, patience_of
from voicecall.testing.plivo.documents import RULES, PlivoDocuments, Terms
from voicecall.testing.plivo.media import Streams
from voicecall.testing.plivo.signing import Signer
from voicecall.testing.plivo.words import (
    RATE,
    billed_of,
    cause_of,
    local_time,
    seconds_of,
    status_of,
    utc_time,
    without_plus,
)
from voicecall.testing.verbs import First, Target


@frozen(kw_only=True)
class Orders:
    """What was ordered with a call, or is configured for the number that was called.

    ``detection``: who answered is told to ``amd``, or (None) brought along by the first request, which waits for it;
    ``hangup`` ends the call when it is a machine.
    """

    answer: Target
    ring: Target | None = None
    hangup: Target | None = None
    spare: Target | None = None
    detection: Literal["", "true", "hangup"] = ""
    amd: Target | None = None
    send_digits: str = ""


@define(kw_only=True)
class PlivoControl:
    """See ``dialect.CallControl``. ``runner`` runs the documents."""

    network: Network
    call: Call
    auth_id: str
    signer: Signer
    orders: Orders
    machine: str = ""
    runner: DocumentRunner = field(init=False)
    documents: PlivoDocuments = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.documents = PlivoDocuments(
            fields=self.fields,
            fresh_id=self.network.fresh_id,
            spare=self.orders.spare,
            streams=Streams(
                account_id=self.auth_id,
                call_uuid=self.call.party.vendor_call_id,
                signer=self.signer,
                wall=self.network.wall,
                fresh_id=self.network.fresh_id,
            ),
        )
        self.runner = DocumentRunner(self.call, self.documents)

    def hear(self, event: Happening) -> None:
        match event:
            case Initiated():
                self.call.spawn(self.runner.run)
                if self.call.party.direction == "inbound":
                    self._begin()
            case Ringing():
                self._post("ring", self.orders.ring, {**self.fields(), "Event": "Ring"})
            case Answered() if self.call.party.direction == "outbound":
                if not self.orders.detection or self.orders.amd is not None:
                    self._begin()
            case MachineDetected():
                self._detect(event)
            case StreamStarted():
                self._tell_of_stream(event.stream_id, "StartStream")
                self.call.spawn(lambda: self._limit_stream(event.stream_id))
            case StreamEnded():
                how = "StopStream" if event.how in ("stopped", "closed") else "DroppedStream"
                self._tell_of_stream(event.stream_id, how)
            case Ended():
                self._report_end(event.ending)
            case _:
                pass

    def _begin(self) -> None:
        """The call's first document."""
        if self.orders.send_digits:
            self.call.send_keys(self.orders.send_digits)
        self.runner.go(First(target=self.orders.answer))

    def _detect(self, event: MachineDetected) -> None:
        """Of a machine alone anything is told, except where the first request brings along what was found."""
        self.machine = "true" if event.result in ("machine", "fax") else "false"
        ends = self.machine == "true" and self.orders.detection == "hangup"
        if self.machine == "true" and self.orders.amd is not None:
            told = {"Event": "MachineDetection", "Machine": "true", "IfMachine": "hangup" if ends else "continue"}
            self._post("amd", self.orders.amd, {**self.fields(), **told})
        if ends:
            self.call.end(Ending(why="machine", by="network"))
        elif self.orders.amd is None:
            self._begin()

    # --- streams -----------------------------------------------------------------------------------------------------

    def remember(self, stream_id: str, terms: Terms) -> None:
        """A stream was ordered over the API."""
        self.documents.terms[stream_id] = terms

    async def _limit_stream(self, stream_id: str) -> None:
        await trio.sleep(self.documents.terms[stream_id].timeout_s)
        if self.call.streaming == stream_id:
            self.call.close_stream()

    def _tell_of_stream(self, stream_id: str, event: str) -> None:
        terms, party = self.documents.terms[stream_id], self.call.party
        told = {
            "CallUUID": party.vendor_call_id,
            "Event": event,
            "From": without_plus(party.caller),
            "To": without_plus(party.callee),
            "ServiceURL": terms.url,
            "StreamID": stream_id,
            "Timestamp": utc_time(self.network.wall()).replace(" ", "T") + "Z",
        }
        self._post(f"stream.{event}", terms.status, told)

    # --- reports -----------------------------------------------------------------------------------------------------

    def _report_end(self, ending: Ending) -> None:
        """To the answer URL where no other is known."""
        call = self.call
        inbound = call.party.direction == "inbound"
        cause = cause_of(ending, inbound=inbound, failed=self.documents.failed)
        told = {
            **self.fields(),
            "CallStatus": cause.status,
            "Event": "Hangup",
            "AnswerTime": local_time(call.answered_at),
            "BillDuration": str(billed_of(call)),
            "BillRate": f"{RATE}",
            "Duration": str(seconds_of(call)),
            "EndTime": local_time(call.ended_at),
            "HangupCause": cause.cause,
            "HangupCauseCode": str(cause.code),
            "HangupCauseName": cause.name,
            "HangupSource": cause.source,
            "ParentAuthID": self.auth_id,
            "SessionStart": utc_time(call.began_at),
            "StartTime": local_time(call.began_at),
            "TotalCost": f"{billed_of(call) / 60 * RATE:.5f}",
        }
        self._post("hangup", self.orders.hangup or self.orders.answer, told)

    def _post(self, kind: str, target: Target | None, fields: Mapping[str, str]) -> None:
        if target is None:
            return
        try:
            patience = patience_of(target.url, RULES)
        except BadFragment as error:
            self.call.note(f"{kind}: {error}")
            return
        self.call.post(Webhook(kind=kind, url=target.url, fields=fields, method=target.method, patience=patience))

    def fields(self) -> dict[str, str]:
        """What every request about the call tells."""
        party = self.call.party
        name = party.vendor_call_id
        told = {
            "ALegUUID": name,
            "CallStatus": status_of(self.call),
            "CallUUID": name,
            "Direction": party.direction,
            "From": without_plus(party.caller),
            "To": without_plus(party.callee),
        }
        if party.direction == "outbound":
            told |= {"ALegRequestUUID": name, "RequestUUID": name}
        else:
            told |= {"CallerName": party.caller, "SessionStart": utc_time(self.call.began_at), "BillRate": f"{RATE}"}
        synchronous = self.orders.detection and self.orders.amd is None
        return {**told, "Machine": self.machine} if self.machine and synchronous else told
