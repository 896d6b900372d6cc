"""The simulated Telnyx's API, to the letter of the vendor's pages."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.testing.telnyx.stage import RTP, STATE, THEM, US, WEBHOOK, Customer, play
from voicecall.testing.script import Answer, HangUp, Hear, NeverAnswer, Say, StaySilent

NOBODY = "v3:nobody"
SPEECH = {"payload": "Hello there.", "voice": "AWS.Polly.Joanna-Neural"}


def test_a_dial_gives_names_and_the_call_can_be_looked_at() -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Answer(), StaySilent(), client_state=STATE)
        assert name.startswith("v3:")
        await trio.sleep(5)
        status, answer = await customer.ask("GET", f"/calls/{name.replace(':', '%3A')}")
        assert status == 200
        data = answer["data"]
        assert (data["is_alive"], data["client_state"], data["call_duration"] > 3) == (True, STATE, True)
        assert (await customer.command(name, "hangup")) == (200, "ok")
        data = (await customer.ask("GET", f"/calls/{name}"))[1]["data"]
        assert not data["is_alive"]
        assert data["end_time"] > data["start_time"]

    play(story)


def test_only_the_key_of_the_account_opens_the_api() -> None:
    async def story(customer: Customer) -> None:
        assert await customer.code("GET", f"/calls/{NOBODY}", key="KEY_other") == (401, "10009")
        assert await customer.code("POST", "/calls", {}, key="KEY_other") == (401, "10009")

    play(story)


def test_what_is_not_there_and_what_cannot_be() -> None:
    async def story(customer: Customer) -> None:
        assert await customer.code("GET", f"/calls/{NOBODY}") == (404, "10005")
        assert await customer.code("GET", "/calls/nonsense") == (422, "90015")
        assert await customer.code("GET", "/numbers") == (404, "10005")
        assert await customer.code("GET", "/connections/7/active_calls") == (404, "10005")
        name = await customer.dial(Answer(), StaySilent())
        assert await customer.command(name, "levitate") == (404, "10005")

    play(story)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"to": ""}, 422, "10015"),
        ({"to": "5551112222"}, 422, "10015"),
        ({"connection_id": "7"}, 422, "10015"),
        ({"timeout_secs": 4}, 422, "10015"),
        ({"client_state": "not base64!"}, 422, "10015"),
        ({"webhook_url": "/relative"}, 422, "10015"),
        ({"answering_machine_detection": "please"}, 422, "10015"),
        ({"answering_machine_detection_config": {"patience": 1}}, 422, "10015"),
        ({"webhook_retries_policies": {"call.answered": {"retries_ms": [1] * 6}}}, 422, "10015"),
        ({"webhook_retries_policies": {"call.answered": {"retries_ms": [60_001]}}}, 422, "10015"),
        ({"webhook_retries_policies": {"call.answered": [1]}}, 422, "10015"),
        ({"surprise": True}, 422, "10015"),
        ({"to": "+19005551234"}, 403, "10010"),
        ({"stream_url": "wss://x.example.com", "stream_codec": "G722"}, 422, "90046"),
    ],
)
def test_a_dial_that_is_wrong_is_refused(fields: dict[str, Any], status: int, code: str) -> None:
    async def story(customer: Customer) -> None:
        connection = customer.network.account["connection_id"]
        body = {"connection_id": connection, "from": US, "to": THEM, "webhook_url": WEBHOOK, **fields}
        assert await customer.code("POST", "/calls", body) == (status, code)
        assert customer.network.board.report()["dials"] == 0

    play(story)


def test_a_body_that_is_no_object_is_refused() -> None:
    async def story(customer: Customer) -> None:
        for body in (b"{", b"[]", b"\xff"):
            assert await customer.code("POST", "/calls", body) == (400, "10015")

    play(story)


def test_sound_is_only_for_a_call_that_was_answered_and_nothing_for_one_that_is_over() -> None:
    commands: dict[str, dict[str, Any]] = {
        "speak": SPEECH,
        "playback_stop": {},
        "gather": {},
        "gather_stop": {},
        "transcription_start": {},
        "transcription_stop": {},
        "send_dtmf": {"digits": "1"},
        "streaming_start": RTP,
        "streaming_stop": {},
    }

    async def story(customer: Customer) -> None:
        name = await customer.dial(NeverAnswer())
        await trio.sleep(1)
        for action, fields in commands.items():
            assert await customer.command(name, action, **fields) == (422, "90034"), action
        assert await customer.command(name, "answer") == (422, "90102")
        assert await customer.command(name, "reject", cause="USER_BUSY") == (422, "10015")
        assert await customer.command(name, "hangup") == (200, "ok")
        for action in (*commands, "hangup", "client_state_update"):
            assert await customer.command(name, action, **commands.get(action, {})) == (422, "90018"), action

    play(story)


def test_a_command_of_the_same_name_is_carried_out_once() -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Answer(), StaySilent())
        await customer.until("call.answered")
        for _ in range(3):
            assert await customer.command(name, "speak", **SPEECH, command_id="one") == (200, "ok")
        await customer.command(name, "speak", **SPEECH, command_id="two")
        await trio.sleep(30)
        assert customer.kinds().count("call.speak.started") == 2
        assert await customer.command(name, "transcription_stop", command_id="three") == (422, "90055")
        assert await customer.command(name, "transcription_start", command_id="four") == (200, "ok")
        assert await customer.command(name, "transcription_stop", command_id="three") == (200, "ok")

    play(story)


def test_a_dial_of_the_same_name_is_another_call() -> None:
    async def story(customer: Customer) -> None:
        names = {await customer.dial(NeverAnswer(), command_id="one") for _ in range(2)}
        assert len(names) == 2

    play(story)


def test_a_transcription_can_be_started_once_and_only_with_what_its_engine_has() -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Answer(), Hear(), Say(text="Yes, and one more thing."), StaySilent())
        await customer.until("call.answered")
        for fields in (
            {"transcription_engine": "Telnyx", "transcription_engine_config": {"interim_results": True}},
            {"transcription_engine": "Google", "transcription_engine_config": {"transcription_engine": "Telnyx"}},
            {"transcription_engine": "Whisper"},
        ):
            assert await customer.command(name, "transcription_start", **fields) == (422, "10015")
        assert await customer.command(name, "transcription_start", transcription_engine="B") == (200, "ok")
        assert await customer.command(name, "transcription_start") == (422, "90054")
        await customer.command(name, "speak", **SPEECH)
        heard = await customer.until("call.transcription")
        assert heard["transcription_data"] == {
            "transcript": "Yes, and one more thing.",
            "confidence": 1.0,
            "is_final": True,
            "transcription_track": "inbound",
        }
        assert "from" not in heard

    play(story)


def test_living_calls_are_listed_in_pages() -> None:
    async def story(customer: Customer) -> None:
        names = [await customer.dial(NeverAnswer(), client_state=STATE) for _ in range(5)]
        await customer.command(names[0], "hangup")
        path = f"/connections/{customer.network.account['connection_id']}/active_calls"
        listed: list[str] = []
        for page in (1, 2, 3):
            _, answer = await customer.ask("GET", f"{path}?page%5Bnumber%5D={page}&page%5Bsize%5D=2")
            listed += [one["call_control_id"] for one in answer["data"]]
            assert all(one["client_state"] == STATE for one in answer["data"])
        assert listed == names[1:]
        assert await customer.code("GET", f"{path}?page%5Bsize%5D=0") == (422, "10015")

    play(story)


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        ("USER_BUSY", ("user_busy", "callee", "486")),
        ("CALL_REJECTED", ("call_rejected", "callee", "603")),
        ("NOT_FOUND", ("call_rejected", "callee", "603")),
    ],
)
def test_an_inbound_call_is_rejected_before_it_is_answered(cause: str, expected: tuple[str, str, str]) -> None:
    async def story(customer: Customer) -> None:
        name = customer.offer(StaySilent())
        await customer.until("call.initiated")
        assert await customer.command(name, "reject", cause=cause) == (200, "ok")
        why = await customer.until("call.hangup")
        assert (why["hangup_cause"], why["hangup_source"], why["sip_hangup_cause"]) == expected

    play(story)


def test_an_inbound_call_is_answered_once() -> None:
    async def story(customer: Customer) -> None:
        name = customer.offer(Hear(), HangUp())
        parked = await customer.until("call.initiated")
        assert (parked["direction"], parked["state"], parked["client_state"]) == ("incoming", "parked", None)
        assert await customer.command(name, "answer", client_state=STATE) == (200, "ok")
        answered = await customer.until("call.answered")
        assert answered["client_state"] == STATE
        assert await customer.command(name, "answer") == (422, "10015")

    play(story)


def test_an_inbound_call_that_nobody_commands_is_over_after_half_a_minute() -> None:
    async def story(customer: Customer) -> None:
        customer.offer(StaySilent(), ring_timeout_s=300)
        why = await customer.until("call.hangup")
        assert why["hangup_cause"] == "timeout"
        assert 29 < trio.current_time() < 32
        name = customer.offer(StaySilent(), ring_timeout_s=300)
        await customer.until("call.initiated", 2)
        await customer.command(name, "client_state_update", client_state=STATE)
        await trio.sleep(60)
        assert len(customer.payloads("call.hangup")) == 1

    play(story)
