"""A speech vendor or a model dies for good at each stage of a turn: the person hears of it, or the call ends, soon.

One test is one stage; in it every vendor that plays the part dies in a call of its own, all at the same time. What
dies is the vendor's listener and all of its sockets.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import trio
from attrs import define, field, frozen
from quart_trio import QuartTrio

from tests.adapters.speech.elevenlabs.kit import config as elevenlabs
from tests.adapters.speech.openai.stage import hearing, play, speaking
from voicecall.adapters.speech import elevenlabs as eleven
from voicecall.adapters.speech import openai
from voicecall.config import parse
from voicecall.core.ledger import Ledger, fold
from voicecall.core.state import Owing, Phase
from voicecall.events import Entry
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.testing.memory_system import MemorySystem, open_memory_system
from voicecall.testing.script import load_script
from voicecall.testing.vendors.elevenlabs import ElevenLabs
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.vendors.openai_script import OpenAiScript
from voicecall.testing.vendors.openai_text import Answer, TextVendor
from voicecall.testing.vendors.openai_voice import voice_app
from voicecall.thinking import agent_of

SOMEBODY = "+15551112222"
FILLER, PROGRESS, SORRY, AGAIN = "Hm.", "Still at it.", "Sorry, a fault.", "Pardon me?"
PHRASES = {"filler": FILLER, "progress": PROGRESS, "apology": SORRY, "unheard": AGAIN}
STEPS_MS = (1_000, 2_000, 5_000, 7_000)
BUDGET_MS = STEPS_MS[-1] + 3_000
"""Our own patience, and what a sentence takes to be said and a failure to be noticed."""
SETTINGS = {"patience": {"agentMs": list(STEPS_MS)}, "phrases": PHRASES, "maxDurationSeconds": 120}
REPLY = "Thursday is free. Shall I write it down?"
WAIT = {"do": "wait", "ms": 9_000}
ASKS, AND = {"do": "say", "text": "Is Thursday free?"}, {"do": "say", "text": "Hello?"}
ASKS_ONCE = ["answer", {"do": "hear"}, ASKS, WAIT, "hangUp"]
ASKS_TWICE = ["answer", {"do": "hear"}, ASKS, WAIT, AND, WAIT, "hangUp"]


# --- vendors that die ------------------------------------------------------------------------------------------------


@define
class Mortal:
    """A vendor's address, and its end."""

    url: str = ""
    life: trio.CancelScope = field(factory=trio.CancelScope)

    def kill(self) -> None:
        self.life.cancel()


@asynccontextmanager
async def open_mortal(app: QuartTrio) -> AsyncGenerator[Mortal]:
    vendor = Mortal()

    async def live(task_status: trio.TaskStatus[None]) -> None:
        with vendor.life:
            async with open_vendor(app) as vendor.url:
                task_status.started()
                await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        await nursery.start(live)
        yield vendor
        nursery.cancel_scope.cancel()


@frozen
class Part:
    """What of a system is played by a vendor that can be killed."""

    vendor: Mortal
    parts: dict[str, Any]


Play = Callable[[], AbstractAsyncContextManager[Part]]


def openai_ear(model: str) -> Play:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[Part]:
        script = OpenAiScript(recognition_s=60.0)
        async with (
            open_mortal(voice_app(script)) as vendor,
            openai.open_transcriber(hearing(f"{vendor.url}/v1", script, model=model)) as transcriber,
        ):
            yield Part(vendor, {"transcriber": transcriber})

    return opened


@asynccontextmanager
async def elevenlabs_ear() -> AsyncGenerator[Part]:
    async with (
        open_mortal(ElevenLabs(recognition_s=60.0).app()) as vendor,
        eleven.open_transcriber(elevenlabs(vendor.url).streaming.providers.elevenlabs) as transcriber,
    ):
        yield Part(vendor, {"transcriber": transcriber})


