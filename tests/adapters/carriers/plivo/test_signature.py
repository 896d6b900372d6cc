"""Proof of origin: the vectors, and Plivo's own library asked about the same requests."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from attrs import evolve as change
from hypothesis import assume, given
from hypothesis import strategies as st
from plivo.utils import validate_signature
from plivo.utils.signature_v3 import validate_v3_signature

from tests.adapters.carriers.plivo.kit import ACCOUNT, TOKEN, WEBHOOK, form, posted, sample
from voicecall.adapters.carriers.plivo import carrier
from voicecall.events import Instant
from voicecall.ports import Account, BadSignature, HttpRequest
from voicecall.testing.plivo.signing import MA_V3, SIGNATURES, V2, V2_NONCE, V3, V3_NONCE, Signer

VECTORS: list[dict[str, Any]] = json.loads(sample("signatures.json"))
NAME = st.text("abcXYZ_-", min_size=1, max_size=6)
FIELDS = st.dictionaries(NAME, st.text(max_size=12), max_size=5)
QUERY = st.lists(st.tuples(NAME, st.text(st.characters(max_codepoint=126), max_size=8)), max_size=4)
"""ASCII only: Plivo's library cannot read another query."""


def refusal(request: HttpRequest, *, token: str = TOKEN, signatures: str = "auto") -> str:
    """Why we refuse it; "" when we do not."""
    account = Account(api_url="", secrets={"auth_token": token, "signatures": signatures})
    try:
        carrier.verify(request, account=account, now=Instant(0))
    except BadSignature as error:
        return str(error)
    return ""


def signer(*schemes: str, token: str = TOKEN) -> Signer:
    return Signer(token=token, schemes=frozenset(schemes))


def vendor_accepts(request: HttpRequest, *, token: str = TOKEN) -> bool:
    """What Plivo's library says of the V3 signature."""
    params = parse_qs(request.body.decode(), keep_blank_values=True) if request.method == "POST" else {}
    headers = request.headers
    return validate_v3_signature(request.method, request.url, headers[V3_NONCE], token, headers[V3], params)


@pytest.mark.parametrize("vector", VECTORS, ids=[one["name"] for one in VECTORS])
def test_every_vector_holds(vector: dict[str, Any]) -> None:
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    body = vector["body"].encode()
    request = HttpRequest(method=vector["method"], url=vector["url"], headers=headers, body=body)
    assert (refusal(request, token=vector["secret_or_public_key"]) == "") is vector["expected"]


@given(fields=FIELDS, query=QUERY, nonce=st.text("0123456789", min_size=1, max_size=30), get=st.booleans())
def test_what_the_simulator_signs_is_genuine_to_us_and_to_plivo(
    fields: dict[str, str], query: list[tuple[str, str]], nonce: str, get: bool
) -> None:
    url = WEBHOOK + (f"?{urlencode(query)}" if query else "")
    assume(not get or all(value.isascii() for value in fields.values()))
    request = signer("v3", "v2").request("GET" if get else "POST", url, fields, nonce=nonce)
    assert refusal(request) == ""
    assert vendor_accepts(request)
    assert validate_signature(request.url, request.headers[V2_NONCE], request.headers[V2], TOKEN)
    assert refusal(request, token="other") != ""
    assert not vendor_accepts(request, token="other")


@given(st.data())
def test_a_flipped_byte_is_refused(data: st.DataObject) -> None:
    request = posted(form("getinput-speech.form"), "?callId=c1&flow=turn&n=7", schemes=data.draw(SCHEMES))
    v3 = V3 in request.headers
    where = data.draw(st.sampled_from(["signature", "nonce", "url", *(["body"] if v3 else [])]))
    bit = 1 << data.draw(st.integers(0, 2))
    match where:
        case "body":
            place = data.draw(st.integers(0, len(request.body) - 1))
            spoiled = change(request, body=flip(request.body, place, bit))
            assume(parse_qs(spoiled.body.decode("latin-1")) != parse_qs(request.body.decode("latin-1")))
        case "signature":
            proof = base64.b64decode(request.headers[V3 if v3 else V2])
            flipped = base64.b64encode(flip(proof, data.draw(st.integers(0, len(proof) - 1)), bit)).decode()
            names = [name for name in SIGNATURES if name in request.headers]
            spoiled = change(request, headers={**request.headers, **dict.fromkeys(names, flipped)})
        case "nonce":
            spoiled = change(request, headers={**request.headers, V3_NONCE if v3 else V2_NONCE: "1"})
        case _:
            spoiled = change(request, url=request.url.replace("voice.", "choice."))
    assert "does not match" in refusal(spoiled)


