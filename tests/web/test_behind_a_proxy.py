"""The vendors' own signatures at the gate, behind a proxy that changes host, port and path on the way."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from attrs import evolve as change

from tests.web.kit import PATH, new_gate
from tests.web.test_public_url import Intake
from voicecall.accounts import account_of
from voicecall.assembly import carrier_of
from voicecall.config import parse
from voicecall.ports import HttpRequest
from voicecall.testing.plivo.signing import Signer
from voicecall.testing.twilio.signing import signed_request
from voicecall.web.exposure import exposure_of
from voicecall.web.gate import receive

TOKEN = "hunter2hunter2"
QUERY = "?callId=c1&flow=turn&n=7"
FIELDS = {
    "twilio": {"CallSid": "CA1", "CallStatus": "in-progress", "SpeechResult": "Yes, please + more."},
    "plivo": {"CallUUID": "u1", "CallStatus": "in-progress", "Speech": "Yes, please + more."},
}
ACCOUNTS: dict[str, dict[str, str]] = {
    "twilio": {"accountSid": "AC1", "authToken": TOKEN},
    "plivo": {"authId": "MA1", "authToken": TOKEN},
}
VENDORS = pytest.mark.parametrize("carrier", ["twilio", "plivo"])


def status(carrier: str, *, public: str, signed: str, arrives: str, **headers: str) -> int:
    """How a door that is ``public`` answers a genuine webhook for the URL ``signed`` that ``arrives`` as another."""
    given: dict[str, Any] = {"provider": carrier, "fromNumber": "+15550001111", carrier: ACCOUNTS[carrier]}
    config = parse({**given, "publicUrl": public}, {})
    gate = new_gate(
        Intake().deliver,
        provider=carrier,
        carriers={carrier: carrier_of(carrier)},
        accounts={carrier: account_of(config, mock_secret="")},
        exposure=exposure_of(config, known=lambda: public + PATH),
    )
    genuine = _signed(carrier, signed + QUERY)
    moved = change(genuine, url=arrives + QUERY, headers={**genuine.headers, **headers})
    return trio.run(receive, gate, moved).status


def _signed(carrier: str, url: str) -> HttpRequest:
    if carrier == "twilio":
        return signed_request("POST", url, FIELDS["twilio"], token=TOKEN)
    return Signer(token=TOKEN, schemes=frozenset({"v3", "v2"})).request("POST", url, FIELDS["plivo"], nonce="n1")


@VENDORS
def test_a_proxy_that_ends_tls_and_names_another_host(carrier: str) -> None:
    public = "https://phone.example.com"
    assert status(carrier, public=public, signed=public + PATH, arrives="http://10.0.0.5:3334" + PATH) == 200
    assert status(carrier, public=public, signed="https://b.example" + PATH, arrives="http://b.example" + PATH) == 401


@VENDORS
def test_a_proxy_that_takes_a_part_of_the_path_away(carrier: str) -> None:
    public = "https://phone.example.com/phone"
    inner = f"http://127.0.0.1:3334{PATH}"
    assert status(carrier, public=public, signed=public + PATH, arrives=inner) == 200
    assert status(carrier, public=public, signed=f"https://phone.example.com/other{PATH}", arrives=inner) == 401


@VENDORS
def test_a_port_that_is_not_the_usual_one(carrier: str) -> None:
    public = "http://phone.example.com:8080"
    inner = f"http://127.0.0.1:3334{PATH}"
    assert status(carrier, public=public, signed=public + PATH, arrives=inner) == 200
    assert status(carrier, public=public, signed=f"http://phone.example.com:9090{PATH}", arrives=inner) == 401
    assert status(carrier, public="http://phone.example.com", signed=public + PATH, arrives=inner) == 401
    host = {"host": "phone.example.com:8080"}
    assert status(carrier, public="http://phone.example.com", signed=public + PATH, arrives=inner, **host) == 200
