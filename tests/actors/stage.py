"""A stage for actors: the real supervisor, the real memory journal, a virtual clock, and a carrier that can be told what
to answer. Nothing here opens a socket."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio
import trio.testing
from attrs import define, field

from journal.memory import MemoryJournal
from voicecall.actors.alarm import Alarm
from voicecall.actors.supervisor import Accepted, Supervisor
from voicecall.actors.world import World, stream_of
from voicecall.core.replay import replay
from voicecall.core.requests import PlaceCall, Refused
from voicecall.events import AnyEffect, AnyEvent, CallId, EffectId, Entry, Instant, Policy
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.events.schema import decode_entry
from voicecall.ports import (
    Account,
    Capability,
    Carrier,
    Exchange,
    Heard,
    HttpRequest,
    HttpResponse,
    Leg,
    MediaCodec,
    Owed,
    Post,
    Reply,
    Turn,
)
from voicecall.projections.directory import Directory

START_AT = 1_767_225_600_000


@define
class Wire:
    """A carrier codec and its network in one: ``answers`` maps an effect's kind to what becomes of it, in order."""

    name: str = "wire"
    capabilities: frozenset[Capability] = frozenset(Capability)
    sent: list[tuple[str, str]] = field(factory=list)
    answers: dict[str, list[Exchange | Callable[[], Awaitable[Exchange]]]] = field(factory=dict)

    def verify(self, request: HttpRequest, *, account: Account, now: Instant) -> None: ...

    def decode(self, request: HttpRequest) -> tuple[Heard, ...]:
        return ()

    def reply(self, owed: Owed, leg: Leg | None) -> Reply:
        carried = tuple(name for name, effect in owed if isinstance(effect, do.OpenMedia | do.Answer | do.Reject))
        body = " ".join((*carried, leg.ticket if leg else "")).encode()
        return Reply(response=HttpResponse(status=200, body=body), carried=carried)

    def encode(self, effect_id: EffectId, effect: AnyEffect, leg: Leg) -> HttpRequest | None:
        return HttpRequest(method="POST", url=f"wire:{type(effect).kind}", headers={"id": effect_id})

    def interpret(
        self, effect_id: EffectId, effect: AnyEffect, exchanges: tuple[Exchange, ...], leg: Leg
    ) -> AnyEvent | HttpRequest:
        last = exchanges[-1]
        if last.response is None:
            doubt = last.sent and isinstance(effect, do.Dial)
            return fact.EffectFailed(settles=effect_id, reason=last.error, in_doubt=doubt, retryable=not doubt)
        if last.response.status >= 400:
            retryable = last.response.status >= 500
            return fact.EffectFailed(settles=effect_id, reason=f"{last.response.status}", retryable=retryable)
        match effect:
            case do.Dial():
                return fact.DialAccepted(settles=effect_id, vendor_call_id=f"v-{leg.call_id}")
            case do.Reconcile():
                alive = last.response.body != b"gone"
                return fact.CallReconciled(
                    settles=effect_id, alive=alive, answered=last.response.body == b"answered", reason="no-answer"
                )
            case _:
                return fact.EffectSucceeded(settles=effect_id)

    def media(self) -> MediaCodec:
        raise AssertionError("no media on this stage")

    async def fetch(self, request: HttpRequest) -> Exchange:
        kind = request.url.removeprefix("wire:")
        self.sent.append((kind, request.headers["id"]))
        await trio.sleep(0.01)
        waiting = self.answers.get(kind)
        answer = waiting.pop(0) if waiting else ok()
        return await answer() if callable(answer) else answer


def ok(body: bytes = b"", status: int = 200) -> Exchange:
    """What the carrier answers."""
    return Exchange(request=HttpRequest(method="POST", url=""), response=HttpResponse(status=status, body=body))


def lost(*, sent: bool = True) -> Exchange:
    """No answer came."""
    return Exchange(request=HttpRequest(method="POST", url=""), error="the line went dead", sent=sent)


@define
class Speaker:
    """Sound that plays everything at once, unless told to hold it back."""

    posts: dict[CallId, Post] = field(factory=dict)
    said: list[str] = field(factory=list)
    closed: list[CallId] = field(factory=list)
    hold: bool = False
    held: dict[EffectId, int] = field(factory=dict)

    def adopt(self, call_id: CallId, post: Post) -> bool:
        self.posts[call_id] = post
        return False

    def release(self, call_id: CallId) -> None:
        self.posts.pop(call_id, None)

    def holds(self, call_id: CallId, effect_id: EffectId) -> bool:
        return effect_id in self.held

    def speak(self, call_id: CallId, effect_id: EffectId, speak: do.Speak) -> None:
        self.said.append(speak.text)
        self.held[effect_id] = speak.utterance
        self.posts[call_id](fact.PlaybackStarted(utterance=speak.utterance))
        if not self.hold:
            self.finish(call_id, effect_id)

    def finish(self, call_id: CallId, effect_id: EffectId, *, heard_ms: int = 800, interrupted: bool = False) -> None:
        utterance = self.held.pop(effect_id)
        self.posts[call_id](
            fact.PlaybackFinished(
                settles=effect_id, utterance=utterance, heard_ms=heard_ms, sent_ms=800, interrupted=interrupted
            )
        )

    def stop(self, call_id: CallId, utterance: int) -> None:
        for effect_id, number in tuple(self.held.items()):
            if number <= utterance:
                self.finish(call_id, effect_id, heard_ms=200, interrupted=True)

    def listen(self, call_id: CallId, effect_id: EffectId) -> None:
        self.posts[call_id](fact.EffectSucceeded(settles=effect_id))

    def hang_up(self, call_id: CallId) -> None:
        self.closed.append(call_id)
        for effect_id in tuple(self.held):
            self.finish(call_id, effect_id, heard_ms=100, interrupted=True)


