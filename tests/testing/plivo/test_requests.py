"""What the simulated Plivo asks and tells, in which fields, how patiently, and what it makes of documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.testing.plivo.stage import HOME, QUIET, THEM, US, Customer, Page, document, play
from voicecall.ports import HttpResponse
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
    Script,
    StaySilent,
    Unreachable,
    Voicemail,
    Wait,
)

SAMPLES = Path(__file__).parents[2] / "adapters/carriers/plivo/samples"
TURN = f'action="{HOME}/turn" inputType="dtmf speech" executionTimeout="5"'
AGAIN = f"<Redirect>{HOME}/again</Redirect>"


def fields(name: str) -> set[str]:
    return set(dict(parse_qsl((SAMPLES / name).read_text(), keep_blank_values=True)))


def numbers(told: dict[str, Any]) -> tuple[str, str]:
    return told["From"], told["To"]


# --- reports ---------------------------------------------------------------------------------------------------------


def test_a_call_is_told_in_the_fields_of_the_samples() -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Answer(), Wait(ms=7_000), HangUp())
        ring, answer = await customer.until("/ring"), await customer.until("/answer")
        assert (set(ring), ring["Event"], ring["CallStatus"]) == (fields("ring.form"), "Ring", "ringing")
        assert (set(answer), answer["Event"]) == (fields("answer-outbound.form"), "StartApp")
        assert (answer["CallStatus"], answer["Direction"], numbers(answer)) == (
            "in-progress",
            "outbound",
            (US[1:], THEM[1:]),
        )
        told, _ = await customer.over()
        stir = {"STIRAttestation", "STIRVerification"}
        assert set(told) == fields("hangup-by-callee.form") - stir
        assert {one["CallUUID"] for _, one in customer.told} == {name}
        assert (told["Duration"], told["BillDuration"], told["TotalCost"]) == ("7", "60", "0.00500")
        assert (told["SessionStart"], told["StartTime"]) == ("2026-01-01 00:00:00.005000", "2026-01-01 05:30:00")
        assert [path for path, _ in customer.told] == ["/ring", "/answer", "/hangup"]

    play(story, answer=QUIET)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((Busy(),), ("busy", "3010", "USER_BUSY", "Callee")),
        ((Reject(),), ("busy", "3020", "CALL_REJECTED", "Callee")),
        ((NeverAnswer(),), ("timeout", "6010", "ORIGINATOR_CANCEL", "Plivo")),
        ((Unreachable(),), ("failed", "2000", "UNALLOCATED_NUMBER", "Plivo")),
        ((Answer(), HangUp()), ("completed", "4000", "NORMAL_CLEARING", "Callee")),
        ((Answer(), StaySilent()), ("completed", "4020", "ALLOTTED_TIMEOUT", "Plivo")),
    ],
)
def test_an_ending_has_plivos_words(steps: Any, words: tuple[str, ...]) -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(*steps, ring_timeout=20, time_limit=30)
        told, _ = await customer.over()
        assert tuple(told[name] for name in ("CallStatus", "HangupCauseCode", "HangupCause", "HangupSource")) == words

    play(story, answer=QUIET)


def test_the_end_is_told_where_the_beginning_was_asked_when_there_is_no_other_place() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(Answer(), Wait(ms=1_000), HangUp(), hangup_url="")
        assert [(await customer.until("/answer", number))["Event"] for number in (1, 2)] == ["StartApp", "Hangup"]

    play(story, answer=QUIET)


def test_an_inbound_call_is_asked_about_while_it_rings_and_answered_by_what_is_heard() -> None:
    async def story(customer: Customer) -> None:
        customer.offer(Hear(), HangUp())
        told = await customer.until("/answer")
        assert fields("answer-inbound.form") - {"STIRVerification", "STIRAttestation"} == set(told)
        assert (told["CallStatus"], told["Direction"], numbers(told)) == ("ringing", "inbound", (THEM[1:], US[1:]))
        ended, seen = await customer.over()
        assert (ended["HangupSource"], seen["answered"]) == ("Caller", True)
        assert next(one["startMs"] for one in seen["carrierSaid"]) < 1_000

    play(story, answer=f"<Wait length='2'/><Speak>Hello.</Speak>{QUIET}")


def test_who_withholds_the_number_is_anonymous() -> None:
    async def story(customer: Customer) -> None:
        customer.offer(HangUp(), caller="")
        assert (await customer.until("/answer"))["From"] == "anonymous"

    play(story, answer=QUIET)


@pytest.mark.parametrize(("reason", "code", "seen"), [("rejected", "3020", "rejected"), ("busy", "3010", "busy")])
def test_an_inbound_call_is_refused_by_the_first_element(reason: str, code: str, seen: str) -> None:
    async def story(customer: Customer) -> None:
        customer.offer(StaySilent())
        told, call = await customer.over()
        assert (told["HangupCauseCode"], told["HangupSource"]) == (code, "Answer XML")
        assert (call["ended"], call["answered"]) == ({"why": seen, "by": "document"}, False)

    play(story, answer=f'<Hangup reason="{reason}"/>')


# --- machine detection -----------------------------------------------------------------------------------------------

MACHINE = Script(steps=(Voicemail(quiet_ms=20_000),), detection_ms=3_000)
AMD = {"machine_detection": "true", "machine_detection_url": f"{HOME}/amd"}


def test_of_a_machine_a_report_is_made_and_of_a_person_none() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(script=MACHINE, **AMD)
        told = await customer.until("/amd")
        assert set(told) == fields("amd-async.form")
        assert (told["Event"], told["Machine"], told["IfMachine"]) == ("MachineDetection", "true", "continue")
        assert customer.told.index(("/answer", customer.at("/answer")[0])) < customer.told.index(("/amd", told))
        await customer.over()
        await customer.dial(Answer(), Wait(ms=9_000), HangUp(), **AMD)
        await customer.over(2)
        assert len(customer.at("/amd")) == 1

    play(story, answer=QUIET)


def test_a_machine_may_be_hung_up_by_plivo() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(script=MACHINE, **{**AMD, "machine_detection": "hangup"})
        told, seen = await customer.over()
        assert customer.at("/amd")[0]["IfMachine"] == "hangup"
        assert (told["HangupCauseCode"], seen["ended"]) == ("9100", {"why": "machine", "by": "network"})

    play(story, answer=QUIET)


@pytest.mark.parametrize(("script", "machine"), [(MACHINE, "true"), (Script(steps=(Answer(), StaySilent())), "false")])
def test_without_a_place_for_reports_the_first_request_waits_and_brings_it_along(script: Script, machine: str) -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(script=script, machine_detection="true")
        assert (await customer.until("/answer"))["Machine"] == machine
        (call,) = customer.network.board.report()["calls"]
        (asked,) = [one["atMs"] for one in call["timeline"] if one["what"] == "answer"]
        rings = 2_000 if machine == "false" else 4_000
        assert asked == rings + script.detection_ms

    play(story, answer=QUIET)


# --- input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["getinput-speech.form", "getinput-dtmf.form"])
def test_input_is_told_in_the_fields_of_the_samples(name: str) -> None:
    spoken = name == "getinput-speech.form"
    step = Say(text="Is Thursday free?") if spoken else Press(digits="12#")

    async def story(customer: Customer) -> None:
        await customer.dial(Answer(), Hear(), step, StaySilent())
        told = await customer.until("/turn")
        outbound = {"ALegRequestUUID", "RequestUUID"}
        assert set(told) == fields(name) | outbound
        heard = (told["InputType"], told["Speech"], told["Digits"])
        assert heard == (("speech", "Is Thursday free?", "") if spoken else ("dtmf", "", "12"))

    play(story, answer=f"<GetInput {TURN}><Speak>Hello?</Speak></GetInput>{AGAIN}", turn=QUIET)


def test_without_input_nothing_is_posted_and_the_next_element_runs() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(Answer(), StaySilent())
        again = await customer.until("/again")
        assert (again["Event"], customer.at("/turn")) == ("Redirect", [])
        (call,) = customer.network.board.report()["calls"]
        times = {one["what"]: one["atMs"] for one in call["timeline"]}
        assert 5_000 + 60 * len("Hello there?") <= times["redirect"] - times["answer"] < 6_500

    play(story, answer=f"<GetInput {TURN}><Speak>Hello there?</Speak></GetInput>{AGAIN}", again=QUIET)


def test_whoever_interrupts_cuts_the_prompt_and_is_heard_in_part_on_the_way() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(Answer(), Interrupt(text="Sorry, is Thursday free?", after_ms=500), StaySilent())
        assert (await customer.until("/turn"))["Speech"] == "Sorry, is Thursday free?"
        told = customer.at("/interim")[0]
        assert fields("getinput-interim.form") <= set(told)
        (call,) = customer.network.board.report()["calls"]
        assert [one["whole"] for one in call["carrierSaid"]] == [False]

    interim = f'interimSpeechResultsCallback="{HOME}/interim"'
    prompt = "<Speak>This is a long story that nobody wants to hear to its end.</Speak>"
    play(story, answer=f"<GetInput {TURN} {interim}>{prompt}</GetInput>{AGAIN}", turn=QUIET)


def test_a_key_that_ends_the_others_is_told_where_none_ends_them() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(Answer(), Hear(), Press(digits="12#"), StaySilent())
        assert (await customer.until("/turn"))["Digits"] == "12#"

    answer = f'<GetInput {TURN} finishOnKey="none"><Speak>Hello?</Speak></GetInput>{AGAIN}'
    play(story, answer=answer, turn=QUIET)


# --- documents -------------------------------------------------------------------------------------------------------


def test_after_the_last_element_the_call_is_over() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(Answer(), StaySilent())
        told, seen = await customer.over()
        assert (told["HangupCauseCode"], told["HangupCauseName"]) == ("4010", "End Of XML Instructions")
        assert [one["text"] for one in seen["carrierSaid"]] == ["Goodbye."]

    play(story, answer="<Speak>Goodbye.</Speak>")


def test_keys_are_sent_while_the_document_goes_on() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(Answer(), StaySilent())
        told, seen = await customer.over()
        assert (told["HangupSource"], seen["keysHeard"]) == ("Answer XML", "12WW3")

    play(story, answer='<DTMF>12WW3</DTMF><Speak>Hello.</Speak><Hangup schedule="2"/><Wait length="30"/>')


BROKEN = HttpResponse(status=500)


@pytest.mark.parametrize(
    ("pages", "code"),
    [
        ({"answer": BROKEN}, "7011"),
        ({"answer": "<Say>x</Say>"}, "8011"),
        ({"answer": HttpResponse(status=200)}, "8011"),
        ({"answer": AGAIN, "again": BROKEN}, "7014"),
        ({"answer": AGAIN, "again": document("<Hangup>")}, "8014"),
        ({"answer": f"<GetInput {TURN}/>", "turn": BROKEN}, "7012"),
    ],
)
def test_without_usable_instructions_the_call_ends_with_the_code_for_that(pages: dict[str, Page], code: str) -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(Answer(), Wait(ms=1_000), Say(text="Hello?"), StaySilent())
        told, seen = await customer.over()
        assert (told["HangupCauseCode"], told["HangupSource"]) == (code, "Error")
        assert seen["ended"] == {"why": "error", "by": "network"}

    play(story, **pages)


def test_the_fallback_hears_what_failed() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(
            Answer(), StaySilent(), fallback_url=f"{HOME}/spare", answer_url=f"{HOME}/answer#rc=1&rp=5xx"
        )
        told = await customer.until("/spare")
        assert set(told) == fields("fallback.form")
        assert (told["ErrorCode"], told["FailedUrl"]) == ("60", f"{HOME}/answer#rc=1&rp=5xx")
        assert len(customer.at("/answer")) == 2

    play(story, answer=BROKEN, spare=QUIET)


@pytest.mark.parametrize(
    ("fragment", "attempts"), [("", 1), ("#rc=3&rp=5xx", 4), ("#rc=5&rp=all&tt=2500", 3), ("#rc=3&rp=ct,rt", 1)]
)
def test_the_fragment_says_how_patiently_to_ask_and_each_attempt_has_a_nonce_of_its_own(
    fragment: str, attempts: int
) -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(Answer(), StaySilent(), answer_url=f"{HOME}/answer{fragment}")
        await customer.over()
        asked = [one for one in customer.requests if one.url == f"{HOME}/answer"]
        assert len(asked) == attempts
        assert len({one.headers["x-plivo-signature-v3-nonce"] for one in asked}) == attempts

    play(story, answer=BROKEN)


def test_a_fragment_that_breaks_the_rules_is_not_asked_at_all() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(Answer(), StaySilent(), answer_url=f"{HOME}/answer#rc=9")
        await customer.over()
        assert customer.at("/answer") == []

    play(story)


def test_fields_go_into_the_query_where_that_is_wanted() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(NeverAnswer(), ring_method="GET", ring_url=f"{HOME}/ring?a=1")
        told = await customer.until("/ring")
        assert (told["a"], told["Event"]) == ("1", "Ring")
        assert customer.requests[0].method == "GET"

    play(story)
