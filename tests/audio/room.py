"""A session and a room at the other end of its line: what the person's telephone plays comes back as an echo, the line
hums, somebody may speak. Synchronous, twenty milliseconds a step, so that minutes cost a second."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import trio
import trio.testing
from attrs import define, field
from numpy.typing import NDArray

from tests.audio.sounds import FRAME, RATE, Sound, pcm
from voicecall.adapters.carriers.mock import carrier
from voicecall.adapters.speech.offline import OfflineSynthesizer
from voicecall.adapters.speech.scripted import ScriptedTranscriber
from voicecall.audio.g711 import ulaw_decode, ulaw_encode
from voicecall.audio.listening import Listening
from voicecall.audio.measure import Lag
from voicecall.audio.outbox import Outbox
from voicecall.audio.session import Session
from voicecall.audio.voicing import Voiced, Voicing
from voicecall.events import AnyEvent, CallId, EffectId
from voicecall.events import facts as fact
from voicecall.events.effects import Speak
from voicecall.ports import MediaStart
from voicecall.testing.framing import ClearSound, PlayMark, PlaySound
from voicecall.testing.happenings import Party
from voicecall.testing.mock.media import MockFraming, media_message

STORY = (
    "Thank you for calling. Your parcel has left our house and should be with you on Thursday, between ten and noon. "
)
F = TypeVar("F", bound=AnyEvent)
FRAMING = MockFraming(
    stream_id="s", party=Party(vendor_call_id="v", direction="inbound", caller="x", callee="y"), ticket="t"
)


@define
class Echo:
    """Paths by which what is played comes back: milliseconds, and decibels below what is played."""

    paths: tuple[tuple[int, float], ...] = ()

    def of(self, played: NDArray[np.float32], at: int) -> NDArray[np.float32]:
        """The echo in the frame that begins at sample ``at``."""
        total = np.zeros(FRAME, np.float32)
        for delay_ms, down_db in self.paths:
            start = at - delay_ms * RATE // 1000
            if start >= 0:
                total += played[start : start + FRAME] * np.float32(10 ** (-down_db / 20))
        return total


@define
class Room:
    """Link and telephone in one. ``sound`` is all that the microphone hears besides the echo."""

    sound: Sound
    echo: Echo = field(factory=Echo)
    closed: bool = False
    reason: str = ""
    descriptor: int = -1
    cleared_at: list[int] = field(factory=list)
    """Samples at which a ``clear`` came."""
    posted: list[AnyEvent] = field(factory=list)
    played: NDArray[np.float32] = field(init=False)
    at: int = 0
    _arrived: list[bytes] = field(factory=list)
    _queue: deque[bytes | str] = field(factory=deque)

    def __attrs_post_init__(self) -> None:
        self.played = np.zeros(len(self.sound) + FRAME, np.float32)

    # --- the link ----------------------------------------------------------------------------------------------------

    def receive(self) -> list[bytes]:
        arrived, self._arrived = self._arrived, []
        return arrived

    def send(self, *messages: bytes) -> None:
        for message in messages:
            match FRAMING.receive(message):
                case PlaySound(sound):
                    self._queue.append(sound)
                case PlayMark(name):
                    self._queue.append(name)
                case ClearSound():
                    self.cleared_at.append(self.at)
                    self._queue.clear()

    queue = send

    def fetch(self) -> None: ...

    def flush(self) -> None: ...

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = True

    # --- the telephone -----------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Twenty milliseconds go by."""
        while self._queue and isinstance(self._queue[0], str):
            self._arrived += FRAMING.played(self._queue.popleft())
        if self._queue:
            self.played[self.at : self.at + FRAME] = ulaw_decode(self._queue.popleft())
        picked_up = self.sound[self.at : self.at + FRAME] + self.echo.of(self.played, self.at)
        self._arrived.append(media_message(ulaw_encode(pcm(picked_up))))
        self.at += FRAME

    def of(self, kind: type[F]) -> list[F]:
        """The facts of one kind so far."""
        return [one for one in self.posted if isinstance(one, kind)]


def converse(
    room: Room,
    *,
    voicing: Callable[[], Voicing] = Voiced,
    speak: Speak | None = None,
    on_fact: Callable[[AnyEvent], None] | None = None,
) -> Room:
    """Say ``speak``, or a story for ever, in this room until its sound is over or we have been stopped."""
    clock = trio.testing.MockClock()

    def post(event: AnyEvent) -> None:
        room.posted.append(event)
        if on_fact is not None:
            on_fact(event)

    async def main() -> None:
        outbox = Outbox()
        outbox.adopt(post)
        async with trio.open_nursery() as nursery:
            session = Session(
                call_id=CallId("c"),
                link=room,
                codec=carrier.media(),
                start=MediaStart(stream_id="s", vendor_call_id="v", ticket="t"),
                outbox=outbox,
                synthesizer=OfflineSynthesizer("built-in"),
                lag=Lag(),
                listening=Listening(call_id=CallId("c"), transcriber=ScriptedTranscriber(), post=outbox.tell),
                spawn=nursery.start_soon,
                voicing=voicing(),
            )
            session.begin(trio.current_time())
            await _talk(room, session, clock, speak)
            session.close("closed")
            nursery.cancel_scope.cancel()

    trio.run(main, clock=clock)
    return room


async def _talk(room: Room, session: Session, clock: trio.testing.MockClock, speak: Speak | None) -> None:
    said = 0
    while room.at + FRAME <= len(room.sound) and not room.cleared_at:
        if said == len(room.of(fact.PlaybackFinished)) and not (speak and said):
            said += 1
            session.speak(EffectId(f"{said}.0"), speak or Speak(utterance=said, text=STORY))
        if room.at % (25 * FRAME) == 0:
            await trio.testing.wait_all_tasks_blocked()
        clock.jump(0.02)
        room.step()
        session.serve(trio.current_time())
