"""``voicecall why-signature``: from what a real server kept, and from saved requests checked by a real codec."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.web.kit import Kit, event, post, serve
from tests.web.signer import sealed
from tests.web.test_public_url import BODY, PUBLIC, Intake, gate_for
from voicecall.__main__ import main
from voicecall.adapters.carriers.mock.inbound import sign as sign_mock
from voicecall.adapters.carriers.twilio.signature import form_text, sign
from voicecall.web.refused_log import RefusedLog

FORM = "CallSid=CA1&CallStatus=ringing&From=%2B15550001000&Digits="
URL = "https://phone.example.com/voice/webhook?callId=c1"
TWILIO = {
    "provider": "twilio",
    "fromNumber": "+15550001111",
    "twilio": {"accountSid": "AC1", "authToken": "hunter2"},
    "publicUrl": "https://phone.example.com",
}


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, Any]:
    """Exit code and what was printed: JSON, or the error's text."""
    code = main([str(one) for one in arguments])
    out, error = capsys.readouterr()
    return code, json.loads(out) if out else error.strip()


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def refuse(state: Path, *requests: bytes) -> None:
    """What a door with a log in ``state`` keeps of these requests."""
    gate = gate_for({"publicUrl": PUBLIC}, Intake(), refused=RefusedLog(state / "refused.jsonl"))

    async def story(kit: Kit) -> None:
        kit.nursery.start_soon(gate.refused.run)
        for one in requests:
            await kit.ask(one)

    with structlog.testing.capture_logs():
        serve(story, gate=gate)


# --- what the server kept --------------------------------------------------------------------------------------------


def test_the_last_wrong_signature_is_explained_by_the_address_it_was_made_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = "https://new.example/voice/webhook"
    refuse(tmp_path, post(BODY, sealed(moved, BODY, host="new.example")), post(BODY, {}))
    code, last = told(capsys, "why-signature", "last", "--state", tmp_path)
    assert code == 0
    assert (last["id"], last["reason"], last["times"], last["client"]) == ("r1", "signature", 1, "127.0.0.1")
    assert (last["matched"], "passes" in last) == (moved, False)
    assert f"set publicUrl to {moved}" in last["advice"]
    (right,) = [one for one in last["candidates"] if one["matches"]]
    assert right == {"url": moved, "source": "host", "believed": False, "matches": True, "why": ""}
    assert last["candidates"][0]["url"] == f"{PUBLIC}/voice/webhook"
    assert last["candidates"][0]["believed"]

    code, other = told(capsys, "why-signature", "r2", "--state", tmp_path)
    assert (code, other["reason"], other["candidates"]) == (0, "headers", [])
    assert "missing headers: x-url-signature" in other["advice"]


def test_without_a_wrong_signature_the_last_refusal_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = post(BODY, sealed(PUBLIC + "/voice/webhok", BODY), path="/voice/webhok")
    refuse(tmp_path, post(BODY, {}), elsewhere)
    _, last = told(capsys, "why-signature", "last", "--state", tmp_path)
    assert last["advice"] == "the request missed the webhook's path: serve.path is /voice/webhook"


