"""What we tell the simulated network, and what its answers mean."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from attrs import evolve as change
from hypothesis import given
from hypothesis import strategies as st

from voicecall.adapters.carriers.mock import carrier
from voicecall.events import AnyEffect, CallId, EffectId, Instant, Lane
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Account, Exchange, HttpRequest, HttpResponse, Leg

ID = EffectId("2.0")
LEG = Leg(
    call_id=CallId("c1"),
    caller="+15550000000",
    callee="+15550001001",
    account=Account(api_url="http://127.0.0.1:3335/", secrets={"webhook": "hush"}),
    webhook_url="http://127.0.0.1:3334/voice/webhook",
    media_url="ws://127.0.0.1:3334/voice/stream",
    vendor_call_id="mock-c1",
    ticket="t1",
)
UNKNOWN = change(LEG, vendor_call_id="")
DIAL = do.Dial(caller="+15550000000", callee="+15550001001", ring_timeout_ms=30_000)
RECONCILE = do.Reconcile(placed_at=Instant(1_767_225_600_000))
CONTROL: tuple[AnyEffect, ...] = (
    do.Answer(),
    do.Reject(reason="busy"),
    DIAL,
    do.Hangup(),
    do.SendDigits(digits="12w#"),
    RECONCILE,
    do.OpenMedia(),
)
OTHERS: tuple[AnyEffect, ...] = (
    do.Listen(),
    do.Speak(utterance=1, text="hello"),
    do.StopSpeaking(utterance=1),
    do.AskAgent(turn=1, text="hello"),
    do.StartTimer(name="ring", due=Instant(1)),
    do.Conclude(reason="error"),
    do.UnknownEffect(),
)


def sent(effect: AnyEffect, leg: Leg = LEG) -> HttpRequest:
    request = carrier.encode(ID, effect, leg)
    assert request is not None
    return request


def told(effect: AnyEffect, status: int, body: Any = None, *, leg: Leg = LEG) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    response = HttpResponse(status=status, body=content)
    return carrier.interpret(ID, effect, (Exchange(request=sent(effect, leg), response=response),), leg)


def lost(effect: AnyEffect, *, was_sent: bool) -> Any:
    exchange = Exchange(request=sent(effect), error="ConnectError: no route", sent=was_sent)
    return carrier.interpret(ID, effect, (exchange,), LEG)


def test_every_effect_is_encoded_or_declined() -> None:
    assert {type(one) for one in (*CONTROL, *OTHERS)} == set(get_args(AnyEffect))
    assert all(type(one).lane is Lane.CONTROL for one in CONTROL)
    assert [one for one in CONTROL if carrier.encode(ID, one, LEG) is None] == []
    assert [one for one in OTHERS if carrier.encode(ID, one, LEG) is not None] == []


@pytest.mark.parametrize("effect", CONTROL, ids=str)
def test_every_request_says_who_asks_and_every_post_is_idempotent(effect: AnyEffect) -> None:
    request = sent(effect)
    assert request.headers["authorization"] == "Bearer hush"
    assert request.headers.get("idempotency-key") == ("c1:2.0" if request.method == "POST" else None)
    assert request.url.startswith("http://127.0.0.1:3335/calls")
    assert sent(effect) == request


def test_a_dial_says_who_calls_whom_and_where_to_tell() -> None:
    request = sent(DIAL, UNKNOWN)
    assert (request.method, request.url) == ("POST", "http://127.0.0.1:3335/calls")
    assert json.loads(request.body) == {
        "callId": "c1",
        "from": "+15550000000",
        "to": "+15550001001",
        "webhookUrl": "http://127.0.0.1:3334/voice/webhook",
        "ringTimeoutMs": 30_000,
    }


@pytest.mark.parametrize(
    ("effect", "path", "body"),
    [
        (do.Answer(), "answer", {"mediaUrl": LEG.media_url, "ticket": "t1"}),
        (do.OpenMedia(), "media", {"mediaUrl": LEG.media_url, "ticket": "t1"}),
        (do.Reject(reason="busy"), "reject", {"reason": "busy"}),
        (do.Hangup(reason="timeout"), "hangup", {"reason": "timeout"}),
        (do.SendDigits(digits="12w#"), "digits", {"digits": "12w#"}),
    ],
)
def test_the_other_posts_name_the_call(effect: AnyEffect, path: str, body: dict[str, Any]) -> None:
    for leg in (LEG, UNKNOWN):
        request = sent(effect, leg)
        assert (request.url, json.loads(request.body)) == (f"http://127.0.0.1:3335/calls/mock-c1/{path}", body)


def test_an_id_cannot_leave_its_place_in_the_path() -> None:
    assert sent(do.Hangup(), change(LEG, vendor_call_id="../report?")).url.endswith("/calls/..%2Freport%3F/hangup")


# --- outcomes --------------------------------------------------------------------------------------------------------


def test_an_accepted_dial() -> None:
    outcome = told(DIAL, 201, {"providerCallId": "mock-c1", "status": "initiated"})
    assert outcome == fact.DialAccepted(settles=ID, vendor_call_id="mock-c1")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"providerCallId":7}'])
def test_an_acceptance_that_makes_no_sense_is_doubt(body: bytes) -> None:
    outcome = told(DIAL, 201, body)
    assert (type(outcome), outcome.in_doubt, outcome.retryable) == (fact.EffectFailed, True, False)


@pytest.mark.parametrize("effect", [one for one in CONTROL if not isinstance(one, do.Dial | do.Reconcile)])
def test_what_is_done_is_done(effect: AnyEffect) -> None:
    assert told(effect, 200) == fact.EffectSucceeded(settles=ID)


@pytest.mark.parametrize("status", [404, 409])
def test_a_call_that_is_gone_is_hung_up(status: int) -> None:
    assert told(do.Hangup(), status, {"error": "gone"}) == fact.EffectSucceeded(settles=ID, detail="already gone")


def test_a_stream_that_is_open_is_opened() -> None:
    assert isinstance(told(do.OpenMedia(), 409), fact.EffectSucceeded)
    assert isinstance(told(do.OpenMedia(), 404), fact.EffectFailed)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("effect", CONTROL, ids=str)
def test_later_is_retryable_and_a_dial_may_be_in_doubt(effect: AnyEffect, status: int) -> None:
    outcome = told(effect, status, {"error": "busy here"})
    assert (type(outcome), outcome.retryable, outcome.vendor_code) == (fact.EffectFailed, True, str(status))
    assert "busy here" in outcome.reason
    assert outcome.in_doubt == (isinstance(effect, do.Dial) and status in (500, 502, 504))


def test_a_refusal_keeps_the_networks_words() -> None:
    outcome = told(DIAL, 422, {"error": "to: +1900 is blocked"})
    assert (outcome.retryable, outcome.in_doubt) == (False, False)
    assert "to: +1900 is blocked" in outcome.reason
    assert "teapot" in told(do.Answer(), 418, b"teapot").reason


@pytest.mark.parametrize("effect", CONTROL, ids=str)
def test_without_a_network_the_hint_says_how_to_start_one(effect: AnyEffect) -> None:
    outcome = lost(effect, was_sent=False)
    assert (type(outcome), outcome.retryable, outcome.in_doubt) == (fact.EffectFailed, True, False)
    for hint in ("http://127.0.0.1:3335", "voicecall serve --simulate", "mock.apiUrl"):
        assert hint in outcome.reason


@pytest.mark.parametrize("effect", CONTROL, ids=str)
def test_a_lost_answer_is_doubt_for_a_dial_and_a_retry_for_the_rest(effect: AnyEffect) -> None:
    outcome = lost(effect, was_sent=True)
    dial = isinstance(effect, do.Dial)
    assert (type(outcome), outcome.retryable, outcome.in_doubt) == (fact.EffectFailed, not dial, dial)


# --- reconciling -----------------------------------------------------------------------------------------------------


def test_a_known_call_is_asked_for_by_name() -> None:
    assert (sent(RECONCILE).method, sent(RECONCILE).url) == ("GET", "http://127.0.0.1:3335/calls/mock-c1")
    view = {"providerCallId": "mock-c1", "callId": "c1", "status": "answered", "answered": True}
    expected = fact.CallReconciled(
        settles=ID, alive=True, answered=True, vendor_call_id="mock-c1", vendor_status="answered"
    )
    assert told(RECONCILE, 200, view) == expected
    over = told(RECONCILE, 200, {"status": "ended", "answered": True, "reason": "hangup-user"})
    assert (over.alive, over.reason, over.vendor_status) == (False, "hangup-user", "ended")


def test_a_call_that_the_network_does_not_know_is_not_alive() -> None:
    outcome = told(RECONCILE, 404, {"error": "no such call"})
    assert outcome == fact.CallReconciled(settles=ID, alive=False, vendor_status="no such call")


def test_a_nameless_call_is_searched_for_and_only_our_own_is_taken() -> None:
    assert sent(RECONCILE, UNKNOWN).url == (
        "http://127.0.0.1:3335/calls?to=%2B15550001001&from=%2B15550000000&since=1767225540000"
    )
    ours = {"callId": "c1", "providerCallId": "mock-c1", "status": "ringing", "answered": False}
    other = {"callId": "c2", "providerCallId": "mock-c2", "status": "answered", "answered": True}
    outcome = told(RECONCILE, 200, {"calls": [other, ours, "junk"]}, leg=UNKNOWN)
    assert (outcome.alive, outcome.answered, outcome.vendor_call_id) == (True, False, "mock-c1")
    assert told(RECONCILE, 200, {"calls": [other]}, leg=UNKNOWN).alive is False
    assert isinstance(told(RECONCILE, 200, {"calls": [ours, ours]}, leg=UNKNOWN), fact.EffectFailed)
    assert isinstance(told(RECONCILE, 200, {}, leg=UNKNOWN), fact.EffectFailed)


@given(effect=st.sampled_from(CONTROL), status=st.integers(200, 599), body=st.binary(max_size=120))
def test_any_answer_is_an_outcome_of_this_effect(effect: AnyEffect, status: int, body: bytes) -> None:
    for leg in (LEG, UNKNOWN):
        assert told(effect, status, body, leg=leg).settles == ID


# --- webhook replies -------------------------------------------------------------------------------------------------


def actions(*owed: AnyEffect) -> tuple[list[Any], tuple[EffectId, ...]]:
    reply = carrier.reply(tuple((EffectId(f"3.{index}"), one) for index, one in enumerate(owed)), LEG)
    assert (reply.response.status, reply.response.headers["content-type"]) == (200, "application/json")
    return json.loads(reply.response.body)["actions"], reply.carried


def test_a_reply_carries_what_it_can_in_order() -> None:
    media = {"mediaUrl": LEG.media_url, "ticket": "t1"}
    assert actions(do.Answer()) == ([{"answer": media}], ("3.0",))
    assert actions(do.OpenMedia(), do.Hangup(reason="timeout")) == (
        [{"media": media}, {"hangup": {"reason": "timeout"}}],
        ("3.0", "3.1"),
    )
    assert actions(do.Reject(reason="not-allowed")) == ([{"reject": {"reason": "not-allowed"}}], ("3.0",))


def test_a_reply_never_dials_and_never_lets_an_effect_overtake() -> None:
    assert actions(DIAL, do.Hangup()) == ([], ())
    assert actions(do.SendDigits(digits="1"), do.Hangup()) == ([], ())
    assert actions(do.Answer(), RECONCILE, do.Hangup())[1] == ("3.0",)


def test_a_webhook_about_no_call_of_ours_is_answered() -> None:
    reply = carrier.reply(((ID, do.Hangup()),), None)
    assert (reply.response.status, json.loads(reply.response.body), reply.carried) == (200, {"actions": []}, ())
