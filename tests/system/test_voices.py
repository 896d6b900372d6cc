"""A number of ours may have a voice of its own: callers of that number hear it, from the greeting on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager

import trio
import trio.testing
from attrs import field, frozen

from tests.system.test_reception import LISTENER
from voicecall.adapters.speech.scripted import ScriptedSynthesizer
from voicecall.config import parse
from voicecall.events import CallId
from voicecall.events import facts as fact
from voicecall.events.schema import decode_entry
from voicecall.policies import known_phrases
from voicecall.ports import Capability, Voiced
from voicecall.talking import open_mind
from voicecall.testing.happenings import Offer
from voicecall.testing.memory_system import WEBHOOK_URL, MemorySystem, open_memory_town

SALES, OTHER = "+15550001111", "+15550002222"
STREAMS = frozenset({Capability.STREAM})


@frozen
class Overheard:
    """A voice, and what it was told to say."""

    said: list[str] = field(factory=list)
    _voice: ScriptedSynthesizer = field(factory=ScriptedSynthesizer)

    def describe(self) -> str:
        return "overheard"

    def speak(self, clauses: AsyncIterator[str]) -> AbstractAsyncContextManager[AsyncIterator[Voiced]]:
        return self._voice.speak(self._hear(clauses))

    async def _hear(self, clauses: AsyncIterator[str]) -> AsyncGenerator[str]:
        async for clause in clauses:
            self.said.append(clause)
            yield clause


async def greeted(system: MemorySystem, callee: str) -> None:
    """Somebody calls this number of ours and has heard the first words."""
    offer = Offer(caller="+15550009999", callee=callee, webhook_url=WEBHOOK_URL, script=LISTENER)
    name = system.network.board.dialect.offer(offer)
    del name
    async with system.journal.follow() as lines:
        async for line in lines:
            event = decode_entry(line.body).event
            if isinstance(event, fact.CallOffered) and event.callee == callee:
                call_id = CallId(line.stream.removeprefix("call/"))
                await system.until(call_id, lambda entry: isinstance(entry.event, fact.PlaybackFinished))
                return


def test_callers_of_a_number_hear_its_voice_and_all_others_the_usual_one() -> None:
    usual, sales = Overheard(), Overheard()

    async def main() -> None:
        numbers = {SALES: {"inboundGreeting": "Sales.", "tts": {"voice": "alloy"}}, OTHER: {}}
        config = parse({"inboundPolicy": "open", "maxConcurrentCalls": 4, "numbers": numbers}, {})
        async with (
            open_memory_town() as town,
            town.serve(config=config, synthesizer=usual, voices={SALES: sales}) as system,
        ):
            await greeted(system, SALES)
            await greeted(system, OTHER)
            await system.place("+15550001002", "A call of ours.")
            await trio.sleep(10)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert sales.said[0] == "Sales."
    assert {"Hello! How can I help you today?", "A call of ours."} <= set(usual.said)
    assert "Sales." not in usual.said


def test_each_number_gets_the_voice_that_its_settings_make_and_equal_ones_share_one() -> None:
    openai = {"apiKey": "k", "voice": "coral"}
    own = {"tts": {"providers": {"openai": {"voice": "alloy"}}}}
    numbers = {SALES: own, OTHER: own, "+15550003333": {}, "+15550004444": {"tts": {"provider": "openai"}}}
    config = parse({"tts": {"provider": "openai", "providers": {"openai": openai}}, "numbers": numbers}, {})

    async def main() -> None:
        async with open_mind(config) as mind:
            assert mind.voice.describe() == "OpenAI gpt-4o-mini-tts, voice coral"
            assert mind.voices[SALES].describe() == "OpenAI gpt-4o-mini-tts, voice alloy"
            assert mind.voices[SALES] is mind.voices[OTHER]
            assert mind.voices.keys() == {SALES, OTHER}, "what comes to the same needs no voice of its own"

    trio.run(main)


def test_a_greeting_is_known_to_the_voice_that_will_say_it() -> None:
    numbers = {SALES: {"inboundGreeting": "Sales.", "tts": {"voice": "alloy"}}, OTHER: {"inboundGreeting": "Other."}}
    config = parse({"inboundPolicy": "open", "inboundGreeting": "All.", "numbers": numbers}, {})
    assert known_phrases(config, STREAMS)[:2] == ("All.", "Other.")
    assert known_phrases(config, STREAMS, SALES)[0] == "Sales."
    assert "Sales." not in known_phrases(config, STREAMS)
    assert known_phrases(parse({"numbers": numbers}, {}), STREAMS, SALES) == ()
