"""What became of a call: by its name, or among those that could be it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve as change

from tests.adapters.carriers.twilio.kit import CALL, ID, LEG, RECONCILE, sample, told
from voicecall.events import facts as fact

UNKNOWN = change(LEG, vendor_call_id="")
GOING: dict[str, Any] = json.loads(sample("rest-get-call-in-progress.response.json"))
OVER: dict[str, Any] = json.loads(sample("rest-get-call-completed.response.json"))


def found(*calls: dict[str, Any], claimed: str = "") -> Any:
    """What a search comes to."""
    leg = change(UNKNOWN, claimed=lambda sid: sid == claimed)
    return told(RECONCILE, 200, json.dumps({"calls": calls}).encode(), leg=leg)


def test_a_call_that_is_going_on() -> None:
    assert told(RECONCILE, 200, json.dumps(GOING).encode()) == fact.CallReconciled(
        settles=ID, alive=True, answered=True, vendor_call_id=CALL, vendor_status="in-progress"
    )


@pytest.mark.parametrize(
    ("status", "direction", "reason"),
    [
        ("completed", "outbound-api", "hangup-user"),
        ("busy", "outbound-api", "busy"),
        ("no-answer", "outbound-api", "no-answer"),
        ("failed", "outbound-api", "failed"),
        ("canceled", "outbound-api", "hangup-bot"),
        ("canceled", "inbound", "hangup-user"),
    ],
)
def test_a_call_that_is_over(status: str, direction: str, reason: str) -> None:
    outcome = told(RECONCILE, 200, json.dumps({**OVER, "status": status, "direction": direction}).encode())
    assert (outcome.alive, outcome.answered, outcome.vendor_status, outcome.reason) == (False, False, status, reason)


@pytest.mark.parametrize("status", ["queued", "initiated", "ringing"])
def test_a_call_that_nobody_has_answered_yet(status: str) -> None:
    outcome = told(RECONCILE, 200, json.dumps({**GOING, "status": status}).encode())
    assert (outcome.alive, outcome.answered, outcome.vendor_status) == (True, False, status)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"status":7}', b'{"status":"paused"}', b'{"status":"comp'])
def test_from_an_answer_that_makes_no_sense_nothing_is_concluded(body: bytes) -> None:
    outcome = told(RECONCILE, 200, body)
    assert (type(outcome), outcome.retryable) == (fact.EffectFailed, False)
    assert "status" in outcome.reason


def test_a_call_that_twilio_does_not_know_is_over() -> None:
    outcome = told(RECONCILE, 404, sample("error-404-20404.json"))
    assert outcome == fact.CallReconciled(settles=ID, alive=False, vendor_status="no such call")


# --- without a name --------------------------------------------------------------------------------------------------


def test_the_one_call_that_could_be_ours_is_ours() -> None:
    outcome = found(GOING)
    assert (outcome.alive, outcome.answered, outcome.vendor_call_id) == (True, True, CALL)


@pytest.mark.parametrize(
    "other",
    [
        {**GOING, "sid": "CAother"},
        {**GOING, "to": "+14155550199"},
        {**GOING, "date_created": "Sat, 07 Nov 2026 05:00:00 +0000"},
        {**GOING, "sid": ""},
        {**GOING, "sid": None},
    ],
    ids=["claimed", "to somebody else", "earlier", "without a name", "with a strange name"],
)
def test_a_call_that_cannot_be_ours_is_passed_over(other: dict[str, Any]) -> None:
    outcome = found(other, GOING, claimed="CAother")
    assert (outcome.alive, outcome.vendor_call_id) == (True, CALL)
    outcome = found(other, claimed="CAother")
    assert (outcome.alive, outcome.vendor_status, outcome.reason) == (False, "no such call", "failed")


def test_a_call_without_a_date_could_be_ours() -> None:
    fresh = {**GOING, "date_created": None, "start_time": None}
    assert found(fresh).vendor_call_id == CALL
    assert found({**GOING, "date_created": "yesterday", "start_time": ""}).vendor_call_id == CALL


def test_of_two_that_could_be_ours_neither_is_taken() -> None:
    outcome = found(GOING, {**GOING, "sid": "CAother"})
    assert (outcome.alive, outcome.vendor_status) == (False, "2 calls could be this one")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"calls":7}', b'{"calls":{}}'])
def test_a_list_that_is_none_says_nothing(body: bytes) -> None:
    outcome = told(RECONCILE, 200, body, leg=UNKNOWN)
    assert isinstance(outcome, fact.EffectFailed)
    assert "calls" in outcome.reason


def test_what_is_no_call_in_the_list_is_passed_over() -> None:
    body = json.dumps({"calls": [7, None, "CA", GOING]}).encode()
    assert told(RECONCILE, 200, body, leg=UNKNOWN).vendor_call_id == CALL
