"""What one call plays: utterances in order, 20 ms frames out, and what the carrier's marks prove was heard.

Pure: no clock, no IO. The plane ``enqueue``s an utterance, ``feed``s it audio as it is synthesized and ``close``s it;
``next_frame`` gives the frame to send now, with the name of a mark to send after it, if any. A mark goes out every
100 ms of an utterance and at its end. ``acknowledge`` is the carrier's echo of a mark: only then was the audio before
it heard. ``clear`` drops what is waiting and forgets the marks under way: what the carrier returns after a clear was
not heard. Every utterance is finished exactly once: by its last mark, by ``clear``, or by ``give_up``. One whose audio
broke off (``close(broken=True)``) is played as far as there is audio, and then counts as interrupted.
"""

from __future__ import annotations

from collections import deque

import msgspec
from attrs import define, field, frozen

from voicecall.audio.g711 import FRAME_BYTES, SILENCE

FRAME_MS = 20
LEAD_MS = 60
"""How far ahead of the person's ear frames are sent: three frames of jitter."""
MARK_MS = 100
"""The longest stretch of audio without a mark. What was heard should be known to 200 ms: the other half is for the way
of the echo, and for a carrier that moves its sound in larger pieces than a frame."""


class Frame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """20 ms of μ-law. ``mark`` (or "") is sent right after it; ``starts`` is the utterance that begins here, or 0."""

    payload: bytes
    mark: str = ""
    starts: int = 0


@frozen(kw_only=True)
class Finished:
    """An utterance is over, of which the person heard ``heard_ms`` and ``sent_ms`` were sent; ``first_heard_ms`` is
    when they began to hear it, by the clock of ``acknowledge`` (0: they did not). ``broken``: its audio broke off."""

    utterance: int
    heard_ms: int
    sent_ms: int
    interrupted: bool
    first_heard_ms: int = 0
    broken: bool = False


@define(eq=False)
class _Track:
    utterance: int
    interruptible: bool
    protected_ms: int = 0
    audio: bytearray = field(factory=bytearray)
    sent_ms: int = 0
    heard_ms: int = 0
    first_heard_ms: int = 0
    marked_ms: int = 0
    closed: bool = False
    broken: bool = False

    @property
    def yields(self) -> bool:
        """Whether it may be interrupted now: of what is protected the last has been played, not only sent."""
        return self.interruptible and (not self.protected_ms or self.sent_ms >= self.protected_ms + LEAD_MS)

    @property
    def ready(self) -> bool:
        """Whether a frame can be sent: a whole one, or the padded last one."""
        return len(self.audio) >= FRAME_BYTES or (self.closed and bool(self.audio))

    @property
    def sent(self) -> bool:
        return self.closed and not self.audio


