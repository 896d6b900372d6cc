"""What a stage for actors is furnished with: a carrier, a voice and an agent that do what a story tells them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio
from attrs import define, field

from voicecall.events import AnyEffect, AnyEvent, CallId, EffectId, Instant
from voicecall.events import effects as do
from voicecall.events import facts as fact
from voicecall.ports import (
    Account,
    Capability,
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


@define
class Wire:
    """A carrier codec and its network in one: ``answers`` maps an effect's kind to what becomes of it, in order."""

    name: str = "wire"
    capabilities: frozenset[Capability] = frozenset(Capability)
    sent: list[tuple[str, str]] = field(factory=list)
    answers: dict[str, list[Exchange | Callable[[], Awaitable[Exchange]]]] = field(factory=dict)

    def verify(self, request: HttpRequest, *, account: Account, now: Instant) -> None: ...

    def learn(self, request: HttpRequest, account: Account) -> Account:
        return account

    def decode(self, request: HttpRequest) -> tuple[Heard, ...]:
        return ()

    def reply(self, owed: Owed, leg: Leg | None, *, flow: bool = False) -> Reply:
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
            retryable = last.response.status == 429 or last.response.status >= 500
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
    """Sound as the media plane keeps it: streams outlive actors, facts wait for the next one.

    Plays everything at once, unless told to ``hold`` it back until ``finish``.
    """

    streams: dict[CallId, str] = field(factory=dict)
    posts: dict[CallId, Post] = field(factory=dict)
    waiting: dict[CallId, list[AnyEvent]] = field(factory=dict)
    said: list[str] = field(factory=list)
    closed: list[CallId] = field(factory=list)
    listening: list[CallId] = field(factory=list)
    prepared: list[CallId] = field(factory=list)
    stopped: list[int] = field(factory=list)
    hold: bool = False
    held: dict[tuple[CallId, EffectId], int] = field(factory=dict)

    def tell(self, call_id: CallId, event: AnyEvent) -> None:
        """A fact for the call's actor, or for the next one."""
        if call_id in self.posts:
            self.posts[call_id](event)
        else:
            self.waiting.setdefault(call_id, []).append(event)

    def adopt(self, call_id: CallId, post: Post) -> bool:
        self.posts[call_id] = post
        for event in self.waiting.pop(call_id, []):
            post(event)
        return call_id in self.streams

    def release(self, call_id: CallId) -> None:
        self.posts.pop(call_id, None)

    def prepare(self, call_id: CallId, limit_s: float) -> None:
        self.prepared.append(call_id)

    def holds(self, call_id: CallId, effect_id: EffectId) -> bool:
        return (call_id, effect_id) in self.held

    def speak(self, call_id: CallId, effect_id: EffectId, speak: do.Speak) -> None:
        if call_id not in self.streams:
            self.tell(call_id, fact.EffectFailed(settles=effect_id, reason="no media stream is open"))
            return
        self.said.append(speak.text)
        self.held[call_id, effect_id] = speak.utterance
        self.tell(call_id, fact.PlaybackStarted(utterance=speak.utterance))
        if not self.hold:
            self.finish(call_id, effect_id)

    def finish(self, call_id: CallId, effect_id: EffectId, *, heard_ms: int = 800, interrupted: bool = False) -> None:
        utterance = self.held.pop((call_id, effect_id))
        self.tell(
            call_id,
            fact.PlaybackFinished(
                settles=effect_id, utterance=utterance, heard_ms=heard_ms, sent_ms=800, interrupted=interrupted
            ),
        )

    def stop(self, call_id: CallId, utterance: int) -> None:
        self.stopped.append(utterance)
        self._interrupt(call_id, up_to=utterance)

    def listen(self, call_id: CallId, effect_id: EffectId) -> None:
        if call_id not in self.streams:
            self.tell(call_id, fact.EffectFailed(settles=effect_id, reason="no media stream is open"))
            return
        self.listening.append(call_id)
        self.tell(call_id, fact.EffectSucceeded(settles=effect_id))

    def hang_up(self, call_id: CallId) -> None:
        self.closed.append(call_id)
        self.lose(call_id, "closed")

    def lose(self, call_id: CallId, reason: str = "lost") -> None:
        """The media stream is gone."""
        self._interrupt(call_id)
        if (stream_id := self.streams.pop(call_id, "")) != "":
            self.tell(call_id, fact.MediaClosed(stream_id=stream_id, reason=reason))

    def _interrupt(self, call_id: CallId, up_to: int | None = None) -> None:
        for (whose, effect_id), number in tuple(self.held.items()):
            if whose == call_id and (up_to is None or number <= up_to):
                self.finish(call_id, effect_id, heard_ms=200, interrupted=True)


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
