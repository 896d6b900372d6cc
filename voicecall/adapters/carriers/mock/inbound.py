"""What the simulated network tells us: signed webhooks into facts.

The body is the reference's ``{"event": {…}}`` or ``{"events": […]}``; each event needs ``type`` and ``callId``. A null
counts as absent, an explicit falsy value (``isFinal: false``, ``reason: ""``) does not. Whatever can be assigned to a
call but not understood is kept as ``vendor.reported`` in the network's own words.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Literal, cast, get_args

import msgspec
from attrs import frozen

from voicecall.events import AnyEvent, EndReason, Instant
from voicecall.events import facts as fact
from voicecall.ports import BadSignature, Heard, HttpRequest, NotUnderstood

SIGNATURE = "x-mock-signature"
TIMESTAMP = "x-mock-timestamp"
WINDOW_S = 300
"""How far a timestamp may be from our clock, either way."""
DETAIL_LIMIT = 2_000
"""How many characters of a message that moves nothing are kept."""
KEYS = frozenset("0123456789*#ABCD")

Plain = dict[str, Any]


# --- proof of origin -------------------------------------------------------------------------------------------------


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Hex HMAC-SHA256 over ``timestamp + "." + body``; ``timestamp`` is in seconds."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def verify(request: HttpRequest, *, secret: str, now: Instant) -> None:
    """Raises ``BadSignature``."""
    if not secret:
        raise BadSignature("no secret is configured for the mock carrier (mock.secret)")
    signature, timestamp = request.headers.get(SIGNATURE, ""), request.headers.get(TIMESTAMP, "")
    if not signature or not timestamp:
        raise BadSignature(f"{SIGNATURE if not signature else TIMESTAMP}: the header is missing")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise BadSignature(f"{TIMESTAMP}: not a number of seconds")
    expected = sign(secret, timestamp, request.body)
    if not hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), expected.encode()):
        raise BadSignature(f"{SIGNATURE}: the signature does not match the body")
    if abs(int(timestamp) - now // 1000) > WINDOW_S:
        raise BadSignature(f"{TIMESTAMP}: more than {WINDOW_S} s from now")


# --- decoding --------------------------------------------------------------------------------------------------------


class Event(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """One event of the reference's mock, with its defaults for what is missing."""

    type: str
    call_id: str
    provider_call_id: str = ""
    direction: str = ""
    from_: str = msgspec.field(name="from", default="")
    to: str = ""
    transcript: str = ""
    is_final: bool = True
    confidence: float = 1.0
    started_ms: int = 0
    ended_ms: int = 0
    digits: str = ""
    reason: str = "completed"
    error: str = "unknown error"
    retryable: bool = False
    answered_by: str = "unknown"
    result: str = ""
    how: str = ""


@frozen(kw_only=True)
class Named:
    """What of an event says whose it is, read before the rest is looked at."""

    kind: str
    call_id: str
    vendor_call_id: str
    key: str


def decode(request: HttpRequest) -> tuple[Heard, ...]:
    """The facts in a verified request; empty when no event can be assigned to a call. Raises ``NotUnderstood``."""
    try:
        return tuple(heard for plain in _events(request.body) if (heard := _heard(plain)) is not None)
    except RecursionError as error:
        raise NotUnderstood("the body is nested too deeply") from error


