"""What the simulated Twilio asks and tells during a call, in which words, how often and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import trio

from tests.testing.twilio.stage import AMD, EVENTS, NEXT, SPARE, STATUS, THEM, US, VOICE, WAIT, Customer, play
from voicecall.testing.script import (
    Answer,
    Busy,
    HangUp,
    Hear,
    Interrupt,
    NeverAnswer,
    Press,
    Reject,
    Say,
    StaySilent,
    Unreachable,
    Voicemail,
    Wait,
)

SAMPLES = Path(__file__).parents[2] / "adapters" / "carriers" / "twilio" / "samples"
ASYNC = {"AsyncAmd": "true", "AsyncAmdStatusCallback": AMD}
GATHER = f'<Gather input="dtmf speech" action="{NEXT}" speechTimeout="auto" actionOnEmptyResult="true"/>'


def names(sample: str) -> set[str]:
    return {name for name, _ in parse_qsl((SAMPLES / sample).read_text(), keep_blank_values=True)}


def test_a_call_asks_and_tells_with_the_fields_of_the_samples() -> None:
    async def story(customer: Customer) -> None:
        sid = await customer.dial(Answer(), Wait(ms=30_500), HangUp())
        await customer.over()
        told = customer.at(STATUS)
        assert [one["CallStatus"] for one in told] == ["initiated", "ringing", "in-progress", "completed"]
        assert [one["SequenceNumber"] for one in told] == ["0", "1", "2", "3"]
        assert (told[-1]["CallDuration"], told[-1]["Duration"], told[-1]["SipResponseCode"]) == ("31", "1", "200")
        for one, sample in zip(told, ("initiated", "ringing", "answered", "completed"), strict=True):
            assert set(one) == names(f"status-{sample}.form")
            assert (one["CallSid"], one["From"], one["To"], one["Direction"]) == (sid, US, THEM, "outbound-api")
        (asked,) = customer.at(VOICE)
        assert set(asked) == names("voice-outbound-answered.form")
        assert asked["CallStatus"] == "in-progress"

    play(story)


@pytest.mark.parametrize(
    ("steps", "status", "sip"),
    [
        ((Answer(), Wait(ms=10), HangUp()), "completed", "200"),
        ((Busy(),), "busy", "486"),
        ((Reject(),), "busy", "603"),
        ((NeverAnswer(),), "no-answer", "487"),
        ((Unreachable(),), "failed", "404"),
    ],
)
def test_an_ending_has_twilios_words(steps: Any, status: str, sip: str) -> None:
    async def story(customer: Customer) -> None:
        sid = await customer.dial(*steps)
        told = await customer.over()
        assert (told["CallStatus"], told["SipResponseCode"]) == (status, sip)
        assert (await customer.ask("GET", f"/Calls/{sid}.json"))[1]["status"] == status

    play(story)


def test_only_what_was_subscribed_to_is_told_and_by_default_the_end() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(Answer(), Wait(ms=10), HangUp(), StatusCallbackEvent=["answered", "completed"])
        await customer.over()
        assert [one["SequenceNumber"] for one in customer.at(STATUS)] == ["2", "3"]

    play(story)


def test_a_call_rings_as_long_and_lasts_as_long_as_it_may() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(NeverAnswer(), Timeout="7")
        begun = trio.current_time()
        assert (await customer.over())["CallStatus"] == "no-answer"
        assert trio.current_time() - begun == pytest.approx(7, abs=0.1)
        await customer.dial(Answer(), StaySilent(), TimeLimit="20")
        told = await customer.until(STATUS, 7)
        assert (told["CallStatus"], told["CallDuration"]) == ("completed", "20")

    play(story)


# --- documents -------------------------------------------------------------------------------------------------------


def test_verbs_run_one_after_the_other_and_at_the_end_the_call_is_hung_up() -> None:
    async def story(customer: Customer) -> None:
        customer.documents[VOICE] = [f"<Say>Hello.</Say><Play digits='1w2'/><Redirect>{NEXT}</Redirect><Say>No.</Say>"]
        customer.documents[NEXT] = ["<Say loop='2'>Goodbye.</Say>"]
        await customer.dial(Answer(), StaySilent())
        await customer.over()
        assert [one["text"] for one in customer.call()["carrierSaid"]] == ["Hello.", "Goodbye.", "Goodbye."]
        assert customer.call()["keysHeard"] == "1w2"
        assert customer.call()["ended"] == {"why": "completed", "by": "document"}

    play(story)


def test_a_document_may_come_with_the_call() -> None:
    async def story(customer: Customer) -> None:
        document = "<Response><Say>Hello.</Say></Response>"
        fields = {"To": THEM, "From": US, "Twiml": document, "StatusCallback": STATUS}
        assert (await customer.ask("POST", "/Calls.json", fields))[0] == 201
        await customer.over()
        assert [one["text"] for one in customer.call()["carrierSaid"]] == ["Hello."]
        assert customer.at(VOICE) == []

    play(story)


def test_another_document_cuts_the_one_that_runs() -> None:
    async def story(customer: Customer) -> None:
        customer.documents[VOICE] = ["<Say>This is a long story which nobody will hear to its end.</Say>"]
        customer.documents[NEXT] = [WAIT]
        sid = await customer.dial(Answer(), StaySilent())
        await customer.until(VOICE)
        await trio.sleep(1)
        await customer.update(sid, Twiml=f"<Response><Say>Stop.</Say><Redirect>{NEXT}</Redirect></Response>")
        await customer.until(NEXT)
        long, short = customer.call()["carrierSaid"]
        assert (long["whole"], short["text"], short["whole"]) == (False, "Stop.", True)
        await customer.update(sid, Url=VOICE)
        await customer.until(VOICE, 2)

    play(story)


@pytest.mark.parametrize(
    ("step", "fields"),
    [
        (Say(text="Größer als 5 €?"), {"SpeechResult": "Größer als 5 €?", "Confidence": "1"}),
        (Press(digits="12#"), {"Digits": "12", "FinishedOnKey": "#", "msg": "Gather End"}),
        (Press(digits="12"), {"Digits": "12"}),
        (StaySilent(), {"Digits": "", "SpeechResult": ""}),
    ],
)
def test_what_is_gathered_is_asked_about(step: Any, fields: dict[str, str]) -> None:
    async def story(customer: Customer) -> None:
        customer.documents[VOICE] = [f"<Say>Hello.</Say>{GATHER}"]
        customer.documents[NEXT] = [WAIT]
        await customer.dial(Answer(), Hear(), step, StaySilent())
        told = await customer.until(NEXT)
        usual = names("voice-outbound-answered.form")
        assert {name: value for name, value in told.items() if name not in usual} == fields

    play(story)


def test_without_input_and_without_being_told_so_the_next_verb_runs() -> None:
    async def story(customer: Customer) -> None:
        customer.documents[VOICE] = [f'<Gather action="{NEXT}" timeout="3"/><Say>Nobody there.</Say>']
        await customer.dial(Answer(), StaySilent())
        await customer.over()
        assert customer.at(NEXT) == []
        assert [one["text"] for one in customer.call()["carrierSaid"]] == ["Nobody there."]

    play(story)


def test_speech_cuts_the_prompt_and_partial_results_are_told() -> None:
    async def story(customer: Customer) -> None:
        prompt = "<Say>Please tell me in your own words what I can do for you today.</Say>"
        customer.documents[VOICE] = [
            f'<Gather input="speech" action="{NEXT}" partialResultCallback="{SPARE}">{prompt}</Gather>'
        ]
        customer.documents[NEXT] = [WAIT]
        await customer.dial(Answer(), Interrupt(text="I want to move my appointment."), StaySilent())
        assert (await customer.until(NEXT))["SpeechResult"] == "I want to move my appointment."
        assert not customer.call()["carrierSaid"][0]["whole"]
        partial = customer.at(SPARE)[0]
        assert partial["UnstableSpeechResult"].startswith("I want")
        assert partial["SequenceNumber"] == "0"

    play(story)


@pytest.mark.parametrize(
    "document",
    [
        "<Say>Hello.",
        "<Say loop='x'>Hello.</Say>",
        "<Shout>Hello.</Shout>",
        "<Say/>",
        "<Play>no url</Play>",
        "<Play/>",
        "<Play digits='12y'/>",
        "<Pause length='0'/>",
        "<Gather action='nowhere:'/>",
        "<Gather finishOnKey='##'/>",
        "<Gather><Redirect>https://x.example.com</Redirect></Gather>",
        "<Redirect/>",
        "<Say>Hello.</Say><Reject/>",
        "<Reject reason='no'/>",
        "<Hangup now='1'/>",
        "<Connect/>",
        "<Connect><Stream url='https://x.example.com'/></Connect>",
        "<Connect><Stream url='wss://x.example.com/a?b=c'/></Connect>",
        "<Connect><Stream url='wss://x.example.com:8443/a'/></Connect>",
        "<Connect><Stream url='ws://x.example.com/a'/></Connect>",
        "<Connect><Stream url='wss://x.example.com' track='both_tracks'/></Connect>",
        "<Connect><Stream url='wss://x.example.com'><Parameter name='a'/></Stream></Connect>",
        f"<Connect><Stream url='wss://x.example.com'><Parameter name='a' value='{'b' * 499}'/></Stream></Connect>",
        "words",
        f"<Say>{'a' * 4_097}</Say>",
    ],
)
def test_a_document_that_breaks_the_rules_ends_the_call(document: str) -> None:
    async def story(customer: Customer) -> None:
        customer.documents[VOICE] = [document]
        await customer.dial(Answer(), StaySilent())
        assert (await customer.over())["CallStatus"] == "completed"
        assert customer.call()["ended"] == {"why": "error", "by": "network"}
        assert any("no instructions" in one["what"] for one in customer.call()["timeline"])

    play(story)


def test_relative_addresses_are_those_of_the_document() -> None:
    async def story(customer: Customer) -> None:
        customer.documents[VOICE] = ["<Redirect method='GET'>next?x=1</Redirect>"]
        customer.documents[NEXT] = [WAIT]
        await customer.dial(Answer(), StaySilent())
        told = await customer.until(NEXT)
        assert (told["x"], told["CallStatus"]) == ("1", "in-progress")
        assert customer.attempts[-1][1].method == "GET"

    play(story)


# --- patience --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fragment", "statuses", "tries"),
    [
        ("", [500], 1),
        ("#rc=2&rp=5xx", [500, 500], 3),
        ("#rc=2&rp=5xx", [404], 1),
        ("#rc=5&rp=all", [404, 500, 429], 4),
        ("#rc=0&rp=all", [500], 1),
    ],
)
def test_an_address_says_how_patiently_it_is_asked(fragment: str, statuses: list[int], tries: int) -> None:
    async def story(customer: Customer) -> None:
        customer.statuses[VOICE] = [*statuses]
        await customer.dial(Answer(), Wait(ms=20_000), HangUp(), Url=VOICE + fragment)
        await customer.over()
        asked = [request for _, request in customer.attempts if request.url.startswith(VOICE)]
        assert len(asked) == tries
        assert {request.url for request in asked} == {VOICE}
        assert len({request.headers["i-twilio-idempotency-token"] for request in asked}) == 1
        assert bool(customer.at(VOICE)) == (tries > len(statuses))

    play(story)


def test_the_fallback_hears_what_went_wrong_and_where() -> None:
    async def story(customer: Customer) -> None:
        customer.statuses[VOICE] = [500]
        customer.documents[SPARE] = [f"<Redirect>{NEXT}</Redirect>"]
        customer.documents[NEXT] = ["<Nonsense/>"]
        await customer.dial(Answer(), StaySilent(), FallbackUrl=SPARE)
        first = await customer.until(SPARE)
        assert (first["ErrorCode"], first["ErrorUrl"]) == ("11200", VOICE)
        second = await customer.until(SPARE, 2)
        assert (second["ErrorCode"], second["ErrorUrl"]) == ("12200", NEXT)

    play(story)


# --- machines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "steps", "word"),
    [
        ("Enable", (Answer(), StaySilent()), "human"),
        ("Enable", (Voicemail(),), "machine_start"),
        ("DetectMessageEnd", (Answer(), StaySilent()), "human"),
        ("DetectMessageEnd", (Voicemail(),), "machine_end_beep"),
        ("DetectMessageEnd", (Voicemail(beep=False),), "machine_end_silence"),
    ],
)
def test_who_answered_is_told_once_or_waited_for(mode: str, steps: Any, word: str) -> None:
    async def story(customer: Customer) -> None:
        sid = await customer.dial(*steps, MachineDetection=mode, **ASYNC)
        told = await customer.until(AMD)
        assert set(told) == names("amd-async-human.form")
        assert (told["AnsweredBy"], told["CallSid"]) == (word, sid)
        assert "AnsweredBy" not in customer.at(VOICE)[0]
        assert (await customer.ask("GET", f"/Calls/{sid}.json"))[1]["answered_by"] == word
        asked = len(customer.at(VOICE))
        await customer.dial(*steps, MachineDetection=mode)
        assert (await customer.until(VOICE, asked + 1))["AnsweredBy"] == word
        assert len(customer.at(AMD)) == 1

    play(story)


def test_keys_after_the_answer_switch_the_detection_off() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(Answer(), StaySilent(), MachineDetection="Enable", SendDigits="ww12", **ASYNC)
        await trio.sleep(60)
        assert customer.at(AMD) == []
        assert customer.call()["keysHeard"] == "ww12"

    play(story)


# --- inbound ---------------------------------------------------------------------------------------------------------


def test_an_inbound_call_is_asked_about_before_it_is_answered() -> None:
    async def story(customer: Customer) -> None:
        customer.documents[VOICE] = ["<Pause length='3'/><Say>Hello.</Say>"]
        sid = customer.offer(StaySilent())
        asked = await customer.until(VOICE)
        assert (asked["CallSid"], asked["CallStatus"], asked["Direction"]) == (sid, "ringing", "inbound")
        assert set(asked) == names("voice-inbound.form") - {"StirVerstat", "CallToken"}
        await trio.sleep(2)
        assert not customer.call()["answered"]
        assert (await customer.over())["CallStatus"] == "completed"
        assert customer.call()["answered"]
        assert [one["CallStatus"] for one in customer.at(STATUS)] == ["completed"]

    play(story)


@pytest.mark.parametrize(("reason", "status"), [("busy", "busy"), ("rejected", "no-answer")])
def test_an_inbound_call_may_be_refused(reason: str, status: str) -> None:
    async def story(customer: Customer) -> None:
        customer.documents[VOICE] = [f"<Reject reason='{reason}'/>"]
        customer.offer(StaySilent())
        assert (await customer.over())["CallStatus"] == status
        assert not customer.call()["answered"]

    play(story)


def test_a_caller_who_is_not_answered_gives_up() -> None:
    async def story(customer: Customer) -> None:
        customer.documents[VOICE] = [WAIT]
        customer.offer(StaySilent(), ring_timeout_s=5.0)
        assert (await customer.over())["CallStatus"] == "canceled"

    play(story)


def test_a_number_without_addresses_tells_nobody_and_asks_its_fallback() -> None:
    async def story(customer: Customer) -> None:
        customer.statuses[VOICE] = [503]
        customer.documents[SPARE] = ["<Say>Sorry.</Say>"]
        customer.offer(StaySilent(), status_url="", fallback_url=SPARE)
        await customer.until(SPARE)
        await trio.sleep(10)
        assert customer.at(STATUS) == []
        assert customer.call()["ended"] == {"why": "completed", "by": "document"}
        assert EVENTS[-1] == "completed"

    play(story)
