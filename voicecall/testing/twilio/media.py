"""Media Streams (Twilio, "Media Streams: WebSocket messages"): JSON text, and numbers that are text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
from attrs import define, field

from voicecall.testing.framing import BadMessage, ClearSound, Inward, PlayMark, PlaySound
from voicecall.testing.happenings import Ending

PROTOCOL = "31924: the protocol is broken"
INVALID = "31951: the message is invalid"


@define(kw_only=True)
class TwilioFraming:
    """One bidirectional stream. ``sequenceNumber`` counts every message but the first, ``chunk`` those with sound."""

    account_sid: str
    call_sid: str
    stream_sid: str
    parameters: Mapping[str, str] = field(repr=False)
    _sequence: int = 0
    _chunk: int = 0

    def opening(self) -> Sequence[bytes]:
        """Who speaks, and whose sound it is."""
        start = {
            "accountSid": self.account_sid,
            "streamSid": self.stream_sid,
            "callSid": self.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(self.parameters),
        }
        connected = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        return msgspec.json.encode(connected), self._message("start", start)

    def sound(self, frame: bytes, at_ms: int) -> bytes:
        """20 ms of the person."""
        self._chunk += 1
        payload = base64.b64encode(frame).decode("ascii")
        media = {"track": "inbound", "chunk": str(self._chunk), "timestamp": str(at_ms), "payload": payload}
        return self._message("media", media)

    def played(self, name: str) -> Sequence[bytes]:
        """A mark goes back."""
        return (self._message("mark", {"name": name}),)

    def cleared(self, names: Sequence[str]) -> Sequence[bytes]:
        """What was waiting goes back at once, in the order in which it came."""
        return [self._message("mark", {"name": name}) for name in names]

    def key(self, digit: str) -> Sequence[bytes]:
        """A bidirectional stream tells keys."""
        return (self._message("dtmf", {"track": "inbound_track", "digit": digit}),)

    def closing(self, ending: Ending | None) -> Sequence[bytes]:
        """Whether the call is over or has other instructions, the stream is stopped."""
        return (self._message("stop", {"accountSid": self.account_sid, "callSid": self.call_sid}),)

    def _message(self, event: str, content: dict[str, Any]) -> bytes:
        self._sequence += 1
        plain: dict[str, Any] = {
            "event": event,
            "sequenceNumber": str(self._sequence),
            event: content,
            "streamSid": self.stream_sid,
        }
        return msgspec.json.encode(plain)

    # --- from the account --------------------------------------------------------------------------------------------

    def receive(self, message: bytes) -> Inward:
        """``media``, ``mark`` or ``clear``, for this stream and nothing else."""
        try:
            told = msgspec.json.decode(message)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return BadMessage(f"{PROTOCOL}: not JSON", fatal=True)
        if not isinstance(told, dict):
            return BadMessage(f"{PROTOCOL}: not an object", fatal=True)
        plain = cast("dict[str, Any]", told)
        if plain.get("streamSid") != self.stream_sid:
            return BadMessage(f"{INVALID}: streamSid: is not {self.stream_sid}")
        match plain.get("event"):
            case "media":
                return _sound(plain.get("media"))
            case "mark":
                return _mark(plain.get("mark"))
            case "clear":
                return ClearSound()
            case _:
                return BadMessage(f"{INVALID}: event: must be media, mark or clear")


def _sound(media: Any) -> Inward:
    payload = cast("dict[str, Any]", media).get("payload") if isinstance(media, dict) else None
    if not isinstance(payload, str):
        return BadMessage(f"{INVALID}: media.payload: must be text")
    try:
        return PlaySound(base64.b64decode(payload, validate=True))
    except (binascii.Error, ValueError):
        return BadMessage(f"{INVALID}: media.payload: must be base64")


def _mark(mark: Any) -> Inward:
    name = cast("dict[str, Any]", mark).get("name") if isinstance(mark, dict) else None
    return PlayMark(name) if isinstance(name, str) else BadMessage(f"{INVALID}: mark.name: must be text")