def model(api: str, answer: Answer) -> Play:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[Part]:
        async with open_mortal(TextVendor(answer).app) as vendor:
            provider = {"baseUrl": f"{vendor.url}/v1", "apiKey": "sk-simulated", "api": api}
            thinking = {"agent": {"provider": "openai", "providers": {"openai": provider}}}
            async with agent_of(parse(thinking, {})) as agent:
                yield Part(vendor, {"agent": agent})

    return opened


def openai_voice(model: str, *, stalls: bool) -> Play:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[Part]:
        script = OpenAiScript(first_sound_s=0.2)
        script.faults += ["", "stall"] if stalls else []
        async with open_mortal(voice_app(script)) as vendor:
            settings = speaking(f"{vendor.url}/v1", script, model=model)
            async with openai.open_synthesizer(settings) as synthesizer:
                yield Part(vendor, {"synthesizer": synthesizer})

    return opened


def elevenlabs_voice(transport: str, *, stalls: bool) -> Play:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[Part]:
        async with open_mortal(ElevenLabs(first_sound_s=0.2, piece_s=0.2 if stalls else 0.01).app()) as vendor:
            given = elevenlabs(vendor.url, transport=transport).tts.providers.elevenlabs
            async with eleven.open_synthesizer(given) as synthesizer:
                yield Part(vendor, {"synthesizer": synthesizer})

    return opened


EARS = {
    "OpenAI finds turns": openai_ear("gpt-transcribe"),
    "OpenAI does not": openai_ear("gpt-live-transcribe"),
    "ElevenLabs": elevenlabs_ear,
}


def voices(*, stalls: bool) -> dict[str, Play]:
    return {
        "OpenAI speech": openai_voice("gpt-4o-mini-tts", stalls=stalls),
        "OpenAI Realtime": openai_voice("gpt-realtime-2.1-mini", stalls=stalls),
        "ElevenLabs HTTP": elevenlabs_voice("http", stalls=stalls),
        "ElevenLabs sockets": elevenlabs_voice("websocket", stalls=stalls),
    }


# --- calls -----------------------------------------------------------------------------------------------------------


@define
class Told:
    """What the journal says of a call, and the entry at which the vendor died (None: before the call)."""

    name: str
    entries: list[Entry]
    killed: Entry | None

    @property
    def afterwards(self) -> list[Entry]:
        return [entry for entry in self.entries if self.killed is None or entry.seq > self.killed.seq]

    @property
    def heard(self) -> list[str]:
        """What of what was decided after the death the person heard, as it was meant."""
        said = [one for entry in self.afterwards for one in entry.effects if isinstance(one, do.Speak)]
        said = [one for one in said if one.purpose != "greeting"]
        texts = {one.utterance: one.text for one in said}
        over = [entry.event for entry in self.afterwards if isinstance(entry.event, fact.PlaybackFinished)]
        return [texts[one.utterance] for one in over if one.heard_ms > 0 and one.utterance in texts]

    @property
    def ended(self) -> fact.CallEnded:
        (ended,) = [entry.event for entry in self.entries if isinstance(entry.event, fact.CallEnded)]
        return ended

    def never_left_alone(self) -> None:
        """Whenever the person waits for us, something begins to be heard or the call ends in time."""
        ledger, since = Ledger(), 0
        for entry in self.entries:
            ledger = fold(ledger, entry)
            if since:
                assert entry.at - since <= BUDGET_MS, (self.name, entry)
            waits = ledger.state.owing is not Owing.NOBODY and not isinstance(entry.event, fact.PlaybackStarted)
            since = (since or entry.at) if waits else 0


At = Callable[[Entry], bool]


def at(kind: type[object], number: int = 1) -> At:
    """The so-manieth fact of a kind."""
    seen: list[Entry] = []

    def holds(entry: Entry) -> bool:
        seen.extend([entry] if isinstance(entry.event, kind) else [])
        return len(seen) == number

    return holds


