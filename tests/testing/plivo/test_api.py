"""The simulated Plivo's API: who may ask, what is refused and how, and what it says of a call."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.testing.plivo.stage import HOME, QUIET, THEM, US, Customer, play
from voicecall.testing.people import BLOCKED
from voicecall.testing.script import Answer, HangUp, Hear, NeverAnswer, Script, StaySilent, Wait

SAMPLES = Path(__file__).parents[2] / "adapters/carriers/plivo/samples"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NUMBERS = {"from": US, "to": THEM, "answer_url": f"{HOME}/answer"}


def keys(name: str) -> set[str]:
    return set(json.loads((SAMPLES / name).read_bytes()))


def test_a_dial_gives_a_name_and_the_call_can_be_looked_at_while_it_rings_and_lives_and_when_it_is_over() -> None:
    async def story(customer: Customer) -> None:
        customer.network.board.people[THEM] = Script(steps=(Answer(), Wait(ms=7_000), HangUp()))
        status, answer = await customer.ask("POST", "/Call/", {**NUMBERS, "hangup_url": f"{HOME}/hangup"})
        name = answer["request_uuid"]
        assert (status, answer["message"], set(answer)) == (201, "call fired", keys("rest-create-call.response.json"))
        assert UUID.fullmatch(name)
        assert UUID.fullmatch(answer["api_id"])
        place = f"/Call/{name}/"
        queued = await customer.ask("GET", place + "?status=queued")
        assert (queued[0], queued[1]["call_status"]) == (200, "ringing")
        assert await customer.error("GET", place + "?status=live") == (404, "not found")
        assert await customer.error("GET", place) == (404, "not found")
        await customer.until("/answer")
        status, live = await customer.ask("GET", place + "?status=live")
        assert (status, set(live)) == (200, keys("rest-live-call.response.json"))
        assert (live["call_status"], live["direction"], live["from"], live["to"]) == (
            "in-progress",
            "outbound",
            US[1:],
            THEM[1:],
        )
        lists = [(await customer.ask("GET", f"/Call/?status={one}"))[1]["calls"] for one in ("live", "queued")]
        assert lists == [[name], []]
        await customer.until("/hangup")
        status, record = await customer.ask("GET", place)
        assert (status, set(record)) == (200, keys("rest-cdr.response.json"))
        assert (record["hangup_cause_code"], record["hangup_source"]) == (4000, "Callee")
        assert (record["call_duration"], record["bill_duration"]) == (7, 60)
        assert await customer.error("GET", place + "?status=live") == (404, "not found")

    play(story, answer=QUIET)


def test_a_call_to_many_has_many_names() -> None:
    async def story(customer: Customer) -> None:
        many = "<".join(f"1555111{number}" for number in range(2_222, 2_225))
        status, answer = await customer.ask("POST", "/Call/", {**NUMBERS, "to": many})
        assert (status, answer["message"], len(set(answer["request_uuid"]))) == (201, "calls fired", 3)

    play(story)


def test_only_the_token_of_the_account_opens_the_api() -> None:
    async def story(customer: Customer) -> None:
        response = await customer.fetch("GET", "/Call/?status=live", token="other")
        assert (response.status, response.headers["content-type"]) == (401, "text/html")
        assert b"access level" in response.body
        assert (await customer.fetch("GET", "//v1/Account/MAother/Call/?status=live")).status == 404

    play(story)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/Call", 404),
        ("POST", "/Call", 404),
        ("PUT", "/Call/", 405),
        ("GET", "/Request/x/", 405),
        ("PUT", "/Call/{}/", 405),
        ("GET", "/Call/{}/DTMF/", 404),
        ("GET", "/Call/x/", 404),
        ("DELETE", "/Call/x/", 404),
        ("DELETE", "/Request/x/", 404),
        ("POST", "/Call/x/DTMF/", 404),
        ("GET", "/Call/?status=ended", 400),
        ("GET", "/Number/", 404),
        ("GET", "//", 404),
    ],
)
def test_what_is_not_there_and_what_cannot_be(method: str, path: str, status: int) -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(NeverAnswer())
        found, answer = await customer.ask(method, path.format(name))
        assert found == status
        assert set(answer) == {"api_id", "error"}

    play(story)


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"answer_url": ""}, 400, "answer_url parameter is missing"),
        ({"answer_url": "/answer"}, 400, "answer_url: '/answer' is not a valid URL"),
        ({"answer_method": "PUT"}, 400, "answer_method: must be GET or POST"),
        ({"from": "me"}, 400, "from: 'me' is not a valid phone number"),
        ({"to": f"{THEM}<x"}, 400, "to: 'x' is not a valid phone number"),
        ({"to": BLOCKED + "5551234"}, 403, "are not permitted"),
        ({"to": 5}, 400, "to: must be text"),
        ({"ring_timeout": 0}, 400, "ring_timeout: must be a whole number"),
        ({"ring_timeout": True}, 400, "ring_timeout: must be a whole number"),
        ({"time_limit": "soon"}, 400, "time_limit: must be a whole number"),
        ({"machine_detection": "maybe"}, 400, "machine_detection: must be true or hangup"),
        ({"machine_detection_time": 1_000}, 400, "from 2000 to 10000"),
        ({"send_digits": "12x"}, 400, "send_digits: are no keys"),
        ({"caller_name": "x" * 51}, 400, "caller_name: more than 50"),
        ({"ringing_url": "x"}, 400, "ringing_url: there is no such field"),
    ],
)
def test_a_dial_that_is_wrong_is_refused(fields: dict[str, Any], status: int, words: str) -> None:
    async def story(customer: Customer) -> None:
        found, error = await customer.error("POST", "/Call/", {**NUMBERS, **fields})
        assert found == status
        assert words in error
        assert customer.network.board.report()["calls"] == []

    play(story)


@pytest.mark.parametrize("missing", ["from", "to", "answer_url"])
def test_a_dial_without_what_it_needs_is_refused(missing: str) -> None:
    async def story(customer: Customer) -> None:
        fields = {name: value for name, value in NUMBERS.items() if name != missing}
        status, error = await customer.error("POST", "/Call/", fields)
        assert (status, error) == (400, f"{missing} parameter is missing")

    play(story)


@pytest.mark.parametrize("body", [b"[1]", b"{", b"from=1"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    async def story(customer: Customer) -> None:
        assert (await customer.error("POST", "/Call/", body))[0] == 400

    play(story)


# --- what a call can be asked ----------------------------------------------------------------------------------------


def test_a_telephone_that_rings_is_a_request_and_one_that_was_answered_is_a_call() -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(NeverAnswer())
        await customer.until("/ring")
        assert await customer.error("DELETE", f"/Call/{name}/") == (404, "not found")
        assert (await customer.fetch("DELETE", f"/Request/{name}/")).status == 204
        told, seen = await customer.over()
        assert (told["CallStatus"], told["HangupCauseCode"], told["HangupSource"]) == ("cancel", "1000", "API Request")
        assert seen["ended"] == {"why": "canceled", "by": "api"}
        for resource in ("Call", "Request"):
            assert await customer.error("DELETE", f"/{resource}/{name}/") == (404, "not found")
        name = await customer.dial(Answer(), StaySilent())
        await customer.until("/answer")
        assert await customer.error("DELETE", f"/Request/{name}/") == (404, "not found")
        assert (await customer.fetch("DELETE", f"/Call/{name}/")).status == 204
        told, _ = await customer.over(2)
        assert (told["CallStatus"], told["HangupCauseCode"], told["HangupSource"]) == (
            "completed",
            "4000",
            "API Request",
        )

    play(story, answer=QUIET)


def test_keys_and_words_and_another_document_are_for_live_calls() -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Answer(rings=2), StaySilent())
        place = f"/Call/{name}/"
        orders = {"DTMF/": {"digits": "12w#"}, "": {"aleg_url": f"{HOME}/other"}, "Speak/": {"text": "Hello."}}
        for path, body in orders.items():
            assert await customer.error("POST", place + path, body) == (404, "not found")
        await customer.until("/answer")
        found = [await customer.ask("POST", place + path, body) for path, body in orders.items()]
        assert [(status, answer["message"]) for status, answer in found] == [
            (202, "digits sent"),
            (202, "call transfered"),
            (202, "speak started"),
        ]
        assert (await customer.until("/other"))["Event"] == "Transfer"
        await trio.sleep(2)
        assert (await customer.fetch("DELETE", place + "Speak/")).status == 204
        (call,) = customer.network.board.report()["calls"]
        assert call["keysHeard"] == "12w#"
        assert [one["text"] for one in call["carrierSaid"]] == ["Hello."]

    play(story, answer=QUIET, other=QUIET)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("DTMF/", {}, "digits parameter is missing"),
        ("DTMF/", {"digits": "x"}, "digits: are no keys"),
        ("DTMF/", {"digits": "1", "leg": "bleg"}, "only aleg"),
        ("", {}, "aleg_url parameter is missing"),
        ("", {"aleg_url": f"{HOME}/x", "legs": "both"}, "only aleg"),
        ("", {"aleg_url": f"{HOME}/x", "url": "x"}, "there is no such field"),
        ("Speak/", {"words": "x"}, "there is no such field"),
    ],
)
def test_an_order_that_is_wrong_is_refused(path: str, body: Any, words: str) -> None:
    async def story(customer: Customer) -> None:
        name = await customer.dial(Answer(), StaySilent())
        await customer.until("/answer")
        status, error = await customer.error("POST", f"/Call/{name}/{path}", body)
        assert status == 400
        assert words in error

    play(story, answer=QUIET)


def test_an_inbound_call_can_be_refused_over_the_api() -> None:
    async def story(customer: Customer) -> None:
        name = customer.offer(Hear(), HangUp())
        await customer.until("/answer")
        assert await customer.error("POST", f"/Call/{name}/", {"aleg_url": f"{HOME}/x"}) == (404, "not found")
        assert (await customer.fetch("DELETE", f"/Call/{name}/")).status == 204
        told, seen = await customer.over()
        assert (told["HangupCauseCode"], told["HangupSource"]) == ("3020", "API Request")
        assert seen["ended"] == {"why": "rejected", "by": "api"}

    play(story, answer="<Wait length='20'/><Speak>x</Speak>")
