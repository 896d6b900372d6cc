"""Framing of Telnyx's media streaming: JSON text, base64 PCMU (Telnyx, "Media streaming over WebSockets").

Media messages may come out of order; each has its place in ``chunk``. What we send names no stream.
"""

from __future__ import annotations

from binascii import b2a_base64
from typing import Any

import msgspec
from attrs import frozen

from voicecall.adapters.carriers.telnyx.echo import read_echo
from voicecall.ports import (
    MediaAudio,
    MediaIgnored,
    MediaMark,
    MediaMessage,
    MediaStart,
    MediaStop,
    NotUnderstood,
)

ENCODINGS = {"PCMU": "audio/x-mulaw"}
PLACE_DIGITS = 12
"""A longer number does not count frames."""


class Format(msgspec.Struct, frozen=True):
    encoding: str = "PCMU"
    sample_rate: int = 8_000


class Start(msgspec.Struct, frozen=True):
    call_control_id: str = ""
    client_state: str | None = None
    custom_parameters: dict[str, Any] | None = None
    media_format: Format = Format()


class Media(msgspec.Struct, frozen=True):
    payload: bytes = b""
    track: str = "inbound"
    chunk: str | int = "0"


class Mark(msgspec.Struct, frozen=True):
    name: str = ""


class Error(msgspec.Struct, frozen=True):
    code: int | str = ""
    title: str = ""


class Message(msgspec.Struct, kw_only=True, frozen=True):
    """Every part that any message has; ``event`` says which of them matter."""

    event: str
    stream_id: str = ""
    start: Start | None = None
    media: Media | None = None
    mark: Mark | None = None
    payload: Error | None = None


_messages = msgspec.json.Decoder(Message)
_quoted = msgspec.json.Encoder().encode


@frozen(kw_only=True)
class TelnyxMedia:
    """Stateless, so one is as good as another."""

    def receive(self, message: bytes) -> MediaMessage:
        """One message from Telnyx. Raises ``NotUnderstood`` naming the field. Keys come by webhook, from one source."""
        try:
            told = _messages.decode(message)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise NotUnderstood(f"media message: {error}") from error
        match told:
            case Message(event="media", media=Media(track="inbound") as media):
                return MediaAudio(payload=media.payload, place=_place(str(media.chunk)))
            case Message(event="mark", mark=Mark(name=name)):
                return MediaMark(name=name)
            case Message(event="start", start=Start() as start):
                return _start(told.stream_id, start)
            case Message(event="stop"):
                return MediaStop(reason="stopped")
            case Message(event="error", payload=Error() as error):
                return MediaIgnored(kind=f"error {error.code} {error.title}".strip())
            case Message(event="start" | "mark") | Message(event="media", media=None):
                raise NotUnderstood(f"media message: {told.event}: is missing")
            case _:
                return MediaIgnored(kind=told.event)

    def send(self, stream_id: str, payload: bytes) -> bytes:
        """See ``MediaCodec.send``."""
        return b'{"event":"media","media":{"payload":"%b"}}' % b2a_base64(payload, newline=False)

    def mark(self, stream_id: str, name: str) -> bytes:
        """See ``MediaCodec.mark``."""
        return b'{"event":"mark","mark":{"name":%b}}' % _quoted(name)

    def clear(self, stream_id: str) -> bytes:
        """See ``MediaCodec.clear``."""
        return b'{"event":"clear"}'


def _place(chunk: str) -> int:
    return int(chunk) if chunk.isascii() and chunk.isdigit() and len(chunk) <= PLACE_DIGITS else 0


def _start(stream_id: str, start: Start) -> MediaStart:
    """The ticket comes with the command that opened the stream; ``answer`` has room for it in its state only."""
    if not stream_id:
        raise NotUnderstood("media message: stream_id: is missing")
    given = (start.custom_parameters or {}).get("ticket")
    return MediaStart(
        stream_id=stream_id,
        vendor_call_id=start.call_control_id,
        ticket=given if isinstance(given, str) and given else read_echo(start.client_state).ticket,
        encoding=ENCODINGS.get(start.media_format.encoding, start.media_format.encoding),
        sample_rate=start.media_format.sample_rate,
    )
