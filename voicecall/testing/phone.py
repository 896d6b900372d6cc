"""The telephone in the simulated person's hand: what it plays, what it sends, what the person really heard.

Sound that arrives is buffered and played at 20 ms a frame. A mark is echoed when everything before it *has been*
played; ``clear`` drops what has not been played, and its marks. The carrier's own voice (``play``) is mixed in. Both
directions move in steps on absolute deadlines, so nothing drifts and a late step is made up for.

With ``sparse`` set (in memory) the phone sleeps while neither side makes a sound and sends no silence: a jumping clock
then jumps over pauses. Every frame that does sound is counted and timed as it would be on a socket.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import trio
from attrs import define, field, frozen

from voicecall.audio.g711 import ulaw_decode, ulaw_encode
from voicecall.testing.ear import Ear
from voicecall.testing.voice import SILENCE

FRAME_MS = 20
FRAME = 8 * FRAME_MS
"""Bytes of μ-law at 8 kHz in one frame."""


@frozen
class Mark:
    """A place in the sound."""

    name: str


@define
class Marks:
    """How many marks came, and how they went back."""

    received: int = 0
    played: int = 0
    cleared: int = 0


SILENT_FRAME = SILENCE * FRAME


@define(kw_only=True)
class Phone:
    """``step_ms`` is a multiple of 20. ``ear`` keeps what was heard; offsets count from ``since`` (trio time, s)."""

    step_ms: int
    sparse: bool
    ear: Ear
    marks: Marks = field(factory=Marks)
    clears: int = 0
    dropped_ms: int = 0
    """Sound that arrived and was never played, because of a ``clear`` or because the line broke."""
    frames_in: int = 0
    frames_out: int = 0
    _queue: deque[bytes | Mark] = field(factory=deque[bytes | Mark])
    _due: list[Mark] = field(factory=list[Mark])
    _mouth: bytes = b""
    _spoken: trio.Event | None = None
    _awake: trio.Event = field(factory=trio.Event)
    _prompt: bytes = b""
    _prompted: trio.Event | None = None
    _tell: Callable[[bytes, float], None] | None = None
    _echo: Callable[[str], None] | None = None

    def __attrs_post_init__(self) -> None:
        if self.step_ms <= 0 or self.step_ms % FRAME_MS:
            raise ValueError(f"step_ms: must be a multiple of {FRAME_MS}, got {self.step_ms}")

    # --- the line ----------------------------------------------------------------------------------------------------

    def connect(self, tell: Callable[[bytes, float], None], echo: Callable[[str], None]) -> None:
        """A media stream is there: ``tell`` takes frames and when they begin, ``echo`` the names of played marks."""
        self._tell, self._echo = tell, echo

    def disconnect(self, tell: Callable[[bytes, float], None]) -> None:
        """The media stream that took frames with ``tell`` is gone, and what it brought with it."""
        if self._tell != tell:
            return
        self._tell = self._echo = None
        self._drop()
        self._due.clear()

    def receive(self, sound: bytes) -> None:
        """Sound to be played after what is there already."""
        if sound:
            self.frames_in += -(-len(sound) // FRAME)
            self._queue.append(sound)
            self._awake.set()

    def mark(self, name: str) -> None:
        """Echo ``name`` when everything before it has been played."""
        self.marks.received += 1
        if self._queue or self._due or self.ear.playing:
            self._queue.append(Mark(name))
            self._awake.set()
        else:
            self._return(Mark(name))

    def clear(self) -> list[str]:
        """Play nothing of what is waiting; the names of its marks."""
        self.clears += 1
        marks = [*self._due, *(one for one in self._queue if isinstance(one, Mark))]
        self._due.clear()
        self._drop()
        self.marks.cleared += len(marks)
        return [mark.name for mark in marks]

    async def play(self, sound: bytes) -> None:
        """Let the person hear the carrier's own voice; returns when it was heard. One at a time."""
        if self._prompted is not None:
            raise RuntimeError("one voice cannot say two things at once")
        self._prompt, self._prompted = sound, trio.Event()
        self._awake.set()
        try:
            await self._prompted.wait()
        finally:
            self._prompt, self._prompted = b"", None

    async def speak(self, sound: bytes) -> None:
        """Send the person's voice; returns when its last frame is out."""
        if self._spoken is not None:
            raise RuntimeError("one voice cannot say two things at once")
        self._mouth, self._spoken = sound, trio.Event()
        self._awake.set()
        try:
            await self._spoken.wait()
        finally:
            self._mouth, self._spoken = b"", None

    # --- time --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Move sound both ways until cancelled."""
        while True:
            if self.sparse:
                await self._awake.wait()
            start, steps = trio.current_time(), 0
            while not (self.sparse and self._idle):
                at = start + steps * self.step_ms / 1000
                self._step(at)
                steps += 1
                await trio.sleep_until(start + steps * self.step_ms / 1000)
            self._awake = trio.Event()

    @property
    def _idle(self) -> bool:
        return not (self._queue or self._due or self.ear.playing) and self._spoken is None and self._prompted is None

    def _step(self, at: float) -> None:
        """What happens between ``at`` and the next step."""
        due, self._due = self._due, []
        for mark in due:
            self._return(mark)
        if self._prompted is not None and not self._prompt:
            self._prompted.set()
        for frame in range(0, self.step_ms, FRAME_MS):
            self._play(at + frame / 1000)
        self._send(at)

    def _play(self, at: float) -> None:
        """The next 20 ms of what the person hears."""
        played: list[bytes] = []
        room = FRAME
        while self._queue:
            head = self._queue[0]
            if isinstance(head, Mark):
                self._due.append(head)
                self._queue.popleft()
            elif not room:
                break
            else:
                self._queue.popleft()
                if len(head) > room:
                    self._queue.appendleft(head[room:])
                played.append(head[:room])
                room -= len(played[-1])
        prompt, self._prompt = self._prompt[:FRAME], self._prompt[FRAME:]
        self.ear.hear(_mixed(b"".join(played), prompt), at)

    def _send(self, at: float) -> None:
        """The next step of what the person says, in frames of 20 ms; silence in between unless it is ``sparse``."""
        if self._spoken is not None and not self._mouth:
            self._spoken.set()
            self._spoken = None
        tell = self._tell
        for offset in range(0, self.step_ms, FRAME_MS):
            frame, self._mouth = self._mouth[:FRAME], self._mouth[FRAME:]
            if tell is None or (self.sparse and not frame):
                continue
            self.frames_out += 1
            tell(frame.ljust(FRAME, SILENCE) if frame else SILENT_FRAME, at + offset / 1000)

    def _return(self, mark: Mark) -> None:
        self.marks.played += 1
        if self._echo is not None:
            self._echo(mark.name)

    def _drop(self) -> None:
        self.dropped_ms += sum(len(one) for one in self._queue if isinstance(one, bytes)) // 8
        self._queue.clear()


def _mixed(one: bytes, other: bytes) -> bytes:
    """Two sounds at once."""
    if not (one and other):
        return one or other
    length = max(len(one), len(other))
    both = [ulaw_decode(each.ljust(length, SILENCE)).astype(np.int32) for each in (one, other)]
    return ulaw_encode(np.clip(both[0] + both[1], -32_768, 32_767).astype(np.int16))
