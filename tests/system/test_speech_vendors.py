"""Whole streamed conversations on every carrier's wire with every vendor's: one turn is cut short, every word arrives.

The vendor is simulated on real sockets, and named as ``serve --speech`` names it; the carrier is simulated in memory.
All of it is in one process, whose clock jumps when nobody has anything to do: a busy machine is not late.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any, Literal

import pytest
import trio
import trio.testing
from attrs import define, field

from tests.carriers.wires import CARRIERS
from voicecall.audio.modem import Demodulator
from voicecall.audio.modem import Spoken as Heard
from voicecall.cli.speech import SpeechVendor
from voicecall.events import Entry
from voicecall.events import facts as fact
from voicecall.projections.transcript import Spoken, transcript
from voicecall.talking import open_mind
from voicecall.testing.ear import Ear
from voicecall.testing.memory_system import API_URL, OURS, STEP_MS, open_memory_town
from voicecall.testing.script import Answer, HangUp, Hear, Interrupt, Say, Script
from voicecall.testing.settings import carrier_settings
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.vendors.openai_text import Answer as Reply
from voicecall.testing.vendors.together import vendors_app
from voicecall.testing.voice import MS_PER_CHARACTER

THEM = "+15551112222"
GREETING = "Hello, this is voicecall. Do you have a minute?"
ASKED, INTERRUPTED, THANKED = "Yes. Tell me all of it, please.", "Sorry, one question: is Thursday free?", "Good. Bye."
LONG = "Our technician wants to look at your heating before winter comes and that takes about an hour of your time."
REPLIES = (LONG, "Yes, Thursday at ten is free. Shall I write that down for you?", "Until Thursday, and goodbye!")
SCRIPT = Script(
    steps=(
        *(Answer(), Hear(quiet_ms=1_500), Say(text=ASKED), Interrupt(text=INTERRUPTED, after_ms=1_500)),
        *(Hear(quiet_ms=1_500), Say(text=THANKED), Hear(quiet_ms=1_500), HangUp()),
    )
)
MARK_MS = 200
"""From one mark to the next. In memory sound moves in steps, and so does what is heard."""
IDLE_S = 0.001
"""How long nothing must happen before the clock jumps: what was sent on a socket has arrived by then."""
LONGEST_S = 300
Vendor = Literal["openai", "elevenlabs"]


@define
class Told:
    """A call that is over: its journal, what the network saw of it, and all sound that was played to the person."""

    sound: bytearray = field(factory=bytearray)
    entries: list[Entry] = field(factory=list[Entry])
    seen: dict[str, Any] = field(factory=dict[str, Any])

    def of(self, kind: type[Any]) -> list[Any]:
        return [entry.event for entry in self.entries if isinstance(entry.event, kind)]

    @property
    def words(self) -> str:
        """The texts in the sound; of one that was cut off there is none."""
        told = Demodulator().feed(bytes(self.sound) + b"\xff" * 800)
        return " ".join(one.text for one in told if isinstance(one, Heard))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Filled by ``converse``."""
    told, hear = Told(), Ear.hear

    def listen(ear: Ear, frame: bytes, at: float) -> None:
        told.sound += frame
        hear(ear, frame, at)

    monkeypatch.setattr(Ear, "hear", listen)
    return told


def settings(vendor: Vendor, carrier: str, url: str) -> dict[str, Any]:
    """What the configuration says besides. With OpenAI a model thinks; each carrier has another choice of models."""
    if vendor == "elevenlabs":
        transport = "websocket" if carrier in ("mock", "telnyx") else "auto"
        return {"agent": {"script": REPLIES}, "tts": {"providers": {"elevenlabs": {"transport": transport}}}}
    api = "chat" if carrier in ("mock", "telnyx") else "responses"
    voice = "gpt-4o-mini-tts" if carrier in ("mock", "plivo") else "gpt-realtime-2.1-mini"
    ear = "gpt-transcribe" if carrier in ("mock", "twilio") else "gpt-live-transcribe"
    return {
        "agent": {"provider": "openai", "providers": {"openai": {"baseUrl": url, "apiKey": "k", "api": api}}},
        "tts": {"providers": {"openai": {"model": voice}}},
        "streaming": {"providers": {"openai": {"model": ear}}},
    }


async def converse(told: Told, vendor: Vendor, carrier: str) -> None:
    """The call; by then every connection to the vendor is closed."""
    app = vendors_app([Reply(text=text, word_s=0.01) for text in REPLIES])
    with trio.fail_after(LONGEST_S):
        async with open_vendor(app) as url, open_memory_town(carrier=carrier) as town:
            speech = SpeechVendor(name=vendor, url=f"{url}/v1" if vendor == "openai" else url)
            account = carrier_settings(carrier, town.network.account, API_URL)
            plain = {"provider": carrier, carrier: account, "fromNumber": OURS}
            config = speech.lay_over({**plain, **settings(vendor, carrier, str(speech.url))}, {})
            async with (
                open_mind(config) as mind,
                town.serve(config=config, agent=mind.agent, synthesizer=mind.voice, transcriber=mind.ear) as system,
            ):
                system.network.board.people[THEM] = SCRIPT
                call_id = await system.place(THEM, GREETING)
                await system.ended(call_id)
                await system.until(call_id, lambda entry: isinstance(entry.event, fact.MediaClosed))
                told.entries = await system.entries(call_id)
                (told.seen,) = system.network.board.report()["calls"]
                assert (await system.replayed(call_id)).divergences == ()


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("vendor", ["openai", "elevenlabs"])
def test_a_conversation(told: Told, vendor: Vendor, carrier: str) -> None:
    clock = trio.testing.MockClock(autojump_threshold=IDLE_S)
    trio.run(converse, told, vendor, carrier, clock=clock)
    spoken = transcript(told.entries)
    (cut,) = [one for one in spoken if one.interrupted]
    assert remarks(spoken) == [
        ("bot", GREETING),
        *(("user", ASKED), ("bot", cut.heard)),
        *(("user", INTERRUPTED), ("bot", REPLIES[1])),
        *(("user", THANKED), ("bot", REPLIES[2])),
    ]
    assert told.words == " ".join((GREETING, *REPLIES[1:]))
    assert (cut.said, LONG.startswith(cut.heard), told.seen["reason"]) == (LONG, True, "hangup-user")
    whole_ms = sum(one.heard_ms for one in spoken if one.speaker == "bot" and not one.interrupted)
    assert 0 <= len(told.sound) / 8 - whole_ms - cut.heard_ms <= MARK_MS + STEP_MS
    heard, more = (MS_PER_CHARACTER * len(text) for text in (cut.heard, one_word_more(cut.heard)))
    assert heard - MARK_MS <= cut.heard_ms <= more + MARK_MS
    assert [one.reason for one in told.of(fact.EffectFailed)] == []


def one_word_more(heard: str) -> str:
    """The beginning of what was said to somebody who heard so much of it, and the next word."""
    return heard + re.match(r"\s*\S+", LONG[len(heard) :]).group()


def remarks(spoken: list[Spoken]) -> list[tuple[str, str]]:
    """Who said what, ours as heard; a reply that was said in clauses is one."""
    sides = groupby(spoken, lambda one: one.speaker)
    return [(speaker, " ".join(one.heard for one in each if one.heard)) for speaker, each in sides]
