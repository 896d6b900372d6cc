"""Framing of Media Streams: JSON text, base64 μ-law at 8 kHz (Twilio, "Media Streams: WebSocket messages").

Fifty messages a second and call, so they are read by one decoder and written by joining bytes.
"""

from __future__ import annotations

from binascii import b2a_base64
from typing import Annotated

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


class Format(msgspec.Struct, rename="camel", frozen=True):
    encoding: str = "audio/x-mulaw"
    sample_rate: int = 8_000


class Start(msgspec.Struct, rename="camel", frozen=True):
    call_sid: str = ""
    custom_parameters: dict[str, str] = {}
    media_format: Format = Format()


class Media(msgspec.Struct, frozen=True):
    payload: bytes
    track: str = "inbound"


class Mark(msgspec.Struct, frozen=True):
    name: str


class Digit(msgspec.Struct, frozen=True):
    digit: Annotated[str, msgspec.Meta(pattern=r"^[0-9*#A-D]$")]


class Message(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """Every part that any message has; ``event`` says which of them matter."""

    event: str
    stream_sid: str = ""
    start: Start | None = None
    media: Media | None = None
    mark: Mark | None = None
    dtmf: Digit | None = None


_messages = msgspec.json.Decoder(Message)
_quoted = msgspec.json.Encoder().encode


@frozen(kw_only=True)
class TwilioMedia:
    """Stateless, so one is as good as another."""

    def receive(self, message: bytes) -> MediaMessage:
        """One message from Twilio. Raises ``NotUnderstood`` naming the field."""
        try:
            told = _messages.decode(message)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise NotUnderstood(f"media message: {error}") from error
        match told:
            case Message(event="media", media=Media(track="inbound", payload=payload)):
                return MediaAudio(payload=payload)
            case Message(event="mark", mark=Mark(name=name)):
                return MediaMark(name=name)
            case Message(event="dtmf", dtmf=Digit(digit=digit)):
                return MediaDigits(digits=digit)
            case Message(event="start", stream_sid=stream_sid, start=Start() as start) if stream_sid:
                return MediaStart(
                    stream_id=stream_sid,
                    vendor_call_id=start.call_sid,
                    ticket=start.custom_parameters.get("ticket", ""),
                    encoding=start.media_format.encoding,
                    sample_rate=start.media_format.sample_rate,
                )
            case Message(event="stop"):
                return MediaStop(reason="stopped")
            case Message(event="media", media=None) | Message(event="start" | "mark" | "dtmf"):
                what = "streamSid" if told.event == "start" and told.start else told.event
                raise NotUnderstood(f"media message: {what}: is missing")
            case _:
                return MediaIgnored(kind=told.event)

    def send(self, stream_id: str, payload: bytes) -> bytes:
        """See ``MediaCodec.send``."""
        return b'{"event":"media","streamSid":%b,"media":{"payload":"%b"}}' % (
            _quoted(stream_id),
            b2a_base64(payload, newline=False),
        )

    def mark(self, stream_id: str, name: str) -> bytes:
        """See ``MediaCodec.mark``."""
        return b'{"event":"mark","streamSid":%b,"mark":{"name":%b}}' % (_quoted(stream_id), _quoted(name))

    def clear(self, stream_id: str) -> bytes:
        """See ``MediaCodec.clear``."""
        return b'{"event":"clear","streamSid":%b}' % _quoted(stream_id)
