"""What Telnyx's answers mean: accepted, gone, refused, again, in doubt."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve as change
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.carriers.telnyx.kit import CALL, LEG, OURS, SAMPLES, plain, sample, state
from voicecall.adapters.carriers.telnyx import carrier
from voicecall.events import AnyEffect, EffectId
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import Exchange, HttpRequest, HttpResponse, Leg

ID = EffectId("7.0")
UNKNOWN = change(LEG, vendor_call_id="")
DIAL = do.Dial(caller="+12025550123", callee="+14155550142", ring_timeout_ms=30_000)
SPEAK = do.Speak(utterance=3, text="Hello.")
COMMANDS: tuple[AnyEffect, ...] = (
    do.Answer(),
    do.Reject(reason="busy"),
    do.Hangup(),
    do.OpenMedia(),
    SPEAK,
    do.StopSpeaking(utterance=3),
    do.Listen(),
    do.SendDigits(digits="1"),
)
ERRORS = sorted(path.name for path in SAMPLES.glob("error-*.json"))


class Conversation:
    """Exchanges about one effect: what we send, given the answers so far."""

    def __init__(self, effect: AnyEffect, leg: Leg = LEG) -> None:
        self.effect, self.leg = effect, leg
        self.exchanges: tuple[Exchange, ...] = ()
        request = carrier.encode(ID, effect, leg)
        assert request is not None
        self.request = request

    def answer(self, status: int, body: Any = None) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        return self._heard(Exchange(request=self.request, response=HttpResponse(status=status, body=content)))

    def silence(self, *, sent: bool = True) -> Any:
        return self._heard(Exchange(request=self.request, error="ReadTimeout", sent=sent))

    def _heard(self, exchange: Exchange) -> Any:
        self.exchanges = (*self.exchanges, exchange)
        outcome = carrier.interpret(ID, self.effect, self.exchanges, self.leg)
        if isinstance(outcome, HttpRequest):
            self.request = outcome
        return outcome


def told(effect: AnyEffect, status: int, body: Any = None, leg: Leg = LEG) -> Any:
    return Conversation(effect, leg).answer(status, body)


def status_of(name: str) -> int:
    return int(name.split("-")[1])


# --- accepted --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", COMMANDS, ids=str)
def test_ok_means_accepted(effect: AnyEffect) -> None:
    outcome = told(effect, 200, sample("rest-action-ok.response.json"))
    begun = fact.PlaybackStarted(utterance=3) if effect is SPEAK else fact.EffectSucceeded(settles=ID)
    assert outcome == begun


def test_an_accepted_dial_has_a_name() -> None:
    outcome = told(DIAL, 200, sample("rest-dial.response.json"), UNKNOWN)
    assert outcome == fact.DialAccepted(settles=ID, vendor_call_id=CALL)


@pytest.mark.parametrize("body", [b"", b"[]", {"data": {}}, {"data": []}, {"data": {"call_control_id": 7}}])
def test_an_accepted_dial_without_a_name_is_in_doubt(body: Any) -> None:
    outcome = told(DIAL, 200, body, UNKNOWN)
    assert (outcome.in_doubt, "call_control_id" in outcome.reason) == (True, True)


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("effect", [DIAL, *COMMANDS], ids=str)
def test_every_error_keeps_the_vendors_word_or_is_as_good_as_done(effect: AnyEffect, name: str) -> None:
    status, error = status_of(name), plain(name)["errors"][0]
    outcome = told(effect, status, sample(name))
    gone = error["code"] in ("90018", "90015", "10005")
    if gone and isinstance(effect, do.Hangup | do.Reject):
        assert outcome == fact.EffectSucceeded(settles=ID, detail="already gone")
        return
    assert isinstance(outcome, fact.EffectFailed)
    assert outcome.vendor_code == error["code"]
    assert error["detail"] in outcome.reason
    assert outcome.retryable is (status == 429)
    assert not outcome.in_doubt


CODES = {
    ("90018", 422): "gone",
    ("10005", 404): "gone",
    ("90015", 422): "gone",
    **{(code, 422): "refused" for code in ("90034", "90102", "90010", "90055")},
    **{(code, 403): "refused" for code in ("90041", "90042", "90043", "10010")},
    ("10009", 401): "refused",
    ("10011", 422): "refused",
    ("10011", 429): "later",
    ("99999", 422): "refused",
}
"""Telnyx's table of errors: what is to be done about each; 10011 is two things, which the status tells apart."""