def _events(body: bytes) -> list[Plain]:
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise NotUnderstood(f"the body is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise NotUnderstood('the body must be an object with "event" or "events"')
    envelope = cast("Plain", data)
    if (many := envelope.get("events")) is not None:
        if not isinstance(many, list):
            raise NotUnderstood("events: must be a list")
        found = cast("list[Any]", many)
    elif (one := envelope.get("event")) is not None:
        found = [one]
    else:
        raise NotUnderstood('the body has neither "event" nor "events"')
    for index, plain in enumerate(found):
        if not isinstance(plain, dict):
            raise NotUnderstood(f"events[{index}]: must be an object")
    return [{name: value for name, value in plain.items() if value is not None} for plain in found]


def _heard(plain: Plain) -> Heard | None:
    named = _named(plain)
    if not named.call_id and not named.vendor_call_id:
        return None
    offer, caller, callee = False, "", ""
    try:
        event = msgspec.convert(plain, Event)
    except msgspec.ValidationError as error:
        found: AnyEvent = _kept(plain, status=named.kind or "untyped", code=f"not understood: {error}")
    else:
        found = _fact(event, plain)
        offer = event.direction == "inbound" and event.type in ("call.initiated", "call.ringing")
        caller, callee = (event.from_, event.to) if offer else ("", "")
    return Heard(
        key=named.key,
        event=found,
        call_id=named.call_id,
        # The reference's mock knows no vendor id for a call that it made up itself: then its own id is the vendor's.
        vendor_call_id=named.vendor_call_id or named.call_id,
        offer=offer,
        caller=caller,
        callee=callee,
    )


def _named(plain: Plain) -> Named:
    name = plain.get("id")
    known = (isinstance(name, str) and name) or (isinstance(name, int) and not isinstance(name, bool))
    return Named(
        kind=_text(plain, "type"),
        call_id=_text(plain, "callId"),
        vendor_call_id=_text(plain, "providerCallId"),
        key=str(name) if known else "sha256:" + hashlib.sha256(_canonical(plain)).hexdigest(),
    )


def _fact(event: Event, plain: Plain) -> AnyEvent:
    match event.type:
        case "call.ringing":
            return fact.CallRinging(vendor_call_id=event.provider_call_id)
        case "call.answered":
            return fact.CallAnswered(by=_by(event.answered_by), vendor_call_id=event.provider_call_id)
        case "call.machine":
            return fact.MachineDetected(result=_result(event.result), vendor_word=event.result)
        case "call.machine.finished":
            return fact.MachineFinished(how=_how(event.how), vendor_word=event.how)
        case "call.dtmf" if event.digits and KEYS.issuperset(event.digits):
            return fact.DigitsPressed(digits=event.digits)
        case "call.speech" if event.transcript.strip():
            return _said(event) if event.is_final else fact.CallerHeard(text=event.transcript)
        case "call.ended":
            reason = end_reason(event.reason)
            return fact.CallEnded(reason=reason, vendor_code=event.reason)
        case "call.error" if not event.retryable:
            return fact.CallEnded(reason="error", vendor_code=event.error)
        case "call.error":
            return _kept(plain, status=event.type, code=event.error)
        case _:
            return _kept(plain, status=event.type)


def _said(event: Event) -> fact.CallerSaid:
    return fact.CallerSaid(
        text=event.transcript,
        confidence=min(1.0, max(0.0, event.confidence)),
        started_ms=event.started_ms,
        ended_ms=event.ended_ms,
    )


def end_reason(word: str) -> EndReason:
    """Our word for how a call ended; the network speaks our vocabulary and says ``declined``; the rest is unknown."""
    candidate = word.strip().lower().replace("_", "-")
    if candidate == "declined":
        return "busy"
    return cast("EndReason", candidate) if candidate in get_args(EndReason) else "unknown"


def _result(word: str) -> Literal["human", "machine", "fax", "unknown"]:
    match word:
        case "human" | "machine" | "fax":
            return word
        case _:
            return "unknown"


def _how(word: str) -> Literal["beep", "silence", "other"]:
    match word:
        case "beep" | "silence":
            return word
        case _:
            return "other"


def _by(word: str) -> Literal["human", "machine", "unknown"]:
    match word:
        case "human" | "machine":
            return word
        case _:
            return "unknown"


def _kept(plain: Plain, *, status: str, code: str = "") -> fact.VendorReported:
    detail = _canonical(plain).decode("utf-8", "replace")
    return fact.VendorReported(status=status, code=code, detail=detail[:DETAIL_LIMIT])


def _canonical(plain: Plain) -> bytes:
    return msgspec.json.encode(plain, order="deterministic")


def _text(plain: Plain, name: str) -> str:
    value = plain.get(name)
    return value if isinstance(value, str) else ""