SCHEMES = st.sampled_from(["v3", "v2", "v3,v2"])


def flip(data: bytes, place: int, bit: int) -> bytes:
    return data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]


# --- which scheme counts ---------------------------------------------------------------------------------------------


def test_a_wrong_stronger_signature_is_not_made_good_by_a_right_weaker_one() -> None:
    request = posted(form("ring.form"))
    wrong = change(request, headers={**request.headers, V3: "AAAA", MA_V3: "AAAA"})
    assert V3 in refusal(wrong)
    assert refusal(wrong, signatures="v2") == ""


def test_whoever_may_only_use_the_stronger_one_must() -> None:
    weak = posted(form("ring.form"), schemes="v2")
    assert refusal(weak) == ""
    assert f"{V3_NONCE}: the header is missing" in refusal(weak, signatures="v3")


def test_an_account_that_has_once_signed_by_v3_signs_by_it_for_ever() -> None:
    weak, strong = posted(form("ring.form"), schemes="v2"), posted(form("ring.form"))
    assert carrier.learn(weak, ACCOUNT) == ACCOUNT
    learned = carrier.learn(strong, ACCOUNT)
    assert learned.secrets["signatures"] == "v3"
    with pytest.raises(BadSignature):
        carrier.verify(weak, account=learned, now=Instant(0))
    carrier.verify(strong, account=learned, now=Instant(0))
    for settled in ("v2", "v3"):
        account = change(ACCOUNT, secrets={**ACCOUNT.secrets, "signatures": settled})
        assert carrier.learn(strong, account) == account


def test_the_weaker_one_protects_neither_query_nor_body() -> None:
    request = change(posted(form("ring.form"), schemes="v2"), url=f"{WEBHOOK}?callId=other", body=b"CallUUID=other")
    assert refusal(request) == ""
    assert refusal(request, signatures="v3")


def test_one_of_several_signatures_is_enough_under_either_header() -> None:
    request = posted(form("ring.form"), schemes="v3")
    proof = request.headers[V3]
    for headers in ({V3: f"AAAA, {proof}"}, {V3: "AAAA", MA_V3: proof}, {MA_V3: proof}):
        assert refusal(change(request, headers={V3_NONCE: request.headers[V3_NONCE], **headers})) == ""


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, f"{V2_NONCE}: the header is missing"),
        ({V3: "AAAA"}, f"{V3_NONCE}: the header is missing"),
        ({V3_NONCE: "1"}, f"{V3}: the header is missing"),
        ({V2_NONCE: "1"}, f"{V2}: the header is missing"),
        ({V2_NONCE: "1", V2: "é"}, "does not match"),
        ({V3_NONCE: "é", V3: "é,,"}, "does not match"),
    ],
)
def test_a_refusal_says_what_is_wrong(headers: dict[str, str], words: str) -> None:
    assert words in refusal(change(posted(form("ring.form")), headers=headers))


def test_without_a_token_nothing_is_genuine() -> None:
    assert "plivo.authToken" in refusal(posted(form("ring.form")), token="")


def test_a_refusal_never_tells_the_token_or_the_signature_that_was_expected() -> None:
    request = posted(form("ring.form"))
    told = refusal(change(request, headers={**request.headers, V3: "AAAA", MA_V3: "AAAA"}))
    assert TOKEN not in told
    assert request.headers[V3] not in told


def test_the_door_asks_for_a_signature_and_its_nonce() -> None:
    assert {len(one) for one in carrier.required_headers} == {2}
    for schemes in ("v3", "v2"):
        request = posted(form("ring.form"), schemes=schemes)
        assert any(all(request.headers.get(name) for name in names) for names in carrier.required_headers)


@given(
    url=st.text(max_size=40) | st.sampled_from(["http://[", "https://[::1", "https://a?%ff=%00", "//"]),
    headers=st.dictionaries(st.sampled_from([*SIGNATURES, V3_NONCE, V2_NONCE]), st.text(max_size=20)),
    body=st.binary(max_size=60),
    method=st.sampled_from(["POST", "GET", "PUT"]),
)
def test_arbitrary_requests_are_refused_and_nothing_else(
    url: str, headers: dict[str, str], body: bytes, method: str
) -> None:
    assert refusal(HttpRequest(method=method, url=url, headers=headers, body=body))
