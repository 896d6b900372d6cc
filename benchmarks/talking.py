"""A whole system that talks, with vendors that take no time: what the benchmarks of sound measure.

Calls come through the supervisor, their actors decide, the journal is on disk, the media sockets come through the real
door. Only the network is missing (a call is offered and answered by hand) and those who think, speak and listen.
"""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trio
from attrs import define, evolve, field

from benchmarks.calls import new_world
from benchmarks.media_load import END_BYTES
from journal import open_journal
from voicecall.actors.supervisor import Supervisor
from voicecall.adapters.carriers.mock import carrier
from voicecall.audio.babble import say_ulaw
from voicecall.audio.plane import MediaPlane
from voicecall.core.requests import Refused
from voicecall.events import CallId, Entry, Policy
from voicecall.events import facts as fact
from voicecall.ports import AudioTap, CallerSpeech, Heard, MediaStart, Post, Synthesizer, Transcriber, Turn
from voicecall.projections.directory import Directory
from voicecall.web.door import Door, serve_door
from voicecall.web.listening import open_listeners

PATH = "/voice/stream"
MOST_CALLS = 4_096
GREETING = "Hello, this is the number of the benchmark, what can I do for you"
REPLY = "Let me see what I can find out about that and then tell you all there is to know about it"
"""A bit more than five seconds."""
PIECE_BYTES = 3_200
HOUR_MS = 3_600_000


# --- vendors that take no time, or exactly as much as they are told --------------------------------------------------


class Voice:
    """The stand-in voice, made once for each text, ``delay_s`` after the text. See ``ports.Synthesizer``."""

    def __init__(self, *, delay_s: float = 0.0) -> None:
        self._delay_s = delay_s
        self._made: dict[str, bytes] = {}

    def describe(self) -> str:
        return "a stand-in"

    @asynccontextmanager
    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[AsyncIterator[bytes]]:
        text = " ".join([clause async for clause in clauses])
        async with aclosing(self._say(text)) as sound:
            yield sound

    async def _say(self, text: str) -> AsyncGenerator[bytes]:
        if self._delay_s:
            await trio.sleep(self._delay_s)
        sound = self._made.get(text)
        if sound is None:
            sound = self._made[text] = bytes([0x30 + int(text)]) * 3_200 if text.isdigit() else say_ulaw(text)
        for start in range(0, len(sound), PIECE_BYTES):
            yield sound[start : start + PIECE_BYTES]


class Chatterbox:
    """A transcriber that reports two partial transcripts a second and a final one every five seconds."""

    @asynccontextmanager
    async def listen(self, tap: AudioTap) -> AsyncGenerator[AsyncIterator[CallerSpeech]]:
        async with aclosing(self._hear(tap)) as speech:
            yield speech

    async def _hear(self, tap: AudioTap) -> AsyncGenerator[CallerSpeech]:
        for number in itertools.count(1):
            try:
                await tap.drain()
            except trio.EndOfChannel:
                return
            if number % 50 == 10:
                yield fact.CallerSaid(text=f"this is what was said {number}", ended_ms=tap.ends_ms)
            elif number % 5 == 0:
                yield fact.CallerHeard(text=f"this is what was said {number}")


class EndOfTurn:
    """A transcriber that knows by the sound where a caller's turn ends, and says so ``delay_s`` later.

    The five last frames of a turn are marked (``media_load``). Without a delay the first of them that ends a piece of
    the tap's is enough: the transcript is its number.
    """

    def __init__(self, *, delay_s: float = 0.0) -> None:
        self._delay_s = delay_s

    @asynccontextmanager
    async def listen(self, tap: AudioTap) -> AsyncGenerator[AsyncIterator[CallerSpeech]]:
        async with aclosing(self._hear(tap)) as speech:
            yield speech

    async def _hear(self, tap: AudioTap) -> AsyncGenerator[CallerSpeech]:
        said = False
        while True:
            try:
                audio = await tap.drain()
            except trio.EndOfChannel:
                return
            # A voice may begin a frame with any byte; only a marked frame consists of one.
            frames = [
                audio[at] if audio.count(audio[at], at, at + 160) == 160 else 0 for at in range(0, len(audio), 160)
            ]
            if not set(frames) & set(END_BYTES):
                said = False
            elif not said and self._delay_s and END_BYTES[-1] in frames:
                past_s = (len(frames) - 1 - frames.index(END_BYTES[-1])) * 0.02
                await trio.sleep(self._delay_s - past_s)
                said = True
                yield fact.CallerSaid(text=f"{len(END_BYTES)}", ended_ms=tap.ends_ms)
            elif not said and not self._delay_s and frames[-1] in END_BYTES:
                said = True
                yield fact.CallerSaid(text=f"{END_BYTES.index(frames[-1]) + 1}", ended_ms=tap.ends_ms)


