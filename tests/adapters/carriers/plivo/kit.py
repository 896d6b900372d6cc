"""What the tests of Plivo's codec share: samples, a call of ours, requests as Plivo signs them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from attrs import evolve as change

from voicecall.adapters.carriers.plivo import carrier
from voicecall.events import AnyEffect, AnyEvent, CallId, EffectId, Instant
from voicecall.events import effects as do
from voicecall.ports import Account, Exchange, Heard, HttpRequest, HttpResponse, Leg, Stance
from voicecall.testing.plivo.signing import Signer

SAMPLES = Path(__file__).parent / "samples"
TOKEN = "MmQ0ZjY4OGEyMWM5NTVlM2I3YzE5MGFk"
AUTH_ID = "MAEXAMPLE0123456789A"
CALL = "0b6d4ad1-3f1e-4c53-9a39-2f7d0e7a1c11"
STREAM = "b77e037d-4119-44b5-902d-25826b654539"
ACCOUNT = Account(
    api_url="https://api.plivo.com/v1", secrets={"auth_id": AUTH_ID, "auth_token": TOKEN, "signatures": "auto"}
)
WEBHOOK = "https://voice.example.com/voice/webhook"
BASE = f"https://api.plivo.com/v1/Account/{AUTH_ID}"
ID = EffectId("2.0")
LEG = Leg(
    call_id=CallId("c1"),
    caller="+12025550123",
    callee="+14155550142",
    account=ACCOUNT,
    webhook_url=WEBHOOK,
    media_url="wss://voice.example.com/voice/stream",
    vendor_call_id=CALL,
    ticket="c1.1794036060.7.0badc0de",
    nonce="7",
    placed_at=Instant(1_794_036_000_000),
)
DIAL = do.Dial(caller=LEG.caller, callee=LEG.callee, ring_timeout_ms=30_000)
RECONCILE = do.Reconcile(placed_at=LEG.placed_at)
STANCES = tuple(Stance)

CONTROL: tuple[AnyEffect, ...] = (
    do.Answer(),
    do.Reject(reason="busy"),
    DIAL,
    do.Hangup(),
    do.SendDigits(digits="12w#"),
    RECONCILE,
    do.OpenMedia(),
    do.Listen(),
    do.Speak(utterance=1, text="hello"),
    do.StopSpeaking(utterance=1),
)
OTHERS: tuple[AnyEffect, ...] = (
    do.AskAgent(turn=1, text="hello"),
    do.StartTimer(name="ring", due=Instant(1)),
    do.Conclude(reason="error"),
    do.UnknownEffect(),
)
Plain = dict[str, Any]


def sample(name: str) -> bytes:
    """One sample, as it is on the wire."""
    return (SAMPLES / name).read_bytes()


def form(name: str) -> dict[str, str]:
    """The fields of a sampled form."""
    return dict(parse_qsl(sample(name).decode(), keep_blank_values=True))


def plain(name: str) -> Plain:
    """A sample in JSON."""
    return json.loads(sample(name))


def posted(
    fields: Mapping[str, str], query: str = "", *, schemes: str = "v3,v2", nonce: str = "05429567804466091622"
) -> HttpRequest:
    """A form as Plivo posts it."""
    signer = Signer(token=TOKEN, schemes=frozenset(schemes.split(",")))
    return signer.request("POST", WEBHOOK + query, fields, nonce=nonce)


def heard(fields: Mapping[str, str], query: str = "") -> tuple[Heard, ...]:
    """What is understood of a form, once it is proven."""
    request = posted(fields, query)
    carrier.verify(request, account=ACCOUNT, now=Instant(0))
    return carrier.decode(request)


def events(fields: Mapping[str, str], query: str = "") -> list[AnyEvent | None]:
    """The facts alone."""
    return [one.event for one in heard(fields, query)]


def sent(effect: AnyEffect, leg: Leg = LEG) -> HttpRequest:
    """The request that carries out an effect."""
    request = carrier.encode(ID, effect, leg)
    assert request is not None
    return request


def body_of(request: HttpRequest) -> Plain:
    """The JSON in a request."""
    return json.loads(request.body)


def exchange(request: HttpRequest, status: int, body: bytes | Plain = b"") -> Exchange:
    """A request and its answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Exchange(request=request, response=HttpResponse(status=status, body=content))


def told(effect: AnyEffect, status: int, body: bytes | Plain = b"", *, leg: Leg = LEG) -> Any:
    """What an answer means."""
    return carrier.interpret(ID, effect, (exchange(sent(effect, leg), status, body),), leg)


def unnamed(leg: Leg = LEG) -> Leg:
    """The same call, before Plivo has told its name."""
    return change(leg, vendor_call_id="")
