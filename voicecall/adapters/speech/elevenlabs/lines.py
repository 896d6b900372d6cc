"""Utterances as contexts on a few WebSockets that are kept: who speaks gets a place on one that has room.

A context holds its place until the vendor says that it is over, also one that nobody wants any more: the vendor counts
it until then, and closes the socket of whoever has more than five. A socket that the vendor closes is replaced when
the next utterance needs one.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress

import trio
from attrs import define, field

from voicecall.adapters.speech.elevenlabs import speaking
from voicecall.adapters.speech.elevenlabs.aligning import later
from voicecall.adapters.speech.elevenlabs.failures import ElevenLabsFailed, broken, failure
from voicecall.adapters.speech.elevenlabs.told import Told
from voicecall.adapters.speech.socket import Socket, SocketEnded, open_socket
from voicecall.fault import Caught, words
from voicecall.ports import Wording

PLACES = 5
"""Contexts that the vendor allows on one socket."""
STALLED_S = 4.0
"""Whoever is left after such a silence may have been left because of it: nobody else is sent to that socket."""


@define(eq=False)
class Utterance:
    """One utterance on its way: a context, as the vendor says.

    ``finished``: the vendor knows all of its text; ``given``: so many bytes of its sound have come.
    """

    name: str
    sound: Told[bytes | Wording] = field(factory=Told[bytes | Wording])
    finished: bool = False
    given: int = 0
    asked: float = field(factory=trio.current_time)
    """When it was given text for the last time."""

    def say(self, clause: str) -> str:
        """The message that has a clause spoken."""
        self.asked = trio.current_time()
        return speaking.say(self.name, clause)

    def hear(self, piece: speaking.Piece) -> None:
        """More of its sound, and first what is said in it."""
        if piece.wording is not None:
            self.sound.tell(later(piece.wording, self.given // 8))
        self.given += len(piece.ulaw)
        self.sound.tell(piece.ulaw)


@define(eq=False)
class Line:
    """One socket and who speaks on it; None for a context that is not wanted any more."""

    socket: Socket
    contexts: dict[str, Utterance | None] = field(factory=dict[str, "Utterance | None"])
    complaint: ElevenLabsFailed | None = None
    heard: float = field(factory=trio.current_time)
    """When the vendor said something for the last time."""

    def leave(self, utterance: Utterance) -> None:
        """Nobody wants this context any more."""
        if self.contexts.get(utterance.name) is utterance:
            self.contexts[utterance.name] = None
            if trio.current_time() - max(utterance.asked, self.heard) > STALLED_S:
                self.complaint = ElevenLabsFailed(f"ElevenLabs: the voice fell silent for more than {STALLED_S:g} s")
            with suppress(SocketEnded):
                self.socket.send(speaking.finish(utterance.name))

    def receive(self, data: bytes, secret: str) -> None:
        """One message of the vendor's. Sound of contexts that are not there any more is dropped."""
        self.heard = trio.current_time()
        match speaking.parse(data):
            case speaking.Piece() as piece:
                utterance = self.contexts.get(piece.context)
                if utterance is not None and piece.ulaw:
                    utterance.hear(piece)
                if piece.final:
                    self._over(piece.context, None)
            case speaking.Trouble() as trouble:
                said = failure(trouble.text, code=trouble.code, secret=secret)
                if trouble.context in self.contexts:
                    self._over(trouble.context, said)
                else:
                    self.complaint = said
            case None:
                pass

    def end(self, why: ElevenLabsFailed) -> None:
        """The socket is closed."""
        for name in tuple(self.contexts):
            self._over(name, self.complaint or why)

    def _over(self, name: str, why: ElevenLabsFailed | None) -> None:
        utterance = self.contexts.pop(name, None)
        if utterance is not None:
            utterance.sound.end(why)


class Lines:
    """The sockets of a voice at ``url``. ``nursery`` is where they live."""

    def __init__(self, url: str, headers: Mapping[str, str], nursery: trio.Nursery, *, secret: str) -> None:
        self.url = url
        self._headers = headers
        self._nursery = nursery
        self._secret = secret
        self._lines: list[Line] = []
        self._count = 0

    async def with_room(self) -> Line:
        """A socket with a free place; a new one if there is none. Raises ``ElevenLabsFailed``."""
        while True:
            for line in self._lines:
                if len(line.contexts) < PLACES and line.complaint is None:
                    return line
            # Others may take its places before we are told that it is there.
            try:
                await self._nursery.start(self._hold)
            except SocketEnded as ended:
                raise broken(ended) from ended

    @contextmanager
    def place(self, line: Line) -> Generator[Utterance]:
        """A place on ``line``. Leaving the context before the utterance is over makes the vendor stop."""
        self._count += 1
        utterance = line.contexts[f"u{self._count}"] = Utterance(f"u{self._count}")
        try:
            yield utterance
        finally:
            line.leave(utterance)

    async def _hold(self, *, task_status: trio.TaskStatus[Line]) -> None:
        """One socket until it is closed. Only a socket that does not open is an exception."""
        async with open_socket(self.url, self._headers) as socket:
            line = Line(socket)
            self._lines.append(line)
            task_status.started(line)
            why = ElevenLabsFailed("ElevenLabs: the voice is closed")
            try:
                with Caught() as caught:
                    while True:
                        line.receive(await socket.receive(), self._secret)
                if caught.error is not None:
                    why = _why(caught.error)
            finally:
                self._lines.remove(line)
                line.end(why)


def _why(error: Exception) -> ElevenLabsFailed:
    return broken(error) if isinstance(error, SocketEnded) else ElevenLabsFailed(f"ElevenLabs: {words(error)}")