class Agent:
    """Says ``text``, or else what it was told, ``delay_s`` later."""

    def __init__(self, text: str = "", *, delay_s: float = 0.0) -> None:
        self._text = text
        self._delay_s = delay_s

    @asynccontextmanager
    async def reply(self, turn: Turn) -> AsyncGenerator[AsyncIterator[str]]:
        async with aclosing(self._think(turn)) as words:
            yield words

    async def _think(self, turn: Turn) -> AsyncGenerator[str]:
        if self._delay_s:
            await trio.sleep(self._delay_s)
        yield self._text or turn.text


# --- the system ------------------------------------------------------------------------------------------------------


@define(kw_only=True)
class Talking:
    """A system that runs. ``calls`` are in the order of their tickets; ``entries`` counts what became durable."""

    supervisor: Supervisor
    plane: MediaPlane
    port: int
    entries: int = 0
    calls: list[CallId] = field(factory=list[CallId])
    _numbers: itertools.count[int] = field(factory=itertools.count)

    async def tickets(self, count: int) -> list[str]:
        """So many calls, answered; the tickets for their media sockets."""
        return [await self._ticket(next(self._numbers)) for _ in range(count)]

    async def _ticket(self, number: int) -> str:
        offer = Heard(key=f"o{number}", vendor_call_id=f"v{number}", offer=True, caller="+15550001", callee="+15550002")
        response = await self.supervisor.receive("mock", (offer,))
        [action] = json.loads(response.body)["actions"]
        answered = Heard(key=f"a{number}", vendor_call_id=f"v{number}", event=fact.CallAnswered(by="human"))
        await self.supervisor.receive("mock", (answered,))
        ticket: str = action["answer"]["ticket"]
        call_id = self.supervisor.identify("mock", MediaStart(stream_id="s", vendor_call_id="", ticket=ticket))
        if isinstance(call_id, Refused):
            raise RuntimeError(call_id.reason)
        self.calls.append(call_id)
        return ticket


Watch = Callable[[CallId, Post], Post]


class _Plane(MediaPlane):
    """A media plane whose facts somebody else sees, too."""

    def __init__(self, *, watch: Watch, **settings: Any) -> None:
        super().__init__(**settings)
        self._watch = watch

    def adopt(self, call_id: CallId, post: Post) -> bool:
        return super().adopt(call_id, self._watch(call_id, post))


@asynccontextmanager
async def open_talking(
    *,
    transcriber: Transcriber,
    agent: Agent,
    synthesizer: Synthesizer | None = None,
    greeting: str = GREETING,
    watch: Watch = lambda call_id, post: post,
    **settings: Any,
) -> AsyncGenerator[Talking]:
    """Everything, on a disk and behind a door of its own. ``watch`` may look over what the plane tells an actor;
    ``settings`` are more of the plane's."""

    def identify(name: str, start: MediaStart) -> CallId | Refused:
        return supervisor.identify(name, start)

    async def admit(name: str, start: MediaStart) -> CallId | Refused:
        return await supervisor.open_stream(name, start)

    def observe(call_id: CallId, position: Any, entry: Entry) -> None:
        talking.entries += 1

    plane = _Plane(
        watch=watch,
        synthesizer=synthesizer or Voice(),
        transcriber=transcriber,
        identify=identify,
        admit=admit,
        max_connections=MOST_CALLS,
        max_pending=MOST_CALLS,
        max_pending_per_peer=MOST_CALLS,
        **settings,
    )
    policy = Policy(greeting=greeting, max_duration_ms=HOUR_MS, transcript_timeout_ms=HOUR_MS)
    with TemporaryDirectory() as folder:
        async with open_journal(Path(folder)) as journal, trio.open_nursery() as nursery:
            world = evolve(new_world(journal), sound=plane, agent=agent)
            supervisor = Supervisor(
                world=world,
                directory=Directory(),
                offer_policy=lambda heard: policy,
                max_calls=lambda: MOST_CALLS,
                observe=observe,
            )
            nursery.start_soon(world.alarm.run)
            await nursery.start(plane.run)
            await nursery.start(supervisor.run)
            async with open_door(nursery, plane) as port:
                talking = Talking(supervisor=supervisor, plane=plane, port=port)
                yield talking
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def open_door(nursery: trio.Nursery, plane: MediaPlane) -> AsyncGenerator[int]:
    """A door for media sockets alone; its port."""

    def accept(sock: socket.socket, rest: bytes, peer: str) -> None:
        plane.accept_socket(sock, rest, peer, carrier="mock", codec=carrier.media())

    async with open_listeners("127.0.0.1", 0) as listeners:
        opening = partial(
            serve_door,
            bind="127.0.0.1",
            listeners=listeners,
            app=_nothing,
            stream_path=PATH,
            media_room=plane.has_room,
            accept_media=accept,
        )
        door: Door = await nursery.start(opening)
        yield door.port
        await door.stop(0.0)


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """No webhooks come."""
