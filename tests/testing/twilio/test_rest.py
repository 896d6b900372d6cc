"""The simulated Twilio's API, to the letter of the vendor's pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.testing.twilio.stage import EVENTS, STATUS, THEM, US, VOICE, Customer, play
from voicecall.testing.script import Answer, HangUp, NeverAnswer, StaySilent, Wait

SAMPLES = Path(__file__).parents[2] / "adapters" / "carriers" / "twilio" / "samples"
GOOD = {"To": THEM, "From": US, "Url": VOICE}
NOBODY = "CA" + "0" * 32


def names(sample: str) -> set[str]:
    return set(json.loads((SAMPLES / sample).read_text()))


def test_a_call_is_created_looked_at_and_gone_with_every_field_of_the_samples() -> None:
    async def story(customer: Customer) -> None:
        fields = {**GOOD, "StatusCallback": STATUS, "StatusCallbackEvent": EVENTS}
        status, made = await customer.ask("POST", "/Calls.json", fields)
        assert (status, made["status"], made["start_time"], made["duration"]) == (201, "queued", None, None)
        assert set(made) == names("rest-create-call.response.json")
        sid = made["sid"]
        assert (len(sid), sid[:2]) == (34, "CA")
        await trio.sleep(0.1)
        assert (await customer.ask("GET", f"/Calls/{sid}.json"))[1]["status"] == "ringing"
        await trio.sleep(5)
        status, live = await customer.ask("GET", f"/Calls/{sid}.json")
        assert (status, live["status"], live["direction"], live["to"]) == (200, "in-progress", "outbound-api", THEM)
        assert set(live) == names("rest-get-call-in-progress.response.json")
        assert live["start_time"].endswith(" +0000")
        assert (await customer.update(sid, Status="completed"))[1]["status"] == "completed"
        status, over = await customer.ask("GET", f"/Calls/{sid}.json")
        assert (over["status"], over["duration"].isdigit(), over["end_time"] is None) == ("completed", True, False)

    play(story)


def test_only_the_account_opens_the_api() -> None:
    async def story(customer: Customer) -> None:
        sid, token = customer.network.account["account_sid"], customer.network.account["auth_token"]
        for pair in (f"{sid}:wrong", f"AC{'0' * 32}:{token}", "nonsense"):
            assert await customer.code("GET", "/Calls.json", pair=pair) == (401, 20003)
            assert await customer.code("POST", "/Calls.json", GOOD, pair=pair) == (401, 20003)
        assert customer.network.board.report()["dials"] == 0

    play(story)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"To": ""}, 21211),
        ({"To": "5551112222"}, 21211),
        ({"To": "+19005551234"}, 21216),
        ({"From": "office"}, 21212),
        ({"Url": "/relative"}, 21205),
        ({"Url": "https://under_score.example.com/"}, 21205),
        ({"StatusCallback": "ftp://x.example.com"}, 21205),
        ({"StatusCallbackEvent": ["answered", "picked-up"]}, 21626),
        ({"Timeout": "601"}, 20001),
        ({"Timeout": "soon"}, 20001),
        ({"TimeLimit": "0"}, 20001),
        ({"Method": "PUT"}, 20001),
        ({"MachineDetection": "true"}, 20001),
        ({"MachineDetection": "Enable", "MachineDetectionTimeout": "60"}, 20001),
        ({"MachineDetectionSpeechThreshold": "999"}, 20001),
        ({"MachineDetectionSpeechEndThreshold": "5001"}, 20001),
        ({"MachineDetectionSilenceTimeout": "1999"}, 20001),
        ({"AsyncAmd": "yes"}, 20001),
        ({"AsyncAmdStatusCallbackMethod": "GET"}, 20001),
        ({"SendDigits": "12x"}, 20001),
        ({"SendDigits": "1" * 33}, 20001),
        ({"To": [THEM, THEM]}, None),
        ({"Surprise": "1"}, None),
    ],
)
def test_a_call_that_cannot_be_is_refused(fields: dict[str, Any], code: int | None) -> None:
    async def story(customer: Customer) -> None:
        assert await customer.code("POST", "/Calls.json", {**GOOD, **fields}) == (400, code)
        assert customer.network.board.report()["dials"] == 0

    play(story)


def test_a_call_needs_instructions() -> None:
    async def story(customer: Customer) -> None:
        bare = {"To": THEM, "From": US}
        assert await customer.code("POST", "/Calls.json", bare) == (400, 21205)
        assert await customer.code("POST", "/Calls.json", {**bare, "Twiml": "x" * 4_001}) == (400, None)
        assert (await customer.ask("POST", "/Calls.json", {**bare, "Twiml": "<Response/>"}))[0] == 201

    play(story)


def test_a_body_that_is_no_form_is_refused() -> None:
    async def story(customer: Customer) -> None:
        assert await customer.code("POST", "/Calls.json", b"\xff") == (400, 20001)
        assert await customer.code("POST", "/Calls.json", b"a&b") == (400, 20001)

    play(story)


def test_what_is_not_there() -> None:
    async def story(customer: Customer) -> None:
        sid = await customer.dial(Answer(), StaySilent())
        for method, path in (
            ("GET", f"/Calls/{NOBODY}.json"),
            ("POST", f"/Calls/{NOBODY}.json"),
            ("GET", f"/Calls/{sid}"),
            ("GET", "/Messages.json"),
            ("DELETE", "/Calls.json"),
        ):
            assert await customer.code(method, path, {} if method == "POST" else None) == (404, 20404)
        assert (await customer.ask("DELETE", f"/Calls/{sid}.json"))[0] == 204
        assert await customer.code("GET", f"/Calls/{sid}.json") == (404, 20404)
        assert (await customer.ask("GET", "/Calls.json"))[1]["calls"] == []
        assert customer.network.board.report()["living"] == 1

    play(story)


# --- updates ---------------------------------------------------------------------------------------------------------


def test_a_ringing_call_can_be_ended_or_canceled_and_nothing_else() -> None:
    async def story(customer: Customer) -> None:
        for wanted in ("completed", "canceled"):
            sid = await customer.dial(NeverAnswer())
            await trio.sleep(1)
            assert (await customer.update(sid, Twiml="<Response/>"))[1]["code"] == 21220
            assert (await customer.update(sid, Status=wanted))[0] == 200
            assert (await customer.over())["CallStatus"] == "canceled"

    play(story)


def test_a_live_call_can_be_ended_and_not_canceled_and_one_that_is_over_is_gone() -> None:
    async def story(customer: Customer) -> None:
        sid = await customer.dial(Answer(), StaySilent())
        await trio.sleep(3)
        assert (await customer.update(sid, Status="canceled"))[0] == 400
        assert (await customer.update(sid, Status="completed"))[0] == 200
        assert (await customer.over())["CallStatus"] == "completed"
        for fields in ({"Status": "completed"}, {"Twiml": "<Response/>"}, {"Url": VOICE}):
            status, answer = await customer.update(sid, **fields)
            assert (status, answer["code"]) == (400, 21220)
            assert answer["message"] == "Call is not in-progress. Cannot redirect."

    play(story)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Status": "busy"},
        {"Url": VOICE, "Twiml": "<Response/>"},
        {"Url": "nowhere"},
        {"Twiml": ""},
        {"Twiml": "x" * 4_001},
        {"Surprise": "1"},
    ],
)
def test_an_update_that_cannot_be_is_refused_and_changes_nothing(fields: dict[str, str]) -> None:
    async def story(customer: Customer) -> None:
        sid = await customer.dial(Answer(), StaySilent())
        await trio.sleep(3)
        assert (await customer.update(sid, **fields))[0] == 400
        assert customer.network.board.report()["living"] == 1

    play(story)


# --- searching -------------------------------------------------------------------------------------------------------


def test_calls_are_found_by_whom_they_go_to_when_they_began_and_how_they_stand() -> None:
    async def story(customer: Customer) -> None:
        first = await customer.dial(Answer(), Wait(ms=1_000), HangUp())
        await trio.sleep(10)
        second = await customer.dial(Answer(), StaySilent())
        await trio.sleep(5)

        async def found(query: str) -> list[str]:
            return [one["sid"] for one in (await customer.ask("GET", f"/Calls.json?{query}"))[1]["calls"]]

        assert await found("") == [second, first]
        assert await found("To=%2B15551112222&From=%2B15550000000") == [second, first]
        assert await found("To=%2B15550000000") == []
        assert await found("Status=in-progress") == [second]
        assert await found("Status=completed") == [first]
        assert await found("PageSize=1") == [second]
        assert await found("StartTime%3E=2026-11-07") == [second, first]
        assert await found("StartTime%3E=2026-11-08") == []
        assert await found("StartTime%3C=2026-11-06") == []
        assert await found("StartTime=2026-11-07") == [second, first]
        assert await found("StartTime%3E=2026-11-07T07%3A20%3A08Z") == [second]
        assert await found("EndTime%3C=2026-11-07") == [first]

    play(story)


@pytest.mark.parametrize(
    ("query", "code"), [("PageSize=0", 20006), ("PageSize=x", 20006), ("StartTime=soon", 20001), ("Colour=red", None)]
)
def test_a_search_that_cannot_be_is_refused(query: str, code: int | None) -> None:
    async def story(customer: Customer) -> None:
        await customer.dial(Answer(), StaySilent())
        assert await customer.code("GET", f"/Calls.json?{query}") == (400, code)

    play(story)
