"""Framing of the simulated network's media messages: JSON text, audio in base64, as Twilio's streams have it.

Twenty-millisecond frames come at 50 a second and call, so messages are parsed by one msgspec decoder and written by
joining bytes.
"""

from __future__ import annotations

from binascii import b2a_base64

import msgspec
from attrs import frozen

from voicecall.ports import (
    MediaAudio,
    MediaDigits,
    MediaIgnored,
    MediaMark,
    MediaMessage,
    MediaStart,
    MediaStop,
    NotUnderstood,
)


class Message(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """Every field that any message has; ``event`` says which of them matter."""

    event: str
    stream_id: str = ""
    provider_call_id: str = ""
    ticket: str = ""
    encoding: str = "audio/x-mulaw"
    sample_rate: int = 8_000
    payload: bytes = b""
    name: str = ""
    digits: str = ""
    reason: str = ""


_messages = msgspec.json.Decoder(Message)
_quoted = msgspec.json.Encoder().encode


@frozen(kw_only=True)
class MockMedia:
    """Stateless, so one is as good as another."""

    def receive(self, message: bytes) -> MediaMessage:
        """One message from the network. Raises ``NotUnderstood`` naming the field."""
        try:
            told = _messages.decode(message)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise NotUnderstood(f"media message: {error}") from error
        match told.event:
            case "media":
                return MediaAudio(payload=told.payload)
            case "mark":
                return MediaMark(name=told.name)
            case "dtmf":
                return MediaDigits(digits=told.digits)
            case "start":
                return _start(told)
            case "stop":
                return MediaStop(reason=told.reason)
            case _:
                return MediaIgnored(kind=told.event)

    def send(self, stream_id: str, payload: bytes) -> bytes:
        """A message that plays ``payload``."""
        head = b'{"event":"media","streamId":' + _quoted(stream_id)
        return head + b',"payload":"' + b2a_base64(payload, newline=False) + b'"}'

    def mark(self, stream_id: str, name: str) -> bytes:
        """A message that is echoed when everything before it has been played."""
        return b'{"event":"mark","streamId":' + _quoted(stream_id) + b',"name":' + _quoted(name) + b"}"

    def clear(self, stream_id: str) -> bytes:
        """A message that drops what has not been played yet."""
        return b'{"event":"clear","streamId":' + _quoted(stream_id) + b"}"


def _start(told: Message) -> MediaStart:
    if not told.stream_id:
        raise NotUnderstood("start: streamId is missing")
    return MediaStart(
        stream_id=told.stream_id,
        vendor_call_id=told.provider_call_id,
        ticket=told.ticket,
        encoding=told.encoding,
        sample_rate=told.sample_rate,
    )
