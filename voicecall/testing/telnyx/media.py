"""Telnyx's media streaming from Telnyx's side (Telnyx, "Media streaming over WebSockets").

Bidirectional sound in ``rtp`` mode, PCMU. In the usual mode, MP3, raw sound is noise: such a stream is told so. To the
usual target, a second leg, nobody listens here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from attrs import define, field, frozen

from voicecall.ports import HttpRequest
from voicecall.testing.framing import BadMessage, ClearSound, Ignored, Inward, MediaOrder, PlayMark, PlaySound
from voicecall.testing.happenings import Ending, Party
from voicecall.testing.telnyx.errors import TelnyxError, streaming_parameters

AUTH_HEADER = "x-telnyx-streaming-auth-token"
SHORTEST, LONGEST = 160, 8 * 30_000
"""Bytes of one message of ours: 20 ms to 30 s."""
ERRORS = {100002: "unknown_error", 100003: "malformed_frame", 100004: "invalid_media", 100005: "rate_limit_reached"}
Plain = dict[str, Any]


class Media(msgspec.Struct, frozen=True):
    payload: str = ""


class Mark(msgspec.Struct, frozen=True):
    name: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message from the account's side."""

    event: str
    media: Media | None = None
    mark: Mark | None = None


_messages = msgspec.json.Decoder(Message)


@frozen(kw_only=True)
class Terms:
    """What a stream was ordered to be."""

    url: str
    mode: str = "mp3"
    heard: bool = False
    token: str = ""
    parameters: Mapping[str, str] = field(factory=dict[str, str])


def terms_of(plain: Plain) -> Terms | None:
    """The terms in a command's body; None when it asks for no stream. Raises ``TelnyxError``."""
    url = plain.get("stream_url")
    if not url:
        return None
    if plain.get("stream_codec", "default") not in ("default", "PCMU"):
        raise _unsimulated("stream_codec", "PCMU")
    if plain.get("stream_track", "inbound_track") != "inbound_track":
        raise _unsimulated("stream_track", "inbound_track")
    mode = str(plain.get("stream_bidirectional_mode", "mp3"))
    codec, rate = (
        plain.get("stream_bidirectional_codec", "PCMU"),
        plain.get("stream_bidirectional_sampling_rate", 8_000),
    )
    if mode == "rtp" and (codec, rate) != ("PCMU", 8_000):
        raise _unsimulated("stream_bidirectional_codec", "PCMU at 8000")
    return Terms(
        url=str(url),
        mode=mode,
        heard=plain.get("stream_bidirectional_target_legs", "opposite") in ("self", "both"),
        token=str(plain.get("stream_auth_token", "")),
        parameters={one["name"]: one["value"] for one in plain.get("custom_parameters", ())},
    )


def _unsimulated(name: str, known: str) -> TelnyxError:
    return streaming_parameters(f"only {known} is simulated", name)


@define(kw_only=True)
class TelnyxFraming:
    """Counts messages and, for media, chunks. ``client_state`` is the call's when the stream begins."""

    stream_id: str
    session_id: str
    user_id: str
    party: Party
    terms: Terms
    client_state: str | None
    now: Callable[[], str]
    _sequence: int = 0
    _chunk: int = 0

    def opening(self) -> Sequence[bytes]:
        hello: Plain = {"event": "connected", "version": "1.0.0"}
        start: Plain = {
            "user_id": self.user_id,
            "call_control_id": self.party.vendor_call_id,
            "call_session_id": self.session_id,
            "from": self.party.caller,
            "to": self.party.callee,
            "tags": [],
            "client_state": self.client_state,
            "custom_parameters": dict(self.terms.parameters),
            "media_format": {"encoding": "PCMU", "sample_rate": 8_000, "channels": 1},
        }
        token = {AUTH_HEADER: self.terms.token} if self.terms.token else {}
        return msgspec.json.encode({**hello, **token}), self._message("start", start=start)

    def sound(self, frame: bytes, at_ms: int) -> bytes:
        self._chunk += 1
        payload = base64.b64encode(frame).decode("ascii")
        media = {"track": "inbound", "chunk": str(self._chunk), "timestamp": str(at_ms), "payload": payload}
        return self._message("media", media=media)

    def played(self, name: str) -> Sequence[bytes]:
        return (self._message("mark", mark={"name": name}),)

    def cleared(self, names: Sequence[str]) -> Sequence[bytes]:
        """What was waiting in the queue is returned."""
        return [self._message("mark", mark={"name": name}) for name in names]

    def key(self, digit: str) -> Sequence[bytes]:
        """Told here, and by webhook too."""
        return (self._message("dtmf", occurred_at=self.now(), dtmf={"digit": digit}),)

    def closing(self, ending: Ending | None) -> Sequence[bytes]:
        stop = {"user_id": self.user_id, "call_control_id": self.party.vendor_call_id}
        return (self._message("stop", stop=stop),)

    def receive(self, message: bytes) -> Inward:
        try:
            told = _messages.decode(message)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            return self._bad(100003, f"not a message: {error}")
        match told:
            case Message(event="media", media=Media(payload=payload)):
                return self._media(payload)
            case Message(event="mark", mark=Mark(name=name)) if name:
                return PlayMark(name)
            case Message(event="clear"):
                return ClearSound()
            case _:
                return self._bad(100003, f"{told.event!r} is no message, or is not complete")

    def _media(self, payload: str) -> Inward:
        if self.terms.mode != "rtp":
            return self._bad(100004, "the stream's mode is mp3; ask for rtp")
        try:
            sound = base64.b64decode(payload, validate=True)
        except ValueError:
            return self._bad(100004, "the payload is not base64")
        if not SHORTEST <= len(sound) <= LONGEST:
            return self._bad(100004, f"{len(sound)} bytes are not 20 ms to 30 s")
        return PlaySound(sound) if self.terms.heard else Ignored()

    def _bad(self, code: int, why: str) -> BadMessage:
        error = {"code": code, "title": ERRORS[code], "detail": why}
        reply = msgspec.json.encode({"event": "error", "stream_id": self.stream_id, "payload": error})
        return BadMessage(why=f"{code} {ERRORS[code]}: {why}", reply=reply)

    def _message(self, event: str, **parts: Any) -> bytes:
        self._sequence += 1
        head: Plain = {"event": event, "sequence_number": str(self._sequence), "stream_id": self.stream_id}
        return msgspec.json.encode({**head, **parts})


def order_of(framing: TelnyxFraming) -> MediaOrder:
    """The stream of these terms; the token comes as a header of the handshake too."""
    headers = {AUTH_HEADER: framing.terms.token} if framing.terms.token else {}
    handshake = HttpRequest(method="GET", url=framing.terms.url, headers=headers)
    return MediaOrder(handshake=handshake, stream_id=framing.stream_id, framing=framing)
