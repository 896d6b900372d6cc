"""A stronger proof, once seen, is asked for from then on: at the door, and after a restart."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import structlog
from attrs import evolve as change

from tests.web.kit import PATH, Kit, new_gate, post, serve
from tests.web.test_public_url import PUBLIC, Intake
from voicecall.adapters.carriers.plivo import carrier as plivo
from voicecall.adapters.carriers.plivo import signature
from voicecall.config import parse
from voicecall.ports import Account, HttpRequest
from voicecall.web.exposure import exposure_of
from voicecall.web.gate import Gate
from voicecall.web.lessons import Lessons

TOKEN = "hunter2hunter2"
FORM = b"CallUUID=u1&CallStatus=ringing&Event=Ring&From=15550001000&To=15550000000&Direction=inbound"
URL = f"{PUBLIC}{PATH}?callId=c1"
ACCOUNT = Account(
    api_url="http://127.0.0.1:1", secrets={"auth_id": "MA1", "auth_token": TOKEN, "signatures": "auto"}
)  # fmt: skip
SETTINGS = {"provider": "plivo", "fromNumber": "+15550001111", "plivo": {"authId": "MA1", "authToken": TOKEN}}


def gate(lessons: Lessons | None = None, *, account: Account = ACCOUNT) -> Gate:
    config = parse({**SETTINGS, "publicUrl": PUBLIC}, {})
    return new_gate(
        Intake().deliver,
        provider="plivo",
        carriers={"plivo": plivo},
        accounts={"plivo": account},
        exposure=exposure_of(config, known=lambda: PUBLIC + PATH),
        lessons=lessons or Lessons(),
    )


def told(*versions: str, body: bytes = FORM, signed_body: bytes = FORM, nonce: str = "n1") -> bytes:
    """A webhook with the signatures of these versions."""
    request = HttpRequest(method="POST", url=URL, body=signed_body)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if "v3" in versions:
        proof = signature.sign(signature.signed_v3(request, nonce), TOKEN)
        headers |= {signature.V3[0]: proof, signature.V3_NONCE: nonce}
    if "v2" in versions:
        proof = signature.sign(signature.signed_v2(request, nonce), TOKEN)
        headers |= {signature.V2[0]: proof, signature.V2_NONCE: nonce}
    return post(body, headers, path=URL.removeprefix(PUBLIC))


def statuses(at: Gate, *requests: bytes) -> list[int]:
    found: list[int] = []

    async def story(kit: Kit) -> None:
        found.extend([(await kit.ask(one)).status for one in requests])

    with structlog.testing.capture_logs():
        serve(story, gate=at)
    return found


def test_v2_passes_until_the_account_has_sent_v3() -> None:
    forged = told("v2", body=FORM + b"&Digits=1")  # V2 covers no body: this is why it must not come back
    assert statuses(gate(), told("v2"), told("v3", "v2"), told("v2"), forged, told("v3")) == [200, 200, 401, 401, 200]


def test_a_v3_that_is_wrong_teaches_nothing_and_v2_does_not_help_it() -> None:
    wrong = told("v3", "v2", body=FORM + b"&Digits=1")
    assert statuses(gate(), wrong, told("v2")) == [401, 200]


def test_v3_is_remembered_by_the_next_server(tmp_path: Path) -> None:
    path = tmp_path / "lessons.json"
    assert statuses(gate(Lessons(path)), told("v3")) == [200]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert TOKEN not in path.read_text()
    assert statuses(gate(Lessons(path)), told("v2"), told("v3")) == [401, 200]


def test_what_was_learned_of_one_account_does_not_bind_another(tmp_path: Path) -> None:
    lessons = Lessons(tmp_path / "lessons.json")
    statuses(gate(lessons), told("v3"))
    others: list[dict[str, Any]] = [
        {"api_url": "http://127.0.0.1:2"},
        {"secrets": {**ACCOUNT.secrets, "auth_token": "rotated"}},
        {"secrets": {**ACCOUNT.secrets, "signatures": "v2"}},
    ]
    for changed in others:
        account = change(ACCOUNT, **changed)
        assert lessons.recall("plivo", account) == account
    assert lessons.recall("twilio", ACCOUNT) == ACCOUNT
    assert lessons.recall("plivo", ACCOUNT).secrets["signatures"] == "v3"


def test_a_damaged_or_missing_file_is_learned_again(tmp_path: Path) -> None:
    path = tmp_path / "lessons.json"
    path.write_bytes(b'{"plivo": 1}')
    assert statuses(gate(Lessons(path)), told("v2"), told("v3"), told("v2")) == [200, 200, 401]
    assert statuses(gate(Lessons(path)), told("v2")) == [401]


def test_a_disk_that_cannot_be_written_still_pins_this_server(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert statuses(gate(Lessons(tmp_path / "file" / "lessons.json")), told("v3"), told("v2")) == [200, 401]
