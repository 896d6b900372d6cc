"""Framing of Plivo's audio streaming: JSON text, base64 μ-law at 8 kHz (Plivo, "Audio streaming").

Checkpoints that wait when the audio is cleared never come back: ``clearedAudio`` stands for all of them, and the plane
has forgotten them when it cleared.
"""

from __future__ import annotations

import binascii
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
    sample_rate: int | Annotated[str, msgspec.Meta(pattern="^[0-9]{1,6}$")] = 8_000


class Start(msgspec.Struct, rename="camel", frozen=True):
    call_id: str = ""
    stream_id: str = ""
    media_format: Format = Format()


class Media(msgspec.Struct, frozen=True):
    payload: bytes
    track: str = "inbound"


class Digit(msgspec.Struct, frozen=True):
    digit: Annotated[str, msgspec.Meta(pattern="^[0-9*#A-D]$")]


class Message(msgspec.Struct, kw_only=True, frozen=True):
    """Every part that any message has; ``event`` says which of them matter."""

    event: str
    start: Start | None = None
    media: Media | None = None
    dtmf: Digit | None = None
    name: str = ""
    reason: str = ""
    extra_headers: str | dict[str, str] = ""


_messages = msgspec.json.Decoder(Message)
_quoted = msgspec.json.Encoder().encode


@frozen(kw_only=True)
class PlivoMedia:
    """Stateless, so one is as good as another."""

    def receive(self, message: bytes) -> MediaMessage:
        """One message from Plivo. Raises ``NotUnderstood`` naming the field."""
        try:
            told = _messages.decode(message)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise NotUnderstood(f"media message: {error}") from error
        match told:
            case Message(event="media", media=Media(track="inbound", payload=payload)):
                return MediaAudio(payload=payload)
            case Message(event="playedStream", name=name) if name:
                return MediaMark(name=name)
            case Message(event="dtmf", dtmf=Digit(digit=digit)):
                return MediaDigits(digits=digit)
            case Message(event="start", start=Start() as start) if start.stream_id:
                return _start(start, told.extra_headers)
            case Message(event="stop"):
                return MediaStop(reason=told.reason or "stopped")
            case Message(event="media", media=None) | Message(event="start" | "dtmf" | "playedStream"):
                raise NotUnderstood(f"media message: {told.event}: {_missing(told)} is missing")
            case _:
                return MediaIgnored(kind=told.event)

    def send(self, stream_id: str, payload: bytes) -> bytes:
        """See ``MediaCodec.send``."""
        return (
            b'{"event":"playAudio","streamId":%b,"media":'
            b'{"contentType":"audio/x-mulaw","sampleRate":8000,"payload":"%b"}}'
        ) % (_quoted(stream_id), b2a_base64(payload, newline=False))

    def mark(self, stream_id: str, name: str) -> bytes:
        """See ``MediaCodec.mark``."""
        return b'{"event":"checkpoint","streamId":%b,"name":%b}' % (_quoted(stream_id), _quoted(name))

    def clear(self, stream_id: str) -> bytes:
        """See ``MediaCodec.clear``."""
        return b'{"event":"clearAudio","streamId":%b}' % _quoted(stream_id)


def _missing(told: Message) -> str:
    return {"start": "streamId" if told.start else "start", "playedStream": "name"}.get(told.event, told.event)


def _start(start: Start, extra_headers: str | dict[str, str]) -> MediaStart:
    rate = start.media_format.sample_rate
    return MediaStart(
        stream_id=start.stream_id,
        vendor_call_id=start.call_id,
        ticket=_ticket(_headers(extra_headers).get("ticket", "")),
        encoding=start.media_format.encoding,
        sample_rate=int(rate),
    )


def _headers(text: str | dict[str, str]) -> dict[str, str]:
    """Extra headers in each form that is seen: an object, its JSON text, ``k=v`` with commas or semicolons."""
    if isinstance(text, dict):
        return text
    try:
        return msgspec.json.decode(text.encode("utf-8", "surrogatepass"), type=dict[str, str])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pairs = (part.partition("=") for part in text.replace(";", ",").split(","))
        return {name.strip(): value.strip() for name, _, value in pairs}


def _ticket(text: str) -> str:
    try:
        return binascii.unhexlify(text.encode("ascii")).decode("utf-8")
    except (binascii.Error, UnicodeError):
        return ""