@define
class Playback:
    """The playback buffer of one call."""

    _tracks: deque[_Track] = field(factory=deque["_Track"])
    _marks: dict[str, tuple[_Track, int]] = field(factory=dict[str, "tuple[_Track, int]"])

    @property
    def playing(self) -> int:
        """The utterance that has begun and is not over, or 0."""
        return next((track.utterance for track in self._tracks if track.sent_ms), 0)

    @property
    def busy(self) -> bool:
        """Whether any utterance is not over."""
        return bool(self._tracks)

    @property
    def interruptible(self) -> bool:
        """Whether what plays now (or would play next) may be interrupted."""
        return bool(self._tracks) and self._tracks[0].yields

    @property
    def ready(self) -> bool:
        """Whether ``next_frame`` has something now."""
        for track in self._tracks:
            if track.audio or not track.closed:
                return track.ready
        return False

    def buffered_ms(self, utterance: int) -> int:
        """Audio of an utterance that has not been sent: back-pressure for its synthesizer."""
        track = self._find(utterance)
        return 0 if track is None else len(track.audio) // 8

    def has_sound(self, utterance: int) -> bool:
        """Whether any audio of an utterance has come."""
        track = self._find(utterance)
        return track is not None and bool(track.sent_ms or track.audio)

    def enqueue(self, utterance: int, *, interruptible: bool = True, protected_ms: int = 0) -> None:
        """A new utterance, after all others."""
        self._tracks.append(_Track(utterance=utterance, interruptible=interruptible, protected_ms=protected_ms))

    def feed(self, utterance: int, ulaw: bytes) -> None:
        """More audio for an utterance; ignored when it is over."""
        track = self._find(utterance)
        if track is not None and not track.closed:
            track.audio += ulaw

    def close(self, utterance: int, *, broken: bool = False) -> list[Finished]:
        """No more audio will come. An utterance without any audio is over at once."""
        track = self._find(utterance)
        if track is None or track.closed:
            return []
        track.closed, track.broken = True, broken
        if track.audio or track.sent_ms > track.heard_ms:
            return []
        return [self._finish(track, interrupted=False)]

    def next_frame(self) -> Frame | None:
        """The next 20 ms, or None when there is nothing to send now."""
        track = self._current()
        if track is None or not track.ready:
            return None
        audio = track.audio
        payload = bytes(audio[:FRAME_BYTES])
        del audio[:FRAME_BYTES]
        if len(payload) < FRAME_BYTES:
            payload = payload.ljust(FRAME_BYTES, bytes([SILENCE]))
        starts = 0 if track.sent_ms else track.utterance
        track.sent_ms += FRAME_MS
        mark = ""
        if track.sent_ms - track.marked_ms >= MARK_MS or track.sent:
            mark = self._mark(track)
        return Frame(payload=payload, mark=mark, starts=starts)

    def close_mark(self, utterance: int) -> str:
        """A mark for an utterance that was closed after its last frame had been sent, or ""."""
        track = self._find(utterance)
        if track is None or not track.sent or track.marked_ms == track.sent_ms or not track.sent_ms:
            return ""
        return self._mark(track)

    def acknowledge(self, mark: str, at_ms: int = 0) -> list[Finished]:
        """By ``at_ms`` the carrier has played everything before ``mark``. Unknown marks (cleared ones) mean nothing."""
        track, offset_ms = self._marks.pop(mark, (None, 0))
        if track is None:
            return []
        if not track.heard_ms:
            track.first_heard_ms = max(at_ms - offset_ms, 0)
        track.heard_ms = max(track.heard_ms, offset_ms)
        if track.sent and track.heard_ms >= track.sent_ms:
            return [self._finish(track, interrupted=False)]
        return []

    def clear(self, up_to: int | None = None) -> list[Finished]:
        """Interrupt every utterance (up to number ``up_to``): drop its audio, forget its marks.

        When what stays has begun, all the rest has been sent, and taking it back would cut off what stays: nothing
        is interrupted then.
        """
        doomed = [track for track in self._tracks if up_to is None or track.utterance <= up_to]
        if any(track.sent_ms for track in self._tracks if track not in doomed):
            return []
        return [self._finish(track, interrupted=True) for track in doomed]

    def give_up(self, utterance: int, *, interrupted: bool) -> list[Finished]:
        """End one utterance with what is known to have been heard."""
        track = self._find(utterance)
        return [] if track is None else [self._finish(track, interrupted=interrupted)]

    @property
    def unacknowledged(self) -> int:
        """The first utterance of which everything was sent and only the last echo is missing, or 0."""
        for track in self._tracks:
            if track.closed and not track.audio and track.sent_ms:
                return track.utterance
        return 0

    @property
    def last_interruptible(self) -> int:
        """The last utterance before the first that must not be interrupted."""
        last = 0
        for track in self._tracks:
            if not track.yields:
                break
            last = track.utterance
        return last

    def _mark(self, track: _Track) -> str:
        """The name of a mark after all that was sent of an utterance."""
        track.marked_ms = track.sent_ms
        mark = f"{track.utterance}:{track.sent_ms}"
        self._marks[mark] = (track, track.sent_ms)
        return mark

    def _current(self) -> _Track | None:
        for track in self._tracks:
            if track.audio or not track.closed:
                return track
        return None

    def _find(self, utterance: int) -> _Track | None:
        return next((track for track in self._tracks if track.utterance == utterance), None)

    def _finish(self, track: _Track, *, interrupted: bool) -> Finished:
        self._tracks.remove(track)
        self._marks = {name: held for name, held in self._marks.items() if held[0] is not track}
        return Finished(
            utterance=track.utterance,
            heard_ms=track.heard_ms,
            sent_ms=track.sent_ms,
            interrupted=interrupted or track.broken,
            first_heard_ms=track.first_heard_ms,
            broken=track.broken,
        )