def test_a_webhook_that_is_configured_as_get_is_told_to_be_post(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(tmp_path, post(b"", sealed(PUBLIC + "/voice/webhook", b""), method="GET"))
    _, last = told(capsys, "why-signature", "last", "--state", tmp_path)
    assert (last["status"], last["reason"]) == (405, "method")
    assert last["advice"] == "the carrier sends GET: set this webhook to POST in the carrier's console"


def test_what_was_refused_for_another_reason_says_which(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    large = event(text="a" * 20_000)
    refuse(tmp_path, post(b"x" * 70_000, sealed(PUBLIC, b"")), post(large, sealed("https://wrong.example", large)))
    assert (
        told(capsys, "why-signature", "r1", "--state", tmp_path)[1]["advice"] == "the signature was not looked at: size"
    )
    assert "other addresses were not tried" in told(capsys, "why-signature", "last", "--state", tmp_path)[1]["advice"]


def test_an_unknown_id_names_those_that_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refuse(tmp_path, post(BODY, {}))
    code, error = told(capsys, "why-signature", "r9", "--state", tmp_path)
    assert (code, error) == (1, "r9: not among the last 1 refused requests; the newest are r1")
    code, error = told(capsys, "why-signature", "last", "--state", tmp_path / "other")
    assert (code, error.partition(":")[0]) == (
        1,
        f"no refused request is kept at {tmp_path / 'other' / 'refused.jsonl'}",
    )


# --- a saved request -------------------------------------------------------------------------------------------------


def saved(tmp_path: Path, url: str, *, signed_url: str = "", **changed: Any) -> Path:
    """A saved request that Twilio signed for ``signed_url``, in the file that people write."""
    signature = sign((signed_url or url) + form_text(FORM), "hunter2")
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    return write(tmp_path / "request.json", {"url": url, "headers": headers, "body": FORM, **changed})


@pytest.mark.parametrize(
    ("url", "signed_url", "more"),
    [
        (URL, URL, {}),
        (URL, URL, {"method": "post", "peer": "203.0.113.9", "at": 1}),
        ("/voice/webhook?callId=c1", URL, {}),
        ("http://127.0.0.1:3334/voice/webhook?callId=c1", URL, {}),
        (URL, URL, {"body": "", "bodyBase64": base64.b64encode(FORM.encode()).decode()}),
        (URL, "https://phone.example.com:443/voice/webhook?callId=c1", {}),
    ],
)
def test_a_saved_request_that_would_pass_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str, signed_url: str, more: dict[str, Any]
) -> None:
    config = write(tmp_path / "voicecall.json5", TWILIO)
    file = saved(tmp_path, url, signed_url=signed_url, **more)
    code, one = told(capsys, "why-signature", file, "--config", config, "--state", tmp_path)
    assert (code, one["passes"], one["matched"]) == (0, True, URL)
    assert one["advice"] == f"the request is genuine: it was signed for {URL}"


def test_a_saved_request_that_was_signed_for_another_address_fails_with_advice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write(tmp_path / "voicecall.json5", TWILIO)
    file = saved(tmp_path, "http://new.example/voice/webhook", signed_url="https://new.example/voice/webhook")
    code, one = told(capsys, "why-signature", file, "--config", config, "--state", tmp_path)
    assert (code, one["passes"], one["matched"]) == (1, False, "https://new.example/voice/webhook")
    assert "set publicUrl to https://new.example/voice/webhook" in one["advice"]
    assert "hunter2" not in json.dumps(one)


def test_a_saved_request_with_a_changed_body_matches_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write(tmp_path / "voicecall.json5", TWILIO)
    file = saved(tmp_path, URL, body=FORM + "1")
    code, one = told(capsys, "why-signature", file, "--config", config, "--state", tmp_path)
    assert (code, one["passes"], one["matched"]) == (1, False, None)
    assert "the carrier's key in the configuration is not the one that signed" in one["advice"]


def test_a_signature_that_holds_a_time_is_judged_by_when_the_request_came(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mock.key").write_text("hush\n")
    headers = {"x-mock-timestamp": "1767225600", "x-mock-signature": sign_mock("hush", "1767225600", b"{}")}
    plain = {"url": "/voice/webhook", "headers": headers, "body": "{}"}
    in_time = write(tmp_path / "in-time.json", {**plain, "at": 1_767_225_700_000})
    assert told(capsys, "why-signature", in_time, "--state", tmp_path)[1]["passes"]
    code, late = told(capsys, "why-signature", write(tmp_path / "late.json", plain), "--state", tmp_path)
    assert (code, late["passes"]) == (1, False)
    assert "x-mock-timestamp: more than 300 s from now" in late["advice"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not a saved request"),
        (b"\xff", "not a saved request"),
        (b"{}", "missing required field `url`"),
        (b'{"url": 5}', "$.url"),
        (b'{"url": "ftp://h/x"}', 'url: expected a whole URL, or one from its "/" on'),
        (b'{"url": "/x", "headers": {"a": 1}}', "$.headers"),
        (b'{"url": "/x", "body": "a", "bodyBase64": "YQ=="}', "body, bodyBase64: expected one of them"),
        (b'{"url": "/x", "bodyBase64": "*"}', "bodyBase64: expected base64"),
    ],
)
def test_a_file_that_is_no_saved_request_is_told_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str
) -> None:
    file = tmp_path / "request.json"
    file.write_bytes(content)
    code, error = told(capsys, "why-signature", file, "--state", tmp_path)
    assert code == 1
    assert error.startswith(f"{file}: ")
    assert words in error
    assert error.endswith("docs/webhooks.md describes the form")


def test_what_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, error = told(capsys, "why-signature", tmp_path / "none.json", "--state", tmp_path)
    assert (code, error) == (
        1,
        f'{tmp_path}/none.json: no such file, and neither "last" nor the id of a refused request (r12)',
    )
    file = write(tmp_path / "request.json", {"url": "/x"})
    code, error = told(capsys, "why-signature", file, "--state", tmp_path)
    assert (code, error.partition(":")[0]) == (1, "mock.secret")
    config = write(tmp_path / "voicecall.json5", {"provider": "twilio"})
    code, error = told(capsys, "why-signature", file, "--config", config, "--state", tmp_path)
    assert code == 1
    assert "twilio.authToken is required" in error


def test_a_person_at_a_terminal_gets_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = "https://new.example/voice/webhook"
    refuse(tmp_path, post(BODY, sealed(moved, BODY, host="new.example")))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr("voicecall.cli.signatures.wants_json", lambda *, json: json)
    assert main(["why-signature", "last", "--state", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    (row,) = [line for line in out.splitlines() if "✓" in line]
    assert row.split() == ["✓", moved, "host", "no"]
    assert "x-url-signature: (64 characters)" in out
    assert " ".join(out.split()).endswith(f"set publicUrl to {moved}")
