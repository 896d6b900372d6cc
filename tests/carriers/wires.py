"""The carriers, and who speaks and listens there: what every story that is the same everywhere is told on."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from voicecall.assembly import carrier_of
from voicecall.ports import Capability

CARRIERS = ("mock", "twilio", "telnyx", "plivo")


@frozen
class Wire:
    """A carrier, and who speaks and listens there: we, on a media socket, or the carrier itself."""

    carrier: str
    streaming: bool

    def __str__(self) -> str:
        return f"{self.carrier}-{'streaming' if self.streaming else 'voice'}"

    @property
    def settings(self) -> dict[str, Any]:
        return {"streaming": {"enabled": self.streaming, "provider": "offline"}}


STREAMS = tuple(Wire(carrier, streaming=True) for carrier in CARRIERS)
VOICES = tuple(
    Wire(carrier, streaming=False)
    for carrier in CARRIERS
    if {Capability.SPEAK, Capability.LISTEN} <= carrier_of(carrier).capabilities
)
WIRES = (*STREAMS, *VOICES)
