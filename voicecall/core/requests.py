"""Local wishes: what a person, a program or the media plane may ask of a call. Each may be refused."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from voicecall.events import EndReason, Policy, Request


@frozen(kw_only=True)
class PlaceCall(Request):
    """Call somebody. ``request_id`` names the wish: the same one again is the same call."""

    request_id: str
    carrier: str
    caller: str
    callee: str
    policy: Policy
    by: str = ""


@frozen(kw_only=True)
class Say(Request):
    """Say ``text`` on a live call."""

    text: str
    by: str = ""


@frozen(kw_only=True)
class Ask(Request):
    """Say ``text`` and wait for the caller's next final utterance (``continue``)."""

    text: str
    by: str = ""


@frozen(kw_only=True)
class PressDigits(Request):
    """Send keys on a live call: ``0-9 * # A-D``, ``w`` and ``W`` wait."""

    digits: str
    by: str = ""


@frozen(kw_only=True)
class EndCall(Request):
    """Hang up."""

    reason: EndReason = "hangup-bot"
    by: str = ""


@frozen(kw_only=True)
class OpenStream(Request):
    """A media socket wants to carry this call's sound. ``ticket`` has been verified, but may have been used."""

    stream_id: str
    ticket: str = field(repr=False)
    encoding: str = "audio/x-mulaw"
    sample_rate: int = 8_000


Wish = PlaceCall | Say | Ask | PressDigits | EndCall | OpenStream

RefusalCode = Literal[
    "bad-request", "not-found", "not-connected", "ended", "busy", "limit", "draining", "unsupported", "unavailable"
]


@frozen(kw_only=True)
class Refused:
    """Why a request was not admitted, in words for the one who asked."""

    code: RefusalCode
    reason: str
