"""Whole calls in which ElevenLabs speaks and hears: both vendors, the carrier's and this one, are simulated."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import groupby

import attrs
import pytest

from tests.adapters.speech.elevenlabs.kit import config, run
from voicecall.adapters.agents.scripted import ScriptedAgent
from voicecall.adapters.speech.elevenlabs import open_synthesizer, open_transcriber
from voicecall.events import CallId
from voicecall.events import facts as fact
from voicecall.ports import Agent
from voicecall.projections.transcript import transcript
from voicecall.testing.memory_system import SCRIPT, MemorySystem, open_memory_system
from voicecall.testing.vendors.elevenlabs import ElevenLabs, Fault, ends_ms
from voicecall.testing.vendors.listening import open_vendor

FRIENDLY, INTERRUPTS = "+15550001001", "+15550001008"
GREETING = "Hello, this is voicecall."
LONG = "Our opening hours are long and many and I could talk about each of them for a very long time if you let me."
RATE = 10
"""Of the clock: in memory the network moves 100 ms of sound at a time."""


@asynccontextmanager
async def speaking(
    vendor: ElevenLabs, *, transport: str = "auto", agent: Agent | None = None
) -> AsyncGenerator[MemorySystem]:
    """A system whose voice and ear are ElevenLabs'."""
    async with open_vendor(vendor.app()) as url:
        given = config(url, transport=transport)
        async with (
            open_synthesizer(given.tts.providers.elevenlabs) as synthesizer,
            open_transcriber(given.streaming.providers.elevenlabs) as transcriber,
            open_memory_system(synthesizer=synthesizer, transcriber=transcriber, agent=agent) as system,
        ):
            yield system


async def remarks(system: MemorySystem, call_id: CallId) -> list[tuple[str, str]]:
    """Who said what, once the call is over; its journal must replay."""
    await system.ended(call_id)
    await system.until(call_id, lambda entry: isinstance(entry.event, fact.MediaClosed))
    assert [attrs.asdict(one) for one in (await system.replayed(call_id)).divergences] == []
    spoken = groupby(transcript(await system.entries(call_id)), lambda one: one.speaker)
    # A reply is spoken clause by clause.
    return [(speaker, " ".join(one.heard for one in each)) for speaker, each in spoken]


def test_a_whole_conversation_word_for_word() -> None:
    async def story() -> None:
        vendor = ElevenLabs()
        async with speaking(vendor) as system:
            call_id = await system.place(FRIENDLY, GREETING)
            assert await remarks(system, call_id) == [
                ("bot", GREETING),
                ("user", "Hello, this is Alex. How are you?"),
                ("bot", SCRIPT[0]),
                ("user", "That sounds good to me. Thank you, goodbye."),
                ("bot", SCRIPT[1]),
            ]
            await vendor.until("session over")
        assert " ".join(vendor.spoken) == f"{GREETING} {SCRIPT[0]} {SCRIPT[1]}"
        assert vendor.count("session") == 1

    run(story, rate=RATE)


def ended_by(text: str, heard_ms: int) -> str:
    """The words that the vendor had said by then."""
    said = [end for end, end_ms in enumerate(ends_ms(text), 1) if end_ms <= heard_ms]
    ends = [end for end in said if text[end : end + 1] in ("", " ")]
    return text[: max(ends, default=0)]


@pytest.mark.parametrize("transport", ["http", "websocket"])
def test_whoever_interrupts_is_heard_and_the_voice_stops_and_knows_which_words_were_heard(transport: str) -> None:
    async def story() -> None:
        vendor = ElevenLabs()
        agent = ScriptedAgent((LONG, "Yes, it is.", "Goodbye."))
        async with speaking(vendor, transport=transport, agent=agent) as system:
            call_id = await system.place(INTERRUPTS, GREETING)
            (_, greeting), (_, asked), _, (_, interrupted), *rest = await remarks(system, call_id)
            assert (greeting, asked) == (GREETING, "Tell me everything about it, please.")
            assert interrupted == "Sorry, one question. Is Thursday free?"
            assert rest == [("bot", "Yes, it is."), ("user", "Perfect, thank you. Goodbye."), ("bot", "Goodbye.")]
            [cut] = [one for one in transcript(await system.entries(call_id)) if one.said == LONG]
            assert cut.interrupted
            assert cut.heard == ended_by(LONG, cut.heard_ms) != LONG

    run(story, rate=RATE)


def test_a_call_survives_what_its_voice_and_its_ear_do_to_it() -> None:
    async def story() -> None:
        # In the order of opening: the greeting's request or the caller's session, then whatever comes.
        cut = Fault(kind="cut", after=1)
        vendor = ElevenLabs(faults=deque([cut, None, cut, None, Fault(kind="refuse", status=503), None]))
        async with speaking(vendor) as system:
            call_id = await system.place(FRIENDLY, GREETING)
            said = await remarks(system, call_id)
            heard = [text for speaker, text in said if speaker == "user"]
            assert heard == ["Hello, this is Alex. How are you?", "That sounds good to me. Thank you, goodbye."]

    run(story, rate=RATE)
