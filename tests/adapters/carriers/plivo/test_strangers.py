"""Whatever reaches the codec: facts, or one declared error. And every word for an ending."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.carriers.plivo.kit import CALL, SAMPLES, WEBHOOK, form, heard, sample
from tests.adapters.carriers.plivo.test_inbound import FACTS
from voicecall.adapters.carriers.plivo import carrier, words
from voicecall.ports import Heard, HttpRequest, NotUnderstood

FORMS = sorted(path.name for path in SAMPLES.glob("*.form"))
QUERIES = ["", *sorted({query for query, _ in FACTS.values() if query})]
FIELDS = sorted({field for name in FORMS for field in form(name)})


def decoded(request: HttpRequest) -> tuple[Heard, ...]:
    """What it is, or nothing where it is not understood; anything else fails the test."""
    try:
        told = carrier.decode(request)
    except NotUnderstood:
        return ()
    assert told
    assert all(one.key.startswith("plivo:") for one in told)
    assert sum(one.flow for one in told) <= 1
    return told


def post(body: bytes, query: str = "", method: str = "POST") -> HttpRequest:
    return HttpRequest(method=method, url=WEBHOOK + query, body=body)


@given(
    body=st.binary(max_size=120),
    query=st.text(max_size=20) | st.sampled_from(QUERIES),
    method=st.sampled_from(["POST", "GET"]),
)
def test_arbitrary_bytes(body: bytes, query: str, method: str) -> None:
    decoded(post(body, query, method))


@given(fields=st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=12)), query=st.sampled_from(QUERIES))
def test_arbitrary_fields(fields: dict[str, str], query: str) -> None:
    told = decoded(post(urlencode({**fields, "CallUUID": CALL}).encode(), query))
    assert told


@given(name=st.sampled_from(FORMS), query=st.sampled_from(QUERIES), data=st.data())
def test_a_sample_that_was_cut_short(name: str, query: str, data: st.DataObject) -> None:
    body = sample(name)
    decoded(post(body[: data.draw(st.integers(0, len(body)))], query))


@given(name=st.sampled_from(FORMS), field=st.sampled_from(FIELDS), value=st.text(max_size=8))
def test_a_sample_with_another_value_or_without_a_field(name: str, field: str, value: str) -> None:
    fields = form(name)
    query = FACTS[name][0] if name in FACTS else ""
    if field != "CallUUID":
        assert decoded(post(urlencode({**fields, field: value}).encode(), query))
        fields.pop(field, None)
        assert decoded(post(urlencode(fields).encode(), query))


@pytest.mark.parametrize("url", ["", "http://[", "voice/webhook?flow=answer", "https://a/?flow=%ff", "//?callId=%00"])
def test_a_strange_url(url: str) -> None:
    decoded(HttpRequest(method="POST", url=url, body=sample("ring.form")))


@pytest.mark.parametrize("failed", ["http://[", "", "?flow=%ff", "https://a?flow=turn&u=1&e="])
def test_a_strange_url_that_failed(failed: str) -> None:
    decoded(post(urlencode({**form("fallback.form"), "FailedUrl": failed}).encode(), "?callId=c1&flow=fallback&n=7"))


@pytest.mark.parametrize("body", [b"\xff\xfe", b"CallUUID=%ff"])
def test_what_is_not_utf_8_is_not_understood(body: bytes) -> None:
    with pytest.raises(NotUnderstood, match="not a form"):
        carrier.decode(post(body))


# --- endings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("0", "unknown"),
        ("1000", "hangup-bot"),
        ("1010", "hangup-bot"),
        ("1020", "hangup-bot"),
        *((code, "failed") for code in ("2000", "2010", "2020", "2030", "2040", "2060")),
        ("3000", "no-answer"),
        *((code, "busy") for code in ("3010", "3020", "3100", "3110")),
        *((code, "failed") for code in ("3040", "3050", "3070", "3080", "3090", "3120", "3130", "5000", "5030")),
        ("4000", "completed"),
        ("4010", "completed"),
        ("4020", "timeout"),
        ("4030", "completed"),
        ("6010", "no-answer"),
        *((code, "error") for code in ("6020", "7011", "7014", "8011", "8014")),
        ("9100", "voicemail"),
        ("9999", "unknown"),
        ("", "unknown"),
        ("many", "unknown"),
        ("9" * 5_000, "unknown"),
    ],
)
def test_every_code_of_the_documentation_has_its_meaning_and_its_word_is_kept(code: str, reason: str) -> None:
    fields = {**form("hangup-by-callee.form"), "HangupCauseCode": code, "HangupSource": "Plivo"}
    ((one,), word) = heard(fields), code or "completed"
    ending: Any = one.event
    assert ending.reason == reason
    assert word in ending.vendor_code


@pytest.mark.parametrize(
    ("source", "outbound", "inbound"),
    [
        ("Callee", "hangup-user", "completed"),
        ("Call recipient", "hangup-user", "completed"),
        ("CALLER", "completed", "hangup-user"),
        ("API Request", "hangup-bot", "hangup-bot"),
        ("answer xml", "hangup-bot", "hangup-bot"),
        ("Plivo", "completed", "completed"),
        ("Carrier", "completed", "completed"),
        ("Error", "error", "error"),
        ("", "completed", "completed"),
        ("Unknown", "completed", "completed"),
    ],
)
def test_whoever_hung_up_an_answered_call_is_the_person_or_we(source: str, outbound: str, inbound: str) -> None:
    assert words.ended("completed", "4000", source, inbound=False).reason == outbound
    assert words.ended("completed", "4000", source, inbound=True).reason == inbound


@pytest.mark.parametrize(
    ("status", "reason"),
    [("busy", "busy"), ("no-answer", "no-answer"), ("timeout", "no-answer"), ("failed", "failed"), ("new", "unknown")],
)
def test_without_a_code_the_status_says_it(status: str, reason: str) -> None:
    assert words.ended(status, "", "", inbound=False).reason == reason


def test_a_caller_who_gave_up_hung_up_unless_it_was_we_who_refused() -> None:
    assert words.ended("cancel", "1000", "Caller", inbound=True).reason == "hangup-user"
    refused = words.ended("failed", "3020", "Answer XML", inbound=True)
    assert (refused.reason, refused.presumed) == ("hangup-bot", True)
    assert words.ended("busy", "3010", "Answer XML", inbound=True).presumed
    assert words.ended("cancel", "1000", "API Request", inbound=False).presumed
