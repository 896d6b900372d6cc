"""People who call us and are not let in: refused before anybody answers, told a code, told that no line is free."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing

from tests.carriers.scenarios import LONGEST_S
from tests.carriers.stage import THEM
from voicecall.actors.identity import inbound_call_id
from voicecall.events import CallId, Entry
from voicecall.events import facts as fact
from voicecall.events.effects import Speak
from voicecall.ports import Exchange, Fetch, HttpRequest
from voicecall.testing.happenings import Offer
from voicecall.testing.memory_system import MEDIA_URL, OURS, WEBHOOK_URL, MemorySystem, open_memory_system
from voicecall.testing.script import Script, StaySilent

SOMEBODY = "+15550009999"
CARRIERS = pytest.mark.parametrize("carrier", ["twilio", "telnyx", "plivo"])
STREAMING = pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "carrier's voice"])


def live(
    carrier: str, story: Callable[[MemorySystem], Awaitable[None]], *, streaming: bool = True, **settings: Any
) -> bytes:
    """Play a story; everything that we told the carrier meanwhile, in answers and in requests."""
    told = bytearray()

    def overheard(fetch: Fetch) -> Fetch:
        async def listening(request: HttpRequest) -> Exchange:
            exchange = await fetch(request)
            told.extend(exchange.response.body if exchange.response is not None else b"")
            return exchange

        return listening

    def asked(fetch: Fetch) -> Fetch:
        async def listening(request: HttpRequest) -> Exchange:
            told.extend(request.body)
            return await fetch(request)

        return listening

    async def main() -> None:
        given = {"streaming": {"enabled": streaming}, **settings}
        with trio.fail_after(LONGEST_S):
            async with open_memory_system(
                carrier=carrier, settings=given, faulty=overheard, faulty_api=asked
            ) as system:
                await story(system)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return bytes(told)


async def ring(system: MemorySystem, caller: str = THEM) -> CallId:
    """Somebody calls us and only listens; the call, once we know of it."""
    offer = Offer(
        caller=caller,
        callee=OURS,
        webhook_url=WEBHOOK_URL,
        status_url=WEBHOOK_URL,
        script=Script(steps=(StaySilent(),)),
    )
    name = system.network.board.dialect.offer(offer).party.vendor_call_id
    call_id = inbound_call_id(system.config.provider, name)
    await system.until(call_id, lambda entry: isinstance(entry.event, fact.CallOffered))
    return call_id


async def over(system: MemorySystem, call_id: CallId) -> tuple[str, dict[str, Any]]:
    """What we said to the caller, and what the network says of the call."""
    await system.ended(call_id)
    await trio.sleep(5)
    entries = await system.entries(call_id)
    text = " ".join(text for entry in entries for text in _said(entry))
    names = [entry.event.vendor_call_id for entry in entries if isinstance(entry.event, fact.CallOffered)]
    (call,) = [one for one in system.network.board.report()["calls"] if one["providerCallId"] in names]
    return text, call


def _said(entry: Entry) -> list[str]:
    return [effect.text for effect in entry.effects if isinstance(effect, Speak)]


@CARRIERS
@pytest.mark.parametrize(
    ("settings", "caller"),
    [
        ({"inboundPolicy": "disabled"}, THEM),
        ({"inboundPolicy": "allowlist", "allowFrom": [SOMEBODY]}, THEM),
        ({"inboundPolicy": "allowlist", "allowFrom": [SOMEBODY]}, "anonymous"),
        ({"inboundPolicy": "pairing"}, "anonymous"),
    ],
    ids=["disabled", "not on the list", "anonymous", "anonymous, pairing"],
)
def test_whoever_may_not_call_is_refused_unanswered_and_costs_no_ticket(
    carrier: str, settings: dict[str, Any], caller: str
) -> None:
    async def story(system: MemorySystem) -> None:
        text, call = await over(system, await ring(system, caller))
        assert (text, call["answered"], call["mediaSockets"]) == ("", False, 0)
        assert call["ended"] == {"why": "rejected", "by": "document" if carrier != "telnyx" else "api"}

    assert MEDIA_URL.encode() not in live(carrier, story, **settings)


@CARRIERS
def test_whoever_may_call_is_given_one(carrier: str) -> None:
    async def story(system: MemorySystem) -> None:
        call_id = await ring(system)
        await system.until(call_id, lambda entry: isinstance(entry.event, fact.MediaOpened))

    assert MEDIA_URL.encode() in live(carrier, story, inboundPolicy="allowlist", allowFrom=[SOMEBODY, THEM])


@CARRIERS
@STREAMING
def test_several_callers_at_once_up_to_the_limit_and_a_busy_tone_for_the_next(carrier: str, streaming: bool) -> None:
    async def story(system: MemorySystem) -> None:
        first, second = await ring(system), await ring(system, SOMEBODY)
        text, call = await over(system, await ring(system, "+15550008888"))
        assert (text, call["answered"], call["ended"]["why"]) == ("", False, "busy")
        assert system.calls.supervisor.live_calls == 2
        for call_id in (first, second):
            await system.until(call_id, lambda entry: isinstance(entry.event, fact.PlaybackFinished))

    live(carrier, story, streaming=streaming, maxConcurrentCalls=2)


@CARRIERS
@STREAMING
def test_the_next_caller_may_be_told_so_in_words(carrier: str, streaming: bool) -> None:
    async def story(system: MemorySystem) -> None:
        await ring(system)
        text, call = await over(system, await ring(system, SOMEBODY))
        assert text == "All lines are busy right now. Please call again later."
        assert (call["answered"], call["ended"]) == (True, {"why": "hangup", "by": call["ended"]["by"]})
        assert _heard_whole(call, streaming=streaming)

    live(carrier, story, streaming=streaming, maxConcurrentCalls=1, whenBusy="notice")


@CARRIERS
@STREAMING
def test_a_stranger_hears_six_digits_twice_and_is_hung_up_on(carrier: str, streaming: bool) -> None:
    async def story(system: MemorySystem) -> None:
        text, call = await over(system, await ring(system))
        (waiting,) = system.calls.pairings.waiting()
        assert len(waiting.code) == 6
        assert text.count(" ".join(waiting.code)) == 2
        assert _heard_whole(call, streaming=streaming)
        assert call["ended"]["by"] != "person"

    live(carrier, story, streaming=streaming, inboundPolicy="pairing")


def _heard_whole(call: dict[str, Any], *, streaming: bool) -> bool:
    """Whether something was said, and nothing of it was cut off by the hang-up."""
    if streaming:
        return call["heardMs"] > 0 and call["droppedMs"] == 0
    return bool(call["carrierSaid"]) and all(one["whole"] for one in call["carrierSaid"])
