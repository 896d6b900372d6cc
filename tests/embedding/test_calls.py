"""What a host does with calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
import trio
import trio.testing

import voicecall
from tests.embedding.host import embedded, happened
from tests.rpc.stage import NEVER_ANSWERS, SAYS_ONE_THING, Stage, play
from voicecall.adapters.speech.chain import NoVoice
from voicecall.adapters.speech.scripted import ScriptedSynthesizer, ScriptedTranscriber
from voicecall.config import parse
from voicecall.events import facts as fact
from voicecall.ports import Voiced
from voicecall.talking import Own, open_mind

LATE = {"outbound": {"notifyHangupDelaySec": 60}}


def test_a_call_from_the_first_word_to_the_record() -> None:
    async def story(stage: Stage) -> None:
        system = embedded(stage)
        placed = await system.initiate(SAYS_ONE_THING, "Hello, this is voicecall.", mode="notify")
        assert [one.call_id for one in await system.calls()] == [placed.call_id]
        await happened(system, placed.call_id, fact.PlaybackStarted)
        answer = await system.ask(placed.call_id[:8], "Who is there?")
        assert (answer.call_id, answer.transcript) == (placed.call_id, "Hello? I am listening.")
        assert (await system.speak(placed.call_id, "One moment.")).call_id == placed.call_id
        assert (await system.dtmf(placed.call_id, "12#")).request_id not in (placed.request_id, answer.request_id)
        await happened(system, placed.call_id, fact.DigitsRequested)
        await system.end(placed.call_id)
        record = await system.ended(placed.call_id)
        assert (record.end_reason, record.state, record.direction) == ("hangup-bot", "hangup-bot", "outbound")
        assert (record.from_number, record.to_number) == ("+15550000000", SAYS_ONE_THING)
        assert [one.text for one in record.transcript if one.speaker == "user"] == ["Hello? I am listening."]
        assert record.started_at <= (record.answered_at or 0) <= (record.ended_at or 0)
        assert (record.provider, record.metadata["mode"]) == ("mock", "notify")
        assert await system.status(str(record.provider_call_id)) == await system.status(placed.call_id) == record
        assert await system.calls() == ()

    play(story, **LATE)


def test_what_a_person_heard_of_our_words_is_told_apart_from_what_was_said() -> None:
    async def story(stage: Stage) -> None:
        system = embedded(stage)
        placed = await system.initiate("+15550001008", "Hello.", mode="conversation")
        record = await system.ended(placed.call_id)
        cut = [one for one in record.transcript if one.heard != one.text]
        assert {one.speaker for one in cut} == {"bot"}
        assert all(one.text.startswith(one.heard) for one in cut)

    play(story, agent={"script": ["There is a great deal to tell. " * 10, "Yes, it is.", "Goodbye."]})


def test_who_speaks_first_and_whom_we_call_may_be_left_open() -> None:
    async def story(stage: Stage) -> None:
        system = embedded(stage)
        silent = await system.initiate(None)
        placed = (await happened(system, silent.call_id, fact.CallPlaced)).fact
        assert isinstance(placed, fact.CallPlaced)
        assert (placed.callee, placed.policy.greeting, placed.by) == (NEVER_ANSWERS, "", "reception")
        assert (await system.initiate(None, "Hello.")).call_id != silent.call_id

    play(story, toNumber=NEVER_ANSWERS)


def test_a_request_of_the_same_name_is_the_same_also_for_the_next_system() -> None:
    async def before(stage: Stage) -> None:
        system = embedded(stage)
        first = await system.initiate(SAYS_ONE_THING, "Hello.", mode="notify", request_id="thursday")
        assert await system.initiate(SAYS_ONE_THING, "Hello.", mode="notify", request_id="thursday") == first
        await happened(system, first.call_id, fact.PlaybackStarted)
        answer = await system.ask(first.call_id, "Who is there?", request_id="who")
        assert answer.transcript == "Hello? I am listening."
        assert stage.dials == 1

    async def after(stage: Stage) -> None:
        system = embedded(stage)
        first = await system.initiate(SAYS_ONE_THING, "Hello.", mode="notify", request_id="thursday")
        assert (await system.ask(first.call_id, "Who is there?", request_id="who")).transcript.startswith("Hello?")
        assert stage.dials == 1
        await system.end(first.call_id)
        record = await system.ended(first.call_id)
        assert [one.text for one in record.transcript].count("Who is there?") == 1

    play(before, after, **LATE)


class Parrot:
    """An agent of the host's own. See ``voicecall.Agent``."""

    @asynccontextmanager
    async def reply(self, turn: voicecall.Turn) -> AsyncGenerator[AsyncIterator[str]]:
        async def words() -> AsyncGenerator[str]:
            await trio.lowlevel.checkpoint()
            yield f"You said: {turn.text}."

        yield words()


class Hoarse(ScriptedSynthesizer):
    """A voice of the host's own that fails."""

    @asynccontextmanager
    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[AsyncIterator[Voiced]]:
        raise RuntimeError("hoarse")
        yield


def test_agent_voice_and_ear_may_be_the_hosts_own() -> None:
    async def main() -> None:
        parrot, ear = Parrot(), ScriptedTranscriber()
        own = Own(agent=parrot, synthesizer=ScriptedSynthesizer(), transcriber=ear)
        async with open_mind(parse({"agent": {"provider": "gateway"}}, {}), own=own) as mind:
            assert (mind.agent, mind.ear) == (parrot, ear)
            assert mind.voice.describe() == ScriptedSynthesizer().describe()
            async with aclosing(_clauses("Hello.")) as clauses, mind.voice.speak(clauses) as sound:
                assert sum([len(one) async for one in sound if isinstance(one, bytes)]) > 0

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_voice_of_the_hosts_that_fails_is_reported_as_any_other() -> None:
    async def main() -> None:
        async with (
            open_mind(parse({}, {}), own=Own(synthesizer=Hoarse())) as mind,
            aclosing(_clauses("Hello.")) as clauses,
            mind.voice.speak(clauses) as sound,
        ):
            told = await anext(sound)
            assert isinstance(told, fact.VendorReported)
            assert (told.status, told.code) == ("voice failed", "own")
            with pytest.raises(NoVoice, match="own: RuntimeError: hoarse"):
                await anext(sound)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def _clauses(*texts: str) -> AsyncGenerator[str]:
    for text in texts:
        await trio.lowlevel.checkpoint()
        yield text
