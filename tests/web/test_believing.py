"""Whole systems that believe without proof because they were told to: loud at start, and on record as unverified."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import structlog

from tests.tunnels.programs import programs
from tests.web.kit import event, post
from tests.web.test_repeats import OFFER, entries, live, send
from voicecall.system import System

CALL = {
    "CallSid": "CA0123456789abcdef0123456789abcdef",
    "AccountSid": "AC1",
    "CallStatus": "ringing",
    "Direction": "inbound",
    "From": "+15550001000",
    "To": "+15550001111",
}
CREDENTIALS: dict[str, Any] = {
    "twilio": {"accountSid": "AC1", "authToken": "t"},
    "plivo": {"authId": "MA1", "authToken": "t"},
    "telnyx": {"apiKey": "k", "connectionId": "c", "publicKey": "A" * 43 + "="},
}
GUESSED: dict[str, dict[str, str]] = {
    "twilio": {"x-twilio-signature": "Z3Vlc3NlZA=="},
    "plivo": {"x-plivo-signature-v3": "Z3Vlc3NlZA==", "x-plivo-signature-v3-nonce": "1"},
    "telnyx": {"telnyx-signature-ed25519": "Z3Vlc3NlZA==", "telnyx-timestamp": "1767225600"},
}
FORM = {"content-type": "application/x-www-form-urlencoded"}
NGROK = {"provider": "ngrok", "ngrokAuthToken": "t", "allowNgrokFreeTierLoopbackBypass": True}


@pytest.fixture(autouse=True)
def tunnels(tmp_path: Path) -> Iterator[None]:
    """Whatever tunnel a system asks for."""
    with programs(tmp_path / "bin", "ngrok", "tailscale"):
        yield


def settings(carrier: str, **more: Any) -> dict[str, Any]:
    given = {"provider": carrier, "fromNumber": "+15550001111", carrier: CREDENTIALS[carrier]}
    return {**given, "inboundPolicy": "disabled", **more}


def test_skipped_verification_is_told_at_start_and_with_every_fact(tmp_path: Path) -> None:
    async def story(system: System) -> None:
        assert warned(logs) == ["skipSignatureVerification"]
        assert (await send(system, post(event(id="offer-1", **OFFER), {}))).status == 200

    with structlog.testing.capture_logs() as logs:
        live(tmp_path, story, skipSignatureVerification=True)
    assert [entry.verified for entry in entries(tmp_path) if entry.key] == [False]


def test_the_bypass_is_told_at_start_and_with_every_fact(tmp_path: Path) -> None:
    async def story(system: System) -> None:
        assert warned(logs) == ["tunnel.allowNgrokFreeTierLoopbackBypass"]
        body = urlencode(CALL).encode()
        assert (await send(system, post(body, FORM))).status == 401  # no signature at all is still nobody
        assert (await send(system, post(body, {**FORM, **GUESSED["twilio"]}))).status == 200

    with structlog.testing.capture_logs() as logs:
        live(tmp_path, story, **settings("twilio", tunnel=NGROK))
    assert [entry.verified for entry in entries(tmp_path) if entry.key] == [False]


@pytest.mark.parametrize(
    ("carrier", "more"),
    [
        ("twilio", {}),
        ("twilio", {"tunnel": {"provider": "ngrok", "ngrokAuthToken": "t"}}),
        ("twilio", {"tunnel": {**NGROK, "provider": "tailscale-funnel"}}),
        ("twilio", {"tunnel": NGROK, "serve": {"bind": "0.0.0.0"}}),
        ("plivo", {"tunnel": NGROK}),
        ("telnyx", {"tunnel": NGROK}),
    ],
)
def test_nobody_else_is_believed_without_proof(tmp_path: Path, carrier: str, more: dict[str, Any]) -> None:
    async def story(system: System) -> None:
        assert warned(logs) == []
        assert (await send(system, post(urlencode(CALL).encode(), {**FORM, **GUESSED[carrier]}))).status == 401

    with structlog.testing.capture_logs() as logs:
        live(tmp_path, story, **settings(carrier, **more))
    assert entries(tmp_path) == []


def warned(logs: list[Any]) -> list[str]:
    """The settings that a system has warned of so far."""
    return [log["setting"] for log in logs if log["log_level"] == "warning" and "setting" in log]
