"""What a carrier's console says, through its API: in order nothing is found, and one wrong setting is one finding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from tests.doctor.stage import OURS, Stage, play
from voicecall.testing.faults import load_faults
from voicecall.testing.twilio.console import APPLICATION

CARRIERS = ("twilio", "telnyx", "plivo")
ELSEWHERE = "https://elsewhere.example/voice"


@frozen
class Case:
    """``changes`` to what the console shows; ``words`` of the only finding ("": there is none)."""

    carrier: str
    words: str
    changes: dict[str, dict[str, Any] | None]
    inbound: bool = True

    def __str__(self) -> str:
        return f"{self.carrier} {self.changes}"


def twilio(words: str, inbound: bool = True, **changes: dict[str, Any] | None) -> Case:
    return Case("twilio", words, changes, inbound)


def telnyx(words: str, inbound: bool = True, **changes: dict[str, Any] | None) -> Case:
    return Case("telnyx", words, changes, inbound)


def plivo(words: str, inbound: bool = True, **changes: dict[str, Any] | None) -> Case:
    return Case("plivo", words, changes, inbound)


APP, VERIFIED = {"voice_application_sid": APPLICATION}, {"phone_number": OURS}
CASES = (
    twilio("error account: the Twilio account is suspended", account={"status": "suspended"}),
    twilio("warn account: a trial account", account={"type": "Trial"}),
    twilio("error number: +15550000000 is no number of the account, nor a verified caller id", number=None),
    twilio("error number: +15550000000 is a verified caller id: who calls it", number=None, caller_id=VERIFIED),
    twilio("", False, number=None, caller_id=VERIFIED),
    twilio("error number: +15550000000 carries no calls", number={"capabilities": {"voice": False, "sms": True}}),
    twilio("error webhook: +15550000000: the voice URL is https://elsewhere", number={"voice_url": ELSEWHERE}),
    twilio("error webhook: +15550000000: the voice URL is not set → set it to http://127", number={"voice_url": ""}),
    twilio("error webhook: +15550000000: the voice URL is asked with GET", number={"voice_method": "GET"}),
    twilio("warn webhook: +15550000000: the status callback is not set", number={"status_callback": ""}),
    twilio("warn webhook: +15550000000: the status callback is asked", number={"status_callback_method": "GET"}),
    twilio("error webhook: +15550000000: its calls go to the SIP trunk TK1", number={"trunk_sid": "TK1"}),
    twilio("", number={**APP, "voice_url": ELSEWHERE}),
    twilio("error webhook: TwiML application AP", number=APP, application={"voice_url": ELSEWHERE}),
    twilio("error webhook: +15550000000: its TwiML application AP", number=APP, application=None),
    twilio("", False, number={"voice_url": ELSEWHERE, "voice_method": "GET"}),
    telnyx("warn account: no credit is left (0.00)", account={"available_credit": "0.00"}),
    telnyx("error application: there is no Voice API application", application=None),
    telnyx("error application: the application Voice is switched off", application={"active": False}),
    telnyx("error application: the application Voice: its webhooks", application={"webhook_api_version": "1"}),
    telnyx("error application: the application Voice has no outbound", application={"outbound": {}}),
    telnyx("error webhook: the application Voice: the webhook URL is not", application={"webhook_event_url": None}),
    telnyx("error webhook: the application Voice: the webhook", application={"webhook_event_url": ELSEWHERE}),
    telnyx("", False, application={"webhook_event_url": ELSEWHERE}),
    telnyx("error number: +15550000000 is no number of the account", number=None),
    telnyx("warn number: +15550000000 is no number of the account", False, number=None),
    telnyx("error number: +15550000000 is not in service: port-pending", number={"status": "port-pending"}),
    telnyx("error number: +15550000000 is connected to Desk", number={"connection_id": "1", "connection_name": "Desk"}),
    plivo("warn account: no credit is left (-0.5)", account={"cash_credits": "-0.5"}),
    plivo("error number: +15550000000 is no number of the account", number=None),
    plivo("warn number: +15550000000 is no number of the account", False, number=None),
    plivo("error number: +15550000000 carries no calls", number={"voice_enabled": False}),
    plivo("error webhook: +15550000000 has no application", number={"application": None}),
    plivo("error webhook: +15550000000: its application 2026", application=None),
    plivo("error webhook: the application Voice: the answer URL is https", application={"answer_url": ELSEWHERE}),
    plivo("error webhook: the application Voice: the answer URL is asked", application={"answer_method": "GET"}),
    plivo("warn webhook: the application Voice: the hangup URL is not set", application={"hangup_url": ""}),
    plivo("", False, application={"answer_url": ELSEWHERE}),
)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_in_order_nothing_is_found(tmp_path: Path, carrier: str) -> None:
    async def story(stage: Stage) -> None:
        found = await stage.findings()
        assert {one.level for one in found} == {"ok"}, found
        told = {one.id: one.message for one in found}
        assert told["webhook"] == f"calls are announced at {stage.door}/voice/webhook"
        assert {"credentials", "clock", "number", "webhook-exposure", "port", "state", "journal", "mode"} <= set(told)

    play(tmp_path, carrier, story)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_setting_that_is_wrong_is_one_finding(tmp_path: Path, case: Case) -> None:
    async def story(stage: Stage) -> None:
        stage.console.changes.update(case.changes)
        if not case.inbound:
            stage.plain["inboundPolicy"] = "disabled"
        found = await stage.complaints()
        assert [one[: len(case.words)] for one in found] == ([case.words] if case.words else [])

    play(tmp_path, case.carrier, story)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_wrong_keys_are_one_finding_and_the_console_is_not_asked(tmp_path: Path, carrier: str) -> None:
    async def story(stage: Stage) -> None:
        stage.set(carrier, **{"telnyx": {"apiKey": "KEYwrong"}}.get(carrier, {"authToken": "wrong"}))
        (found,) = await stage.complaints()
        assert found.startswith("error credentials: ")
        assert "HTTP 401" in found
        assert "wrong" not in found

    play(tmp_path, carrier, story)


@pytest.mark.parametrize(
    ("carrier", "of", "name"),
    [
        ("twilio", "*.json", "credentials"),
        ("twilio", "*/IncomingPhoneNumbers.json", "number"),
        ("telnyx", "*/call_control_applications/*", "application"),
        ("telnyx", "*/phone_numbers", "number"),
        ("plivo", "*/Number/*", "number"),
        ("plivo", "*/Application/*", "webhook"),
    ],
)
def test_a_carrier_that_cannot_answer_now_is_not_blamed_for_what_it_did_not_say(
    tmp_path: Path, carrier: str, of: str, name: str
) -> None:
    async def story(stage: Stage) -> None:
        stage.faults.play(load_faults({"rest": [{"do": "fail", "of": f"GET {of}", "status": 503}]}))
        assert [one.split(":")[0] for one in await stage.complaints()] == [f"warn {name}"]
        stage.faults.play(load_faults({"rest": [{"do": "limit", "of": f"GET {of}"}]}))
        (found,) = await stage.complaints()
        assert found.endswith(" cannot say now: HTTP 429 → try again in a while")

    play(tmp_path, carrier, story)


def test_a_key_that_is_none_is_one_finding(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        stage.set("telnyx", publicKey=f"{stage.plain['telnyx']['publicKey']}, c2hvcnQ=")
        (found,) = await stage.complaints()
        assert found.startswith("error public-key: telnyx.publicKey is no Ed25519 key: every webhook would be refused")

    play(tmp_path, "telnyx", story)


def test_numbers_of_routes_are_looked_at_too(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        stage.plain["numbers"] = {"+15550000009": {"inboundGreeting": "Hi."}}
        assert [one.split(" is ")[0] for one in await stage.complaints()] == ["error number: +15550000009"]
        stage.console.numbers = (OURS, "+15550000009")
        assert await stage.complaints() == []

    play(tmp_path, "twilio", story)
