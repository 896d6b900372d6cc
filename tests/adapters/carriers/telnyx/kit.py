"""Telnyx's samples, and requests made of them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from voicecall.adapters.carriers.telnyx import carrier
from voicecall.adapters.carriers.telnyx.echo import echo
from voicecall.events import AnyEvent, CallId, Instant
from voicecall.ports import Account, Heard, HttpRequest, Leg

SAMPLES = Path(__file__).parent / "samples"
CALL = "v3:exampleCallControlIdAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
OURS = "0198f2"
"""Our name of the call in the samples' ``client_state``."""
LEG = Leg(
    call_id=CallId(OURS),
    caller="+12025550123",
    callee="+14155550142",
    account=Account(
        api_url="https://api.telnyx.com/v2/",
        secrets={"api_key": "KEY_hush", "connection_id": "1234567890123456789", "public_key": ""},
    ),
    webhook_url="https://voice.example.com/voice/webhook",
    media_url="wss://voice.example.com/voice/stream",
    vendor_call_id=CALL,
    ticket="0198f2.1794036060.7.0badc0de",
    nonce="7.0",
    placed_at=Instant(1_794_035_990_000),
)
Plain = dict[str, Any]


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def plain(name: str) -> Plain:
    return json.loads(sample(name))


def webhook(body: bytes | Plain) -> HttpRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpRequest(method="POST", url=LEG.webhook_url, body=content)


def heard(body: bytes | Plain) -> tuple[Heard, ...]:
    return carrier.decode(webhook(body))


def event(body: bytes | Plain) -> AnyEvent | None:
    """The only fact of a request."""
    (one,) = heard(body)
    return one.event


def changed(name: str, **fields: Any) -> Plain:
    """A sample with other fields in its payload; None removes one."""
    found = plain(name)
    payload = {**found["data"]["payload"], **fields}
    found["data"]["payload"] = {key: value for key, value in payload.items() if value is not None}
    return found


def state(direction: str, **more: Any) -> str:
    """What comes back of a ``client_state`` of ours."""
    return echo(LEG, direction, **more)


def read_state(text: str) -> Plain:
    return json.loads(base64.b64decode(text, validate=True))
