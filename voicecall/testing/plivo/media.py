"""Audio streaming (Plivo, "Audio streaming"): JSON text in camel case, sequence numbers that are numbers.

``sequenceNumber`` begins at 0 and counts every message. There is neither a ``connected`` nor a ``stop``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec
from attrs import define, field, frozen

from voicecall.events import Instant
from voicecall.testing.framing import BadMessage, ClearSound, Inward, MediaOrder, PlayMark, PlaySound, PressKeys
from voicecall.testing.happenings import Ending
from voicecall.testing.plivo.signing import Signer

MESSAGE_LIMIT = 64 * 1024
HEADERS_LIMIT = 512
HEADERS = re.compile(r"[A-Za-z0-9]+=[A-Za-z0-9]+(,[A-Za-z0-9]+=[A-Za-z0-9]+)*")
URL_LIMIT = 2_048
MULAW = "audio/x-mulaw;rate=8000"
CONTENT_TYPES = (MULAW, "audio/x-l16;rate=8000", "audio/x-l16;rate=16000")
ATTEMPTS = 2
"""How often a stream is connected."""
KEYS = re.compile(r"[0-9A-D*#wW]+")


@define(kw_only=True)
class PlivoFraming:
    """One stream, of which ``bidirectional`` ones take sound."""

    account_id: str
    call_uuid: str
    stream_id: str
    extra_headers: str
    bidirectional: bool
    wall: Callable[[], Instant] = field(repr=False)
    _sequence: int = 0
    _chunk: int = 0
    _began: int = 0

    def opening(self) -> Sequence[bytes]:
        """Whose sound it is."""
        self._began = self.wall()
        start = {
            "callId": self.call_uuid,
            "streamId": self.stream_id,
            "accountId": self.account_id,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8_000},
        }
        return (self._message({"event": "start", "start": start, "extra_headers": self.extra_headers}),)

    def sound(self, frame: bytes, at_ms: int) -> bytes:
        """20 ms of the person; the time is told in ms since the epoch, as text."""
        self._chunk += 1
        payload = base64.b64encode(frame).decode("ascii")
        media = {"track": "inbound", "timestamp": str(self._began + at_ms), "chunk": self._chunk, "payload": payload}
        return self._told("media", {"media": media, "extra_headers": self.extra_headers})

    def played(self, name: str) -> Sequence[bytes]:
        """A checkpoint was reached."""
        return (self._told("playedStream", {"name": name}),)

    def cleared(self, names: Sequence[str]) -> Sequence[bytes]:
        """Of checkpoints that were still waiting nothing is ever heard."""
        return (self._told("clearedAudio", {}),)

    def key(self, digit: str) -> Sequence[bytes]:
        """A key of the person."""
        dtmf = {"track": "inbound", "digit": digit, "timestamp": str(self.wall())}
        return (self._told("dtmf", {"dtmf": dtmf}),)

    def closing(self, ending: Ending | None) -> Sequence[bytes]:
        """The socket closes without a word."""
        return ()

    def _told(self, event: str, content: dict[str, Any]) -> bytes:
        return self._message({"event": event, "streamId": self.stream_id, **content})

    def _message(self, content: dict[str, Any]) -> bytes:
        number, self._sequence = self._sequence, self._sequence + 1
        return msgspec.json.encode({"sequenceNumber": number, **content})

    # --- from the account --------------------------------------------------------------------------------------------

    def receive(self, message: bytes) -> Inward:
        """``playAudio``, ``checkpoint``, ``clearAudio`` or ``sendDTMF``, where the stream goes both ways."""
        if len(message) > MESSAGE_LIMIT:
            return BadMessage(f"has {len(message)} bytes, more than {MESSAGE_LIMIT}")
        try:
            told = msgspec.json.decode(message)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return BadMessage("not JSON")
        if not isinstance(told, dict):
            return BadMessage("not an object")
        plain = cast("dict[str, Any]", told)
        if not self.bidirectional:
            return BadMessage("the stream is not bidirectional")
        if plain.get("streamId", self.stream_id) != self.stream_id:
            return BadMessage(f"streamId: is not {self.stream_id}")
        return _inward(plain)


def _inward(plain: dict[str, Any]) -> Inward:
    match plain.get("event"):
        case "playAudio":
            return _sound(plain.get("media"))
        case "checkpoint":
            name = plain.get("name")
            return PlayMark(name) if isinstance(name, str) and name else BadMessage("name: must be text")
        case "clearAudio":
            return ClearSound()
        case "sendDTMF":
            keys = plain.get("dtmf")
            known = isinstance(keys, str) and KEYS.fullmatch(keys)
            return PressKeys(cast("str", keys)) if known else BadMessage("dtmf: must be keys")
        case _:
            return BadMessage("event: must be playAudio, checkpoint, clearAudio or sendDTMF")


def _sound(media: Any) -> Inward:
    plain = cast("dict[str, Any]", media) if isinstance(media, dict) else {}
    if (plain.get("contentType"), plain.get("sampleRate")) != ("audio/x-mulaw", 8_000):
        return BadMessage("media: contentType and sampleRate must be those of the stream, audio/x-mulaw and 8000")
    payload: Any = plain.get("payload")
    try:
        return PlaySound(base64.b64decode(payload, validate=True))
    except (TypeError, binascii.Error, ValueError):
        return BadMessage("media.payload: must be base64")


@frozen(kw_only=True)
class Streams:
    """How streams of one call are ordered."""

    account_id: str
    call_uuid: str
    signer: Signer
    wall: Callable[[], Instant]
    fresh_id: Callable[[], str]

    def order(self, url: str, *, stream_id: str, headers: str, bidirectional: bool) -> MediaOrder:
        """A stream to ``url``. ``headers`` are ``k=v`` with commas, and arrive as JSON text."""
        pairs = dict(pair.split("=", 1) for pair in headers.split(",") if pair)
        framing = PlivoFraming(
            account_id=self.account_id,
            call_uuid=self.call_uuid,
            stream_id=stream_id,
            extra_headers=msgspec.json.encode(pairs).decode(),
            bidirectional=bidirectional,
            wall=self.wall,
        )
        handshake = self.signer.request("GET", url, {}, nonce=self.fresh_id())
        return MediaOrder(handshake=handshake, stream_id=stream_id, framing=framing, attempts=ATTEMPTS)
