"""The mock wire on the media socket: JSON text, sound in base64."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import msgspec
from attrs import frozen

from voicecall.ports import HttpRequest
from voicecall.testing.framing import ClearSound, Ignored, Inward, MediaOrder, PlayMark, PlaySound
from voicecall.testing.happenings import Ending, Party, word_of
from voicecall.testing.phone import SILENT_FRAME


class Message(msgspec.Struct, rename="camel", frozen=True):
    """A message from the other side."""

    event: str
    payload: bytes = b""
    name: str = ""


_messages = msgspec.json.Decoder(Message)


def media_message(frame: bytes) -> bytes:
    """A frame as it travels on the media socket."""
    return b'{"event":"media","payload":"' + base64.b64encode(frame) + b'"}'


SILENCE = media_message(SILENT_FRAME)


@frozen(kw_only=True)
class MockFraming:
    """Has no counters."""

    stream_id: str
    party: Party
    ticket: str

    def opening(self) -> Sequence[bytes]:
        start = {
            "event": "start",
            "streamId": self.stream_id,
            "callId": self.party.call_id,
            "providerCallId": self.party.vendor_call_id,
            "ticket": self.ticket,
            "encoding": "audio/x-mulaw",
            "sampleRate": 8_000,
        }
        return b'{"event":"connected"}', msgspec.json.encode(start)

    def sound(self, frame: bytes, at_ms: int) -> bytes:
        return SILENCE if frame is SILENT_FRAME else media_message(frame)

    def played(self, name: str) -> Sequence[bytes]:
        return (msgspec.json.encode({"event": "mark", "name": name}),)

    def cleared(self, names: Sequence[str]) -> Sequence[bytes]:
        """What was waiting goes back at once, as Twilio does it."""
        return [msgspec.json.encode({"event": "mark", "name": name}) for name in names]

    def key(self, digit: str) -> Sequence[bytes]:
        return (msgspec.json.encode({"event": "dtmf", "digits": digit}),)

    def closing(self, ending: Ending | None) -> Sequence[bytes]:
        reason = word_of(ending) if ending else "stopped"
        return (msgspec.json.encode({"event": "stop", "reason": reason}),)

    def receive(self, message: bytes) -> Inward:
        try:
            told = _messages.decode(message)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return Ignored()
        match told.event:
            case "media":
                return PlaySound(told.payload)
            case "mark":
                return PlayMark(told.name)
            case "clear":
                return ClearSound()
            case _:
                return Ignored()


def order_stream(party: Party, stream_id: str, *, url: str, ticket: str) -> MediaOrder:
    """A media stream to ``url``."""
    return MediaOrder(
        handshake=HttpRequest(method="GET", url=url),
        stream_id=stream_id,
        framing=MockFraming(stream_id=stream_id, party=party, ticket=ticket),
    )
