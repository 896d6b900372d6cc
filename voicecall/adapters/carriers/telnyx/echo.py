"""``client_state``: what Telnyx echoes in every later event of a leg, under its signature (Telnyx, "Dial").

It carries whose call it is, and with a command to speak, which utterance it is about.
"""

from __future__ import annotations

import base64
import binascii

import msgspec
from attrs import frozen

from voicecall.ports import Leg


class _State(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True):
    call_id: str = ""
    direction: str = ""
    effect: str = ""
    utterance: int = 0
    ticket: str = ""


@frozen(kw_only=True)
class Echo:
    """What came back; empty where nothing of ours did."""

    call_id: str = ""
    direction: str = ""
    effect: str = ""
    utterance: int = 0
    ticket: str = ""


def echo(leg: Leg, direction: str, *, effect: str = "", utterance: int = 0, ticket: str = "") -> str:
    """A ``client_state``."""
    state = _State(call_id=leg.call_id, direction=direction, effect=effect, utterance=utterance, ticket=ticket)
    return base64.b64encode(msgspec.json.encode(state)).decode("ascii")


def read_echo(text: str | None) -> Echo:
    """What is in a ``client_state``; one that is not ours tells nothing."""
    try:
        state = msgspec.json.decode(base64.b64decode(text or "", validate=True), type=_State)
    except (msgspec.DecodeError, binascii.Error, UnicodeError, ValueError, RecursionError):
        return Echo()
    return Echo(
        call_id=state.call_id,
        direction=state.direction,
        effect=state.effect,
        utterance=state.utterance,
        ticket=state.ticket,
    )