@define
class Thinker:
    """An agent that answers in pieces, or fails, or takes its time."""

    pieces: tuple[str, ...] = ("I see. ", "Tell me ", "more.")
    pause_s: float = 0.1
    fault: Exception | None = None
    asked: list[Turn] = field(factory=list)
    abandoned: int = 0

    @asynccontextmanager
    async def reply(self, turn: Turn) -> AsyncGenerator[AsyncIterator[str]]:
        self.asked.append(turn)

        async def stream() -> AsyncIterator[str]:
            for piece in self.pieces:
                await trio.sleep(self.pause_s)
                if self.fault is not None:
                    raise self.fault
                yield piece

        try:
            yield stream()
        except trio.Cancelled:
            self.abandoned += 1
            raise


@define
class Stage:
    """Everything a story needs."""

    world: World
    supervisor: Supervisor
    journal: MemoryJournal
    wire: Wire
    speaker: Speaker
    thinker: Thinker
    directory: Directory
    nursery: trio.Nursery

    async def place(self, request_id: str = "r1", **policy: object) -> CallId:
        """Place a call and let the dial happen."""
        accepted = await self.supervisor.place(wish(request_id, **policy))
        assert isinstance(accepted, Accepted), accepted
        await trio.sleep(0.05)
        return accepted.call_id

    async def hear(self, call_id: CallId, event: AnyEvent, key: str) -> HttpResponse:
        """A webhook with one fact."""
        return await self.supervisor.receive("wire", (Heard(key=key, event=event, call_id=call_id),))

    async def answer(self, call_id: CallId) -> None:
        """The callee picks up and the media stream opens."""
        await self.hear(call_id, fact.CallAnswered(by="human"), "answered")
        await self.open_media(call_id)

    async def open_media(self, call_id: CallId, nonce: str = "n1") -> CallId | Refused:
        """The carrier connects its media stream."""
        from voicecall.core import tickets
        from voicecall.ports import MediaStart

        expires = Instant(self.world.wall() + 60_000)
        ticket = tickets.mint(self.world.ticket_key, call_id=call_id, carrier="wire", expires=expires, nonce=nonce)
        start = MediaStart(stream_id=f"s-{nonce}", vendor_call_id="", ticket=ticket)
        opened = await self.supervisor.open_stream("wire", start)
        await trio.sleep(0.05)
        return opened

    async def entries(self, call_id: CallId) -> list[Entry]:
        """What the journal says, after a check that today's rules decide the same."""
        async with self.journal.read(stream_of(call_id)) as lines:
            entries = [decode_entry(line.body) async for line in lines]
        assert replay(entries).divergences == ()
        return entries

    async def kinds(self, call_id: CallId) -> list[str]:
        return [type(entry.event).kind for entry in await self.entries(call_id)]


def wish(request_id: str = "r1", **policy: object) -> PlaceCall:
    return PlaceCall(
        request_id=request_id,
        carrier="wire",
        caller="+15550000000",
        callee="+15550001000",
        policy=Policy(**({"greeting": "Hello."} | policy)),  # type: ignore[arg-type]
    )


def play(
    story: Callable[[Stage], Awaitable[None]],
    *,
    journal: MemoryJournal | None = None,
    max_calls: int = 4,
    verdict: str = "accept",
    wire: Wire | None = None,
) -> MemoryJournal:
    """Run a story on a jumping clock; gives back the journal so that a second act can follow."""
    journal = journal or MemoryJournal()

    async def main() -> None:
        epoch = trio.current_time()

        def wall() -> Instant:
            return Instant(START_AT + round((trio.current_time() - epoch) * 1000))

        alarm = Alarm(wall)
        numbers = itertools.count(1)
        codec: Wire = wire or Wire()
        speaker, thinker, directory = Speaker(), Thinker(), Directory()
        async with journal.streams("call/") as streams:
            async for stream in streams:
                async with journal.read(stream) as lines:
                    async for line in lines:
                        directory.apply(CallId(stream.removeprefix("call/")), line.position, decode_entry(line.body))
        carriers: dict[str, Carrier] = {"wire": codec}
        world = World(
            journal=journal,
            wall=wall,
            incarnation=lambda: f"w{next(numbers)}",
            alarm=alarm,
            carriers=carriers,
            accounts={"wire": Account(api_url="wire:")},
            fetch=codec.fetch,
            sound=speaker,
            agent=thinker,
            ticket_key=b"k" * 32,
            webhook_url=lambda: "http://127.0.0.1/voice/webhook",
            media_url=lambda: "ws://127.0.0.1/voice/stream",
        )
        supervisor = Supervisor(
            world=world,
            directory=directory,
            offer_policy=lambda heard: Policy(greeting="Welcome.", verdict=verdict),
            max_calls=max_calls,
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(alarm.run)
            await nursery.start(supervisor.run)
            await story(
                Stage(
                    world=world,
                    supervisor=supervisor,
                    journal=journal,
                    wire=codec,
                    speaker=speaker,
                    thinker=thinker,
                    directory=directory,
                    nursery=nursery,
                )
            )
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return journal
