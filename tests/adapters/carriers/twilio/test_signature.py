"""Whose request it is: the vectors, Twilio's own library, and every byte that is not as it was signed."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

import pytest
from attrs import evolve as change
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from tests.adapters.carriers.twilio.kit import ACCOUNT, TOKEN, WEBHOOK, posted, sample
from voicecall.adapters.carriers.twilio import carrier
from voicecall.events import Instant
from voicecall.ports import Account, BadSignature, HttpRequest
from voicecall.testing.twilio.signing import SIGNATURE, signed_request

VECTORS: list[dict[str, Any]] = json.loads(sample("signatures.json"))
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
FORMS = st.dictionaries(NAMES, TEXT, max_size=6)
QUERIES = st.dictionaries(st.from_regex(r"[a-zA-Z]{1,5}", fullmatch=True), TEXT, max_size=3)
PORTS = st.sampled_from(["", ":443", ":8443", ":80"])


def genuine(request: HttpRequest, token: str = TOKEN) -> bool:
    try:
        carrier.verify(request, account=Account(api_url="", secrets={"auth_token": token}), now=Instant(0))
    except BadSignature:
        return False
    return True


class Fields(dict[str, list[str]]):
    """A form as web frameworks hand it to Twilio's library."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def read(body: str) -> Fields:
    return Fields(parse_qs(body, keep_blank_values=True))


def theirs(request: HttpRequest, token: str = TOKEN) -> bool:
    """What Twilio's library says of a form or a GET."""
    fields = read(request.body.decode())
    return RequestValidator(token).validate(request.url, fields, request.headers.get(SIGNATURE, ""))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_vector_holds(vector: dict[str, Any]) -> None:
    request = HttpRequest(
        method=vector["method"],
        url=vector["url"],
        headers={name.lower(): value for name, value in vector["headers"].items()},
        body=vector["body"].encode(),
    )
    assert genuine(request, vector["secret_or_public_key"]) is vector["expected"]


@given(fields=FORMS, query=QUERIES, port=PORTS, scheme=st.sampled_from(["http", "https"]))
def test_what_the_simulator_signs_is_genuine_to_us_and_to_twilio(
    fields: dict[str, str], query: dict[str, str], port: str, scheme: str
) -> None:
    url = f"{scheme}://voice.example.com{port}/hook" + (f"?{urlencode(query)}" if query else "")
    post = signed_request("POST", url, fields, token=TOKEN)
    get = signed_request("GET", url, fields, token=TOKEN)
    assert (genuine(post), theirs(post)) == (True, True)
    assert (genuine(get), theirs(get)) == (True, True)
    assert not genuine(post, "another token")


@given(fields=st.lists(st.tuples(NAMES, TEXT), max_size=5))
def test_repeated_fields_are_signed_as_twilios_library_does(fields: list[tuple[str, str]]) -> None:
    body = urlencode(fields)
    signature = RequestValidator(TOKEN).compute_signature(WEBHOOK, read(body))
    request = HttpRequest(method="POST", url=WEBHOOK, headers={SIGNATURE: signature}, body=body.encode())
    assert genuine(request)


@given(data=st.data())
def test_a_flipped_byte_is_refused(data: st.DataObject) -> None:
    request = posted(sample("gather-speech.form"), "?callId=c1&flow=turn&n=7")
    where = data.draw(st.sampled_from(["body", "url", "signature"]))
    whole = {"body": request.body, "url": request.url.encode(), "signature": request.headers[SIGNATURE].encode()}[where]
    place = data.draw(st.integers(min_value=0, max_value=len(whole) - 1))
    flipped = bytearray(whole)
    flipped[place] ^= 1 << data.draw(st.integers(min_value=0, max_value=6))
    text = bytes(flipped).decode("latin-1")
    match where:
        case "body":
            spoiled = change(request, body=bytes(flipped))
        case "url":
            spoiled = change(request, url=text)
        case _:
            spoiled = change(request, headers={**request.headers, SIGNATURE: text})
    same_fields = where == "body" and parse_qsl(text, True) == parse_qsl(whole.decode(), True)
    if not same_fields and "#" not in text:
        assert not genuine(spoiled)


@pytest.mark.parametrize("port", ["", ":443", ":8443"])
def test_an_https_port_is_signed_by_twilio_or_not(port: str) -> None:
    for signed in ("", ":443") if port != ":8443" else ("", ":8443"):
        fields = {"CallSid": "CA1"}
        signature = RequestValidator(TOKEN).compute_signature(f"https://voice.example.com{signed}/hook", fields)
        url = f"https://voice.example.com{port}/hook"
        request = HttpRequest(method="POST", url=url, headers={SIGNATURE: signature}, body=b"CallSid=CA1")
        assert genuine(request)


def test_a_media_handshake_is_signed_with_or_without_a_slash() -> None:
    url = "wss://voice.example.com/voice/stream"
    for written in (url, url + "/"):
        request = signed_request("GET", written, {}, token=TOKEN)
        assert genuine(change(request, url=url))
    assert not genuine(
        change(signed_request("GET", url, {}, token=TOKEN), url="https://voice.example.com/voice/stream")
    )


def test_without_a_token_nothing_is_genuine() -> None:
    request = posted(sample("voice-inbound.form"), token="")
    with pytest.raises(BadSignature, match=r"twilio\.authToken"):
        carrier.verify(request, account=Account(api_url=""), now=Instant(0))


def test_a_refusal_never_tells_the_token_or_the_signature_that_was_expected() -> None:
    request = posted(sample("voice-inbound.form"), token="other")
    expected = posted(sample("voice-inbound.form")).headers[SIGNATURE]
    with pytest.raises(BadSignature) as caught:
        carrier.verify(request, account=ACCOUNT, now=Instant(0))
    assert TOKEN not in str(caught.value)
    assert expected not in str(caught.value)
    assert TOKEN not in repr(ACCOUNT)


@given(
    body=st.binary(max_size=60),
    method=st.sampled_from(["GET", "POST", "PUT", ""]),
    url=st.text(max_size=40) | st.just(WEBHOOK),
    headers=st.dictionaries(
        st.sampled_from([SIGNATURE, "content-type", "x-twilio-webhooks-signature-settings"]), st.text(max_size=30)
    ),
)
def test_arbitrary_requests_are_refused_and_nothing_else(
    body: bytes, method: str, url: str, headers: dict[str, str]
) -> None:
    assert not genuine(HttpRequest(method=method, url=url, headers=headers, body=body))
