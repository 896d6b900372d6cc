"""A carrier's API that does nothing for a while: what is still wanted of it happens when it works again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing
from attrs import define

from tests.carriers.scenarios import LONGEST_S, REPLIES
from tests.carriers.stage import Stage
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.core.requests import EndCall
from voicecall.events import facts as fact
from voicecall.ports import Exchange, Fetch, HttpRequest
from voicecall.testing.faults import load_faults
from voicecall.testing.memory_system import open_memory_system
from voicecall.testing.script import Answer, HangUp, Hear, Say, StaySilent

CARRIERS = pytest.mark.parametrize("carrier", ["twilio", "telnyx", "plivo"])
STREAMING = pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "carrier's voice"])
ONCE_LIMITED = {"rest": [{"do": "limit", "retryAfterS": 1, "times": 1}]}
ONE_FAULT = {"rest": [{"do": "fail", "times": 1}]}
DONE_ALL_THE_SAME = {"rest": [{"do": "fail", "carriedOut": True, "times": 1}]}
LONGER_THAN_WE_WAIT_FOR_AN_END_S = 12
Story = Callable[[Stage], Awaitable[None]]


@define
class Way:
    """The way of requests to the carrier. While it is ``blocked`` each one is given up in the end."""

    blocked: bool = False

    def through(self, fetch: Fetch) -> Fetch:
        async def blocked(request: HttpRequest) -> Exchange:
            if not self.blocked:
                return await fetch(request)
            await trio.sleep(LONGER_THAN_WE_WAIT_FOR_AN_END_S)
            return Exchange(request=request, error="ReadTimeout: no answer")

        return blocked


def call_of(carrier: str, streaming: bool, story: Story, *, way: Way | None = None) -> dict[str, Any]:
    """What the network says of the only call."""

    async def main() -> dict[str, Any]:
        settings = {"streaming": {"enabled": streaming}}
        with trio.fail_after(LONGEST_S):
            async with open_memory_system(
                carrier=carrier,
                settings=settings,
                agent=ScriptedAgent(REPLIES),
                faulty_api=(way or Way()).through,
            ) as system:
                await story(Stage(system=system))
                (call,) = system.network.board.report()["calls"]
                return call

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@STREAMING
@CARRIERS
def test_a_hang_up_is_repeated_until_the_carrier_has_taken_it_though_we_wait_for_its_word_no_longer(
    carrier: str, streaming: bool
) -> None:
    way = Way()

    async def story(stage: Stage) -> None:
        call_id = await stage.call(Answer(), StaySilent())
        await stage.until(call_id, fact.PlaybackFinished)
        way.blocked = True
        await stage.ask(call_id, EndCall())
        await stage.until(call_id, fact.CallEnded)
        await trio.sleep(2 * LONGER_THAN_WE_WAIT_FOR_AN_END_S)
        way.blocked = False
        assert (await stage.told(call_id)).ended == ("hangup", "api")

    call_of(carrier, streaming, story, way=way)


@pytest.mark.parametrize(
    ("carrier", "fault"),
    [
        *((carrier, ONCE_LIMITED) for carrier in ("twilio", "telnyx", "plivo")),
        *((carrier, fault) for carrier in ("telnyx", "plivo") for fault in (ONE_FAULT, DONE_ALL_THE_SAME)),
    ],
    ids=str,
)
def test_a_reply_that_a_carrier_did_not_take_or_did_not_say_that_it_took_is_said_once(
    carrier: str, fault: dict[str, Any]
) -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.call(Answer(), Hear(), Say(text="Hello, this is Alex."), Hear(quiet_ms=3_000), HangUp())
        await stage.until(call_id, fact.CallerSaid)
        stage.system.network.board.faults.play(load_faults(fault))
        assert (await stage.told(call_id)).said[1:] == ("user: Hello, this is Alex.", f"bot: {REPLIES[0]}")

    assert call_of(carrier, False, story)["longestSilenceMs"] < 5_000


def test_a_media_stream_that_the_carrier_was_too_busy_to_open_is_opened_a_little_later() -> None:
    async def story(stage: Stage) -> None:
        call_id = await stage.call(Answer(), Hear(), HangUp())
        await stage.until(call_id, fact.DialAccepted)
        stage.system.network.board.faults.play(load_faults(ONCE_LIMITED))
        assert (await stage.told(call_id)).reason == "hangup-user"

    assert call_of("telnyx", True, story)["mediaSockets"] == 1
