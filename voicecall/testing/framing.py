"""The messages of a media stream, between the network and a vendor's wire.

The network plays, sends and counts sound; a ``Framing`` says in what words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import field, frozen

from voicecall.ports import HttpRequest
from voicecall.testing.happenings import Ending


@frozen
class PlaySound:
    """μ-law at 8 kHz for the person's ear."""

    payload: bytes = field(repr=False)


@frozen
class PlayMark:
    """Tell when everything before this has been played."""

    name: str


@frozen
class ClearSound:
    """Play nothing of what is waiting."""


@frozen
class PressKeys:
    """Send keys down the line."""

    digits: str


@frozen
class BadMessage:
    """The account's side broke the vendor's rules; ``reply`` is what it is told, ``fatal`` ends the stream."""

    why: str
    reply: bytes = b""
    fatal: bool = False


@frozen
class Ignored:
    """A message without consequences."""


Inward = PlaySound | PlayMark | ClearSound | PressKeys | BadMessage | Ignored
"""The closed union of what a media message of the account's side asks for."""


class Framing(Protocol):
    """The messages of one media stream; made anew for each, so it may count. Sound is μ-law at 8 kHz."""

    def opening(self) -> Sequence[bytes]:
        """The first messages."""
        ...

    def sound(self, frame: bytes, at_ms: int) -> bytes:
        """20 ms of the person's voice that begin ``at_ms`` after the start of the stream."""
        ...

    def played(self, name: str) -> Sequence[bytes]:
        """A mark was reached."""
        ...

    def cleared(self, names: Sequence[str]) -> Sequence[bytes]:
        """A ``ClearSound`` was carried out; these marks were still waiting."""
        ...

    def key(self, digit: str) -> Sequence[bytes]:
        """The person pressed a key; empty when the vendor does not tell it here."""
        ...

    def closing(self, ending: Ending | None) -> Sequence[bytes]:
        """The last messages; ``ending`` when the call is over."""
        ...

    def receive(self, message: bytes) -> Inward:
        """What a message of the account's side asks for. Never raises."""
        ...


@frozen(kw_only=True)
class MediaOrder:
    """A media stream to be opened: ``handshake`` is the GET with the socket's URL and the vendor's own headers."""

    handshake: HttpRequest
    stream_id: str
    framing: Framing
    attempts: int = 1
