"""Speaking through Realtime sockets: a conversation model that reads aloud what it is given, and converses with nobody.

Each utterance has a socket for itself while it lasts; afterwards the socket waits for the next one, so that only the
first pays for the handshake. Each clause is a response outside of any conversation, recognized by its metadata and then
by its id, so that what still comes of a response that was cut off is nobody's.

The model may reword. What it says it said is compared with the text; where it used other words, they are told when all
clauses have been spoken: the person hears them, so the journal and the agent should know.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

import trio
from attrs import define, field

from voicecall.adapters.speech.openai import events, messages
from voicecall.adapters.speech.openai.fault import VendorFault, of_socket, quote
from voicecall.adapters.speech.openai.settings import Speaking
from voicecall.adapters.speech.socket import Socket, SocketEnded, open_socket
from voicecall.fault import Caught, first
from voicecall.ports import Wording

IDLE = 4
"""Sockets that wait for an utterance, at most."""
CANCELLED_S = 2.0
"""How long the vendor may take to confirm that it has stopped speaking."""
RENEW_S = 55 * 60.0
"""No utterance begins on an older socket: the vendor closes it after 60 minutes."""


@asynccontextmanager
async def open_realtime_voice(settings: Speaking) -> AsyncGenerator[RealtimeVoice]:
    """A voice with sockets of its own, which are closed with it."""
    async with trio.open_nursery() as nursery:
        yield RealtimeVoice(settings, nursery)
        nursery.cancel_scope.cancel()


class RealtimeVoice:
    """See ``voicecall.ports.Synthesizer``. The iterator raises ``VendorFault``."""

    def __init__(self, settings: Speaking, nursery: trio.Nursery) -> None:
        self._settings = settings
        self._nursery = nursery
        self.idle: list[_Line] = []

    def describe(self) -> str:
        """See ``Synthesizer.describe``."""
        return f"OpenAI {self._settings.model}, voice {self._settings.voice}"

    @asynccontextmanager
    async def speak(self, clauses: AsyncIterator[str]) -> AsyncGenerator[AsyncIterator[bytes | Wording]]:
        """See ``Synthesizer.speak``."""
        async with aclosing(self._audio(clauses)) as audio:
            yield audio

    async def _audio(self, clauses: AsyncIterator[str]) -> AsyncGenerator[bytes | Wording]:
        line = self._line()
        heard: list[str] = []
        reworded = False
        try:
            await line.ready.wait()
            async for clause in clauses:
                if not clause.strip():
                    continue
                said = _Said(f"clause-{line.count}")
                async with aclosing(line.say(clause, said)) as pieces:
                    async for piece in pieces:
                        yield piece
                heard.append(said.transcript.strip() or clause)
                reworded = reworded or _letters(heard[-1]) != _letters(clause)
        except VendorFault:
            # What went wrong once may go wrong again: the next utterance gets another socket.
            line.scope.cancel()
            raise
        finally:
            self._give_back(line)
        if reworded:
            yield Wording(text=" ".join(heard))

    def _line(self) -> _Line:
        """A socket that waits, or a new one. One that has not confirmed a cancellation may have stalled."""
        for line in self.idle:
            if line.free:
                self.idle.remove(line)
                return line
        line = _Line(settings=self._settings)
        self._nursery.start_soon(line.run)
        return line

    def _give_back(self, line: _Line) -> None:
        waiting, self.idle = [*self.idle, line], []
        for one in waiting:
            if one.fresh and len(self.idle) < IDLE:
                self.idle.append(one)
            else:
                one.scope.cancel()


@define
class _Said:
    """One clause under way. ``name`` goes to the vendor and comes back."""

    name: str
    response_id: str = ""
    transcript: str = ""


@define(eq=False)
class _Line:
    """One socket. ``failure`` is why it can no longer be used."""

    settings: Speaking
    ready: trio.Event = field(factory=trio.Event)
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    failure: VendorFault | None = None
    count: int = 1
    opened: float = field(factory=trio.current_time)
    _socket: Socket | None = None
    _said: _Said | None = None
    _news: trio.MemorySendChannel[bytes | VendorFault] | None = None
    """Sound for whoever speaks; closed at the end of the clause."""
    _asked: set[str] = field(factory=set[str])
    """Names of clauses that the vendor has not finished."""
    _responses: dict[str, str] = field(factory=dict[str, str])
    """The names of those that it has begun, by response."""
    _hushed: float = 0.0
    """When the last one was cut off."""

    @property
    def fresh(self) -> bool:
        """Whether another utterance may begin here, sooner or later."""
        now = trio.current_time()
        stalled = bool(self._asked) and now - self._hushed > CANCELLED_S
        usable = self.failure is None and not self.scope.cancel_called
        return usable and not stalled and now - self.opened < RENEW_S

    @property
    def free(self) -> bool:
        """Whether it may begin now."""
        return self.fresh and not self._asked

    async def run(self) -> None:
        """Keep the socket until it fails or is not needed. Never raises."""
        with Caught() as caught, self.scope:
            url = messages.speak_url(self.settings.base_url, self.settings.model)
            async with open_socket(url, messages.bearer(self.settings.api_key)) as socket:
                await self._set_up(socket)
                self._socket = socket
                self.ready.set()
                while True:
                    event = events.parse(await socket.receive())
                    if event is not None:
                        self._take(event, socket)
        match caught.error and first(caught.error):
            case VendorFault() as fault:
                self.failure = fault
            case SocketEnded() as ended:
                self.failure = of_socket(ended, self.settings.api_key)
            case error:
                self.failure = VendorFault(
                    f"OpenAI: {type(error).__name__}" if error else "OpenAI: the socket is closed"
                )
        self.ready.set()
        self._end(self.failure)

    async def _set_up(self, socket: Socket) -> None:
        socket.send(messages.start_speaking(self.settings))
        with trio.move_on_after(self.settings.timeout_s):
            while True:
                match events.parse(await socket.receive()):
                    case events.SessionUpdated():
                        return
                    case events.Trouble(error=problem):
                        words = quote(problem.words(), self.settings.api_key)
                        raise VendorFault(f"OpenAI refuses the session: {words}", final=True)
                    case _:
                        pass
        raise VendorFault(f"OpenAI did not set the session up within {self.settings.timeout_s:g} s")

    async def say(self, text: str, said: _Said) -> AsyncGenerator[bytes]:
        """The sound of one clause. Leaving early cuts it off."""
        if self.failure is not None or self._socket is None:
            raise self.failure or VendorFault("OpenAI: the socket is closed")
        self.count += 1
        self._said = said
        self._asked.add(said.name)
        self._news, news = trio.open_memory_channel[bytes | VendorFault](math.inf)
        try:
            self._socket.send(messages.read_aloud(self.settings, text, said.name))
            async with aclosing(self._pieces(news)) as pieces:
                async for piece in pieces:
                    yield piece
        except SocketEnded as ended:
            raise of_socket(ended, self.settings.api_key) from None
        finally:
            self._hush(said)

    async def _pieces(self, news: trio.MemoryReceiveChannel[bytes | VendorFault]) -> AsyncGenerator[bytes]:
        sounded = False
        while True:
            piece: bytes | VendorFault = VendorFault(f"OpenAI: no sound within {self.settings.timeout_s:g} s")
            with trio.move_on_after(self.settings.timeout_s):
                try:
                    piece = await news.receive()
                except trio.EndOfChannel:
                    break
            if isinstance(piece, VendorFault):
                raise piece
            sounded = True
            yield piece
        if not sounded:
            raise VendorFault("OpenAI: there was no sound in the answer")

    def _take(self, event: events.ServerEvent, socket: Socket) -> None:
        match event:
            case events.ResponseCreated(response=response):
                self._begun(response, socket)
            case events.Trouble(error=problem) if problem.code == "session_expired":
                raise VendorFault("OpenAI: the session has reached its limit", expired=True)
            case events.Trouble(error=problem) if problem.event_id in self._asked:
                self._asked.discard(problem.event_id)
                if self._said is not None and problem.event_id == self._said.name:
                    self._end(VendorFault(f"OpenAI: {quote(problem.words(), self.settings.api_key)}"))
            case events.AudioDelta() if self._is_heard(event.response_id) and event.delta and self._news is not None:
                self._news.send_nowait(event.delta)
            case events.SpokenDone() if self._said is not None and self._is_heard(event.response_id):
                self._said.transcript = event.transcript
            case events.ResponseDone(response=response):
                self._asked.discard(self._responses.pop(response.id, ""))
                if self._is_heard(response.id):
                    self._end(self._outcome(response))
            case _:
                pass

    def _begun(self, response: events.Response, socket: Socket) -> None:
        """A response of ours begins; nobody may want it any more."""
        name = (response.metadata or {}).get("clause", "")
        if name not in self._asked:
            return
        self._responses[response.id] = name
        if self._said is not None and name == self._said.name:
            self._said.response_id = response.id
        else:
            socket.send(messages.cancel(response.id))

    def _is_heard(self, response_id: str) -> bool:
        return self._said is not None and self._said.response_id == response_id

    def _outcome(self, response: events.Response) -> VendorFault | None:
        """Why a response was not completed, if it was not."""
        if response.status in (None, "completed"):
            return None
        details = response.status_details or events.StatusDetails()
        why = details.error.words() if details.error else details.reason or ""
        return VendorFault(f"OpenAI: the answer is {response.status}: {quote(why, self.settings.api_key)}")

    def _end(self, fault: VendorFault | None) -> None:
        """No more sound comes for the clause under way."""
        if self._news is not None:
            if fault is not None:
                self._news.send_nowait(fault)
            self._news.close()
            self._news = None

    def _hush(self, said: _Said) -> None:
        """Nobody listens any more. What the vendor has not finished is cut off, as soon as it has begun."""
        if said.name in self._asked:
            self._hushed = trio.current_time()
            if said.response_id and self._socket is not None and self.failure is None:
                with suppress(SocketEnded):
                    self._socket.send(messages.cancel(said.response_id))
        self._end(None)
        self._said = None


def _letters(text: str) -> str:
    """What must not be changed: letters and digits. How a model spells pauses is its own affair."""
    return "".join(character for character in text.casefold() if character.isalnum())
