"""Every sample of Telnyx's webhooks, and the fact that it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from tests.adapters.carriers.telnyx.kit import CALL, OURS, SAMPLES, changed, event, heard, plain, sample, state, webhook
from voicecall.adapters.carriers.telnyx import carrier, words
from voicecall.events import AnyEvent, EffectId, Instant
from voicecall.events import facts as fact
from voicecall.ports import Heard, NotUnderstood

KEPT = "kept in the vendor's words"
OUT, IN = "outbound", "inbound"


def ended(reason: Any, code: str, *, presumed: bool = False) -> fact.CallEnded:
    return fact.CallEnded(reason=reason, vendor_code=code, presumed=presumed)


def judged(result: Any, word: str) -> fact.MachineDetected:
    return fact.MachineDetected(result=result, vendor_word=word)


def greeted(how: Any, word: str) -> fact.MachineFinished:
    return fact.MachineFinished(how=how, vendor_word=word)


HANGUPS: dict[str, tuple[str, fact.CallEnded]] = {
    "normal-callee": (OUT, ended("hangup-user", "normal_clearing (callee) SIP 200")),
    "normal-caller": (OUT, ended("hangup-bot", "normal_clearing (caller) SIP 200")),
    "inbound-caller": (IN, ended("hangup-user", "normal_clearing (caller)")),
    "timeout": (OUT, ended("no-answer", "timeout (unknown) SIP 487")),
    "no-answer": (OUT, ended("no-answer", "no_answer (unknown) SIP 487")),
    "user-busy": (OUT, ended("busy", "user_busy (callee) SIP 486")),
    "call-rejected": (OUT, ended("busy", "call_rejected (callee) SIP 603")),
    "originator-cancel": (OUT, ended("hangup-bot", "originator_cancel (caller) SIP 487", presumed=True)),
    "time-limit": (OUT, ended("timeout", "time_limit (unknown) SIP 200")),
    "not-found": (OUT, ended("failed", "not_found (callee) SIP 404")),
    "unspecified": (OUT, ended("failed", "unspecified (unknown) SIP 500")),
}
SPOKEN = {"settles": EffectId("7.0"), "utterance": 3, "heard_ms": 0, "told": "carrier"}
OTHERS: dict[str, AnyEvent | str] = {
    "call-initiated-outbound": fact.CallRinging(vendor_call_id=CALL),
    "call-initiated-outbound-attempt-2": fact.CallRinging(vendor_call_id=CALL),
    "call-answered": fact.CallAnswered(vendor_call_id=CALL),
    "call-bridged": KEPT,
    "call-cost": KEPT,
    "call-future-event": KEPT,
    "call-dtmf-received": fact.DigitsPressed(digits="5"),
    "call-gather-ended-call-hangup": KEPT,
    "call-gather-ended-cancelled": KEPT,
    "call-gather-ended-invalid": KEPT,
    "call-gather-ended-timeout": KEPT,
    "call-gather-ended-valid": KEPT,
    "call-playback-ended-cancelled": KEPT,
    "call-playback-ended-failed": KEPT,
    "call-playback-started": KEPT,
    "call-speak-started": KEPT,
    "call-speak-ended-completed": fact.PlaybackFinished(**SPOKEN, interrupted=False),
    "call-speak-ended-call-hangup": fact.PlaybackFinished(**SPOKEN, interrupted=True),
    "call-speak-ended-cancelled-amd": fact.PlaybackFinished(**SPOKEN, interrupted=True),
    "call-transcription-interim": fact.CallerHeard(text="I would like"),
    "call-transcription-final": fact.CallerSaid(
        text="I would like to move my appointment to Thursday.", confidence=0.977219
    ),
    "call-transcription-engine-b": fact.CallerSaid(text="Größere Straße, bitte.", confidence=0.98),
    "call-transcription-null-confidence": fact.CallerSaid(text="\u0646\u0639\u0645", confidence=1.0),
    "streaming-started": KEPT,
    "streaming-stopped": KEPT,
    "amd-detection-ended-human": judged("human", "human"),
    "amd-detection-ended-machine": judged("machine", "machine"),
    "amd-detection-ended-not-sure": judged("unknown", "not_sure"),
    "amd-greeting-ended-beep-detected": greeted("beep", "beep_detected"),
    "amd-greeting-ended-ended": greeted("silence", "ended"),
    "amd-greeting-ended-not-sure": greeted("other", "not_sure"),
    "amd-premium-call-screening-detected": KEPT,
    "amd-premium-detection-ended-fax-detected": judged("fax", "fax_detected"),
    "amd-premium-detection-ended-human-business": judged("human", "human_business"),
    "amd-premium-detection-ended-human-residence": judged("human", "human_residence"),
    "amd-premium-detection-ended-machine": judged("machine", "machine"),
    "amd-premium-detection-ended-not-sure": judged("unknown", "not_sure"),
    "amd-premium-detection-ended-silence": judged("unknown", "silence"),
    "amd-premium-greeting-ended-beep-detected": greeted("beep", "beep_detected"),
    "amd-premium-greeting-ended-no-beep-detected": greeted("other", "no_beep_detected"),
    "amd-premium-greeting-ended-prompt-ended": greeted("silence", "prompt_ended"),
}
"""Sample → the fact, its instant aside."""
OFFERS = {"call-initiated-inbound": "+14155550142", "call-initiated-inbound-anonymous": ""}
WEBHOOKS = {path.stem for path in SAMPLES.glob("*.json") if b'"event_type"' in path.read_bytes()} - {"signatures"}


def occurred(found: dict[str, Any]) -> Instant:
    stamp = datetime.strptime(found["data"]["occurred_at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return Instant(round(stamp.timestamp() * 1000))


def without_instant(one: AnyEvent | None) -> AnyEvent | None:
    match one:
        case fact.CallerSaid():
            return fact.CallerSaid(text=one.text, confidence=one.confidence)
        case fact.CallerHeard():
            return fact.CallerHeard(text=one.text)
        case fact.DigitsPressed():
            return fact.DigitsPressed(digits=one.digits)
        case _:
            return one


def test_every_sample_of_a_webhook_is_in_a_table() -> None:
    hangups = {f"call-hangup-{name}" for name in HANGUPS}
    assert {*hangups, *OTHERS, *OFFERS, "streaming-failed"} == WEBHOOKS


@pytest.mark.parametrize("name", HANGUPS)
def test_a_hang_up_says_who_and_why_and_keeps_the_vendors_words(name: str) -> None:
    direction, expected = HANGUPS[name]
    assert event(changed(f"call-hangup-{name}.json", client_state=state(direction))) == expected


@pytest.mark.parametrize("name", OTHERS)
def test_a_sample_is_the_fact_it_is(name: str) -> None:
    found = changed(f"{name}.json", client_state=state(OUT, effect="7.0", utterance=3))
    (one,) = heard(found)
    assert (one.call_id, one.vendor_call_id, one.offer, one.flow) == (OURS, CALL, False, False)
    if OTHERS[name] == KEPT:
        assert isinstance(one.event, fact.VendorReported)
        assert one.event.status == found["data"]["event_type"]
        assert CALL in one.event.detail
    else:
        assert without_instant(one.event) == OTHERS[name]


@pytest.mark.parametrize("name", OFFERS)
def test_an_inbound_call_is_an_offer(name: str) -> None:
    (one,) = heard(sample(f"{name}.json"))
    found = plain(f"{name}.json")["data"]
    assert one == Heard(
        key=f"telnyx:{found['id']}",
        vendor_call_id=CALL,
        offer=True,
        caller=OFFERS[name],
        callee="+12025550123",
    )


@pytest.mark.parametrize(
    ("given", "caller"),
    [("Anonymous", ""), ("restricted", ""), ("", ""), ("sip:alex@example.com", "sip:alex@example.com")],
)
def test_who_calls_is_a_number_or_an_address_or_nobody_who_says(given: str, caller: str) -> None:
    (offer,) = heard(changed("call-initiated-inbound.json", **{"from": given}))
    assert offer.caller == caller


def test_a_stream_that_failed_is_kept_and_asked_for_again() -> None:
    kept, asked = heard(sample("streaming-failed.json"))
    assert isinstance(kept.event, fact.VendorReported)
    assert (kept.event.status, kept.event.code) == ("streaming.failed", "connection_failed")
    assert asked.event == fact.FlowAsked(after="stream")
    assert kept.key != asked.key
    assert (asked.call_id, asked.vendor_call_id) == (OURS, CALL)


@pytest.mark.parametrize("name", ["call-dtmf-received", "call-transcription-final", "call-transcription-interim"])
def test_words_and_keys_keep_when_they_happened(name: str) -> None:
    found = event(sample(f"{name}.json"))
    assert isinstance(found, fact.CallerSaid | fact.CallerHeard | fact.DigitsPressed)
    assert found.told_at == occurred(plain(f"{name}.json"))


@pytest.mark.parametrize("stamp", [None, "", "soon", 7, "2026-13-41T00:00:00Z", "0001-01-01T00:00:00+23:59"])
def test_an_instant_that_cannot_be_read_is_none(stamp: object) -> None:
    found = plain("call-dtmf-received.json")
    found["data"]["occurred_at"] = stamp
    assert event(found) == fact.DigitsPressed(digits="5")


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(WEBHOOKS))
def test_a_redelivery_has_the_same_keys_whatever_else_is_new(name: str) -> None:
    again = plain(f"{name}.json")
    again["meta"]["attempt"] = 2
    request = attrs.evolve(webhook(again), headers={"telnyx-timestamp": "1", "telnyx-signature-ed25519": "other"})
    keys = [one.key for one in heard(sample(f"{name}.json"))]
    assert [one.key for one in carrier.decode(request)] == keys
    assert len(set(keys)) == len(keys) > 0


def test_two_events_that_say_the_same_have_two_keys() -> None:
    one, other = plain("call-dtmf-received.json"), plain("call-dtmf-received.json")
    other["data"]["id"] = "0ccc7b54-4df3-4bca-a65a-3da1ecc79999"
    assert heard(one)[0].key != heard(other)[0].key


# --- variations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "fields", "expected"),
    [
        (IN, {"hangup_source": "callee"}, ended("hangup-bot", "normal_clearing (callee) SIP 200")),
        (OUT, {"hangup_source": "unknown"}, ended("completed", "normal_clearing (unknown) SIP 200")),
        (OUT, {"hangup_source": None}, ended("completed", "normal_clearing SIP 200")),
        (IN, {"hangup_cause": "originator_cancel"}, ended("hangup-user", "originator_cancel (callee) SIP 200")),
        (IN, {"hangup_cause": "call_rejected"}, ended("rejected", "call_rejected (callee) SIP 200", presumed=True)),
        (IN, {"hangup_cause": "user_busy"}, ended("rejected", "user_busy (callee) SIP 200", presumed=True)),
        (
            OUT,
            {"hangup_cause": "call_rejected", "sip_hangup_cause": "403"},
            ended("failed", "call_rejected (callee) SIP 403"),
        ),
        (OUT, {"sip_hangup_cause": 200}, ended("hangup-user", "normal_clearing (callee) SIP 200")),
        (OUT, {"hangup_cause": "gravity"}, ended("unknown", "gravity (callee) SIP 200")),
    ],
)
def test_other_ways_to_hang_up(direction: str, fields: dict[str, Any], expected: fact.CallEnded) -> None:
    body = changed("call-hangup-normal-callee.json", client_state=state(direction), **fields)
    assert event(body) == expected


CAUSES: dict[str, tuple[Any, Any]] = {
    "timeout": ("no-answer", "no-answer"),
    "no_answer": ("no-answer", "no-answer"),
    "time_limit": ("timeout", "timeout"),
    "user_busy": ("busy", "rejected"),
    "call_rejected": ("busy", "rejected"),
    "originator_cancel": ("hangup-bot", "hangup-user"),
    "not_found": ("failed", "failed"),
    "unspecified": ("failed", "failed"),
    "": ("unknown", "unknown"),
    "gravity": ("unknown", "unknown"),
}
"""Hang-up cause → what it means of an outbound and of an inbound call, whoever is its source."""


@pytest.mark.parametrize("source", ["caller", "callee", "unknown", ""])
@pytest.mark.parametrize("sip", ["", "unspecified", "487", "603"])
@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_has_its_meaning_and_its_words_are_kept(cause: str, sip: str, source: str) -> None:
    for inbound in (False, True):
        told = words.ended(cause, source, inbound=inbound, sip_code=sip)
        assert told.reason == CAUSES[cause][inbound]
        kept = (cause, source, sip if sip != "unspecified" else "")
        assert all(word in told.vendor_code for word in kept)


def test_an_inbound_call_that_nobody_commanded_has_no_state_and_is_an_inbound_one() -> None:
    body = changed("call-hangup-inbound-caller.json", client_state=None, hangup_cause="originator_cancel")
    (one,) = heard(body)
    assert one.call_id == ""
    assert one.event == ended("hangup-user", "originator_cancel (caller)")


def test_an_event_of_the_older_name_is_understood_too() -> None:
    found = plain("streaming-failed.json")
    found["data"]["event_type"] = "call.streaming.failed"
    assert [type(one.event) for one in heard(found)] == [fact.VendorReported, fact.FlowAsked]
    found = plain("call-answered.json")
    found["data"]["event_type"] = "call.ringing"
    assert event(found) == fact.CallRinging(vendor_call_id=CALL)


def test_a_speech_that_is_none_of_ours_moves_nothing() -> None:
    assert isinstance(event(sample("call-speak-ended-completed.json")), fact.VendorReported)


@pytest.mark.parametrize(
    "data", [{}, {"transcript": "  "}, {"transcript": 7}, {"transcript": "us", "transcription_track": "outbound"}]
)
def test_no_words_or_our_own_are_not_what_the_caller_said(data: dict[str, Any]) -> None:
    assert isinstance(event(changed("call-transcription-final.json", transcription_data=data)), fact.VendorReported)


def test_a_ticket_in_an_event_does_not_get_into_the_journal() -> None:
    params = {"stream_url": "wss://voice.example.com", "custom_parameters": [{"name": "ticket", "value": "t0p"}]}
    found = changed(
        "streaming-failed.json",
        client_state=state(IN, ticket="t0p"),
        stream_params={**params, "stream_auth_token": "t0p"},
        more=[{"client_state": "t0p"}],
    )
    kept = heard(found)[0].event
    assert isinstance(kept, fact.VendorReported)
    assert "t0p" not in kept.detail
    assert "client_state" not in kept.detail
    assert "wss://voice.example.com" in kept.detail


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "JSON"),
        (sample("call-answered.json")[:-40], "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"7", '"data"'),
        (b'{"event":{}}', '"data"'),
        (b'{"data":{"event_type":"call.answered","id":"x"}}', "data.payload"),
        (b'{"data":{"event_type":"call.answered","payload":{}}}', "data.id"),
        (b'{"data":{"event_type":"","id":"x","payload":{}}}', "data.event_type"),
        (b'{"data":{"event_type":7,"id":"x","payload":{}}}', "data.event_type"),
    ],
)
def test_what_is_not_understood_names_the_field(body: bytes, field: str) -> None:
    with pytest.raises(NotUnderstood, match=field):
        heard(body)


def test_an_event_of_no_call_tells_nothing() -> None:
    assert heard(b'{"data":{"event_type":"number.ordered","id":"x","payload":{}}}') == ()
    assert heard(b'{"data":{"event_type":"call.answered","id":"x","payload":{"call_control_id":7}}}') == ()


@pytest.mark.parametrize("field", ["from", "hangup_cause", "status", "digit", "transcription_data", "client_state"])
def test_a_field_of_another_type_costs_its_meaning_not_the_event(field: str) -> None:
    found = event(changed("call-answered.json", **{field: ["odd"]}))
    assert isinstance(found, fact.VendorReported)
    assert found.status == "call.answered"
    assert found.code.startswith("not understood: ")
    assert field in found.code


@pytest.mark.parametrize("digit", ["", "12345", "x", "5 "])
def test_only_a_key_is_a_key(digit: str) -> None:
    found = event(changed("call-dtmf-received.json", digit=digit))
    assert isinstance(found, fact.DigitsPressed) is (digit == "12345")


def test_a_long_event_is_kept_in_part() -> None:
    found = event(changed("call-future-event.json", anything="x" * 10_000))
    assert isinstance(found, fact.VendorReported)
    assert len(found.detail) == 2_000
    assert json.loads(sample("call-future-event.json"))["data"]["event_type"] == found.status
