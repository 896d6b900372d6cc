"""What the simulated network tells us, and what somebody else might send instead."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicecall.adapters.carriers.mock import carrier
from voicecall.adapters.carriers.mock.inbound import sign
from voicecall.events import AnyEvent, Instant
from voicecall.events import facts as fact
from voicecall.ports import Account, BadSignature, Heard, HttpRequest, NotUnderstood

ACCOUNT = Account(api_url="http://127.0.0.1:3335", secrets={"webhook": "hush"})
NOW = Instant(1_767_225_600_000)


def post(body: bytes, *, secret: str = "hush", at_s: int = NOW // 1000) -> HttpRequest:
    headers = {"x-mock-signature": sign(secret, str(at_s), body), "x-mock-timestamp": str(at_s)}
    return HttpRequest(method="POST", url="http://127.0.0.1:3334/voice/webhook", headers=headers, body=body)


def heard(*events: Any) -> tuple[Heard, ...]:
    return carrier.decode(post(json.dumps({"events": events}).encode()))


def event_of(**fields: Any) -> AnyEvent | None:
    (one,) = heard({"id": "e1", "callId": "c1", **fields})
    return one.event


def why(request: HttpRequest, *, account: Account = ACCOUNT) -> str:
    with pytest.raises(BadSignature) as caught:
        carrier.verify(request, account=account, now=NOW)
    return str(caught.value)


# --- proof of origin -------------------------------------------------------------------------------------------------


def test_a_signed_request_is_genuine() -> None:
    carrier.verify(post(b"{}"), account=ACCOUNT, now=NOW)


@given(body=st.binary(min_size=1, max_size=200), data=st.data())
def test_one_flipped_bit_anywhere_spoils_the_signature(body: bytes, data: st.DataObject) -> None:
    genuine = post(body)
    where = data.draw(st.integers(0, len(body) - 1))
    changed = bytearray(body)
    changed[where] ^= 1 << data.draw(st.integers(0, 7))
    forged = HttpRequest(method="POST", url=genuine.url, headers=genuine.headers, body=bytes(changed))
    assert "does not match" in why(forged)


@pytest.mark.parametrize("name", ["x-mock-signature", "x-mock-timestamp"])
def test_a_missing_header_is_named(name: str) -> None:
    genuine = post(b"{}")
    headers = {key: value for key, value in genuine.headers.items() if key != name}
    assert name in why(HttpRequest(method="POST", url=genuine.url, headers=headers, body=b"{}"))


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "1e9", "²", "9" * 13])
def test_a_timestamp_that_is_none_is_refused(stamp: str) -> None:
    headers = {"x-mock-signature": sign("hush", stamp, b"{}"), "x-mock-timestamp": stamp}
    assert "x-mock-timestamp" in why(HttpRequest(method="POST", url="", headers=headers, body=b"{}"))


@pytest.mark.parametrize("off_s", [-301, 301])
def test_an_old_or_early_timestamp_is_refused(off_s: int) -> None:
    assert "300 s" in why(post(b"{}", at_s=NOW // 1000 + off_s))


@pytest.mark.parametrize("off_s", [-300, 300])
def test_a_timestamp_inside_the_window_is_accepted(off_s: int) -> None:
    carrier.verify(post(b"{}", at_s=NOW // 1000 + off_s), account=ACCOUNT, now=NOW)


def test_without_a_secret_nothing_is_genuine_and_the_key_is_named() -> None:
    reason = why(post(b"{}", secret=""), account=Account(api_url=""))
    assert "mock.secret" in reason


@given(signature=st.text(max_size=80), stamp=st.text(max_size=20), body=st.binary(max_size=50))
def test_arbitrary_headers_are_refused_and_the_secret_stays_unsaid(signature: str, stamp: str, body: bytes) -> None:
    headers = {"x-mock-signature": signature, "x-mock-timestamp": stamp}
    assert "hush" not in why(HttpRequest(method="POST", url="", headers=headers, body=body))


def test_the_door_may_ask_for_both_headers_first() -> None:
    assert carrier.required_headers == (("x-mock-signature", "x-mock-timestamp"),)


# --- decoding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"type": "call.ringing", "providerCallId": "mock-c1"}, fact.CallRinging(vendor_call_id="mock-c1")),
        ({"type": "call.answered"}, fact.CallAnswered()),
        ({"type": "call.answered", "answeredBy": "machine"}, fact.CallAnswered(by="machine")),
        ({"type": "call.answered", "answeredBy": "a parrot"}, fact.CallAnswered(by="unknown")),
        ({"type": "call.dtmf", "digits": "12#A"}, fact.DigitsPressed(digits="12#A")),
        ({"type": "call.speech", "transcript": "hello", "isFinal": False}, fact.CallerHeard(text="hello")),
        ({"type": "call.speech", "transcript": "hello"}, fact.CallerSaid(text="hello")),
        (
            {"type": "call.speech", "transcript": "hi", "confidence": 0.5, "startedMs": 10, "endedMs": 90},
            fact.CallerSaid(text="hi", confidence=0.5, started_ms=10, ended_ms=90),
        ),
        ({"type": "call.ended"}, fact.CallEnded(reason="completed", vendor_code="completed")),
        ({"type": "call.ended", "reason": None}, fact.CallEnded(reason="completed", vendor_code="completed")),
        ({"type": "call.ended", "reason": ""}, fact.CallEnded(reason="unknown", vendor_code="")),
        ({"type": "call.ended", "reason": "NO_ANSWER"}, fact.CallEnded(reason="no-answer", vendor_code="NO_ANSWER")),
        ({"type": "call.ended", "reason": "gremlins"}, fact.CallEnded(reason="unknown", vendor_code="gremlins")),
        ({"type": "call.error"}, fact.CallEnded(reason="error", vendor_code="unknown error")),
        ({"type": "call.error", "error": "", "retryable": False}, fact.CallEnded(reason="error", vendor_code="")),
    ],
)
def test_each_type_is_a_fact(fields: dict[str, Any], expected: AnyEvent) -> None:
    assert event_of(**fields) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "call.initiated"},
        {"type": "call.active"},
        {"type": "call.speaking", "text": "hello"},
        {"type": "call.silence", "durationMs": 0},
        {"type": "call.speech", "transcript": "  "},
        {"type": "call.speech", "transcript": "", "isFinal": False},
        {"type": "call.dtmf", "digits": ""},
        {"type": "call.dtmf", "digits": "1; DROP"},
        {"type": "call.error", "error": "later", "retryable": True},
        {"type": "call.transferred", "who": "Bob"},
        {"type": "call.ended", "reason": 5},
        {"type": 7},
        {},
    ],
)
def test_what_moves_nothing_is_kept_in_the_networks_words(fields: dict[str, Any]) -> None:
    event = event_of(**fields)
    assert isinstance(event, fact.VendorReported)
    assert event.status == (fields["type"] if isinstance(fields.get("type"), str) else "untyped")
    assert json.loads(event.detail) == {"id": "e1", "callId": "c1", **fields}


def test_a_field_of_the_wrong_type_is_named() -> None:
    event = event_of(type="call.speech", isFinal="yes")
    assert isinstance(event, fact.VendorReported)
    assert "isFinal" in event.code


def test_one_event_needs_no_list() -> None:
    (one,) = carrier.decode(post(b'{"event":{"type":"call.answered","callId":"c1","id":"e1"}}'))
    assert (one.key, one.call_id, one.event) == ("e1", "c1", fact.CallAnswered())


def test_what_belongs_to_no_call_is_dropped_and_the_rest_stays() -> None:
    found = heard({"type": "call.answered"}, {"type": "call.answered", "callId": "", "id": "a"}, {"callId": "c1"})
    assert [one.call_id for one in found] == ["c1"]


def test_a_call_may_be_named_by_the_networks_id_alone() -> None:
    (one,) = heard({"type": "call.answered", "providerCallId": "mock-c1", "id": "e"})
    assert (one.call_id, one.vendor_call_id) == ("", "mock-c1")


@pytest.mark.parametrize("kind", ["call.initiated", "call.ringing"])
def test_an_inbound_call_is_an_offer_and_keeps_who_calls_whom(kind: str) -> None:
    fields = {"id": "e1", "callId": "n1", "direction": "inbound", "from": "+15550002222", "to": "+15550001234"}
    (one,) = heard({"type": kind, **fields})
    assert (one.offer, one.caller, one.callee, one.vendor_call_id) == (True, "+15550002222", "+15550001234", "n1")
    # A repeat of the offer must meet the ledger, or it would get another answer than the first one.
    assert one.event is not None


def test_an_outbound_call_is_no_offer() -> None:
    (one,) = heard({"type": "call.ringing", "callId": "c1", "direction": "outbound", "from": "+1555", "to": "+1556"})
    assert (one.offer, one.caller, one.callee) == (False, "", "")


def test_the_key_is_the_event_id_or_a_digest_of_what_was_said() -> None:
    first, again, other = heard(
        {"type": "call.active", "callId": "c1"},
        {"callId": "c1", "type": "call.active", "digits": None},
        {"type": "call.active", "callId": "c1", "n": 1},
    )
    assert first.key == again.key != other.key
    (numbered,) = heard({"type": "call.active", "callId": "c1", "id": 0})
    assert numbered.key == "0"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "object"),
        (b"{}", "event"),
        (b'{"event":null}', "event"),
        (b'{"events":{}}', "events"),
        (b'{"event":"hello"}', "events[0]"),
        (b'{"events":[{"callId":"c"},5]}', "events[1]"),
        (b'{"event":' * 100_000, "deep"),
    ],
)
def test_a_body_in_another_format_is_refused_by_name(body: bytes, names: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        carrier.decode(post(body))
    assert names in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ["id", "type", "callId", "providerCallId", "direction", "transcript", "isFinal", "digits", "reason", "error"]
EVENTS = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=8) | JSON


@given(body=st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_else(body: bytes) -> None:
    decode_calmly(body)


@given(events=st.lists(EVENTS, max_size=4))
def test_arbitrary_events_raise_nothing_else_and_repeat_their_keys(events: list[Any]) -> None:
    body = json.dumps({"events": events}, ensure_ascii=False).encode("utf-8", "replace")
    assert decode_calmly(body) == decode_calmly(body)


def decode_calmly(body: bytes) -> tuple[Heard, ...]:
    try:
        found = carrier.decode(post(body))
    except NotUnderstood:
        return ()
    assert all(one.key and one.vendor_call_id for one in found)
    return found