@pytest.mark.parametrize(("error", "then"), CODES.items(), ids=str)
def test_every_error_of_the_documentation_is_gone_refused_or_for_later(error: tuple[str, int], then: str) -> None:
    code, status = error
    body = {"errors": [{"code": code, "title": "T", "detail": "in their words"}]}
    hangup = told(do.Hangup(), status, body)
    if then == "gone":
        assert hangup == fact.EffectSucceeded(settles=ID, detail="already gone")
    for outcome in (told(do.SendDigits(digits="1"), status, body), *((hangup,) if then != "gone" else ())):
        assert outcome == fact.EffectFailed(
            settles=ID, reason="Telnyx refused: in their words", retryable=then == "later", vendor_code=code
        )


@pytest.mark.parametrize("code", ["90018", "10005", "90015"])
def test_a_call_that_is_gone_is_reconciled_as_over(code: str) -> None:
    outcome = told(do.Reconcile(), 422, {"errors": [{"code": code}]})
    assert outcome == fact.CallReconciled(settles=ID, alive=False, vendor_status="no such call")
    assert not told(do.Reconcile(), 404).alive


def test_who_listens_already_listens() -> None:
    outcome = told(do.Listen(), 422, {"errors": [{"code": "90054", "title": "Transcription already in progress"}]})
    assert outcome == fact.EffectSucceeded(settles=ID, detail="listening already")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"errors":7}', b'{"errors":[7,{"code":7}]}'])
def test_an_error_without_words_of_its_own_has_its_status(body: bytes) -> None:
    outcome = told(do.Hangup(), 403, body)
    assert outcome.vendor_code == "403"
    assert outcome.reason.startswith("Telnyx refused: ")
    assert outcome.reason != "Telnyx refused: "


# --- again -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", COMMANDS, ids=str)
def test_a_command_that_met_a_fault_is_repeated_once_under_the_same_name(effect: AnyEffect) -> None:
    talk = Conversation(effect)
    first = talk.request
    assert talk.answer(503, b"") == first
    assert not isinstance(talk.answer(200, sample("rest-action-ok.response.json")), HttpRequest | fact.EffectFailed)
    talk = Conversation(effect)
    assert talk.silence() == first
    failed = talk.answer(502)
    assert (failed.retryable, failed.in_doubt, failed.vendor_code) == (True, False, "502")


def test_a_command_that_was_not_sent_is_not_repeated_here() -> None:
    failed = Conversation(do.Hangup()).silence(sent=False)
    assert (failed.retryable, failed.in_doubt) == (True, False)


@pytest.mark.parametrize("status", [500, 503, 408, 409])
def test_a_dial_is_never_repeated_but_in_doubt(status: int) -> None:
    failed = told(DIAL, status, leg=UNKNOWN)
    assert failed.in_doubt
    failed = Conversation(DIAL, UNKNOWN).silence()
    assert (failed.in_doubt, failed.retryable) == (True, False)
    failed = Conversation(DIAL, UNKNOWN).silence(sent=False)
    assert (failed.in_doubt, failed.retryable) == (False, True)


@pytest.mark.parametrize("status", [400, 401, 403, 422, 429])
def test_a_refused_dial_is_in_no_doubt(status: int) -> None:
    assert not told(DIAL, status, leg=UNKNOWN).in_doubt


