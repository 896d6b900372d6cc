"""What the simulated Telnyx tells, in which words, how often and where."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio

from tests.testing.telnyx.stage import FALLBACK, STATE, US, WEBHOOK, Customer, play
from voicecall.testing.script import (
    Answer,
    Busy,
    HangUp,
    Hear,
    NeverAnswer,
    Press,
    Reject,
    Say,
    StaySilent,
    Voicemail,
    Wait,
)
from voicecall.testing.script import Unreachable as Nobody

SPEECH = {"payload": "Hello there, this takes a while to say.", "voice": "AWS.Polly.Joanna-Neural"}


def test_an_envelope_is_the_vendors() -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Answer(), Wait(ms=10), HangUp(), client_state=STATE)
        await customer.until("call.hangup")
        assert customer.kinds() == ["call.initiated", "call.answered", "call.hangup"]
        for event in customer.events:
            assert event["meta"] == {"attempt": 1, "delivered_to": WEBHOOK}
            assert event["data"]["record_type"] == "event"
            payload = event["data"]["payload"]
            assert payload["call_control_id"] == name
            assert payload["client_state"] == STATE
            assert payload["connection_id"] == customer.network.account["connection_id"]
        stamps = [event["data"]["occurred_at"] for event in customer.events]
        assert stamps == sorted(stamps)
        assert len({event["data"]["id"] for event in customer.events}) == 3
        first = customer.payloads("call.initiated")[0]
        assert (first["direction"], first["state"], first["from"]) == ("outgoing", "bridging", US)

    play(story)


@pytest.mark.parametrize(
    ("steps", "cause", "source", "sip"),
    [
        ((Answer(), Wait(ms=10), HangUp()), "normal_clearing", "callee", "200"),
        ((Busy(),), "user_busy", "callee", "486"),
        ((Reject(),), "call_rejected", "callee", "603"),
        ((NeverAnswer(),), "timeout", "unknown", "487"),
        ((Nobody(),), "not_found", "callee", "404"),
    ],
)
def test_an_ending_has_the_vendors_words(steps: Any, cause: str, source: str, sip: str) -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(*steps)
        why = await customer.until("call.hangup")
        assert (why["hangup_cause"], why["hangup_source"], why["sip_hangup_cause"]) == (cause, source, sip)
        assert why["state"] == "hangup"

    play(story)


def test_other_endings() -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(NeverAnswer(), timeout_secs=5, retry_on_timeout=False)
        assert (await customer.until("call.hangup"))["hangup_cause"] == "no_answer"
        name = await customer.dial(NeverAnswer())
        await customer.command(name, "hangup")
        why = await customer.until("call.hangup", 2)
        assert (why["hangup_cause"], why["hangup_source"]) == ("originator_cancel", "caller")
        await customer.dial(Answer(), StaySilent(), time_limit_secs=30)
        assert (await customer.until("call.hangup", 3))["hangup_cause"] == "time_limit"
        name = await customer.dial(Answer(), StaySilent())
        await customer.until("call.answered", 2)
        await customer.command(name, "hangup")
        why = await customer.until("call.hangup", 4)
        assert (why["hangup_cause"], why["hangup_source"]) == ("normal_clearing", "caller")
        customer.offer(StaySilent(), ring_timeout_s=3)
        why = await customer.until("call.hangup", 5)
        assert (why["hangup_cause"], why["hangup_source"]) == ("originator_cancel", "caller")

    play(story)


# --- speech and keys -------------------------------------------------------------------------------------------------


def test_speech_is_queued_and_tells_its_beginning_and_its_end_with_the_last_state() -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Answer(), StaySilent())
        await customer.until("call.answered")
        await customer.command(name, "speak", **SPEECH, client_state=STATE)
        await customer.command(name, "speak", **SPEECH)
        for number in (1, 2):
            started = await customer.until("call.speak.started", number)
            assert (started["client_state"], "from" in started) == (STATE, False)
            assert (await customer.until("call.speak.ended", number))["status"] == "completed"

    play(story)


def test_speech_that_is_stopped_ends_at_once_and_nothing_follows() -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Answer(), StaySilent())
        await customer.until("call.answered")
        for _ in range(3):
            await customer.command(name, "speak", **SPEECH)
        await customer.until("call.speak.started")
        assert await customer.command(name, "playback_stop", stop="current") == (200, "ok")
        await customer.until("call.speak.started", 2)
        assert await customer.command(name, "playback_stop") == (200, "ok")
        await trio.sleep(20)
        assert [one["status"] for one in customer.payloads("call.speak.ended")] == ["completed", "completed"]
        assert await customer.command(name, "playback_stop") == (200, "ok")
        (call,) = customer.network.board.report()["calls"]
        assert [one["whole"] for one in call["carrierSaid"]] == [False, False]

    play(story)


def test_speech_that_the_end_of_the_call_cuts() -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Answer(), StaySilent())
        await customer.until("call.answered")
        await customer.command(name, "speak", **SPEECH)
        await customer.until("call.speak.started")
        await customer.command(name, "hangup")
        assert (await customer.until("call.speak.ended"))["status"] == "call_hangup"

    play(story)


def test_keys_come_one_by_one_and_together_when_they_are_gathered() -> None:
    async def story(customer: Customer) -> None:
        steps = (Hear(), Press(digits="12#"), Hear(), Press(digits="9"), Wait(ms=9_000), HangUp())
        name = await customer.dial(Answer(), *steps)
        await customer.until("call.answered")
        await customer.command(name, "gather", minimum_digits=2, timeout_millis=30_000, initial_timeout_millis=20_000)
        assert await customer.command(name, "gather") == (422, "10015")
        await customer.command(name, "speak", **SPEECH)
        gathered = await customer.until("call.gather.ended")
        assert (gathered["digits"], gathered["status"]) == ("12", "valid")
        assert [one["digit"] for one in customer.payloads("call.dtmf.received")] == ["1", "2", "#"]
        await customer.command(name, "gather", valid_digits="12", initial_timeout_millis=30_000)
        await customer.command(name, "speak", **SPEECH)
        await customer.until("call.dtmf.received", 4)
        await customer.command(name, "gather_stop")
        gathered = await customer.until("call.gather.ended", 2)
        assert (gathered["digits"], gathered["status"]) == ("", "cancelled")
        await customer.command(name, "gather", initial_timeout_millis=60_000)
        gathered = await customer.until("call.gather.ended", 3)
        assert gathered["status"] == "call_hangup"

    play(story)


def test_keys_of_ours_are_heard() -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Answer(), StaySilent())
        await customer.until("call.answered")
        assert await customer.command(name, "send_dtmf", digits="1w2W#", duration_millis=250) == (200, "ok")
        assert await customer.command(name, "send_dtmf", digits="x") == (422, "10015")
        (call,) = customer.network.board.report()["calls"]
        assert call["keysHeard"] == "1w2W#"

    play(story)


# --- machines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "kinds", "results"),
    [
        ("detect", ["call.machine.detection.ended"], ["machine"]),
        ("detect_beep", ["call.machine.detection.ended", "call.machine.greeting.ended"], ["machine", "beep_detected"]),
        ("greeting_end", ["call.machine.detection.ended", "call.machine.greeting.ended"], ["machine", "beep_detected"]),
        (
            "premium",
            ["call.machine.premium.detection.ended", "call.machine.premium.greeting.ended"],
            ["machine", "beep_detected"],
        ),
        ("disabled", [], []),
    ],
)
def test_a_machine_is_told_as_it_was_asked_for(mode: str, kinds: list[str], results: list[str]) -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(Voicemail(), answering_machine_detection=mode)
        await customer.until("call.hangup")
        told = [one["data"] for one in customer.events if one["data"]["event_type"].startswith("call.machine.")]
        assert [one["event_type"] for one in told] == kinds
        assert [one["payload"]["result"] for one in told] == results

    play(story)


@pytest.mark.parametrize(
    ("mode", "result"), [("detect_beep", "not_sure"), ("greeting_end", "ended"), ("premium", "prompt_ended")]
)
def test_a_machine_that_does_not_beep(mode: str, result: str) -> None:
    async def story(customer: Customer) -> None:
        config = {"greeting_total_analysis_time_millis": 30_000}
        fields = {"answering_machine_detection": mode, "answering_machine_detection_config": config}
        await customer.dial(Voicemail(beep=False), **fields)
        await customer.until("call.hangup")
        told = [one["data"]["payload"] for one in customer.events if ".greeting.ended" in one["data"]["event_type"]]
        assert [one["result"] for one in told] == [result]

    play(story)


def test_speech_before_the_judgement_is_cut_when_it_is_a_machine() -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Voicemail(), answering_machine_detection="detect")
        await customer.until("call.answered")
        await customer.command(name, "speak", **SPEECH)
        assert (await customer.until("call.speak.ended"))["status"] == "cancelled_amd"

    play(story)


def test_a_person_goes_on_hearing_us() -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Answer(), Say(text="Yes?"), StaySilent(), answering_machine_detection="detect_beep")
        await customer.until("call.answered")
        await customer.command(name, "speak", **SPEECH)
        assert (await customer.until("call.machine.detection.ended"))["result"] == "human"
        assert (await customer.until("call.speak.ended"))["status"] == "completed"
        assert customer.payloads("call.machine.greeting.ended") == []

    play(story)


# --- delivery --------------------------------------------------------------------------------------------------------


def attempts(customer: Customer) -> list[tuple[str, str, int]]:
    """Where, what, and which attempt, of everything that was delivered."""
    told = [(one.url, json.loads(one.body)) for one in customer.requests]
    return [(url, body["data"]["event_type"], body["meta"]["attempt"]) for url, body in told]


@pytest.mark.parametrize("status", [500, 503, 408, 429])
def test_an_event_is_tried_three_times_with_a_fresh_signature_each(status: int) -> None:
    async def story(customer: Customer) -> None:
        customer.statuses = [status] * 3
        await customer.dial(Busy())
        await customer.until("call.hangup")
        told = [(kind, number) for _, kind, number in attempts(customer)]
        assert told == [("call.initiated", 1), ("call.initiated", 2), ("call.initiated", 3), ("call.hangup", 1)]
        tried = customer.requests[:3]
        assert len({json.loads(one.body)["data"]["id"] for one in tried}) == 1
        assert len({one.headers["telnyx-timestamp"] for one in tried}) > 1
        assert len({one.headers["telnyx-signature-ed25519"] for one in tried}) == 3

    play(story)


@pytest.mark.parametrize("status", [400, 401, 404, 302])
def test_an_event_that_is_refused_is_not_tried_again(status: int) -> None:
    async def story(customer: Customer) -> None:
        customer.statuses = [status]
        await customer.dial(Busy())
        await customer.until("call.hangup")
        assert [kind for _, kind, _ in attempts(customer)] == ["call.initiated", "call.hangup"]

    play(story)


def test_the_policy_of_a_dial_says_how_often_an_event_is_tried() -> None:
    async def story(customer: Customer) -> None:
        customer.statuses = [503] * 5
        await customer.dial(
            Busy(), webhook_retries_policies={"call.initiated": {"retries_ms": [1_000, 2_000, 4_000, 8_000]}}
        )
        await customer.until("call.hangup")
        assert [number for _, _, number in attempts(customer)] == [1, 2, 3, 4, 5, 1]
        assert trio.current_time() > 15

    play(story)


def test_the_other_url_is_tried_when_the_first_is_out_of_order() -> None:
    async def story(customer: Customer) -> None:
        customer.statuses = [503, 503, 503, 503]
        customer.offer(HangUp(), fallback_url=FALLBACK)
        await customer.until("call.initiated")
        assert attempts(customer)[:5] == [
            (WEBHOOK, "call.initiated", 1),
            (WEBHOOK, "call.initiated", 2),
            (WEBHOOK, "call.initiated", 3),
            (FALLBACK, "call.initiated", 1),
            (FALLBACK, "call.initiated", 2),
        ]

    play(story)


def test_an_answer_may_move_the_events_elsewhere() -> None:
    async def story(customer: Customer) -> None:
        name = customer.offer(Hear(limit_ms=100), HangUp())
        await customer.until("call.initiated")
        await customer.command(name, "answer", webhook_url=FALLBACK)
        await customer.until("call.hangup")
        assert [(url, kind) for url, kind, _ in attempts(customer)] == [
            (WEBHOOK, "call.initiated"),
            (FALLBACK, "call.answered"),
            (FALLBACK, "call.hangup"),
        ]

    play(story)
