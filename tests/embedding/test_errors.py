"""What a host is told when something cannot be done: which argument, why, and what to do."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import voicecall
from tests.embedding.host import embedded, happened
from tests.rpc.stage import LISTENER, NEVER_ANSWERS, Stage, play
from voicecall.events import facts as fact

LATE = {"outbound": {"notifyHangupDelaySec": 600}}
UNUSABLE: tuple[tuple[tuple[Any, ...], str, str], ...] = (
    (("initiate", "911", "Hi"), "to", "to: expected E.164 format, e.g. +15550001234, got '911'"),
    (("initiate", None, "Hi"), "to", "to required: whom to call, e.g. +15550001234; or set toNumber"),
    (("initiate", LISTENER, " "), "message", "message required"),
    (("initiate", LISTENER, 5), "message", "message: expected text, got a number"),
    (("initiate", LISTENER, "x" * 10_001), "message", "message: at most 10000 characters, got 10001"),
    (("speak", "CALL", ""), "message", "message: is empty; it is required"),
    (("ask", "CALL", None), "message", "message: expected text, got null"),
    (("speak", "", "Hi"), "call_id", "call_id: is empty; it is required"),
    (("end", 5), "call_id", "call_id: expected text, got a number"),
    (("status", None), "call_id", "call_id: expected text, got null"),
    (("dtmf", "CALL", "call me"), "digits", "digits: may only contain 0-9, *, #, A-D, w, p and comma, got 'call me'"),
    (("dtmf", "CALL", 12), "digits", "digits: expected text, got a number"),
)


def test_an_argument_that_cannot_be_used_is_named() -> None:
    async def story(stage: Stage) -> None:
        system = embedded(stage)
        untyped: Any = system
        call_id = (await system.initiate(LISTENER, "Hi")).call_id
        await happened(system, call_id, fact.MediaOpened)
        for (method, *arguments), field, words in UNUSABLE:
            given = [call_id if one == "CALL" else one for one in arguments]
            with pytest.raises(voicecall.InvalidRequest) as refusal:
                await getattr(system, method)(*given)
            assert (refusal.value.field, str(refusal.value)) == (field, words)
            assert isinstance(refusal.value, ValueError)
        with pytest.raises(voicecall.InvalidRequest, match=r"^mode: expected one of notify, conversation or None"):
            await untyped.initiate(LISTENER, "Hi", mode="shout")
        with pytest.raises(voicecall.InvalidRequest, match=r"^request_id: is empty; it is required$"):
            await system.speak(call_id, "Hi", request_id="")
        for after in (-1, True, "5"):
            with pytest.raises(voicecall.InvalidRequest, match=r"^after: expected the position of an event, or 0"):
                untyped.tail(after=after)

    play(story, **LATE)


def test_what_cannot_be_done_now_has_a_code_and_a_reason() -> None:
    async def story(stage: Stage) -> None:
        system = embedded(stage)
        ringing = (await system.initiate(NEVER_ANSWERS, "Hi")).call_id
        await happened(system, ringing, fact.CallRinging)
        with pytest.raises(voicecall.CallRefused, match="Call not connected") as refusal:
            await system.speak(ringing, "Hi")
        assert (refusal.value.code, refusal.value.field) == ("not-connected", "")
        with pytest.raises(voicecall.CallRefused, match=r"^call_id: no call is called 'nobody', or more") as refusal:
            await system.end("nobody")
        assert (refusal.value.code, refusal.value.field) == ("not-found", "call_id")
        with pytest.raises(voicecall.CallRefused):
            system.tail("nobody")
        assert await system.status("nobody") is None
        for _ in range(2):
            await system.initiate(NEVER_ANSWERS, "Hi")
        with pytest.raises(voicecall.CallRefused, match="raise maxConcurrentCalls") as refusal:
            await system.initiate(NEVER_ANSWERS, "Hi")
        assert refusal.value.code == "limit"
        await system.end(ringing)
        await system.ended(ringing)
        with pytest.raises(voicecall.CallRefused) as refusal:
            await system.speak(ringing, "Hi")
        assert refusal.value.code == "ended"

    play(story, maxConcurrentCalls=3)


def test_a_caller_who_says_nothing_and_one_who_hangs_up() -> None:
    async def story(stage: Stage) -> None:
        system = embedded(stage)
        silent = (await system.initiate(LISTENER, "Hi", mode="notify")).call_id
        await happened(system, silent, fact.MediaOpened)
        with pytest.raises(voicecall.NoAnswer, match=r"^Timed out waiting for transcript after 2000ms$"):
            await system.ask(silent, "Is anybody there?", request_id="once")
        with pytest.raises(voicecall.NoAnswer, match="Timed out"):
            await system.ask(silent, "Is anybody there?", request_id="once")
        with pytest.raises(voicecall.InvalidRequest, match=r"^request_id: names another request of this call"):
            await system.ask(silent, "Is anybody there?", request_id=(await system.speak(silent, "Hm.")).request_id)

        async def hang_up() -> None:
            async for event in system.tail(silent):
                if isinstance(event.fact, fact.ListenRequested) and event.fact.text == "And now?":
                    await system.end(silent)
                    return

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hang_up)
            with pytest.raises(voicecall.NoAnswer, match=r"^Call ended: hangup-bot$"):
                await system.ask(silent, "And now?")

    play(story, transcriptTimeoutMs=2_000, **LATE)