# --- streams ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["90045", "90046", "90048"])
def test_a_stream_in_the_way_is_ended_and_ours_is_opened(code: str) -> None:
    talk = Conversation(do.OpenMedia())
    first = json.loads(talk.request.body)
    assert isinstance(talk.answer(422, {"errors": [{"code": code}]}), HttpRequest)
    assert talk.request.url.endswith("/actions/streaming_stop")
    assert isinstance(talk.answer(200, sample("rest-action-ok.response.json")), HttpRequest)
    assert talk.request.url.endswith("/actions/streaming_start")
    again = json.loads(talk.request.body)
    names = first.pop("command_id"), again.pop("command_id")
    assert first == again
    assert len(set(names)) == 2
    assert talk.answer(200, sample("rest-action-ok.response.json")) == fact.EffectSucceeded(settles=ID)


def test_a_stream_that_cannot_be_is_tried_no_further() -> None:
    talk = Conversation(do.OpenMedia())
    refused = {"errors": [{"code": "90046", "detail": "wrong parameters"}]}
    talk.answer(422, refused)
    talk.answer(422, {"errors": [{"code": "90018"}]})  # nothing to stop: never mind
    failed = talk.answer(422, refused)
    assert (failed.vendor_code, failed.retryable) == ("90046", False)


# --- reconciling -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "alive"), [("alive", True), ("ended", False)])
def test_the_vendor_says_whether_a_call_lives_but_not_whether_it_was_answered(name: str, alive: bool) -> None:
    assert told(do.Reconcile(), 200, sample(f"rest-status-{name}.response.json")) == fact.CallReconciled(
        settles=ID,
        alive=alive,
        vendor_call_id=CALL,
        vendor_status=name,
        reason="unknown" if alive else "completed",
    )


def test_our_call_is_the_one_that_echoes_our_name() -> None:
    others = [{"call_control_id": f"v3:{index}", "client_state": "eyJ4IjoxfQ=="} for index in range(3)]
    ours = {"call_control_id": CALL, "client_state": state("outbound"), "call_duration": 3}
    found = told(do.Reconcile(), 200, {"data": [*others, ours, 7]}, UNKNOWN)
    assert (found.alive, found.vendor_call_id) == (True, CALL)
    found = told(do.Reconcile(), 200, {"data": others}, UNKNOWN)
    assert (found.alive, found.vendor_status, found.reason) == (False, "no such call", "failed")


def test_a_full_page_is_not_the_last_one() -> None:
    talk = Conversation(do.Reconcile(), UNKNOWN)
    others = [{"call_control_id": f"v3:{index}", "client_state": ""} for index in range(250)]
    assert isinstance(talk.answer(200, {"data": others}), HttpRequest)
    assert "page%5Bnumber%5D=2" in talk.request.url
    ours = {"call_control_id": CALL, "client_state": state("outbound")}
    assert talk.answer(200, {"data": [ours]}).vendor_call_id == CALL


@pytest.mark.parametrize("body", [b"", b'{"data":{}}', b'{"data":{"is_alive":"yes"}}', b'{"data":7}'])
def test_an_answer_without_sense_is_a_failure_not_an_ending(body: bytes) -> None:
    for leg in (LEG, UNKNOWN):
        outcome = told(do.Reconcile(), 200, body, leg)
        assert isinstance(outcome, fact.EffectFailed)
        assert "makes no sense" in outcome.reason


# --- anything --------------------------------------------------------------------------------------------------------


@given(
    effect=st.sampled_from([DIAL, do.Reconcile(), *COMMANDS]),
    named=st.booleans(),
    status=st.integers(200, 599),
    body=st.binary(max_size=60)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["data", "errors", "code", "is_alive", "client_state"]), inner, max_size=3
            )
        ),
    ).map(lambda data: json.dumps(data).encode()),
)
def test_whatever_is_answered_has_an_outcome(effect: AnyEffect, named: bool, status: int, body: bytes) -> None:
    leg = LEG if named or effect not in (DIAL, do.Reconcile()) else UNKNOWN
    talk = Conversation(effect, leg)
    for _ in range(5):
        outcome = talk.answer(status, body)
        if not isinstance(outcome, HttpRequest):
            break
    assert not isinstance(outcome, HttpRequest)
    assert getattr(outcome, "settles", ID) == ID
    assert OURS in leg.call_id
