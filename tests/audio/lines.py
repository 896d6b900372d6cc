"""A media stream in each carrier's words, from the carrier's side."""

from __future__ import annotations

from voicecall.adapters.carriers import mock, plivo, telnyx, twilio
from voicecall.events import Instant
from voicecall.ports import MediaCodec
from voicecall.testing.framing import Framing
from voicecall.testing.happenings import Party
from voicecall.testing.mock.media import MockFraming
from voicecall.testing.plivo.media import PlivoFraming
from voicecall.testing.telnyx.media import TelnyxFraming, Terms
from voicecall.testing.twilio.media import TwilioFraming

CARRIERS = ("mock", "twilio", "telnyx", "plivo")
CODECS: dict[str, MediaCodec] = {
    "mock": mock.carrier.media(),
    "twilio": twilio.carrier.media(),
    "telnyx": telnyx.carrier.media(),
    "plivo": plivo.carrier.media(),
}


def new_framing(carrier: str, ticket: str) -> Framing:
    """The stream of the call with this ticket."""
    stream_id = f"s-{ticket}"
    party = Party(vendor_call_id="v", direction="inbound", caller="x", callee="y", call_id=ticket)
    match carrier:
        case "twilio":
            parameters = {"ticket": ticket}
            return TwilioFraming(account_sid="AC1", call_sid="CA1", stream_sid=stream_id, parameters=parameters)
        case "telnyx":
            terms = Terms(url="wss://us.example", mode="rtp", heard=True, parameters={"ticket": ticket})
            return TelnyxFraming(
                stream_id=stream_id,
                session_id="s1",
                user_id="u1",
                party=party,
                terms=terms,
                client_state=None,
                now=lambda: "2026-01-01T00:00:00.000000Z",
            )
        case "plivo":
            return PlivoFraming(
                account_id="MA1",
                call_uuid="p1",
                stream_id=stream_id,
                extra_headers=f"ticket={ticket.encode().hex()}",
                bidirectional=True,
                wall=lambda: Instant(0),
            )
        case _:
            return MockFraming(stream_id=stream_id, party=party, ticket=ticket)
