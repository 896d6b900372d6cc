"""Proof of origin: the vectors, and the vendor's own validators asked about the same requests."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any
from unittest import mock

import pytest
from attrs import evolve as change
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from telnyx import Telnyx
from telnyx.lib.webhook_verification import WebhookVerificationError, verify_webhook_signature

from tests.adapters.carriers.telnyx.kit import plain, sample
from voicecall.adapters.carriers.telnyx import carrier
from voicecall.events import Instant
from voicecall.ports import Account, BadSignature, HttpRequest

SIGNATURE, TIMESTAMP = "telnyx-signature-ed25519", "telnyx-timestamp"
NOW_S = 1_794_036_000
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
VECTORS: list[dict[str, Any]] = json.loads(sample("signatures.json"))
CLIENT = Telnyx(api_key="KEY_none")


def signed(body: bytes, *, seconds: int = NOW_S, key: Ed25519PrivateKey = KEY) -> HttpRequest:
    proof = base64.b64encode(key.sign(str(seconds).encode() + b"|" + body)).decode()
    headers = {TIMESTAMP: str(seconds), SIGNATURE: proof}
    return HttpRequest(method="POST", url="https://voice.example.com/voice/webhook", headers=headers, body=body)


def refusal(request: HttpRequest, *, key: str = PUBLIC, now_s: float = NOW_S) -> str:
    """Why we refuse it; "" when we do not."""
    account = Account(api_url="", secrets={"public_key": key})
    try:
        carrier.verify(request, account=account, now=Instant(round(now_s * 1000)))
    except BadSignature as error:
        return str(error)
    return ""


def vendors_accept(body: bytes, headers: Mapping[str, str], *, key: str, now_s: float) -> bool:
    """What the vendor's check says, its clock stopped. It can read text only."""
    with mock.patch.object(time, "time", return_value=now_s):
        try:
            verify_webhook_signature(body, headers, key)
        except WebhookVerificationError:
            return False
    return True


def vendors_unwrap(body: bytes, headers: Mapping[str, str], *, key: str, now_s: float) -> bool:
    """What the vendor's client says of a JSON body."""
    with mock.patch.object(time, "time", return_value=now_s):
        try:
            CLIENT.webhooks.unwrap(body.decode(), headers=headers, key=key)
        except (ValueError, WebhookVerificationError):
            return False
    return True


@pytest.mark.parametrize("vector", VECTORS, ids=[one["name"] for one in VECTORS])
def test_every_vector_holds(vector: dict[str, Any]) -> None:
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    body = vector["body"].encode()
    request = HttpRequest(method=vector["method"], url=vector["url"], headers=headers, body=body)
    key = vector["secret_or_public_key"]
    assert (refusal(request, key=key, now_s=vector["now"]) == "") is vector["expected"]
    assert vendors_accept(body, headers, key=key, now_s=vector["now"]) is vector["expected"]


@given(
    body=st.text(max_size=100).map(str.encode),
    ago_s=st.integers(-302, 302) | st.sampled_from([-301, -300, 300, 301]),
    ours=st.booleans(),
)
def test_we_and_the_vendor_agree_about_what_was_signed_when_by_whom(body: bytes, ago_s: int, ours: bool) -> None:
    request = signed(body, seconds=NOW_S - ago_s, key=KEY if ours else OTHER)
    accepted = refusal(request) == ""
    assert accepted is (ours and abs(ago_s) <= 300)
    assert vendors_accept(body, request.headers, key=PUBLIC, now_s=NOW_S) is accepted


@given(body=st.text(min_size=1, max_size=80).map(str.encode), data=st.data())
def test_a_flipped_bit_is_refused_wherever_it_is(body: bytes, data: st.DataObject) -> None:
    request = signed(body)
    where = data.draw(st.sampled_from(["body", "signature", "timestamp"]))
    bit = 1 << data.draw(st.integers(0, 7))
    match where:
        case "body":
            place = data.draw(st.integers(0, len(body) - 1))
            spoiled = change(request, body=flip(body, place, bit))
        case "signature":
            proof = base64.b64decode(request.headers[SIGNATURE])
            flipped = flip(proof, data.draw(st.integers(0, len(proof) - 1)), bit)
            headers = {**request.headers, SIGNATURE: base64.b64encode(flipped).decode()}
            spoiled = change(request, headers=headers)
        case _:
            later = str(NOW_S + data.draw(st.integers(1, 300)))
            spoiled = change(request, headers={**request.headers, TIMESTAMP: later})
    assert refusal(spoiled)
    assert not is_text(spoiled.body) or not vendors_accept(spoiled.body, spoiled.headers, key=PUBLIC, now_s=NOW_S)