def deaths(cast: dict[str, Play], moment: Callable[[], At] | None, person: list[Any] = ASKS_ONCE) -> list[Told]:
    """A call with each, in which the vendor dies at this moment of it (None: before the telephone rings)."""
    told: list[Told] = []

    async def call(name: str, opened: Play) -> None:
        async with opened() as part, open_memory_system(settings=SETTINGS, **part.parts) as system:
            system.network.board.people[SOMEBODY] = load_script(person)
            told.append(await _take(name, system, part.vendor, moment))

    async def story() -> None:
        async with trio.open_nursery() as nursery:
            for name, opened in cast.items():
                nursery.start_soon(call, name, opened)

    play(story)
    return told


async def _take(name: str, system: MemorySystem, vendor: Mortal, moment: Callable[[], At] | None) -> Told:
    if moment is None:
        vendor.kill()
    call_id = await system.place(SOMEBODY, "Hello, this is us.")
    killed = await system.until(call_id, moment()) if moment else None
    vendor.kill()
    await system.ended(call_id)
    replayed = await system.replayed(call_id)
    assert replayed.divergences == ()
    assert replayed.ledger.state.phase is Phase.ENDED
    return Told(name, await system.entries(call_id), killed)


# --- the ear ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(None, id="before it is connected"),
        pytest.param(lambda: at(fact.CallerStarted), id="while the person speaks"),
        pytest.param(lambda: at(fact.CallerStopped), id="before the words are final"),
    ],
)
def test_an_ear_that_dies_is_apologized_for_and_the_call_ends(moment: Callable[[], At] | None) -> None:
    for told in deaths(EARS, moment, ASKS_TWICE):
        assert any(isinstance(entry.event, fact.TranscriberFailed) for entry in told.afterwards), told.name
        # Whoever was asked to say it again before anybody knew does so, and then it is known.
        assert told.heard in ([FILLER, SORRY], [FILLER, AGAIN, FILLER, SORRY]), told.name
        assert told.ended.reason == "error", told.name
        told.never_left_alone()


# --- the agent -------------------------------------------------------------------------------------------------------


SLOW_HEAD, SLOW_WORDS = Answer(text=REPLY, first_s=60.0), Answer(text=REPLY, word_s=0.2)


@pytest.mark.parametrize(
    ("answer", "moment", "heard"),
    [
        pytest.param(SLOW_HEAD, lambda: at(fact.CallerSaid), [SORRY], id="before its first word"),
        pytest.param(SLOW_WORDS, lambda: at(fact.AgentReplied), ["Thursday is free.", SORRY], id="in mid sentence"),
    ],
)
def test_an_agent_that_dies_is_apologized_for(answer: Answer, moment: Callable[[], At], heard: list[str]) -> None:
    for told in deaths({api: model(api, answer) for api in ("chat", "responses")}, moment):
        over = [entry.event for entry in told.entries if isinstance(entry.event, fact.AgentFinished)]
        assert [one.reason for one in over] == ["failed"], told.name
        spoken = [one for entry in told.entries for one in entry.effects if isinstance(one, do.Speak)]
        assert [one.text for one in spoken[1:]] == heard, told.name
        assert SORRY in told.heard, told.name
        assert told.ended.reason == "hangup-user", told.name
        told.never_left_alone()


# --- the voice -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "stalls"),
    [
        pytest.param(lambda: at(fact.CallAnswered), False, id="before its first sound"),
        pytest.param(lambda: at(fact.PlaybackStarted, 2), True, id="in mid sentence"),
        pytest.param(lambda: at(fact.PlaybackFinished), False, id="between two sentences"),
    ],
)
def test_a_voice_that_dies_is_replaced_or_the_call_ends(moment: Callable[[], At], stalls: bool) -> None:
    for told in deaths(voices(stalls=stalls), moment):
        failed = [
            entry for entry in told.afterwards if isinstance(entry.event, fact.EffectFailed | fact.VendorReported)
        ]
        assert failed, told.name
        assert told.heard or told.ended.reason == "error", told.name
        told.never_left_alone()
