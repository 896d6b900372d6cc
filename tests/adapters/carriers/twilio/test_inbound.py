"""What Twilio tells us: every sample becomes the facts that it means, and the same request has the same key."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve as change

from tests.adapters.carriers.twilio.kit import ACCOUNT_SID, CALL, SAMPLES, TOKEN, events, form, heard, posted
from voicecall.adapters.carriers.twilio import carrier, words
from voicecall.events import AnyEvent, EffectId
from voicecall.events import facts as fact
from voicecall.ports import Heard, NotUnderstood

ASKED = "?callId=c1&flow={}&n=7"
STATUS, AMD = "?callId=c1&report=status", "?callId=c1&report=amd"
SPOKE = EffectId("4.1")


def kept(status: str) -> Any:
    """A request that moves nothing."""
    return status


def machine(result: Any, word: str) -> fact.MachineDetected:
    return fact.MachineDetected(result=result, vendor_word=word)


FACTS: dict[str, tuple[str, list[AnyEvent | str]]] = {
    "amd-async-human.form": (AMD, [machine("human", "human")]),
    "amd-async-machine-end-beep.form": (
        AMD,
        [
            machine("machine", "machine_end_beep"),
            fact.MachineFinished(how="beep", vendor_word="machine_end_beep"),
        ],
    ),
    "amd-async-unknown.form": (AMD, [machine("unknown", "unknown")]),
    "connect-action.form": (ASKED.format("stream"), [fact.FlowAsked(after="stream")]),
    "gather-digits.form": (ASKED.format("turn"), [fact.DigitsPressed(digits="1234#")]),
    "gather-empty.form": (ASKED.format("turn"), [fact.FlowAsked(after="silence")]),
    "gather-partial.form": ("?callId=c1", ["CallStatus=in-progress"]),
    "gather-speech-no-confidence.form": (ASKED.format("turn"), [fact.CallerSaid(text="yes please", confidence=1.0)]),
    "gather-speech-unicode.form": (
        ASKED.format("turn"),
        [fact.CallerSaid(text="Café zum Rössl, größer als 10 €?", confidence=0.81)],
    ),
    "gather-speech.form": (
        ASKED.format("turn"),
        [fact.CallerSaid(text="I would like to move my appointment to Thursday.", confidence=0.9424842)],
    ),
    "status-answered.form": (STATUS, [fact.CallAnswered(vendor_call_id=CALL)]),
    "status-busy.form": (STATUS, [fact.CallEnded(reason="busy", vendor_code="busy (SIP 486)")]),
    "status-canceled.form": (
        STATUS,
        [fact.CallEnded(reason="hangup-bot", vendor_code="canceled (SIP 487)", presumed=True)],
    ),
    "status-completed.form": (
        STATUS,
        [fact.CallEnded(reason="hangup-user", vendor_code="completed (SIP 200)", presumed=True)],
    ),
    "status-failed.form": (STATUS, [fact.CallEnded(reason="failed", vendor_code="failed (SIP 404)")]),
    "status-initiated.form": (STATUS, ["CallStatus=initiated"]),
    "status-no-answer.form": (STATUS, [fact.CallEnded(reason="no-answer", vendor_code="no-answer (SIP 487)")]),
    "status-ringing.form": (STATUS, [fact.CallRinging(vendor_call_id=CALL)]),
    "stream-error.form": ("?callId=c1", ["StreamEvent=stream-error"]),
    "stream-started.form": ("?callId=c1", ["StreamEvent=stream-started"]),
    "stream-stopped.form": ("?callId=c1", ["StreamEvent=stream-stopped"]),
    "transcription-content-partial.form": ("", ["TranscriptionEvent=transcription-content"]),
    "transcription-content.form": ("", ["TranscriptionEvent=transcription-content"]),
    "transcription-started.form": ("", ["TranscriptionEvent=transcription-started"]),
    "voice-outbound-amd-sync-human.form": (
        ASKED.format("answer"),
        [machine("human", "human"), fact.CallAnswered(by="human", vendor_call_id=CALL)],
    ),
    "voice-outbound-amd-sync-machine.form": (
        ASKED.format("answer"),
        [
            machine("machine", "machine_end_beep"),
            fact.MachineFinished(how="beep", vendor_word="machine_end_beep"),
            fact.CallAnswered(by="machine", vendor_call_id=CALL),
        ],
    ),
    "voice-outbound-answered.form": (ASKED.format("answer"), [fact.CallAnswered(vendor_call_id=CALL)]),
}
"""Sample → the query of ours that it comes with, and its facts; text is the status of a ``vendor.reported``."""
OFFERS = {
    "voice-inbound.form": "+14155550142",
    "voice-inbound-forwarded.form": "+14155550142",
    "voice-inbound-anonymous.form": "",
}
FLOWS = [name for name, (query, _) in FACTS.items() if "flow=" in query]


def test_every_form_that_twilio_posts_is_in_a_table() -> None:
    posts = {path.name for path in SAMPLES.glob("*.form")}
    assert posts - {name for name in posts if name.startswith("rest-")} == {*FACTS, *OFFERS}


@pytest.mark.parametrize("name", FACTS)
def test_a_sample_is_these_facts(name: str) -> None:
    query, expected = FACTS[name]
    told = heard(form(name), query)
    assert len(told) == len(expected)
    for one, wanted in zip(told, expected, strict=True):
        if isinstance(wanted, str):
            assert isinstance(one.event, fact.VendorReported)
            assert one.event.status == wanted
        else:
            assert one.event == wanted
        assert (one.vendor_call_id, one.offer) == (CALL, False)
        assert one.call_id == ("c1" if query else "")


@pytest.mark.parametrize("name", FACTS)
def test_the_last_fact_of_a_flow_request_asks_for_instructions_and_no_other_does(name: str) -> None:
    told = heard(form(name), FACTS[name][0])
    assert [one.flow for one in told] == [False] * (len(told) - 1) + [name in FLOWS]


@pytest.mark.parametrize(("name", "caller"), OFFERS.items())
def test_an_inbound_call_is_offered_and_a_withheld_number_is_none(name: str, caller: str) -> None:
    assert heard(form(name)) == (
        Heard(
            key=f"twilio:{CALL}:offer",
            vendor_call_id=CALL,
            offer=True,
            caller=caller,
            callee="+12025550123",
            flow=True,
        ),
    )


@pytest.mark.parametrize("number", ["anonymous", "Anonymous", "Restricted", "+7378742833", "+266696687", "unknown"])
def test_what_stands_for_a_withheld_number_is_no_number(number: str) -> None:
    (offer,) = heard({**form("voice-inbound.form"), "From": number})
    assert offer.caller == ""


def test_a_caller_may_be_no_number_at_all() -> None:
    (offer,) = heard({**form("voice-inbound.form"), "From": "sip:alex@example.com"})
    assert offer.caller == "sip:alex@example.com"


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*FACTS, *OFFERS])
def test_the_same_request_again_has_the_same_key_and_another_signature_does_not_change_it(name: str) -> None:
    query = FACTS[name][0] if name in FACTS else ""
    keys = [one.key for one in heard(form(name), query)]
    again = posted(form(name), query)
    signed_anew = change(
        again, headers={**again.headers, "x-twilio-signature": "other", "i-twilio-idempotency-token": "2"}
    )
    assert [one.key for one in carrier.decode(signed_anew)] == keys
    assert len(set(keys)) == len(keys)


def test_all_samples_have_different_keys() -> None:
    # Samples of one moment of one call; those that could not both happen share what makes a key.
    names = ["status-initiated.form", "status-ringing.form", "status-answered.form", "status-completed.form"]
    names += ["amd-async-human.form", "stream-started.form", "stream-stopped.form", "gather-partial.form"]
    names += ["transcription-started.form", "transcription-content.form", "transcription-content-partial.form"]
    keys = [one.key for name in names for one in heard(form(name), FACTS[name][0])]
    assert len(set(keys)) == len(keys)


def test_the_same_words_after_another_listening_are_another_message() -> None:
    (first,) = heard(form("gather-speech.form"), "?callId=c1&flow=turn&n=7")
    (second,) = heard(form("gather-speech.form"), "?callId=c1&flow=turn&n=9")
    assert first.event == second.event
    assert first.key != second.key


# --- what our own URLs say -------------------------------------------------------------------------------------------


def test_a_turn_tells_first_that_the_prompt_before_it_is_over() -> None:
    told = heard(form("gather-speech.form"), "?callId=c1&flow=turn&n=7&e=4.1&u=3")
    assert [type(one.event) for one in told] == [fact.PlaybackFinished, fact.CallerSaid]
    finished = told[0].event
    assert isinstance(finished, fact.PlaybackFinished)
    assert (finished.settles, finished.utterance, finished.told) == (SPOKE, 3, "carrier")
    assert [one.flow for one in told] == [False, True]


def test_a_redirect_after_words_tells_that_they_are_said() -> None:
    told = heard(form("connect-action.form"), "?callId=c1&flow=said&n=7&e=4.1&u=3")
    assert [one.event for one in told][1:] == [fact.FlowAsked(after="speech")]
    assert isinstance(told[0].event, fact.PlaybackFinished)


@pytest.mark.parametrize(("flow", "after"), [("wait", "wait"), ("stream", "stream"), ("said", "speech"), ("new", "")])
def test_a_redirect_says_after_what_it_asks(flow: str, after: Any) -> None:
    assert events(form("connect-action.form"), ASKED.format(flow)) == [fact.FlowAsked(after=after)]


def test_a_document_that_was_too_long_for_a_request_is_come_for() -> None:
    (told,) = heard(form("connect-action.form"), "?callId=c1&flow=asked&n=4.1&e=4.1")
    assert (told.event, told.asks, told.flow) == (fact.FlowAsked(), "4.1", True)
    assert [one.asks for one in heard(form("gather-speech.form"), "?callId=c1&flow=turn&n=7&e=4.1&u=3")] == ["", ""]


def test_blank_speech_is_silence_and_strange_keys_are_none() -> None:
    quiet = {**form("gather-speech.form"), "SpeechResult": "  "}
    assert events(quiet, ASKED.format("turn")) == [fact.FlowAsked(after="silence")]
    strange = {**form("gather-digits.form"), "Digits": "12x"}
    assert events(strange, ASKED.format("turn")) == [fact.FlowAsked(after="silence")]
    letters = {**form("gather-digits.form"), "Digits": "12ab*", "FinishedOnKey": ""}
    assert events(letters, ASKED.format("turn")) == [fact.DigitsPressed(digits="12AB*")]
    ended = {**form("gather-digits.form"), "Digits": "", "FinishedOnKey": "#"}
    assert events(ended, ASKED.format("turn")) == [fact.DigitsPressed(digits="#")]


@pytest.mark.parametrize(("what", "cut"), [("speech", True), ("digits", True), ("empty", False)])
def test_a_prompt_that_could_be_interrupted_may_have_been(what: str, cut: bool) -> None:
    for query, expected in (("&cut=1", cut), ("", False)):
        finished, _ = events(form(f"gather-{what}.form"), f"?callId=c1&flow=turn&n=7&e=4.1&u=3{query}")
        assert isinstance(finished, fact.PlaybackFinished)
        assert finished.interrupted is expected


@pytest.mark.parametrize(("text", "value"), [("", 1.0), ("high", 1.0), ("1.7", 1.0), ("-2", 0.0), ("0.5", 0.5)])
def test_confidence_is_what_it_can_be(text: str, value: float) -> None:
    (said,) = events({**form("gather-speech.form"), "Confidence": text}, ASKED.format("turn"))
    assert isinstance(said, fact.CallerSaid)
    assert said.confidence == value


def test_confidence_that_is_no_number_speaks_for_nothing() -> None:
    (said,) = events({**form("gather-speech.form"), "Confidence": "nan"}, ASKED.format("turn"))
    assert isinstance(said, fact.CallerSaid)
    assert 0.0 <= said.confidence <= 1.0


@pytest.mark.parametrize("flow", ["turn", "wait", "stream", "said", "answer"])
def test_a_flow_request_of_a_call_that_is_over_says_so(flow: str) -> None:
    over = {**form("connect-action.form"), "CallStatus": "completed"}
    (told,) = heard(over, ASKED.format(flow))
    assert told.event == fact.CallEnded(reason="hangup-user", vendor_code="completed", presumed=True)


def test_the_fallback_asks_in_the_place_of_what_failed() -> None:
    failed = "https://voice.example.com/voice/webhook?callId=c1&flow=turn&n=7&e=4.1&u=3"
    speech = form("gather-speech.form")
    first = heard(speech, "?callId=c1&flow=turn&n=7&e=4.1&u=3")
    again = heard({**speech, "ErrorCode": "11200", "ErrorUrl": failed}, "?callId=c1&flow=fallback&n=2.0")
    assert again == first
    assert heard({**speech, "ErrorCode": "11200", "ErrorUrl": failed}) == first
    unsaid = heard({**form("voice-outbound-answered.form"), "ErrorCode": "11200"}, "?callId=c1&flow=fallback&n=2.0")
    assert [one.event for one in unsaid] == [fact.CallAnswered(vendor_call_id=CALL)]


def test_the_fallback_of_a_number_offers_the_call_as_its_voice_url_does() -> None:
    offer = form("voice-inbound.form")
    assert heard({**offer, "ErrorCode": "11200", "ErrorUrl": "https://voice.example.com/voice/webhook"}) == heard(offer)


# --- words -----------------------------------------------------------------------------------------------------------


def test_an_inbound_call_that_was_canceled_was_canceled_by_the_caller() -> None:
    over = {**form("status-canceled.form"), "Direction": "inbound"}
    (ended,) = events(over, STATUS)
    assert ended == fact.CallEnded(reason="hangup-user", vendor_code="canceled (SIP 487)", presumed=True)


def test_the_end_of_an_inbound_call_comes_without_our_query() -> None:
    (told,) = heard({**form("status-completed.form"), "Direction": "inbound"})
    assert isinstance(told.event, fact.CallEnded)
    assert (told.call_id, told.vendor_call_id, told.offer) == ("", CALL, False)


@pytest.mark.parametrize("status", ["queued", "initiated", "paused", ""])
def test_a_status_that_moves_nothing_or_that_nobody_knows_is_kept(status: str) -> None:
    (told,) = events({**form("status-ringing.form"), "CallStatus": status}, STATUS)
    assert isinstance(told, fact.VendorReported)
    assert f"CallStatus={status}&" in told.detail


@pytest.mark.parametrize(
    ("word", "result", "how"),
    [
        ("human", "human", None),
        ("fax", "fax", None),
        ("unknown", "unknown", None),
        ("machine_start", "machine", None),
        ("machine_end_beep", "machine", "beep"),
        ("machine_end_silence", "machine", "silence"),
        ("machine_end_other", "machine", "other"),
        ("robot", "unknown", None),
    ],
)
def test_every_word_of_the_detection(word: str, result: str, how: str | None) -> None:
    detected, *finished = words.machine(word)
    assert isinstance(detected, fact.MachineDetected)
    assert (detected.result, detected.vendor_word) == (result, word)
    assert [one.how for one in finished if isinstance(one, fact.MachineFinished)] == ([how] if how else [])


def test_a_word_for_an_ending_that_nobody_knows_stays_unknown() -> None:
    assert words.ended("vanished", inbound=False) == fact.CallEnded(reason="unknown", vendor_code="vanished")


# --- what is kept of the rest ----------------------------------------------------------------------------------------


def test_what_is_kept_tells_no_secret_and_has_a_bound() -> None:
    fields = {
        "CallSid": CALL,
        "AccountSid": ACCOUNT_SID,
        "CallToken": "call-token",
        "StirPassportToken": "passport",
        "New": "thing",
        "Long": "x" * 5_000,
    }
    (told,) = events(fields)
    assert isinstance(told, fact.VendorReported)
    assert "Long=xxx" in told.detail
    assert len(told.detail) <= 2_000
    for secret in (ACCOUNT_SID, "call-token", "passport", TOKEN):
        assert secret not in repr(told)


def test_a_request_without_a_call_is_not_understood() -> None:
    for fields in ({}, {"CallSid": ""}, {"AccountSid": ACCOUNT_SID}):
        with pytest.raises(NotUnderstood, match="CallSid"):
            heard(fields)
    with pytest.raises(NotUnderstood, match="AnsweredBy"):
        heard({"CallSid": CALL}, AMD)