def is_text(body: bytes) -> bool:
    try:
        return bool(body.decode()) or not body
    except UnicodeDecodeError:
        return False


def flip(data: bytes, place: int, bit: int) -> bytes:
    return data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]


def test_the_vendors_client_unwraps_what_we_accept() -> None:
    body = json.dumps(plain("call-answered.json")).encode()
    request = signed(body)
    assert refusal(request) == ""
    assert vendors_unwrap(body, request.headers, key=PUBLIC, now_s=NOW_S)
    assert not vendors_unwrap(body + b" ", request.headers, key=PUBLIC, now_s=NOW_S)


def spelled(encoding: Encoding, private: Any = KEY) -> str:
    """A public key as tools write it."""
    raw = private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    return raw.decode() if encoding is Encoding.PEM else base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "key",
    [
        PUBLIC,
        PUBLIC.rstrip("="),
        PUBLIC.replace("+", "-").replace("/", "_"),
        spelled(Encoding.PEM),
        spelled(Encoding.PEM).strip().replace("\n", "\\n"),
        spelled(Encoding.DER),
        spelled(Encoding.DER).rstrip("=").replace("+", "-").replace("/", "_"),
    ],
)
def test_a_key_may_be_written_as_the_portal_or_as_tools_write_it(key: str) -> None:
    assert refusal(signed(b"{}"), key=key) == ""
    assert "does not match" in refusal(signed(b"{}", key=OTHER), key=key)


def test_a_request_is_good_for_either_of_two_keys_while_one_replaces_the_other() -> None:
    other = base64.b64encode(OTHER.public_key().public_bytes_raw()).decode()
    request = signed(b"{}", key=OTHER)
    assert "does not match" in refusal(request)
    assert refusal(request, key=f"{PUBLIC}, {other}") == ""
    assert refusal(signed(b"{}"), key=f"{PUBLIC}, {other}") == ""


@given(body=st.binary(max_size=200))
def test_bytes_that_are_no_text_can_be_signed_too(body: bytes) -> None:
    assert refusal(signed(body)) == ""
    assert refusal(change(signed(body), body=body + b"\xff"))


def test_the_url_and_its_query_prove_nothing_and_break_nothing() -> None:
    assert refusal(change(signed(b"{}"), url="http://127.0.0.1:9/elsewhere?callId=x")) == ""


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({SIGNATURE: ""}, f"{SIGNATURE}: the header is missing"),
        ({TIMESTAMP: ""}, f"{TIMESTAMP}: the header is missing"),
        ({TIMESTAMP: "٣"}, "not a number of seconds"),
        ({TIMESTAMP: "1" * 13}, "not a number of seconds"),
        ({SIGNATURE: "é"}, "not base64"),
        ({SIGNATURE: "AA==="}, "not base64"),
        ({SIGNATURE: "AAAA"}, "does not match"),
    ],
)
def test_a_refusal_says_what_is_wrong(headers: dict[str, str], words: str) -> None:
    request = signed(b"{}")
    assert words in refusal(change(request, headers={**request.headers, **headers}))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "telnyx.publicKey"),
        ("AAAA", "32 bytes"),
        ("~", "telnyx.publicKey"),
        (" , ", "no public key"),
        ("é", "telnyx.publicKey"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "telnyx.publicKey"),
        (spelled(Encoding.DER, ec.derive_private_key(7, ec.SECP256R1())), "telnyx.publicKey"),
    ],
)
def test_a_key_that_is_none_is_named(key: str, words: str) -> None:
    assert words in refusal(signed(b"{}"), key=key)


def test_the_door_asks_for_both_headers() -> None:
    assert carrier.required_headers == ((SIGNATURE, TIMESTAMP),)
