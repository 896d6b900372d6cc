"""Whole calls in which OpenAI hears and speaks: every word of both sides is what was said."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from attrs import define, field

from tests.adapters.speech.openai.stage import hearing, open_openai, play, speaking, words
from voicecall.adapters.speech.openai import open_synthesizer, open_transcriber
from voicecall.events import Entry
from voicecall.events import facts as fact
from voicecall.testing.ear import Ear
from voicecall.testing.memory_system import MemorySystem, open_memory_system
from voicecall.testing.script import load_script
from voicecall.testing.vendors.openai_script import Fault, OpenAiScript

SOMEBODY = "+15551112222"
GREETING = "Hello, this is voicecall. I am calling about Thursday."
REPLIES = ("I see. Is Thursday at ten good for you?", "Very well, I have written that down.", "Goodbye then.")
SAID = ["Größer als 5 €? 你好!", "Ten is fine, thank you.", "Goodbye."]
VOICES = ("gpt-4o-mini-tts", "gpt-realtime-2.1-mini")
EARS = ("gpt-transcribe", "gpt-live-transcribe")


@define
class Told:
    """What the journal and the network say of one call, and what the person's ear got."""

    sound: list[bytes] = field(factory=list[bytes])
    entries: list[Entry] = field(factory=list[Entry])
    report: dict[str, Any] = field(factory=dict[str, Any])

    def of(self, kind: type[Any]) -> list[Any]:
        return [entry.event for entry in self.entries if isinstance(entry.event, kind)]

    @property
    def failures(self) -> list[str]:
        """What went wrong with speech, in the journal's words."""
        broken = [one.detail for one in self.of(fact.VendorReported) if "failed" in one.status]
        broken += [one.detail for one in self.of(fact.TranscriberFailed)]
        return broken + [one.reason for one in self.of(fact.EffectFailed)]

    @property
    def said(self) -> list[str]:
        """What the person said, by the journal. The network's own report must agree."""
        texts = [event.text for event in self.of(fact.CallerSaid)]
        assert texts == [one["text"] for one in self.report["said"]]
        return texts

    @property
    def heard(self) -> str:
        """The words in what the person heard; of a remark that was cut off there are none."""
        return " ".join(words(b"".join(self.sound)))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Filled by ``take``."""
    told, hear = Told(), Ear.hear

    def listen(ear: Ear, frame: bytes, at: float) -> None:
        # A busy machine may leave gaps between frames; what was played is what counts.
        told.sound.append(frame)
        hear(ear, frame, at)

    monkeypatch.setattr(Ear, "hear", listen)
    return told


@asynccontextmanager
async def open_stage(mouth: OpenAiScript, ears: OpenAiScript, *, voice: str, ear: str) -> AsyncGenerator[MemorySystem]:
    """A whole system whose speech is OpenAI's; for the faults' sake each half has a vendor of its own."""
    async with (
        open_openai(mouth) as mouth_url,
        open_openai(ears) as ears_url,
        open_synthesizer(speaking(mouth_url, mouth, model=voice)) as synthesizer,
        open_transcriber(hearing(ears_url, ears, model=ear)) as transcriber,
        open_memory_system(synthesizer=synthesizer, transcriber=transcriber) as system,
    ):
        yield system


async def take(told: Told, system: MemorySystem, *steps: Any) -> None:
    """Call somebody who does this."""
    system.network.board.people[SOMEBODY] = load_script(list(steps))
    call_id = await system.place(SOMEBODY, GREETING)
    await system.ended(call_id)
    (told.report,) = system.network.board.report()["calls"]
    told.entries = await system.entries(call_id)


HEAR = {"do": "hear", "quietMs": 4_000, "limitMs": 30_000}
"""Patient, because a busy machine pauses between two sentences."""


def say(text: str) -> dict[str, str]:
    return {"do": "say", "text": text}


CONVERSATION = [step for text in SAID for step in (HEAR, say(text))]


@pytest.mark.parametrize("ear", EARS)
@pytest.mark.parametrize("voice", VOICES)
def test_every_word_of_both_sides_arrives(told: Told, voice: str, ear: str) -> None:
    async def story() -> None:
        mouth, ears = OpenAiScript(first_sound_s=0.15), OpenAiScript(recognition_s=0.2)
        async with open_stage(mouth, ears, voice=voice, ear=ear) as system:
            await take(told, system, "answer", *CONVERSATION, HEAR, "hangUp")

    play(story)
    assert told.said == SAID
    assert told.heard == " ".join((GREETING, *REPLIES))
    assert not any(one.interrupted for one in told.of(fact.PlaybackFinished))
    assert told.failures == []


def test_a_session_is_open_while_it_rings_and_closed_when_nobody_answers() -> None:
    async def story() -> None:
        ears = OpenAiScript()
        async with open_stage(OpenAiScript(), ears, voice=VOICES[0], ear=EARS[0]) as system:
            system.network.board.people[SOMEBODY] = load_script(["neverAnswer"])
            call_id = await system.place(SOMEBODY, GREETING)
            await trio.sleep(10)
            assert (ears.connections, ears.open_now) == (1, 1)
            assert ears.sent[-1]["type"] == "session.updated"
            await system.ended(call_id)
            await ears.nobody_connected()
        assert ears.connections == 1

    play(story)


@pytest.mark.parametrize("ear", EARS)
@pytest.mark.parametrize("voice", VOICES)
def test_an_interruption_stops_us_and_is_understood(told: Told, voice: str, ear: str) -> None:
    steps = [
        HEAR,
        say("Tell me everything about it."),
        {"do": "interrupt", "text": "Sorry, is Thursday free?", "afterMs": 300},
        HEAR,
        say("Perfect, goodbye."),
        HEAR,
        "hangUp",
    ]

    async def story() -> None:
        mouth, ears = OpenAiScript(), OpenAiScript()
        async with open_stage(mouth, ears, voice=voice, ear=ear) as system:
            await take(told, system, "answer", *steps)

    play(story)
    assert told.said == ["Tell me everything about it.", "Sorry, is Thursday free?", "Perfect, goodbye."]
    assert any(one.interrupted for one in told.of(fact.PlaybackFinished))
    assert told.heard.startswith(GREETING)
    assert told.heard.endswith(f"{REPLIES[1]} {REPLIES[2]}")
    assert REPLIES[0] not in told.heard


@pytest.mark.parametrize("ear", EARS)
@pytest.mark.parametrize("fault", ["429", "500", "cut", "late cut", "stall", "expired", "failed"])
def test_whatever_befalls_the_ear_nothing_is_lost(told: Told, ear: str, fault: Fault) -> None:
    async def story() -> None:
        mouth, ears = OpenAiScript(), OpenAiScript()
        ears.faults.append(fault)
        async with open_stage(mouth, ears, voice=VOICES[0], ear=ear) as system:
            await take(told, system, "answer", *CONVERSATION, HEAR, "hangUp")

    play(story)
    assert told.said == SAID


@pytest.mark.parametrize(
    ("voice", "fault"),
    [
        *((VOICES[0], fault) for fault in ("401", "429", "500", "cut", "stall", "silent")),
        *((VOICES[1], fault) for fault in ("401", "500", "cut", "stall", "failed", "error", "expired", "silent")),
    ],
)
def test_whatever_befalls_the_voice_is_a_fact_and_the_call_goes_on(told: Told, voice: str, fault: Fault) -> None:
    """The greeting is what fails; the person speaks up, and is answered."""

    async def story() -> None:
        mouth, ears = OpenAiScript(), OpenAiScript()
        mouth.faults.append(fault)
        async with open_stage(mouth, ears, voice=voice, ear=EARS[0]) as system:
            steps = [{"do": "wait", "ms": 12_000}, say("Hello?"), HEAR, say("I see."), HEAR, "hangUp"]
            await take(told, system, "answer", *steps)

    play(story)
    assert told.said == ["Hello?", "I see."]
    assert told.failures
    assert all("OpenAI" in one or "no sound within" in one for one in told.failures)
    assert told.heard.endswith(REPLIES[1])
