"""What became of a call in doubt: by its name, or looked for among the calls that are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve as change

from tests.adapters.carriers.plivo.kit import BASE, CALL, ID, LEG, RECONCILE, Plain, exchange, plain, sent, unnamed
from voicecall.adapters.carriers.plivo import carrier
from voicecall.events import facts as fact
from voicecall.ports import Exchange, HttpRequest, Leg

OTHER = "6417abfe-c0ea-11ee-9d2b-0242ac110003"
LIVE, RECORD = plain("rest-live-call.response.json"), plain("rest-cdr.response.json")
Answers = dict[str, Plain]


def asked(answers: Answers, leg: Leg) -> tuple[Any, list[str]]:
    """The outcome, and what was asked on the way; what has no answer is not found."""
    exchanges: tuple[Exchange, ...] = ()
    outcome: Any = sent(RECONCILE, leg)
    while isinstance(outcome, HttpRequest):
        place = outcome.url.removeprefix(BASE)
        found = answers.get(place)
        exchanges = (*exchanges, exchange(outcome, 404 if found is None else 200, found or {"error": "not found"}))
        outcome = carrier.interpret(ID, RECONCILE, exchanges, leg)
    return outcome, [one.request.url.removeprefix(BASE) for one in exchanges]


# --- by its name -----------------------------------------------------------------------------------------------------


def test_a_call_that_is_going_on() -> None:
    outcome, places = asked({f"/Call/{CALL}/?status=live": LIVE}, LEG)
    assert outcome == fact.CallReconciled(
        settles=ID, alive=True, answered=True, vendor_call_id=CALL, vendor_status="in-progress"
    )
    assert places == [f"/Call/{CALL}/?status=live"]


def test_a_call_that_nobody_has_answered_yet() -> None:
    outcome, places = asked({f"/Call/{CALL}/?status=queued": {**LIVE, "call_status": "ringing"}}, LEG)
    assert (outcome.alive, outcome.answered, outcome.vendor_status) == (True, False, "ringing")
    assert places == [f"/Call/{CALL}/?status=live", f"/Call/{CALL}/?status=queued"]


@pytest.mark.parametrize(
    ("fields", "reason", "word"),
    [
        ({}, "hangup-user", "4000 Normal Hangup (Callee)"),
        ({"hangup_source": "API Request"}, "hangup-bot", "4000 Normal Hangup (API Request)"),
        ({"hangup_source": "Plivo"}, "completed", "4000 Normal Hangup (Plivo)"),
        ({"hangup_cause_code": 3010, "hangup_cause_name": "Busy Line"}, "busy", "3010 Busy Line (Callee)"),
        ({"hangup_cause_code": "6010"}, "no-answer", "6010 Normal Hangup (Callee)"),
        ({"hangup_cause_code": 9100}, "voicemail", "9100 Normal Hangup (Callee)"),
        ({"hangup_cause_code": 1234, "hangup_source": ""}, "unknown", "1234 Normal Hangup"),
        ({"call_direction": "inbound", "hangup_source": "caller"}, "hangup-user", "4000 Normal Hangup (caller)"),
    ],
)
def test_a_call_that_is_over_is_over_for_the_reason_in_its_record(fields: Plain, reason: str, word: str) -> None:
    outcome, places = asked({f"/Call/{CALL}/": {**RECORD, **fields}}, LEG)
    assert (outcome.alive, outcome.reason, outcome.vendor_status) == (False, reason, word)
    assert len(places) == 3


def test_a_call_that_plivo_does_not_know_is_over() -> None:
    outcome, _ = asked({}, LEG)
    assert outcome == fact.CallReconciled(settles=ID, alive=False, vendor_status="no such call")


# --- without a name --------------------------------------------------------------------------------------------------

LISTS = ["/Call/?status=live", "/Call/?status=queued"]


def listed(status: str, *names: Any) -> Answers:
    return {f"/Call/?status={status}": {"calls": [*names]}}


def test_the_live_call_to_our_callee_is_ours() -> None:
    found = {**LIVE, "call_uuid": OTHER}
    answers = {**listed("live", CALL, OTHER), f"/Call/{CALL}/?status=live": {**LIVE, "to": "14155550199"}}
    outcome, places = asked({**answers, f"/Call/{OTHER}/?status=live": found}, unnamed())
    assert (outcome.alive, outcome.vendor_call_id) == (True, OTHER)
    assert places == [LISTS[0], f"/Call/{CALL}/?status=live", f"/Call/{OTHER}/?status=live"]


def test_a_call_that_only_rings_is_among_the_queued_ones() -> None:
    ringing = {**LIVE, "call_status": "ringing"}
    answers = {**listed("live"), **listed("queued", CALL), f"/Call/{CALL}/?status=queued": ringing}
    outcome, places = asked(answers, unnamed())
    assert (outcome.alive, outcome.answered, outcome.vendor_call_id) == (True, False, CALL)
    assert places == [*LISTS, f"/Call/{CALL}/?status=queued"]


@pytest.mark.parametrize("other", [{"to": "14155550199"}, {"from": "12025550199"}, {"direction": "inbound"}])
def test_a_call_that_cannot_be_ours_is_passed_over(other: Plain) -> None:
    answers = {**listed("live", CALL), **listed("queued"), f"/Call/{CALL}/?status=live": {**LIVE, **other}}
    outcome, _ = asked(answers, unnamed())
    assert (outcome.alive, outcome.reason, outcome.vendor_status) == (False, "failed", "no such call")


def test_another_calls_call_is_not_even_asked_about() -> None:
    leg = change(unnamed(), claimed=lambda name: name == CALL)
    outcome, places = asked({**listed("live", CALL), **listed("queued")}, leg)
    assert (outcome.alive, places) == (False, LISTS)


def test_a_call_that_ended_between_two_questions_is_passed_over() -> None:
    outcome, places = asked({**listed("live", CALL), **listed("queued")}, unnamed())
    assert (outcome.alive, len(places)) == (False, 3)


@pytest.mark.parametrize("strange", [None, 7, "x", {"a": 1}, [7, None]])
def test_a_list_that_is_none_has_nobody_in_it(strange: Any) -> None:
    outcome, places = asked({"/Call/?status=live": {"calls": strange}, **listed("queued")}, unnamed())
    assert (outcome.alive, places) == (False, LISTS)


@pytest.mark.parametrize("status", [401, 429, 500])
def test_from_an_error_nothing_is_concluded(status: int) -> None:
    checks: tuple[Callable[[], Leg], ...] = (lambda: LEG, unnamed)
    for leg in checks:
        failed = exchange(sent(RECONCILE, leg()), status, {"error": "x"})
        outcome = carrier.interpret(ID, RECONCILE, (failed,), leg())
        assert isinstance(outcome, fact.EffectFailed)
        assert outcome.retryable is (status != 401)
