"""What we ask of Twilio: every effect is a request by its documentation, or declined; and what its answers mean."""

from __future__ import annotations

import base64
import json
from typing import get_args
from urllib.parse import parse_qsl, urlsplit

import pytest
from attrs import evolve as change
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.carriers.twilio.kit import (
    ACCOUNT_SID,
    CALL,
    CONTROL,
    DIAL,
    ID,
    LEG,
    OTHERS,
    RECONCILE,
    TOKEN,
    fields_of,
    sample,
    sent,
    told,
)
from voicecall.adapters.carriers.twilio import carrier, words
from voicecall.events import AnyEffect
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Account, Exchange, Leg
from voicecall.testing.patience import patience_of
from voicecall.testing.twilio import creating
from voicecall.testing.twilio.documents import RULES

BASE = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT_SID}"
UNKNOWN = change(LEG, vendor_call_id="")
NAMED = [one for one in CONTROL if not isinstance(one, do.Dial | do.Reconcile)]
URLS = ("Url", "FallbackUrl", "StatusCallback", "AsyncAmdStatusCallback")


def parameters(effect: AnyEffect, leg: Leg = LEG) -> creating.Fields:
    """The form of a request, as Twilio reads it."""
    found: creating.Fields = {}
    for name, value in fields_of(sent(effect, leg)):
        found.setdefault(name, []).append(value)
    return found


# --- requests --------------------------------------------------------------------------------------------------------


def test_every_effect_is_encoded_or_declined() -> None:
    assert {type(one) for one in (*CONTROL, *OTHERS)} == set(get_args(AnyEffect))
    assert [one for one in CONTROL if carrier.encode(ID, one, LEG) is None] == []
    assert [one for one in OTHERS if carrier.encode(ID, one, LEG) is not None] == []


@pytest.mark.parametrize("effect", NAMED, ids=str)
def test_nothing_is_asked_about_a_call_without_a_name(effect: AnyEffect) -> None:
    assert carrier.encode(ID, effect, UNKNOWN) is None


@pytest.mark.parametrize("effect", CONTROL, ids=str)
def test_every_request_says_who_asks_and_shows_no_secret(effect: AnyEffect) -> None:
    request = sent(effect)
    scheme, _, pair = request.headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(pair).decode()) == ("Basic", f"{ACCOUNT_SID}:{TOKEN}")
    assert request.url.startswith(f"{BASE}/Calls")
    if request.method == "POST":
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert TOKEN not in request.url + request.body.decode() + repr(request)
    assert sent(effect) == request


def test_a_region_has_an_api_of_its_own() -> None:
    account = Account(api_url="https://api.dublin.ie1.twilio.com/", secrets=LEG.account.secrets)
    assert sent(do.Hangup(), change(LEG, account=account)).url.startswith(
        f"https://api.dublin.ie1.twilio.com/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/"
    )


def test_a_dial_says_who_calls_whom_where_to_ask_and_where_to_tell() -> None:
    request = sent(DIAL, UNKNOWN)
    fields = fields_of(request)
    assert (request.method, request.url) == ("POST", f"{BASE}/Calls.json")
    assert [value for name, value in fields if name == "StatusCallbackEvent"] == ["initiated", "ringing", "completed"]
    plain = dict(fields)
    told_in = {name: dict(parse_qsl(urlsplit(plain[name]).query)) for name in URLS if name in plain}
    assert told_in == {
        "Url": {"callId": "c1", "flow": "answer", "n": "7"},
        "FallbackUrl": {"callId": "c1", "flow": "fallback", "n": "7"},
        "StatusCallback": {"callId": "c1", "report": "status"},
    }
    rest = {name: value for name, value in plain.items() if name not in (*URLS, "StatusCallbackEvent")}
    assert rest == {
        "To": "+14155550142",
        "From": "+12025550123",
        "Method": "POST",
        "FallbackMethod": "POST",
        "StatusCallbackMethod": "POST",
        "Timeout": "30",
    }


def test_a_dial_that_looks_out_for_machines_is_told_by_a_report() -> None:
    plain = dict(fields_of(sent(change(DIAL, detect_machine=True), UNKNOWN)))
    assert (plain["MachineDetection"], plain["AsyncAmd"]) == ("DetectMessageEnd", "true")
    assert "report=amd" in plain["AsyncAmdStatusCallback"]
    assert not [name for name, _ in fields_of(sent(DIAL, UNKNOWN)) if "Amd" in name or "Machine" in name]


