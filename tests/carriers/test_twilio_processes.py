"""Twilio calls over real HTTP and real media sockets, between processes, one of which may be killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.carriers.processes import US, Voicecall, live, nth, open_carrier, open_voicecall
from voicecall.core.replay import replay
from voicecall.events import Instant
from voicecall.events import facts as fact

LONG = "I will tell you all of it, from the beginning to the very end, so please take your time and listen to me."
MESSAGE = "Hello, this is voicecall, calling about Thursday."
HEAR = {"do": "hear", "quietMs": 8_000, "limitMs": 240_000}
"""With patience: on a busy machine a sentence comes in pieces."""
INTERRUPTING = [
    "answer",
    {"do": "interrupt", "text": "Sorry, is Thursday free?", "afterMs": 2_000, "limitMs": 240_000},
    HEAR,
    "hangUp",
]
BACK_LIMIT_MS = 10_000
STREAMED: dict[str, Any] = {"streaming": {"enabled": True}}
CARRIED: dict[str, Any] = {"streaming": {"enabled": False}}


async def ended(voicecall: Voicecall) -> str:
    """Why the only call is over: Twilio does not say who hung up, we know whether it was us."""
    await voicecall.until(nth(fact.CallEnded, 1))
    return replay(await voicecall.entries(object)).ledger.state.end_reason


def test_a_conversation_in_which_the_person_interrupts_us(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            open_carrier(tmp_path, "twilio", INTERRUPTING) as carrier,
            open_voicecall(tmp_path, carrier, **STREAMED) as voicecall,
        ):
            await voicecall.call(LONG)
            assert await ended(voicecall) == "hangup-user"
            cut = (await voicecall.entries(fact.PlaybackFinished))[0].event
            assert isinstance(cut, fact.PlaybackFinished)
            assert cut.interrupted
            assert cut.heard_ms <= cut.sent_ms
            said = [entry.event for entry in await voicecall.entries(fact.CallerSaid)]
            assert [one.text for one in said if isinstance(one, fact.CallerSaid)] == ["Sorry, is Thursday free?"]
            call = await carrier.over()
            assert (call["ended"], call["clears"] > 0, call["dials"]) == ({"why": "hangup", "by": "person"}, True, 1)

    live(story)


def test_a_message_to_a_person_who_only_listens(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            open_carrier(tmp_path, "twilio", ["answer"]) as carrier,
            open_voicecall(tmp_path, carrier, **STREAMED) as voicecall,
        ):
            await voicecall.call(MESSAGE, mode="notify")
            assert await ended(voicecall) == "hangup-bot"
            call = await carrier.over()
            assert call["ended"] == {"why": "hangup", "by": "api"}
            assert call["heardMs"] > 1_000

    live(story)


def test_somebody_calls_us_and_the_carrier_speaks_and_listens(tmp_path: Path) -> None:
    async def story() -> None:
        script = [HEAR, {"do": "say", "text": "Hi, are you open?"}]
        script += [HEAR, {"do": "hangUp"}]
        async with (
            open_carrier(tmp_path, "twilio", []) as carrier,
            open_voicecall(tmp_path, carrier, **CARRIED) as voicecall,
        ):
            offer = {"to": US, "from": "+15552223333", "webhookUrl": voicecall.webhook_url, "script": script}
            offer["statusUrl"] = voicecall.webhook_url
            await carrier.ask("POST", "offers", offer)
            assert await ended(voicecall) == "hangup-user"
            call = await carrier.over()
            assert (call["mediaSockets"], [one["whole"] for one in call["carrierSaid"]]) == (0, [True, True])

    live(story)


def test_voicecall_is_killed_in_a_streamed_call_and_the_person_is_served_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_carrier(tmp_path, "twilio", ["answer"], rate=1) as carrier:
            async with open_voicecall(tmp_path, carrier, rate=1, **STREAMED) as voicecall:
                call_id = await voicecall.call(MESSAGE)
                await voicecall.until(nth(fact.PlaybackFinished, 1))
                await voicecall.kill()
                port = voicecall.port
            async with open_voicecall(tmp_path, carrier, port=port, rate=1, **STREAMED) as voicecall:
                claimed = await voicecall.until(nth(fact.ActorStarted, 2))
                opened = await voicecall.until(nth(fact.MediaOpened, 2))
                assert Instant(opened.at - claimed.at) < BACK_LIMIT_MS
                await voicecall.until(nth(fact.PlaybackFinished, 2))
                await voicecall.ask("end", callId=call_id, requestId="r2")
                assert await ended(voicecall) == "hangup-bot"
                tickets = [one.event for one in await voicecall.entries(fact.MediaOpened)]
                assert len({one.ticket for one in tickets if isinstance(one, fact.MediaOpened)}) == 2
                call = await carrier.over()
                assert (call["mediaSockets"], call["dials"]) == (2, 1)

    live(story, rate=1)
