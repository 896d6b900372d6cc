"""What the tests of Twilio's codec share: samples, a call of ours, requests signed by Twilio's library."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from twilio.request_validator import RequestValidator

from voicecall.adapters.carriers.twilio import carrier
from voicecall.events import AnyEffect, AnyEvent, CallId, EffectId, Instant
from voicecall.events import effects as do
from voicecall.ports import Account, Exchange, Heard, HttpRequest, HttpResponse, Leg, Stance

SAMPLES = Path(__file__).parent / "samples"
TOKEN = "12345678901234567890123456789012"
ACCOUNT_SID = "AC0123456789abcdef0123456789abcdef"
CALL = "CA89abcdef0123456789abcdef01234567"
ACCOUNT = Account(api_url="https://api.twilio.com", secrets={"account_sid": ACCOUNT_SID, "auth_token": TOKEN})
WEBHOOK = "https://voice.example.com/voice/webhook"
ID = EffectId("2.0")
LEG = Leg(
    call_id=CallId("c1"),
    caller="+12025550123",
    callee="+14155550142",
    account=ACCOUNT,
    webhook_url=WEBHOOK,
    media_url="wss://voice.example.com/voice/stream",
    vendor_call_id=CALL,
    ticket="t1.abc",
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


def sample(name: str) -> bytes:
    """One sample, as it is on the wire."""
    return (SAMPLES / name).read_bytes()


def form(name: str) -> dict[str, str]:
    """The fields of a sampled form."""
    return dict(parse_qsl(sample(name).decode(), keep_blank_values=True))


def posted(body: bytes | Mapping[str, str], query: str = "", *, token: str = TOKEN) -> HttpRequest:
    """A form as Twilio posts it, signed by Twilio's own library."""
    content = body if isinstance(body, bytes) else urlencode(body).encode()
    url = WEBHOOK + query
    fields = dict(parse_qsl(content.decode(), keep_blank_values=True))
    return HttpRequest(
        method="POST",
        url=url,
        headers={
            "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
            "x-twilio-signature": RequestValidator(token).compute_signature(url, fields),
        },
        body=content,
    )


def heard(body: bytes | Mapping[str, str], query: str = "") -> tuple[Heard, ...]:
    """What is understood of a form, once it is proven."""
    request = posted(body, query)
    carrier.verify(request, account=ACCOUNT, now=Instant(0))
    return carrier.decode(request)


def events(body: bytes | Mapping[str, str], query: str = "") -> list[AnyEvent | None]:
    """The facts alone."""
    return [one.event for one in heard(body, query)]


def sent(effect: AnyEffect, leg: Leg = LEG) -> HttpRequest:
    """The request that carries out an effect."""
    request = carrier.encode(ID, effect, leg)
    assert request is not None
    return request


def fields_of(request: HttpRequest) -> list[tuple[str, str]]:
    """The form in a request."""
    return parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)


def told(effect: AnyEffect, status: int, body: bytes = b"", *, leg: Leg = LEG) -> Any:
    """What an answer means."""
    exchange = Exchange(request=sent(effect, leg), response=HttpResponse(status=status, body=body))
    return carrier.interpret(ID, effect, (exchange,), leg)