@pytest.mark.parametrize(("ring_ms", "timeout"), [(30_000, 30.0), (1, 1.0), (10**9, 600.0)])
@pytest.mark.parametrize("detect", [False, True])
def test_twilio_takes_every_dial(ring_ms: int, timeout: float, detect: bool) -> None:
    order = creating.read(parameters(change(DIAL, ring_timeout_ms=ring_ms, detect_machine=detect), UNKNOWN))
    assert (order.caller, order.callee, order.plan.ring_timeout_s) == (LEG.caller, LEG.callee, timeout)
    assert order.plan.detect == ("greeting" if detect else "off")
    assert order.orders.events == {"initiated", "ringing", "completed"}


@pytest.mark.parametrize("effect", NAMED, ids=str)
def test_twilio_takes_every_update(effect: AnyEffect) -> None:
    update = creating.read_update(parameters(effect))
    assert bool(update.status) != bool(update.twiml)
    request = sent(effect)
    assert (request.method, request.url) == ("POST", f"{BASE}/Calls/{CALL}.json")


def test_a_hangup_ends_a_call_in_any_state_and_a_refusal_too() -> None:
    for effect in (do.Hangup(reason="timeout"), do.Reject(reason="busy")):
        assert fields_of(sent(effect)) == [("Status", "completed")]


def test_every_url_tells_how_patiently_to_ask() -> None:
    plain = dict(fields_of(sent(change(DIAL, detect_machine=True), UNKNOWN)))
    for name in URLS:
        patience = patience_of(plain[name], RULES)
        assert len(patience.pauses_s) == 5
        assert patience.again == {"ct", "rt", "4xx", "5xx"}
    assert patience_of(plain["Url"], RULES).read_s == 10


def test_an_id_cannot_leave_its_place_in_the_path() -> None:
    assert sent(do.Hangup(), change(LEG, vendor_call_id="../x?")).url == f"{BASE}/Calls/..%2Fx%3F.json"


def test_a_known_call_is_asked_for_by_name_and_another_by_whom_it_goes_to_and_since_when() -> None:
    assert (sent(RECONCILE).method, sent(RECONCILE).url) == ("GET", f"{BASE}/Calls/{CALL}.json")
    url = urlsplit(sent(RECONCILE, UNKNOWN).url)
    assert dict(parse_qsl(url.query)) == {
        "To": "+14155550142",
        "From": "+12025550123",
        "StartTime>": "2026-11-07",
        "PageSize": "50",
    }


# --- outcomes --------------------------------------------------------------------------------------------------------


