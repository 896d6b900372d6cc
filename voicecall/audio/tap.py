"""The caller's audio on its way to a transcriber: the plane pours, the transcriber drinks, nobody waits."""

from __future__ import annotations

from collections import deque

import trio

from voicecall.ports import MediaSpeech

KEPT_BYTES = 5 * 8_000
"""Five seconds: what came before somebody listened is kept, older audio is dropped."""
DRAIN_BYTES = 800
"""100 ms: waking a transcriber more often costs more than it gains."""
KEPT_HINTS = 256
"""Recognitions beyond it are dropped, oldest first: a peer must not fill our memory while nobody listens."""


class Tap:
    """See ``voicecall.ports.AudioTap``."""

    def __init__(self) -> None:
        self._audio = bytearray()
        self._hints: deque[MediaSpeech] = deque(maxlen=KEPT_HINTS)
        self.closed = False
        self._poured = trio.Event()
        self._hinted = trio.Event()

    def pour(self, ulaw: bytes) -> None:
        """More audio from the caller."""
        self._audio += ulaw
        if len(self._audio) > KEPT_BYTES:
            del self._audio[: len(self._audio) - KEPT_BYTES]
        if len(self._audio) >= DRAIN_BYTES:
            self._poured.set()

    def tell(self, hint: MediaSpeech) -> None:
        """The carrier's side recognized something."""
        self._hints.append(hint)
        self._hinted.set()

    def close(self) -> None:
        """No more audio will come; what is there can still be drunk."""
        self.closed = True
        self._poured.set()
        self._hinted.set()

    async def drain(self) -> bytes:
        """See ``voicecall.ports.AudioTap.drain``."""
        while len(self._audio) < DRAIN_BYTES and not self.closed:
            self._poured = trio.Event()
            await self._poured.wait()
        if not self._audio and self.closed:
            raise trio.EndOfChannel
        audio = bytes(self._audio)
        self._audio.clear()
        return audio

    async def hint(self) -> MediaSpeech:
        """See ``voicecall.ports.AudioTap.hint``."""
        while not self._hints:
            if self.closed:
                raise trio.EndOfChannel
            self._hinted = trio.Event()
            await self._hinted.wait()
        return self._hints.popleft()
