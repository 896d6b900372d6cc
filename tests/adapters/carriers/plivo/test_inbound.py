"""What Plivo tells us: every sample becomes the facts that it means, and the same request has the same key."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from attrs import evolve as change

from tests.adapters.carriers.plivo.kit import AUTH_ID, CALL, LEG, SAMPLES, events, form, heard, posted
from voicecall.adapters.carriers.plivo import carrier
from voicecall.adapters.carriers.plivo.urls import flow_url
from voicecall.events import AnyEvent, EffectId
from voicecall.events import facts as fact
from voicecall.ports import Heard, HttpRequest, NotUnderstood

ASKED = "?callId=c1&flow={}&n=7"
RING, HANGUP, AMD = (f"?callId=c1&report={name}" for name in ("ring", "hangup", "amd"))
SPOKE = EffectId("4.1")


def ended(reason: Any, word: str, *, presumed: bool = False) -> fact.CallEnded:
    return fact.CallEnded(reason=reason, vendor_code=word, presumed=presumed)


FACTS: dict[str, tuple[str, list[AnyEvent | str]]] = {
    "amd-async.form": (AMD, [fact.MachineDetected(result="machine", vendor_word="Machine=true")]),
    "answer-outbound.form": (ASKED.format("answer"), [fact.CallAnswered(vendor_call_id=CALL)]),
    "answer-outbound-machine-sync.form": (
        ASKED.format("answer"),
        [
            fact.MachineDetected(result="machine", vendor_word="Machine=true"),
            fact.CallAnswered(by="machine", vendor_call_id=CALL),
        ],
    ),
    "fallback.form": (ASKED.format("fallback"), [fact.CallAnswered(vendor_call_id=CALL)]),
    "getinput-dtmf.form": (ASKED.format("turn"), [fact.DigitsPressed(digits="1234")]),
    "getinput-interim.form": ("?callId=c1", ["in-progress"]),
    "getinput-speech-unicode.form": (
        ASKED.format("turn"),
        [fact.CallerSaid(text="mañana a las diez, señor", confidence=0.88)],
    ),
    "getinput-speech.form": (
        ASKED.format("turn"),
        [fact.CallerSaid(text="I would like to move my appointment to Thursday", confidence=0.9285)],
    ),
    "hangup-busy.form": (HANGUP, [ended("busy", "busy 3010 Busy Line (Carrier)")]),
    "hangup-by-api.form": (
        HANGUP,
        [ended("hangup-bot", "completed 4000 Normal Hangup (API Request)", presumed=True)],
    ),
    "hangup-by-callee.form": (HANGUP, [ended("hangup-user", "completed 4000 Normal Hangup (Callee)")]),
    "hangup-by-caller.form": ("", [ended("hangup-user", "completed 4000 Normal Hangup (Caller)")]),
    "hangup-by-xml.form": (HANGUP, [ended("hangup-bot", "completed 4000 Normal Hangup (Answer XML)", presumed=True)]),
    "hangup-cancel.form": (HANGUP, [ended("hangup-bot", "cancel 1000 Cancelled (API Request)", presumed=True)]),
    "hangup-end-of-xml.form": (HANGUP, [ended("completed", "completed 4010 End Of XML Instructions (Plivo)")]),
    "hangup-invalid-destination.form": (
        HANGUP,
        [ended("failed", "failed 2000 Invalid Destination Address (Plivo)")],
    ),
    "hangup-machine.form": (HANGUP, [ended("voicemail", "completed 9100 Machine Detected (Plivo)")]),
    "hangup-network-error.form": (HANGUP, [ended("failed", "failed 5000 Network Error (Carrier)")]),
    "hangup-no-answer.form": (HANGUP, [ended("no-answer", "no-answer 3000 No Answer (Carrier)")]),
    "hangup-rejected.form": (HANGUP, [ended("busy", "busy 3020 Rejected (Callee)")]),
    "hangup-ring-timeout.form": (HANGUP, [ended("no-answer", "timeout 6010 Ring Timeout Reached (Plivo)")]),
    "redirect.form": (ASKED.format("wait"), [fact.FlowAsked(after="wait")]),
    "ring.form": (RING, [fact.CallRinging(vendor_call_id=CALL)]),
    "stream-status-clearedaudio.form": ("?callId=c1", ["ClearedAudio"]),
    "stream-status-degradedstream.form": ("?callId=c1", ["DegradedStream"]),
    "stream-status-droppedstream.form": ("?callId=c1", ["DroppedStream"]),
    "stream-status-guide-failed.form": ("?callId=c1", ["failed"]),
    "stream-status-guide-started.form": ("?callId=c1", ["started"]),
    "stream-status-guide-stopped.form": ("?callId=c1", ["stopped"]),
    "stream-status-playedstream.form": ("?callId=c1", ["PlayedStream"]),
    "stream-status-startstream.form": ("?callId=c1", ["StartStream"]),
    "stream-status-stopstream.form": ("?callId=c1", ["StopStream"]),
    "transfer.form": ("?callId=c1&flow=asked&n=5.0&e=5.0", [fact.FlowAsked()]),
}
"""Sample → the query of ours that it comes with, and its facts; text is the status of a ``vendor.reported``."""
OFFERS = ("answer-inbound.form", "answer-inbound-forwarded.form")
FLOWS = [name for name, (query, _) in FACTS.items() if "flow=" in query]


def test_every_form_that_plivo_posts_is_in_a_table() -> None:
    assert {path.name for path in SAMPLES.glob("*.form")} == {*FACTS, *OFFERS}


@pytest.mark.parametrize("name", FACTS)
def test_a_sample_is_these_facts(name: str) -> None:
    query, expected = FACTS[name]
    told = heard(form(name), query)
    assert len(told) == len(expected)
    for one, wanted in zip(told, expected, strict=True):
        if isinstance(wanted, str):
            assert isinstance(one.event, fact.VendorReported)
            assert one.event.status == wanted
        else:
            assert one.event == wanted
        assert (one.vendor_call_id, one.offer) == (CALL, False)
        assert one.call_id == ("c1" if query else "")


@pytest.mark.parametrize("name", FACTS)
def test_the_last_fact_of_a_flow_request_asks_for_instructions_and_no_other_does(name: str) -> None:
    told = heard(form(name), FACTS[name][0])
    assert [one.flow for one in told] == [False] * (len(told) - 1) + [name in FLOWS]


@pytest.mark.parametrize("name", OFFERS)
def test_an_inbound_call_is_offered_with_the_pluses_that_plivo_leaves_out(name: str) -> None:
    assert heard(form(name)) == (
        Heard(
            key=f"plivo:{CALL}:offer",
            vendor_call_id=CALL,
            offer=True,
            caller="+14155550142",
            callee="+12025550123",
            flow=True,
        ),
    )


@pytest.mark.parametrize(
    ("given", "caller"),
    [
        ("+14155550142", "+14155550142"),
        ("anonymous", ""),
        ("Restricted", ""),
        ("unknown", ""),
        ("", ""),
        ("sip:alex@phone.plivo.com", "sip:alex@phone.plivo.com"),
        ("911", "911"),
    ],
)
def test_who_calls_is_a_number_or_an_address_or_nobody_who_says(given: str, caller: str) -> None:
    (offer,) = heard({**form("answer-inbound.form"), "From": given})
    assert offer.caller == caller


def test_the_end_may_be_told_where_the_beginning_was_asked_about() -> None:
    assert events(form("hangup-busy.form"), ASKED.format("answer")) == events(form("hangup-busy.form"), HANGUP)


def test_fields_may_come_in_the_query() -> None:
    query = "&".join(f"{name}={quote(value)}" for name, value in form("ring.form").items())
    told = carrier.decode(HttpRequest(method="GET", url=f"{LEG.webhook_url}{RING}&{query}"))
    assert [one.event for one in told] == [fact.CallRinging(vendor_call_id=CALL)]


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*FACTS, *OFFERS])
def test_the_same_request_again_has_the_same_key_whatever_its_nonce_and_signature_are(name: str) -> None:
    query = FACTS[name][0] if name in FACTS else ""
    keys = [one.key for one in heard(form(name), query)]
    again = posted(form(name), query, nonce="99999999999999999999")
    assert again.headers["x-plivo-signature-v3"] != posted(form(name), query).headers["x-plivo-signature-v3"]
    assert [one.key for one in carrier.decode(again)] == keys
    assert [one.key for one in carrier.decode(change(again, headers={}))] == keys
    assert len(set(keys)) == len(keys)


def test_a_call_ends_once_and_of_other_news_each_is_its_own() -> None:
    told = {name: [one.key for one in heard(form(name), query)] for name, (query, _) in FACTS.items()}
    endings = [name for name in FACTS if name.startswith("hangup")]
    assert {key for name in endings for key in told[name]} == {f"plivo:{CALL}:hangup"}
    # Those that could not both happen after the same instructions share what makes a key.
    turns = ["answer-outbound-machine-sync.form", "fallback.form", "getinput-dtmf.form", "getinput-speech-unicode.form"]
    keys = [key for name in FACTS if name not in (*endings, *turns) for key in told[name]]
    assert len(set(keys)) == len(keys)


def test_the_same_words_after_another_listening_are_another_message() -> None:
    (first,) = heard(form("getinput-speech.form"), "?callId=c1&flow=turn&n=7")
    (second,) = heard(form("getinput-speech.form"), "?callId=c1&flow=turn&n=9")
    assert first.event == second.event
    assert first.key != second.key


# --- what our own URLs say -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sample", "cut", "interrupted"),
    [
        ("getinput-speech.form", "&cut=1", True),
        ("getinput-dtmf.form", "&cut=1", True),
        ("getinput-speech.form", "", False),
        ("redirect.form", "&cut=1", False),
    ],
)
def test_a_turn_tells_first_that_the_words_before_it_are_over_and_may_have_been_cut(
    sample: str, cut: str, interrupted: bool
) -> None:
    told = heard(form(sample), f"?callId=c1&flow=turn&n=7&e=4.1&u=3{cut}")
    over = fact.PlaybackFinished(settles=SPOKE, utterance=3, heard_ms=0, interrupted=interrupted, told="carrier")
    assert told[0].event == over
    assert [one.flow for one in told] == [False, True]


@pytest.mark.parametrize(
    ("flow", "after"),
    [("wait", "wait"), ("stream", "stream"), ("said", "speech"), ("silence", "silence"), ("new", "")],
)
def test_a_redirect_says_after_what_it_asks(flow: str, after: Any) -> None:
    assert events(form("redirect.form"), ASKED.format(flow)) == [fact.FlowAsked(after=after)]


def test_a_call_that_was_sent_for_the_instructions_of_an_effect_says_so() -> None:
    (asked,) = heard(form("transfer.form"), "?callId=c1&flow=asked&n=5.0&e=5.0&u=1")
    assert (asked.asks, asked.event) == ("5.0", fact.FlowAsked())


@pytest.mark.parametrize("number", ["", "x", "٣", "9" * 10, "-1"])
def test_an_utterance_without_a_number_is_none_of_ours(number: str) -> None:
    assert events(form("redirect.form"), f"?callId=c1&flow=said&n=7&e=4.1&u={quote(number)}") == [
        fact.FlowAsked(after="speech")
    ]


def test_blank_speech_is_silence_and_strange_keys_are_none() -> None:
    for fields in ({"Speech": "  "}, {"Digits": "12x"}, {"Digits": "", "Speech": ""}):
        given = {**form("getinput-dtmf.form"), "Digits": "", **fields}
        assert events(given, ASKED.format("turn")) == [fact.FlowAsked(after="silence")]


@pytest.mark.parametrize(("text", "value"), [("0.5", 0.5), ("-1", 0.0), ("7", 1.0), ("", 1.0), ("much", 1.0)])
def test_confidence_is_what_it_can_be(text: str, value: float) -> None:
    (said,) = events({**form("getinput-speech.form"), "SpeechConfidenceScore": text}, ASKED.format("turn"))
    assert isinstance(said, fact.CallerSaid)
    assert said.confidence == value


def test_confidence_that_is_no_number_speaks_for_nothing() -> None:
    (said,) = events({**form("getinput-speech.form"), "SpeechConfidenceScore": "nan"}, ASKED.format("turn"))
    assert isinstance(said, fact.CallerSaid)
    assert 0.0 <= said.confidence <= 1.0


@pytest.mark.parametrize(("machine", "result"), [("false", "human"), ("perhaps", "unknown")])
def test_an_answer_may_bring_along_who_it_was(machine: str, result: Any) -> None:
    told = events({**form("answer-outbound.form"), "Machine": machine}, ASKED.format("answer"))
    assert told == [
        fact.MachineDetected(result=result, vendor_word=f"Machine={machine}"),
        fact.CallAnswered(vendor_call_id=CALL),
    ]


# --- fallbacks -------------------------------------------------------------------------------------------------------


def test_the_fallback_asks_in_the_place_of_what_failed_and_has_its_key() -> None:
    failed = flow_url(LEG, "turn", e="4.1", u=3)
    original = heard(form("redirect.form"), failed.removeprefix(LEG.webhook_url).partition("#")[0])
    fields = {**form("fallback.form"), "FailedUrl": failed, "ErrorCode": "60"}
    for query in (ASKED.format("fallback"), ""):
        told = heard(fields, query)
        assert [one.key for one in told] == [one.key for one in original]
        assert [one.event for one in told] == [one.event for one in original]
    assert heard(fields, "?callId=c2&flow=fallback&n=7")[0].call_id == "c2"


def test_the_fallback_of_an_inbound_call_that_we_never_answered_is_its_offer() -> None:
    fields = {**form("answer-inbound.form"), "ErrorCode": "60", "FailedUrl": LEG.webhook_url}
    assert heard(fields) == heard(form("answer-inbound.form"))


# --- what moves nothing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["StartRecord", "", "Ringing"])
def test_an_event_that_nobody_knows_is_kept(event: str) -> None:
    fields = {**form("transfer.form"), "Event": event}
    (kept,) = events(fields)
    assert isinstance(kept, fact.VendorReported)
    assert kept.status == (event or "in-progress")
    assert f"CallUUID={CALL}" in kept.detail


def test_what_is_kept_tells_no_secret_and_has_a_bound() -> None:
    fields = {
        **form("stream-status-startstream.form"),
        "ParentAuthID": AUTH_ID,
        "TotalCost": "0.1",
        "X-PH-a": "b" * 9000,
    }
    (kept,) = events(fields)
    assert isinstance(kept, fact.VendorReported)
    assert AUTH_ID not in repr(kept)
    assert "TotalCost" not in kept.detail
    assert len(kept.detail) == 2_000


def test_no_fact_of_any_sample_holds_what_opens_the_account() -> None:
    for name, (query, _) in FACTS.items():
        assert AUTH_ID not in repr(events(form(name), query))


@pytest.mark.parametrize("fields", [{}, {"CallUUID": ""}, {"Event": "Hangup"}])
def test_a_request_without_a_call_is_not_understood(fields: dict[str, str]) -> None:
    with pytest.raises(NotUnderstood, match="CallUUID: is missing"):
        heard(fields, ASKED.format("answer"))
