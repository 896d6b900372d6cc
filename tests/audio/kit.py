"""A media plane and callers with real telephones on it, in memory, on a clock that jumps.

The telephone is the simulated network's: it plays what arrives at the pace of a person's ear, echoes a mark when
everything before it has been played, and gives marks back at a ``clear``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import trio
import trio.testing
from attrs import define, field

from tests.audio.lines import CODECS, new_framing
from tests.audio.sounds import silence, ulaw, voice
from voicecall.adapters.speech.scripted import ScriptedSynthesizer, ScriptedTranscriber
from voicecall.audio.plane import MediaPlane
from voicecall.core.requests import Refused
from voicecall.events import AnyEvent, CallId, EffectId
from voicecall.events import facts as fact
from voicecall.events.effects import Speak
from voicecall.ports import MediaStart
from voicecall.testing.ear import Ear
from voicecall.testing.happenings import Ending
from voicecall.testing.media import End, Stream
from voicecall.testing.memory_network import LinkEnd, MemoryWire
from voicecall.testing.phone import Phone
from voicecall.testing.voice import say

CALL = CallId("c1")
MS_PER_CHARACTER = 60
SENTENCE = "Is Thursday at ten good for you?"
SENTENCE_MS = len(SENTENCE) * MS_PER_CHARACTER
codec = CODECS["mock"]
F = TypeVar("F", bound=AnyEvent)


def identify(carrier_name: str, start: MediaStart) -> CallId | Refused:
    """The ticket is the call's id; "forged" is one that is no good."""
    if start.ticket == "forged":
        return Refused(code="bad-request", reason="Unauthorized stream: the signature is wrong")
    return CallId(start.ticket)


async def admit(carrier_name: str, start: MediaStart) -> CallId | Refused:
    """Tickets are spent at once."""
    await trio.lowlevel.checkpoint()
    return identify(carrier_name, start)


def new_plane(**settings: Any) -> MediaPlane:
    usual = {
        "synthesizer": ScriptedSynthesizer(ms_per_character=MS_PER_CHARACTER),
        "transcriber": ScriptedTranscriber(),
        "identify": identify,
        "admit": admit,
    }
    return MediaPlane(**{**usual, **settings})


@define
class Mailbox:
    """What a call's actor was told, and when."""

    facts: list[tuple[float, AnyEvent]] = field(factory=list)
    _news: trio.Event = field(factory=trio.Event)

    def post(self, event: AnyEvent) -> None:
        self.facts.append((trio.current_time(), event))
        self._news.set()

    def of(self, kind: type[F]) -> list[F]:
        """The facts of one kind so far."""
        return [event for _, event in self.facts if isinstance(event, kind)]

    def at(self, kind: type[AnyEvent]) -> float:
        """When the first fact of a kind came."""
        return next(at for at, event in self.facts if isinstance(event, kind))

    async def until(self, kind: type[F], count: int = 1) -> F:
        """The so-manieth fact of a kind, also one that is still to come."""
        while len(self.of(kind)) < count:
            self._news = trio.Event()
            await self._news.wait()
        return self.of(kind)[count - 1]


@define
class Caller:
    """Somebody with a telephone that is connected to the plane."""

    phone: Phone
    end: LinkEnd
    stream: Stream
    ended: list[End] = field(factory=list)
    gone: trio.Event = field(factory=trio.Event)

    @property
    def ear(self) -> Ear:
        return self.phone.ear

    @property
    def hung_up(self) -> str:
        """Why the plane closed the line, "" while it has not."""
        return (self.end.reason or "closed") if self.end.closed else ""

    def hangs_off(self) -> None:
        """The telephone sends and plays nothing any more, though the line is there."""
        self.phone.disconnect(self.stream.sound)

    async def speaks(self, ms: int, dbfs: float = -20) -> None:
        """Send so much of a voice."""
        await self.phone.speak(ulaw(voice(dbfs, ms)))

    async def says(self, text: str) -> None:
        """Say something in the simulated person's voice."""
        await self.phone.speak(say(text))

    async def waits(self, ms: int) -> None:
        """Send so much silence, as a telephone does all the time."""
        await self.phone.speak(ulaw(silence(ms)))


HUNG_UP = Ending(why="hangup", by="person")


def new_stream(ticket: str, phone: Phone, carrier: str = "mock") -> Stream:
    """The network's side of a media stream for the call of this ticket."""
    return Stream(new_framing(carrier, ticket), phone, press=lambda digit: None, note=lambda what: None)


@define
class Stage:
    """A plane that runs."""

    plane: MediaPlane
    nursery: trio.Nursery
    mailboxes: dict[CallId, Mailbox] = field(factory=dict)

    def adopt(self, call_id: CallId = CALL) -> Mailbox:
        """An actor for the call."""
        mailbox = self.mailboxes[call_id] = Mailbox()
        self.plane.adopt(call_id, mailbox.post)
        return mailbox

    def say(self, utterance: int, text: str, *, call_id: CallId = CALL, interruptible: bool = True) -> EffectId:
        """Have the plane say something; the effect's id."""
        effect_id = EffectId(f"say.{utterance}")
        self.plane.speak(call_id, effect_id, Speak(utterance=utterance, text=text, interruptible=interruptible))
        return effect_id

    @asynccontextmanager
    async def caller(
        self, ticket: str = CALL, *, peer: str = "10.0.0.1", carrier: str = "mock", step_ms: int = 20
    ) -> AsyncGenerator[Caller]:
        """Somebody whose telephone is connected; the line is cut when the context is left."""
        phone = Phone(step_ms=step_ms, sparse=False, ear=Ear(since=trio.current_time()))
        end, stream = LinkEnd(), new_stream(ticket, phone, carrier)
        caller = Caller(phone, end, stream)

        async def carry() -> None:
            wire = MemoryWire(end)
            caller.ended.append(await stream.carry(wire))
            caller.gone.set()

        self.plane.accept(end, carrier=carrier, codec=CODECS[carrier], peer=peer)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(carry)
            nursery.start_soon(phone.run)
            await trio.sleep(0.05)
            yield caller
            end.cut()
            nursery.cancel_scope.cancel()


def play(story: Callable[[Stage], Awaitable[None]], **settings: Any) -> None:
    """Run a story; nothing may be left when it is over."""

    async def main() -> None:
        before = trio.lowlevel.current_statistics().tasks_living
        plane = new_plane(**{"threads": False, **settings})
        async with trio.open_nursery() as nursery:
            await nursery.start(plane.run)
            with trio.fail_after(600):
                await story(Stage(plane, nursery))
            nursery.cancel_scope.cancel()
        assert plane.connections == 0
        assert trio.lowlevel.current_statistics().tasks_living == before

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def speaking(stage: Stage, text: str = SENTENCE * 3) -> Mailbox:
    """An actor whose first utterance has been playing for half a second."""
    mailbox = stage.adopt()
    stage.say(1, text)
    await mailbox.until(fact.PlaybackStarted)
    await trio.sleep(0.5)
    return mailbox


async def heard_of(mailbox: Mailbox, utterance: int) -> fact.PlaybackFinished:
    """How an utterance ended."""
    while True:
        for one in mailbox.of(fact.PlaybackFinished):
            if one.utterance == utterance:
                return one
        await mailbox.until(fact.PlaybackFinished, len(mailbox.of(fact.PlaybackFinished)) + 1)
