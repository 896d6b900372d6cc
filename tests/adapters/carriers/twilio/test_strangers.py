"""Whatever comes: a fact, or one of the two errors that are declared."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.carriers.twilio.kit import CALL, SAMPLES, WEBHOOK, sample
from voicecall.adapters.carriers.twilio import carrier
from voicecall.ports import Heard, HttpRequest, NotUnderstood

FORMS = sorted(path.name for path in SAMPLES.glob("*.form") if not path.name.startswith("rest-"))
QUERIES = st.sampled_from(
    [
        "",
        "?callId=c1&flow=turn&n=7&e=4.1&u=3&cut=1",
        "?callId=c1&flow=answer&n=7",
        "?callId=c1&flow=fallback&n=7",
        "?callId=c1&report=status",
        "?callId=c1&report=amd",
        "?flow=",
        "?callId=%ff&flow=turn",
        f"?u={'9' * 5_000}&e=4.1&flow=said",
    ]
)
NAMES = st.sampled_from(
    [
        *("CallSid", "CallStatus", "Direction", "SpeechResult", "Digits", "FinishedOnKey", "Confidence", "AnsweredBy"),
        *("SequenceNumber", "CallbackSource", "SipResponseCode", "ErrorUrl", "From", "To", "StreamEvent"),
    ]
)
VALUES = st.text(st.characters(exclude_categories=("Cs",)), max_size=20) | st.sampled_from(
    [CALL, "in-progress", "ringing", "inbound", "http://[x", "completed", f"{WEBHOOK}?flow=turn&n=1"]
)


def understood(body: bytes, query: str = "", method: str = "POST") -> tuple[Heard, ...]:
    """What it means; nothing when it is not understood."""
    try:
        heard = carrier.decode(HttpRequest(method=method, url=WEBHOOK + query, body=body))
    except NotUnderstood:
        return ()
    assert heard
    assert len({one.key for one in heard}) == len(heard)
    return heard


@given(body=st.binary(max_size=100), query=QUERIES, method=st.sampled_from(["POST", "GET"]))
def test_arbitrary_bytes(body: bytes, query: str, method: str) -> None:
    understood(body, query, method)


@given(fields=st.dictionaries(NAMES, VALUES, max_size=8), query=QUERIES)
def test_arbitrary_fields(fields: dict[str, str], query: str) -> None:
    heard = understood(urlencode({"CallSid": CALL, **fields}).encode(), query)
    assert not any(one.flow for one in heard[:-1])


@given(name=st.sampled_from(FORMS), query=QUERIES, data=st.data())
def test_a_sample_that_was_cut_short(name: str, query: str, data: st.DataObject) -> None:
    whole = sample(name)
    understood(whole[: data.draw(st.integers(0, len(whole)))], query)


@pytest.mark.parametrize("url", [f"{WEBHOOK}?a=%zz", "https://[broken/x?flow=turn", "", "https://x/?flow=turn;u=1"])
def test_a_strange_url(url: str) -> None:
    with suppress(NotUnderstood):
        (heard,) = carrier.decode(HttpRequest(method="POST", url=url, body=b"CallSid=CA1"))
        assert heard.vendor_call_id == "CA1"


def test_what_is_not_utf_8_is_not_understood() -> None:
    for body in (b"CallSid=CA1&From=\xff", b"CallSid=CA1&From=%ff"):
        with pytest.raises(NotUnderstood):
            carrier.decode(HttpRequest(method="POST", url=WEBHOOK, body=body))