def test_an_accepted_dial() -> None:
    outcome = told(DIAL, 201, sample("rest-create-call.response.json"), leg=UNKNOWN)
    assert outcome == fact.DialAccepted(settles=ID, vendor_call_id=CALL)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"sid":7}', b'{"sid":""}', b'{"si'])
def test_an_acceptance_that_makes_no_sense_is_doubt(body: bytes) -> None:
    outcome = told(DIAL, 201, body)
    assert (type(outcome), outcome.in_doubt, outcome.retryable) == (fact.EffectFailed, True, False)


@pytest.mark.parametrize("effect", [one for one in NAMED if not isinstance(one, do.Speak)], ids=str)
def test_what_is_done_is_done(effect: AnyEffect) -> None:
    assert told(effect, 200, sample("rest-get-call-in-progress.response.json")) == fact.EffectSucceeded(settles=ID)


def test_what_is_to_be_said_has_begun_and_is_settled_by_its_end() -> None:
    assert told(do.Speak(utterance=3, text="hello"), 200) == fact.PlaybackStarted(utterance=3)


@pytest.mark.parametrize(("name", "status"), [("error-404-20404.json", 404), ("error-400-21220.json", 400)])
def test_a_call_that_is_gone_is_hung_up_and_nothing_else_is_done_to_it(name: str, status: int) -> None:
    for effect in (do.Hangup(), do.Reject()):
        assert told(effect, status, sample(name)) == fact.EffectSucceeded(settles=ID, detail="already gone")
    for effect in (do.Speak(utterance=1, text="hello"), do.SendDigits(digits="1"), do.OpenMedia()):
        outcome = told(effect, status, sample(name))
        assert (type(outcome), outcome.in_doubt) == (fact.EffectFailed, False)


ERRORS = {
    "error-400-21211.json": (400, "21211", False),
    "error-400-21220.json": (400, "21220", False),
    "error-401-20003.json": (401, "20003", False),
    "error-404-20404.json": (404, "20404", False),
    "error-429-20429.json": (429, "20429", True),
}


@pytest.mark.parametrize("name", ERRORS)
def test_a_refusal_keeps_twilios_code_and_words(name: str) -> None:
    status, code, later = ERRORS[name]
    outcome = told(DIAL, status, sample(name), leg=UNKNOWN)
    assert (type(outcome), outcome.vendor_code, outcome.retryable) == (fact.EffectFailed, code, later)
    assert not outcome.in_doubt
    assert outcome.reason.startswith("Twilio refused: ")
    assert len(outcome.reason) > len("Twilio refused: ")


def test_another_shape_of_error_and_none_at_all() -> None:
    problem = b'{"type":"x","title":"Bad","status":400,"detail":"To is not a number","code":21211}'
    outcome = told(DIAL, 400, problem)
    assert (outcome.vendor_code, outcome.reason) == ("21211", "Twilio refused: To is not a number")
    assert told(DIAL, 418, b"teapot").reason == "Twilio refused: teapot"
    assert told(DIAL, 418).reason == "Twilio refused: status 418"
    assert told(DIAL, 418).vendor_code == "418"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("effect", CONTROL, ids=str)
def test_a_fault_at_twilio_may_have_dialed_and_is_tried_again_otherwise(effect: AnyEffect, status: int) -> None:
    outcome = told(effect, status, b"")
    assert (type(outcome), outcome.retryable) == (fact.EffectFailed, True)
    assert outcome.in_doubt == isinstance(effect, do.Dial)


@pytest.mark.parametrize("was_sent", [True, False])
@pytest.mark.parametrize("effect", CONTROL, ids=str)
def test_no_answer_is_doubt_for_a_dial_that_was_sent_and_nothing_else(effect: AnyEffect, was_sent: bool) -> None:
    exchange = Exchange(request=sent(effect), error="ConnectError: no route", sent=was_sent)
    outcome = carrier.interpret(ID, effect, (exchange,), LEG)
    assert isinstance(outcome, fact.EffectFailed)
    assert outcome.in_doubt == (was_sent and isinstance(effect, do.Dial))
    assert outcome.retryable != outcome.in_doubt
    assert "no route" in outcome.reason


@given(effect=st.sampled_from(CONTROL), status=st.integers(200, 599), body=st.binary(max_size=60))
def test_whatever_is_answered_has_a_meaning(effect: AnyEffect, status: int, body: bytes) -> None:
    outcome = told(effect, status, body)
    begun = isinstance(effect, do.Speak) and status < 300
    assert outcome == fact.PlaybackStarted(utterance=1) if begun else outcome.settles == ID


def test_every_status_of_the_documentation_has_its_meaning() -> None:
    assert {*words.ENDINGS, *words.ALIVE} == {
        *("queued", "initiated", "ringing", "in-progress"),
        *("completed", "busy", "no-answer", "failed", "canceled"),
    }


CODES = {
    (404, 20404): "gone",
    (400, 21220): "gone",
    **{(400, code): "refused" for code in (21205, 21211, 21212, 21214, 21215, 21216)},
    (401, 20003): "refused",
    (403, 20003): "refused",
    (429, 20429): "later",
    **{(status, None): "later" for status in (500, 502, 503, 504)},
}
"""Twilio's table of errors: what is to be done about each."""


@pytest.mark.parametrize(("error", "then"), CODES.items(), ids=str)
def test_every_error_of_the_documentation_is_gone_refused_or_for_later_in_twilios_words(
    error: tuple[int, int | None], then: str
) -> None:
    status, code = error
    body = json.dumps({"code": code, "message": "in their words", "status": status}).encode()
    hangup = told(do.Hangup(), status, body)
    if then == "gone":
        assert hangup == fact.EffectSucceeded(settles=ID, detail="already gone")
    for outcome in (told(do.SendDigits(digits="1"), status, body), *((hangup,) if then != "gone" else ())):
        assert isinstance(outcome, fact.EffectFailed)
        assert (outcome.retryable, outcome.in_doubt) == (then == "later", False)
        assert outcome.vendor_code == str(code or status)
        assert "in their words" in outcome.reason


ENDINGS = {
    "completed": ("hangup-user", "hangup-user"),
    "busy": ("busy", "busy"),
    "no-answer": ("no-answer", "no-answer"),
    "failed": ("failed", "failed"),
    "canceled": ("hangup-bot", "hangup-user"),
    "vanished": ("unknown", "unknown"),
    "": ("unknown", "unknown"),
}
"""Final status → what it means of an outbound and of an inbound call."""


@pytest.mark.parametrize("inbound", [False, True])
@pytest.mark.parametrize("sip", ["", "487"])
@pytest.mark.parametrize("status", ENDINGS)
def test_every_final_status_has_its_meaning_and_its_word_is_kept(status: str, sip: str, inbound: bool) -> None:
    ended = words.ended(status, inbound=inbound, sip_code=sip)
    assert ended.reason == ENDINGS[status][inbound]
    assert ended.vendor_code == (f"{status} (SIP {sip})" if sip else status)
    assert ended.presumed == (status in ("completed", "canceled"))
