"""What can be asked of a running system, asked over the wire."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rpc.stage import FRIENDLY, LISTENER, NEVER_ANSWERS, SAYS_ONE_THING, Stage, play

HI = {"to": FRIENDLY, "message": "Hello"}


def test_a_call_is_placed_and_asked_about() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place()
        answer = await stage.call("status")
        assert answer["found"]
        assert [(one["callId"], one["state"], one["to"]) for one in answer["calls"]] == [
            (call_id, "initiated", FRIENDLY)
        ]
        await stage.saw(call_id, "call.ended")
        assert await stage.call("status") == {"found": True, "calls": []}
        record = (await stage.call("status", callId=call_id))["call"]
        assert (record["state"], record["endReason"], record["metadata"]["mode"]) == (
            "hangup-user",
            "hangup-user",
            "conversation",
        )
        assert record["transcript"][0]["text"] == "Hello, this is voicecall."
        for name in (call_id[:8], record["providerCallId"]):
            assert (await stage.call("status", callId=name))["call"] == record
            assert (await stage.call("status", sid=name))["call"] == record
        assert await stage.call("status", callId="nobody") == {"found": False}

    play(story)


def test_a_request_repeated_is_the_same_call_also_after_a_restart() -> None:
    seen: list[str] = []

    async def story(stage: Stage) -> None:
        seen.append(await stage.place(name="once"))
        assert await stage.place(name="once", to=LISTENER, message="something else") == seen[0]
        assert await stage.call("start", to=FRIENDLY, requestId="once") == {"callId": seen[0], "initiated": True}
        await stage.saw(seen[0], "media.opened")

    async def afterwards(stage: Stage) -> None:
        assert await stage.place(name="once") == seen[0]
        await stage.saw(seen[0], "call.ended")
        assert await stage.place(name="once") == seen[0]
        assert stage.dials == 1
        assert await stage.place(name="another") != seen[0]

    play(story, afterwards)


def test_a_wish_repeated_is_carried_out_once_also_after_a_restart() -> None:
    seen: list[str] = []

    async def story(stage: Stage) -> None:
        seen.append(await stage.place(LISTENER))
        await stage.saw(seen[0], "playback.finished")
        for _ in range(2):
            assert await stage.call("speak", callId=seen[0], message="Again?", requestId="s1") == {"success": True}
        await stage.saw(seen[0], "playback.finished", 2)

    async def afterwards(stage: Stage) -> None:
        assert await stage.call("speak", callId=seen[0], message="Again?", requestId="s1") == {"success": True}
        assert await stage.call("end", callId=seen[0], requestId="e1") == {"success": True}
        await stage.saw(seen[0], "call.ended")
        assert await stage.call("end", callId=seen[0], requestId="e1") == {"success": True}
        kinds = [type(entry.event).kind for entry in await stage.system.entries(seen[0])]
        assert (kinds.count("say.requested"), kinds.count("hangup.requested")) == (1, 1)

    play(story, afterwards)


def test_continue_gives_the_persons_next_words() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(SAYS_ONE_THING, mode="notify")
        await stage.saw(call_id, "playback.started")
        asked = {"callId": call_id, "message": "Who is there?", "requestId": "c1"}
        first = await stage.call("continue", **asked)
        assert first == {"success": True, "transcript": "Hello? I am listening."}
        assert await stage.call("continue", **asked) == first

    play(story, outbound={"notifyHangupDelaySec": 60})


def test_continue_gives_up_when_nobody_answers() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        await stage.saw(call_id, "playback.finished")
        words, data = await stage.refusal("continue", callId=call_id, message="Hello?", requestId="c1")
        assert words == "Timed out waiting for transcript after 5000ms"
        assert data == {"code": "UNAVAILABLE", "reason": "operation-failed"}

    play(story, transcriptTimeoutMs=5_000)


def test_continue_ends_with_its_call() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        await stage.saw(call_id, "playback.finished")
        asked = {"callId": call_id, "message": "Hello?", "requestId": "c1"}
        started = await stage.call("continue.start", **asked)
        words, _ = await stage.refusal("continue", callId=call_id, message="Anybody?", requestId="c2")
        assert words == "Already waiting for transcript"
        await stage.call("end", callId=call_id, requestId="e1")
        await stage.saw(call_id, "call.ended")
        assert (await stage.refusal("continue", **asked))[0] == "Call ended: hangup-bot"
        assert await stage.call("continue.result", operationId=started["operationId"]) == {
            "operationId": started["operationId"],
            "status": "failed",
            "error": "Call ended: hangup-bot",
        }

    play(story)


def test_the_result_of_continue_can_be_fetched_later_and_by_the_next_server() -> None:
    seen: list[str] = []

    async def story(stage: Stage) -> None:
        call_id = await stage.place(SAYS_ONE_THING, mode="notify")
        await stage.saw(call_id, "playback.started")
        asked = {"callId": call_id, "message": "Who is there?", "requestId": "c1"}
        started = await stage.call("continue.start", **asked)
        assert (started["status"], started["pollTimeoutMs"]) == ("pending", 210_000)
        assert await stage.call("continue.start", **asked) == started
        seen.append(started["operationId"])
        assert await stage.call("continue.result", operationId=seen[0]) == {"operationId": seen[0], "status": "pending"}
        await stage.saw(call_id, "caller.said")

    async def afterwards(stage: Stage) -> None:
        for _ in range(2):
            assert await stage.call("continue.result", operationId=seen[0]) == {
                "operationId": seen[0],
                "status": "completed",
                "result": {"success": True, "transcript": "Hello? I am listening."},
            }

    play(story, afterwards, outbound={"notifyHangupDelaySec": 60})


def test_one_name_for_two_requests_is_refused_rather_than_waited_for() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        await stage.saw(call_id, "playback.finished")
        await stage.call("speak", callId=call_id, message="Hello?", requestId="x")
        for method in ("continue", "continue.start"):
            words, data = await stage.refusal(method, callId=call_id, message="Hello?", requestId="x")
            assert words.startswith("requestId: names another request of this call already")
            assert data["field"] == "requestId"

    play(story)


@pytest.mark.parametrize(
    "name", ["", "x", ":", "c:1", "{}:0", "{}:01", "{}:-1", "{}:\u00b2", "{}:1", "{}:999", "{}:" + "9" * 9_000]
)
def test_an_operation_that_is_not_there_is_not_found(name: str) -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place()
        words, data = await stage.refusal("continue.result", operationId=name.format(call_id))
        assert words == ("operation not found" if name else "operationId required")
        assert (data["code"], data["field"]) == ("INVALID_REQUEST", "operationId")
        assert ("voicecall.continue.start" in data.get("hint", "")) == bool(name)

    play(story)


def test_keys_are_pressed_on_a_live_call_only() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        pressed = {"callId": call_id, "requestId": "d1"}
        words, data = await stage.refusal("dtmf", digits="1", **pressed)
        assert (words, data["reason"]) == ("Call not connected (state=dialing)", "not-connected")
        await stage.saw(call_id, "media.opened")
        assert await stage.call("dtmf", digits="1w2#", **pressed) == {"success": True}
        words, data = await stage.refusal("dtmf", callId=call_id, digits="call me", requestId="d2")
        assert words.startswith("digits: may only contain 0-9, *, #")
        assert data == {"code": "INVALID_REQUEST", "field": "digits"}
        await stage.call("end", callId=call_id, requestId="e1")
        await stage.saw(call_id, "call.ended")
        assert stage.town.network.board.report()["calls"][0]["keysHeard"] == "1w2#"
        words, data = await stage.refusal("speak", callId=call_id, message="Hello?", requestId="s1")
        assert (words, data["reason"]) == ("Call has ended (endReason=hangup-bot)", "ended")

    play(story)


def test_somebody_is_reached_by_keys_in_a_conversation_only() -> None:
    async def story(stage: Stage) -> None:
        for method in ("start", "initiate"):
            for mode in ({"mode": "notify"}, {}):
                words, data = await stage.refusal(method, requestId="r1", dtmfSequence="1", **mode, **HI)
                assert words == "dtmfSequence requires conversation mode"
                assert data == {"code": "INVALID_REQUEST", "field": "dtmfSequence"}
        assert stage.dials == 0
        call_id = await stage.place(LISTENER, dtmfSequence=" w12, ")
        await stage.saw(call_id, "playback.finished")
        assert stage.town.network.board.report()["calls"][0]["keysHeard"] == "w12WW"

    play(story)


def test_a_call_remembers_whose_session_it_is_and_who_asked_for_it() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(sessionKey="agent:main:me", requesterSessionKey="agent:main:you")
        record = (await stage.call("status", callId=call_id))["call"]
        assert record["sessionKey"] == "agent:main:me"
        assert record["metadata"]["requesterSessionKey"] == "agent:main:you"

    play(story)


def test_one_call_too_many_is_refused_with_the_setting_to_change() -> None:
    async def story(stage: Stage) -> None:
        await stage.saw(await stage.place(NEVER_ANSWERS), "call.ringing")
        words, data = await stage.refusal("initiate", requestId="r2", **HI)
        assert words == "Maximum concurrent calls (1) reached"
        hint = "end one of them, or raise maxConcurrentCalls"
        assert data == {"code": "UNAVAILABLE", "reason": "limit", "hint": hint}
        assert stage.dials == 1

    play(story, maxConcurrentCalls=1)


def test_initiate_calls_the_configured_number_and_start_does_not() -> None:
    async def story(stage: Stage) -> None:
        call_id = (await stage.call("initiate", message="Hello", requestId="r1"))["callId"]
        assert (await stage.call("status", callId=call_id))["call"]["to"] == LISTENER
        assert (await stage.refusal("start", message="Hello", requestId="r2"))[1]["field"] == "to"
        call_id = (await stage.call("start", to=FRIENDLY, mode="conversation", requestId="r3"))["callId"]
        assert (await stage.call("status", callId=call_id))["call"]["metadata"] == {"mode": "conversation"}

    play(story, toNumber=LISTENER)


CALL = {"callId": "c", "requestId": "r"}


@pytest.mark.parametrize(
    ("method", "params", "field", "words"),
    [
        ("initiate", {"requestId": "r", "to": FRIENDLY}, "message", "message required"),
        ("initiate", {"requestId": "r", "message": "Hi"}, "to", "to required"),
        ("initiate", {**HI}, "requestId", "requestId required"),
        ("initiate", {**HI, "requestId": " "}, "requestId", "requestId required"),
        ("initiate", {**HI, "requestId": 5}, "requestId", "requestId: expected text"),
        ("initiate", {**HI, "requestId": "r", "to": "911"}, "to", "to: expected E.164 format"),
        ("initiate", {**HI, "requestId": "r", "mode": 1}, "mode", "mode: expected text"),
        ("initiate", {**HI, "requestId": "r", "mesage": "x"}, "mesage", "mesage: unknown parameter; did you mean mess"),
        ("start", {"requestId": "r"}, "to", "to required"),
        ("continue", {"requestId": "r", "message": "Hi"}, "callId", "callId and message required"),
        ("continue", {**CALL}, "message", "callId and message required"),
        ("continue", {**CALL, "message": "Hi"}, "callId", "Call not found"),
        ("continue.start", {"callId": {}, "message": "Hi"}, "callId", "callId: expected text, got an object"),
        ("continue.result", {}, "operationId", "operationId required"),
        ("speak", {"requestId": "r", "message": "Hi"}, "callId", "callId and message required"),
        ("speak", {**CALL, "message": "Hi"}, "callId", "Call not found"),
        ("dtmf", {"requestId": "r"}, "callId", "callId and digits required"),
        ("dtmf", {**CALL, "digits": "1"}, "callId", "Call not found"),
        ("end", {"requestId": "r"}, "callId", "callId required"),
        ("end", {**CALL}, "callId", "Call not found"),
        ("end", {**CALL, "message": "Bye"}, "message", "message: unknown parameter; known: callId, requestId, by"),
        ("status", {"callId": 5}, "callId", "callId: expected text, got a number"),
        ("status", {"id": "c"}, "id", "id: unknown parameter"),
        ("finish", {}, "method", "method: unknown, 'voicecall.finish'; known: voicecall.agent.attach, "),
    ],
)
def test_every_mistake_names_its_field(method: str, params: dict[str, Any], field: str, words: str) -> None:
    async def story(stage: Stage) -> None:
        message, data = await stage.refusal(method, **params)
        assert message == words or (message.startswith(words) and ":" in message)
        assert data["field"] == field
        assert data["code"] in ("INVALID_REQUEST", "UNAVAILABLE")
        assert stage.dials == 0

    play(story)


def test_a_known_call_still_needs_words_keys_and_a_name_for_the_request() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.place(LISTENER)
        await stage.saw(call_id, "media.opened")
        for method, params, field in (
            ("speak", {"requestId": "r"}, "message"),
            ("continue", {"requestId": "r", "message": "  "}, "message"),
            ("dtmf", {"requestId": "r"}, "digits"),
            ("speak", {"message": "Hi"}, "requestId"),
            ("dtmf", {"digits": "1"}, "requestId"),
            ("end", {}, "requestId"),
        ):
            message, data = await stage.refusal(method, callId=call_id, **params)
            assert (field in message, data["field"]) == (True, field)

    play(story)
