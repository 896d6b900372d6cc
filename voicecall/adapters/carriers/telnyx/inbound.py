"""What Telnyx tells us: signed JSON events into facts (Telnyx, "Receiving webhooks for Call Control").

A redelivery has the same ``data.id``, which is the key. Whose call it is travels in ``client_state``, which is signed;
nothing is taken from the URL. Order is not promised, so words and keys keep when they happened. What moves nothing is
kept in Telnyx's words.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from attrs import evolve as change

from voicecall.adapters.carriers.telnyx import words
from voicecall.adapters.carriers.telnyx.echo import Echo, read_echo
from voicecall.events import AnyEvent, EffectId, Instant
from voicecall.events import facts as fact
from voicecall.ports import Heard, HttpRequest, NotUnderstood

DETAIL_LIMIT = 2_000
KEYS = frozenset("0123456789*#ABCD")
HIDDEN = frozenset({"client_state", "custom_parameters", "stream_auth_token"})
"""What is not kept of an event: these may hold a media ticket."""
EPOCH_UTC = datetime.fromtimestamp(0, UTC)
Plain = dict[str, Any]


class Payload(msgspec.Struct, frozen=True):
    """Every field of any event that matters to us; null counts as absent."""

    call_control_id: str = ""
    client_state: str = ""
    direction: str = ""
    state: str = ""
    from_: str = msgspec.field(name="from", default="")
    to: str = ""
    hangup_cause: str = ""
    hangup_source: str = ""
    sip_hangup_cause: str | int = ""
    status: str = ""
    digit: str = ""
    result: str = ""
    transcription_data: Plain = {}


def decode(request: HttpRequest) -> tuple[Heard, ...]:
    """The facts in a verified request. Raises ``NotUnderstood`` naming the field."""
    data = _data(request.body)
    kind, name, payload = data.get("event_type"), data.get("id"), data.get("payload")
    if not isinstance(kind, str) or not kind:
        raise NotUnderstood("data.event_type: is missing")
    if not isinstance(name, str) or not name:
        raise NotUnderstood("data.id: is missing")
    if not isinstance(payload, dict):
        raise NotUnderstood("data.payload: must be an object")
    plain = {field: value for field, value in cast("Plain", payload).items() if value is not None}
    try:
        return _heard(f"telnyx:{name}", kind, plain, _instant(data.get("occurred_at")))
    except RecursionError as error:
        raise NotUnderstood("data.payload: is nested too deeply") from error


def _data(body: bytes) -> Plain:
    try:
        envelope = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise NotUnderstood(f"the body is not JSON: {error}") from error
    data = cast("Plain", envelope).get("data") if isinstance(envelope, dict) else None
    if not isinstance(data, dict):
        raise NotUnderstood('the body must be an object with "data" (webhook API version 2)')
    return cast("Plain", data)


def _instant(stamp: object) -> Instant:
    """ISO 8601; 0 for anything else."""
    try:
        moment = datetime.fromisoformat(stamp) if isinstance(stamp, str) else EPOCH_UTC
        return Instant(max(0, round((moment.astimezone(UTC) - EPOCH_UTC).total_seconds() * 1000)))
    except (ValueError, OverflowError):
        return Instant(0)


def _heard(key: str, kind: str, plain: Plain, at: Instant) -> tuple[Heard, ...]:
    try:
        payload = msgspec.convert(plain, Payload)
    except msgspec.ValidationError as error:
        return _misshapen(key, kind, plain, str(error))
    name = payload.call_control_id
    if not name:
        return ()
    if kind == "call.initiated" and payload.direction == "incoming":
        caller = words.caller(payload.from_)
        return (Heard(key=key, vendor_call_id=name, offer=True, caller=caller, callee=payload.to),)
    told = read_echo(payload.client_state)
    heard = Heard(key=key, event=_fact(kind, payload, told, plain, at), call_id=told.call_id, vendor_call_id=name)
    if kind.removeprefix("call.") != "streaming.failed":
        return (heard,)
    return heard, change(heard, key=f"{key}:flow", event=fact.FlowAsked(after="stream"))


def _misshapen(key: str, kind: str, plain: Plain, why: str) -> tuple[Heard, ...]:
    """An event whose fields have other types than we know: kept, if it says whose it is."""
    name, state = plain.get("call_control_id"), plain.get("client_state")
    if not isinstance(name, str) or not name:
        return ()
    told = read_echo(state if isinstance(state, str) else None)
    event = _kept(kind, plain, code=f"not understood: {why}")
    return (Heard(key=key, event=event, call_id=told.call_id, vendor_call_id=name),)


def _fact(kind: str, payload: Payload, told: Echo, plain: Plain, at: Instant) -> AnyEvent:
    match kind:
        case "call.initiated" if payload.state == "bridging":
            # No event says that it rings; this one says that the call is on its way there.
            return fact.CallRinging(vendor_call_id=payload.call_control_id)
        case "call.ringing":
            return fact.CallRinging(vendor_call_id=payload.call_control_id)
        case "call.answered":
            return fact.CallAnswered(vendor_call_id=payload.call_control_id)
        case "call.hangup":
            inbound = told.direction != "outbound"
            cause, source = payload.hangup_cause, payload.hangup_source
            return words.ended(cause, source, inbound=inbound, sip_code=str(payload.sip_hangup_cause))
        case "call.dtmf.received" if payload.digit and KEYS.issuperset(payload.digit):
            return fact.DigitsPressed(digits=payload.digit, told_at=at)
        case _:
            return _speech(kind, payload, told, at) or _machine(kind, payload) or _kept(kind, plain)


def _speech(kind: str, payload: Payload, told: Echo, at: Instant) -> AnyEvent | None:
    match kind:
        case "call.speak.ended" if told.effect and told.utterance:
            return fact.PlaybackFinished(
                settles=EffectId(told.effect),
                utterance=told.utterance,
                heard_ms=0,
                interrupted=payload.status != "completed",
                told="carrier",
            )
        case "call.transcription":
            return _transcript(payload.transcription_data, at)
        case _:
            return None


def _transcript(data: Plain, at: Instant) -> AnyEvent | None:
    text, confidence = data.get("transcript"), data.get("confidence")
    if not isinstance(text, str) or not text.strip() or data.get("transcription_track") == "outbound":
        return None
    if data.get("is_final") is not True:
        return fact.CallerHeard(text=text.strip(), told_at=at)
    sure = float(confidence) if isinstance(confidence, int | float) else 1.0
    return fact.CallerSaid(text=text.strip(), confidence=min(1.0, max(0.0, sure)), told_at=at)


def _machine(kind: str, payload: Payload) -> AnyEvent | None:
    if not kind.startswith("call.machine."):
        return None
    word = payload.result
    if kind.endswith("detection.ended"):
        return fact.MachineDetected(result=words.MACHINES.get(word, "unknown"), vendor_word=word)
    if kind.endswith("greeting.ended"):
        return fact.MachineFinished(how=words.GREETINGS.get(word, "other"), vendor_word=word)
    return None


def _kept(kind: str, plain: Plain, *, code: str = "") -> fact.VendorReported:
    detail = msgspec.json.encode(_shown(plain), order="deterministic").decode("utf-8", "replace")
    reason = plain.get("failure_reason")
    return fact.VendorReported(
        status=kind, code=code or (reason if isinstance(reason, str) else ""), detail=detail[:DETAIL_LIMIT]
    )


def _shown(value: Any) -> Any:
    match value:
        case dict():
            return {name: _shown(one) for name, one in cast("Plain", value).items() if name not in HIDDEN}
        case list():
            return [_shown(one) for one in cast("list[Any]", value)]
        case _:
            return value
