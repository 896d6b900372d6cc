"""What we ask of Plivo, and what its answers mean."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from attrs import evolve as change
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.carriers.plivo.kit import (
    AUTH_ID,
    BASE,
    CALL,
    CONTROL,
    DIAL,
    ID,
    LEG,
    OTHERS,
    RECONCILE,
    SAMPLES,
    TOKEN,
    body_of,
    exchange,
    plain,
    sample,
    sent,
    told,
    unnamed,
)
from voicecall.adapters.carriers.plivo import carrier
from voicecall.events import AnyEffect
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Capability, Exchange, HttpRequest, Stance
from voicecall.testing.plivo.creating import keys_of, read_call, read_stream, read_transfer
from voicecall.testing.verbs import Target

WEBHOOK = LEG.webhook_url
PATIENT, REPORTED = "#ct=2000&rt=10000&tt=20000&rc=5&rp=all", "#rc=5&rp=all"
BY_TRANSFER = (do.Answer(), do.OpenMedia(), do.Listen(), do.StopSpeaking(utterance=1), do.Speak(utterance=1, text="x"))
BY_VOICE = change(LEG, stance=Stance.LISTEN, after=Stance.LISTEN)
HELLO = do.Speak(utterance=1, text="Hello.")
HANGUPS = (do.Hangup(), do.Reject(reason="busy"))
REFUSALS = [path.name for path in SAMPLES.glob("error-*.json")]

# --- requests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", CONTROL)
def test_every_request_is_authorized_absolute_and_ends_with_a_slash(effect: AnyEffect) -> None:
    request = sent(effect)
    assert request.url.startswith(f"{BASE}/Call/")
    assert request.url.partition("?")[0].endswith("/")
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == f"{AUTH_ID}:{TOKEN}".encode()
    assert TOKEN not in request.url + request.body.decode() + repr(request)
    assert (request.headers.get("content-type") == "application/json") is (request.method == "POST")


@pytest.mark.parametrize("effect", OTHERS)
def test_what_is_not_the_carriers_business_is_declined(effect: AnyEffect) -> None:
    assert carrier.encode(ID, effect, LEG) is None


@pytest.mark.parametrize("effect", CONTROL)
def test_nothing_but_a_dial_and_a_question_can_be_asked_of_a_call_without_a_name(effect: AnyEffect) -> None:
    request = carrier.encode(ID, effect, unnamed())
    assert (request is not None) is isinstance(effect, do.Dial | do.Reconcile)


def test_plivo_can_everything_but_tell_that_a_person_picked_up() -> None:
    assert frozenset(Capability) - carrier.capabilities == {Capability.PERSON_DETECTION}


def test_a_dial_says_who_calls_whom_where_to_ask_and_where_to_tell() -> None:
    request = sent(DIAL, unnamed())
    assert (request.method, request.url) == ("POST", f"{BASE}/Call/")
    ours = f"{WEBHOOK}?callId=c1&"
    assert body_of(request) == {
        "from": "+12025550123",
        "to": "+14155550142",
        "answer_url": f"{ours}flow=answer&n=7{PATIENT}",
        "answer_method": "POST",
        "fallback_url": f"{ours}flow=fallback&n=7{PATIENT}",
        "fallback_method": "POST",
        "ring_url": f"{ours}report=ring{REPORTED}",
        "ring_method": "POST",
        "hangup_url": f"{ours}report=hangup{REPORTED}",
        "hangup_method": "POST",
        "ring_timeout": 30,
    }


def test_a_dial_that_looks_out_for_machines_is_told_by_a_report() -> None:
    fields = body_of(sent(change(DIAL, detect_machine=True)))
    assert fields["machine_detection"] == "true"
    assert fields["machine_detection_url"] == f"{WEBHOOK}?callId=c1&report=amd{REPORTED}"


@pytest.mark.parametrize("detect", [True, False])
@pytest.mark.parametrize(("ring_ms", "seconds"), [(500, 1), (20_000, 20), (90_999, 90)])
def test_plivo_takes_every_dial(ring_ms: int, seconds: int, detect: bool) -> None:
    order = read_call(body_of(sent(change(DIAL, ring_timeout_ms=ring_ms, detect_machine=detect))))
    assert (order.caller, order.callees, order.plan.ring_timeout_s) == (LEG.caller, (LEG.callee,), seconds)
    assert order.plan.detect == ("result" if detect else "off")


def test_the_reader_that_judges_our_dials_takes_plivos_own() -> None:
    order = read_call(plain("rest-create-call.request.json"))
    assert (order.caller, order.callees) == ("+12025550123", ("+14155550142",))
    assert (order.plan.ring_timeout_s, order.plan.time_limit_s, order.plan.detect) == (30, 600, "result")
    read_stream(plain("rest-stream-start.request.json"))


@pytest.mark.parametrize("effect", BY_TRANSFER)
def test_whatever_is_said_or_heard_the_call_is_sent_to_where_it_is_told(effect: AnyEffect) -> None:
    request = sent(effect, BY_VOICE)
    assert (request.method, request.url) == ("POST", f"{BASE}/Call/{CALL}/")
    asked = f"{WEBHOOK}?callId=c1&flow=asked&n=7&e=2.0{PATIENT}"
    assert body_of(request) == {"legs": "aleg", "aleg_url": asked, "aleg_method": "POST"}
    assert read_transfer(body_of(request)) == Target(url=asked)


def test_beside_a_stream_is_said_what_leaves_it_alone() -> None:
    request = sent(HELLO, change(LEG, voice="Polly.Amy"))
    assert (request.method, request.url) == ("POST", f"{BASE}/Call/{CALL}/Speak/")
    assert body_of(request) == {"text": "Hello.", "legs": "aleg", "voice": "Polly.Amy"}
    assert told(HELLO, 202, b"{}") == fact.PlaybackStarted(utterance=1)
    stop = sent(do.StopSpeaking(utterance=1))
    assert (stop.method, stop.url) == ("DELETE", request.url)
    assert told(do.StopSpeaking(utterance=1), 204) == fact.EffectSucceeded(settles=ID)


@pytest.mark.parametrize("status", [500, 502, 429])
def test_what_may_have_been_said_beside_a_stream_is_not_said_twice(status: int) -> None:
    failed = told(HELLO, status, b"oops")
    assert isinstance(failed, fact.EffectFailed)


def test_keys_are_sent_without_another_document_so_that_a_stream_goes_on() -> None:
    request = sent(do.SendDigits(digits="12wW*#A"))
    assert (request.method, request.url) == ("POST", f"{BASE}/Call/{CALL}/DTMF/")
    assert keys_of(body_of(request)) == "12wW*#A"


@pytest.mark.parametrize("effect", HANGUPS)
def test_a_call_is_hung_up_by_deleting_it(effect: AnyEffect) -> None:
    assert (sent(effect).method, sent(effect).url, sent(effect).body) == ("DELETE", f"{BASE}/Call/{CALL}/", b"")


def test_an_id_cannot_leave_its_place_in_the_path() -> None:
    assert sent(do.Hangup(), change(LEG, vendor_call_id="../x?y=#")).url == f"{BASE}/Call/..%2Fx%3Fy%3D%23/"


def test_an_api_url_may_end_with_a_slash() -> None:
    account = change(LEG.account, api_url="http://127.0.0.1:9/v1/")
    assert sent(do.Hangup(), change(LEG, account=account)).url.startswith("http://127.0.0.1:9/v1/Account/")


# --- success ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rest-create-call.response.json", "rest-create-call-queued.response.json"])
def test_an_accepted_dial_has_a_name(name: str) -> None:
    assert told(DIAL, 201, sample(name)) == fact.DialAccepted(settles=ID, vendor_call_id=CALL)


def test_of_several_names_the_first_is_ours() -> None:
    accepted = told(DIAL, 201, sample("rest-create-call-bulk.response.json"))
    assert accepted == fact.DialAccepted(settles=ID, vendor_call_id=CALL)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"request_uuid":7}', b'{"request_uuid":[]}', b"\xff"])
def test_an_acceptance_without_a_name_is_doubt(body: bytes) -> None:
    failed = told(DIAL, 201, body)
    assert isinstance(failed, fact.EffectFailed)
    assert (failed.in_doubt, failed.retryable) == (True, False)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 207])
@pytest.mark.parametrize(
    ("effect", "name"),
    [
        (do.SendDigits(digits="1"), "rest-dtmf.response.json"),
        (do.StopSpeaking(utterance=1), "rest-transfer.response.json"),
        (do.Listen(), "rest-transfer.response.json"),
        (do.Hangup(), ""),
        (do.Reject(), ""),
    ],
)
def test_what_is_done_is_done_by_whichever_status_says_so(effect: AnyEffect, name: str, status: int) -> None:
    assert told(effect, status, sample(name) if name else b"") == fact.EffectSucceeded(settles=ID)


@pytest.mark.parametrize("effect", [do.Speak(utterance=1, text="x"), do.OpenMedia(), do.Answer()])
def test_a_call_that_was_sent_somewhere_has_not_been_there_yet(effect: AnyEffect) -> None:
    reported = told(effect, 202, sample("rest-transfer.response.json"), leg=BY_VOICE)
    assert reported == fact.VendorReported(status="transfer", code="call transfered")


# --- already gone ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", HANGUPS)
def test_a_call_that_only_rings_is_a_request_and_one_that_is_gone_is_hung_up(effect: AnyEffect) -> None:
    first = exchange(sent(effect), 404, sample("error-404.json"))
    request = carrier.interpret(ID, effect, (first,), LEG)
    assert isinstance(request, HttpRequest)
    assert (request.method, request.url) == ("DELETE", f"{BASE}/Request/{CALL}/")
    done = exchange(request, 204)
    assert carrier.interpret(ID, effect, (first, done), LEG) == fact.EffectSucceeded(settles=ID)
    gone = exchange(request, 404, sample("error-404.json"))
    assert carrier.interpret(ID, effect, (first, gone), LEG) == fact.EffectSucceeded(settles=ID, detail="already gone")


@pytest.mark.parametrize("effect", [do.Speak(utterance=1, text="x"), do.SendDigits(digits="1"), do.Listen()])
def test_nothing_else_is_done_to_a_call_that_is_gone(effect: AnyEffect) -> None:
    failed = told(effect, 404, sample("error-404.json"))
    assert failed == fact.EffectFailed(settles=ID, reason="Plivo refused: not found", vendor_code="404")


def test_a_call_that_has_taken_no_instructions_yet_can_be_sent_for_them_later() -> None:
    assert told(do.Answer(), 404, sample("error-404.json")).retryable


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("effect", [DIAL, do.SendDigits(digits="1"), RECONCILE, do.Speak(utterance=1, text="x")])
def test_a_refusal_keeps_plivos_status_and_words(effect: AnyEffect, name: str) -> None:
    status = int(name.removeprefix("error-").removesuffix(".json"))
    outcome = told(effect, status, sample(name))
    if isinstance(effect, do.Reconcile) and status == 404:
        assert isinstance(outcome, HttpRequest)
        return
    assert isinstance(outcome, fact.EffectFailed)
    assert outcome.reason == f"Plivo refused: {plain(name)['error']}"
    assert (outcome.vendor_code, outcome.retryable, outcome.in_doubt) == (str(status), status == 429, False)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error":{"to":"is invalid"}}', '{"to":"is invalid"}'),
        (b"Could not verify your access level", "Could not verify your access level"),
        (b"", "status 401"),
        (b"[1]", "[1]"),
        (b"\xff\xfe" + b"x" * 400, "x" * 50),
    ],
)
def test_an_error_in_another_form_and_in_none(body: bytes, words: str) -> None:
    failed = told(do.SendDigits(digits="1"), 401, body)
    assert words in failed.reason
    assert len(failed.reason) < 300


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("effect", CONTROL)
def test_a_fault_at_plivo_may_have_dialed_and_is_tried_again_otherwise(effect: AnyEffect, status: int) -> None:
    request = sent(effect, BY_VOICE)
    asked = [exchange(request, status, b"oops")]
    failed: Any = carrier.interpret(ID, effect, tuple(asked), BY_VOICE)
    while isinstance(failed, HttpRequest):
        assert failed == request
        asked.append(exchange(failed, status, b"oops"))
        failed = carrier.interpret(ID, effect, tuple(asked), BY_VOICE)
    # Twice sent for instructions is once instructed; keys pressed twice are pressed twice.
    assert len(asked) == (3 if isinstance(effect, tuple(map(type, BY_TRANSFER))) else 1)
    assert isinstance(failed, fact.EffectFailed)
    assert (failed.retryable, failed.in_doubt) == (True, isinstance(effect, do.Dial))


@pytest.mark.parametrize("status", [408, 409])
def test_a_dial_that_met_a_conflict_is_in_doubt(status: int) -> None:
    assert told(DIAL, status).in_doubt
    assert not told(do.SendDigits(digits="1"), status).in_doubt


@pytest.mark.parametrize("was_sent", [True, False])
@pytest.mark.parametrize("effect", CONTROL)
def test_no_answer_is_doubt_for_a_dial_that_was_sent_and_nothing_else(effect: AnyEffect, was_sent: bool) -> None:
    unanswered = Exchange(request=sent(effect), error="ReadTimeout", sent=was_sent)
    failed = carrier.interpret(ID, effect, (unanswered,), LEG)
    assert isinstance(failed, fact.EffectFailed)
    doubt = was_sent and isinstance(effect, do.Dial)
    assert (failed.in_doubt, failed.retryable) == (doubt, not doubt)
    assert "ReadTimeout" in failed.reason


@given(
    effect=st.sampled_from(CONTROL),
    status=st.integers(100, 599),
    body=st.binary(max_size=60)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.dictionaries(
                st.sampled_from(["error", "calls", "request_uuid", "call_status", "hangup_cause_code", "message"]),
                inner,
            )
            | st.lists(inner, max_size=2)
        ),
        max_leaves=4,
    ).map(lambda found: json.dumps(found).encode()),
    named=st.booleans(),
)
def test_whatever_is_answered_has_a_meaning(effect: AnyEffect, status: int, body: bytes, named: bool) -> None:
    leg = LEG if named else unnamed()
    request = carrier.encode(ID, effect, leg)
    if request is not None:
        outcome: Any = carrier.interpret(ID, effect, (exchange(request, status, body),), leg)
        assert isinstance(outcome, HttpRequest) or type(outcome).kind
