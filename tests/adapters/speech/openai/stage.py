"""A simulated OpenAI on a real socket, somebody who talks into a tap, and somebody who listens to a voice."""

from __future__ import annotations

import math
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import trio
import trio.testing
from attrs import define, field
from openai._models import validate_type
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent

from tests.open_files import open_files
from voicecall.adapters.speech.openai import Hearing, Speaking, open_synthesizer, open_transcriber
from voicecall.audio.modem import Demodulator, Spoken
from voicecall.audio.tap import Tap
from voicecall.events.facts import CallerHeard, CallerSaid
from voicecall.fault import Caught, first
from voicecall.ports import CallerSpeech, Synthesizer, Wording
from voicecall.testing import voice
from voicecall.testing.vendors.listening import open_vendor
from voicecall.testing.vendors.openai_script import OpenAiScript
from voicecall.testing.vendors.openai_voice import voice_app

FRAME = 160
IDLE_S = 0.002
"""When nothing has happened for so long of real time, nothing is under way on the loopback either."""


class Patience(trio.abc.Instrument):
    """A clock that stands still while anything is being done, by a task, a socket or a thread, and jumps otherwise.

    So a busy machine makes a story longer, and nothing in it late.
    """

    def __init__(self) -> None:
        self.clock = trio.testing.MockClock(autojump_threshold=IDLE_S)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        threads = trio.to_thread.current_default_thread_limiter().borrowed_tokens
        idle_s = math.inf if threads else IDLE_S
        if self.clock.autojump_threshold != idle_s:
            self.clock.autojump_threshold = idle_s


def play(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story on real sockets; afterwards none of them is left, and no task."""

    async def main() -> None:
        with trio.fail_after(600), Caught() as caught:
            await story()
        if caught.error is not None:
            raise first(caught.error)

    patience = Patience()
    before = sorted(open_files(os.getpid()))
    trio.run(main, clock=patience.clock, instruments=[patience])
    assert sorted(open_files(os.getpid())) == before


@asynccontextmanager
async def open_openai(script: OpenAiScript) -> AsyncGenerator[str]:
    """The vendor's address. When it closes, all that was sent and received is held against the package's own models."""
    async with open_vendor(voice_app(script)) as url:
        yield f"{url}/v1"
    for message in script.received:
        conforms(message, RealtimeClientEvent)
    for message in script.sent:
        conforms(message, RealtimeServerEvent)


def conforms(message: dict[str, Any], union: Any) -> None:
    """Raises ``pydantic.ValidationError`` unless a message is one of the package's models."""
    validate_type(type_=union, value=message)


# --- hearing ---------------------------------------------------------------------------------------------------------


class SteadyTap(Tap):
    """A tap whose clock is the audio itself, so that a busy machine does not move anything."""

    poured_ms = 0

    def pour(self, ulaw: bytes) -> None:
        self.poured_ms += len(ulaw) // 8
        super().pour(ulaw)

    async def drain(self) -> bytes:
        audio = await super().drain()
        self.ends_ms = self.poured_ms
        return audio


@define
class Caller:
    """Whose voice is poured into ``tap``, in real time; ``heard`` is what the transcriber makes of it."""

    tap: SteadyTap = field(factory=SteadyTap)
    heard: list[CallerSpeech] = field(factory=list[CallerSpeech])
    spoken: list[tuple[str, int, int]] = field(factory=list[tuple[str, int, int]])
    """Text, and where it began and ended on the tap's clock."""

    async def say(self, text: str) -> None:
        started = self.tap.poured_ms
        await self._send(voice.say(text))
        self.spoken.append((text, started, self.tap.poured_ms))

    async def send_nothing(self, ms: int) -> None:
        """Be quiet on a line that carries no silence."""
        self.tap.lull()
        await trio.sleep(ms / 1000)
        self.tap.poured_ms += ms

    async def cough(self) -> None:
        """A sound without words."""
        await self._send(voice.beep(300))

    async def pause(self, ms: int) -> None:
        await self._send(voice.SILENCE * (8 * ms))

    async def _send(self, sound: bytes) -> None:
        start = trio.current_time()
        for at in range(0, len(sound), FRAME):
            await trio.sleep_until(start + (at + FRAME) / 8_000)
            self.tap.pour(sound[at : at + FRAME].ljust(FRAME, voice.SILENCE))

    async def until_said(self, count: int) -> None:
        """Until so many remarks have been understood; meanwhile the caller is quiet."""
        while len(self.said) < count:
            await self.pause(100)

    @property
    def said(self) -> list[str]:
        return [event.text for event in self.heard if isinstance(event, CallerSaid)]

    @property
    def finals(self) -> list[CallerSaid]:
        return [event for event in self.heard if isinstance(event, CallerSaid)]

    @property
    def partials(self) -> list[str]:
        return [event.text for event in self.heard if isinstance(event, CallerHeard)]


def hearing(url: str, script: OpenAiScript, **settings: Any) -> Hearing:
    """Settings for the simulated vendor."""
    return Hearing(**{"api_key": script.api_key, "base_url": url, "model": "gpt-transcribe", **settings})


async def listen(
    settings: Hearing, talk: Callable[[Caller], Awaitable[None]], *, caller: Caller | None = None
) -> Caller:
    """Let the caller talk until the end of ``talk``, then close the media; what was heard, until there is no more.

    Raises what the transcriber raises.
    """
    caller = caller or Caller()
    async with (
        trio.open_nursery() as nursery,
        open_transcriber(settings) as transcriber,
        transcriber.listen(caller.tap) as speech,
    ):

        async def speak() -> None:
            await talk(caller)
            caller.tap.close()

        nursery.start_soon(speak)
        with Caught() as caught:
            async for event in speech:
                caller.heard.append(event)
        nursery.cancel_scope.cancel()
    if caught.error is not None:
        raise caught.error
    return caller


# --- speaking --------------------------------------------------------------------------------------------------------


def speaking(url: str, script: OpenAiScript, **settings: Any) -> Speaking:
    """Settings for the simulated vendor."""
    return Speaking(**{"api_key": script.api_key, "base_url": url, **settings})


@asynccontextmanager
async def open_voice(script: OpenAiScript, **settings: Any) -> AsyncGenerator[Synthesizer]:
    """A voice of the simulated vendor."""
    async with open_openai(script) as url, open_synthesizer(speaking(url, script, **settings)) as synthesizer:
        yield synthesizer


async def told(clauses: Iterable[str]) -> AsyncGenerator[str]:
    for clause in clauses:
        yield clause


async def spoken(synthesizer: Synthesizer, *clauses: str) -> bytes:
    """The sound of an utterance. Raises what the synthesizer raises."""
    async with aclosing(told(clauses)) as source, synthesizer.speak(source) as pieces:
        return b"".join([piece async for piece in pieces if not isinstance(piece, Wording)])


async def as_far_as_it_goes(synthesizer: Synthesizer, *clauses: str) -> tuple[bytes, Exception | None]:
    """The sound of an utterance, and what ended it."""
    sound: list[bytes] = []
    with Caught() as caught:
        async with aclosing(told(clauses)) as source, synthesizer.speak(source) as pieces:
            async for piece in pieces:
                if not isinstance(piece, Wording):
                    sound.append(piece)
    return b"".join(sound), caught.error


def words(sound: bytes) -> list[str]:
    """What the sound says."""
    heard = Demodulator().feed(sound + voice.SILENCE * 800)
    return [one.text for one in heard if isinstance(one, Spoken)]
