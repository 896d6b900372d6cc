"""A media stream that cannot be opened: the call goes on when it can, and ends with a reason when it cannot.

It is never silent: nobody listens to nothing for longer than it takes to find out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from tests.carriers.scenarios import BOT, CONVERSATION, FRIENDLY, GREETING, LONGEST_S, MESSAGE, REPLIES, USER, Stage
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.events import CallId
from voicecall.events import facts as fact
from voicecall.ports import Exchange, Fetch, HttpRequest
from voicecall.testing.faults import load_faults
from voicecall.testing.memory_system import open_memory_system
from voicecall.testing.script import Answer
from voicecall.testing.telnyx.errors import TelnyxError, streaming_already, streaming_parameters

CARRIERS = ("twilio", "telnyx", "plivo")
"""Those that tell that a stream could not be opened; the mock network says nothing."""
INBOUND = pytest.mark.parametrize("inbound", [False, True], ids=["we call", "they call"])


def live(
    carrier: str,
    *,
    inbound: bool,
    media: list[dict[str, Any]] | None = None,
    faulty_api: Callable[[Fetch], Fetch] = lambda fetch: fetch,
) -> tuple[Any, dict[str, Any], list[Any]]:
    """A friendly conversation: what it came to, what the network says of it, and the facts of its journal."""

    async def main() -> tuple[Any, dict[str, Any], list[Any]]:
        with trio.fail_after(LONGEST_S):
            settings = {"inboundGreeting": GREETING, "streaming": {"enabled": True}}
            async with open_memory_system(
                carrier=carrier, settings=settings, agent=ScriptedAgent(REPLIES), faulty_api=faulty_api
            ) as system:
                board = system.network.board
                board.faults.play(load_faults({"media": media or []}))
                stage = Stage(system=system)
                call_id: CallId = await (stage.ring_us(*FRIENDLY) if inbound else stage.call(Answer(), *FRIENDLY))
                told = await stage.told(call_id)
                (call,) = board.report()["calls"]
                return told, call, [entry.event for entry in await system.entries(call_id)]

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@INBOUND
@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_stream_that_opens_at_a_later_attempt_carries_the_whole_conversation(carrier: str, inbound: bool) -> None:
    told, call, _ = live(carrier, inbound=inbound, media=[{"do": "refuse", "times": 2}])
    first = GREETING if inbound else MESSAGE
    assert (told.reason, told.said, told.ended) == ("hangup-user", (f"bot: {first}", *CONVERSATION), USER)
    assert call["mediaSockets"] == 1


@INBOUND
@pytest.mark.parametrize("carrier", ["mock", *CARRIERS])
def test_a_stream_that_never_opens_ends_the_call_with_a_reason(carrier: str, inbound: bool) -> None:
    told, call, _ = live(carrier, inbound=inbound, media=[{"do": "refuse"}])
    assert (told.reason, told.ended, told.said) == ("error", BOT, ())
    assert call["mediaSockets"] == 0
    tries = sum(one["what"].startswith("media refused") for one in call["timeline"])
    assert 1 <= tries <= 20, "once a second; Plivo tries twice each time"


def refusing(error: TelnyxError, times: int, asked: list[str]) -> Callable[[Fetch], Fetch]:
    """An API that answers so many commands for a stream with an error, without doing what they ask."""

    def faulty(fetch: Fetch) -> Fetch:
        async def refused(request: HttpRequest) -> Exchange:
            action = request.url.rpartition("/")[2]
            if action.startswith("streaming_"):
                asked.append(action)
            if action == "streaming_start" and asked.count(action) <= times:
                return Exchange(request=request, response=error.response())
            return await fetch(request)

        return refused

    return faulty


def test_a_stream_that_telnyx_believes_to_be_open_is_ended_and_opened_anew() -> None:
    asked: list[str] = []
    told, _, _ = live("telnyx", inbound=False, faulty_api=refusing(streaming_already(), 1, asked))
    assert asked == ["streaming_start", "streaming_stop", "streaming_start"]
    assert (told.reason, told.said) == ("hangup-user", (f"bot: {MESSAGE}", *CONVERSATION))


@pytest.mark.parametrize("error", [streaming_already(), streaming_parameters("no", "stream_url")], ids=str)
def test_a_stream_that_telnyx_never_grants_ends_the_call_with_a_reason(error: TelnyxError) -> None:
    asked: list[str] = []
    told, _, facts = live("telnyx", inbound=False, faulty_api=refusing(error, 10_000, asked))
    assert (told.reason, told.ended, told.said) == ("error", BOT, ())
    assert asked.count("streaming_start") < 20, "and it is not asked for without end"
    failed = [one for one in facts if isinstance(one, fact.EffectFailed)]
    assert {one.vendor_code for one in failed} == {error.code}
