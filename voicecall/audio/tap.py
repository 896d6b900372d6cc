"""The caller's audio on its way to a transcriber: the plane pours, the transcriber drinks, nobody waits."""

from __future__ import annotations

import trio

KEPT_BYTES = 5 * 8_000
"""Five seconds: what came before somebody listened is kept, older audio is dropped."""
DRAIN_BYTES = 800
"""100 ms: waking a transcriber more often costs more than it gains."""


class Tap:
    """See ``voicecall.ports.AudioTap``. The media opens when the tap is made, or later, at ``open``."""

    def __init__(self) -> None:
        self._opened = self._last = trio.current_time()
        self._audio = bytearray()
        self._lull = False
        self.closed = False
        self.ends_ms = 0
        self._poured = trio.Event()

    def open(self) -> None:
        """The media opens now: until here there was nothing to hear."""
        self._opened = self._last = trio.current_time()

    def pour(self, ulaw: bytes, now: float | None = None) -> None:
        """More audio from the caller, which ends ``now`` (trio's time; None: look)."""
        self._audio += ulaw
        self._last = trio.current_time() if now is None else now
        kept = len(self._audio)
        if kept >= DRAIN_BYTES:
            if kept > KEPT_BYTES:
                del self._audio[: kept - KEPT_BYTES]
            self._poured.set()

    def lull(self) -> None:
        """No audio comes just now: what there is must not wait for more."""
        if self._audio:
            self._lull = True
            self._poured.set()

    def close(self) -> None:
        """No more audio will come; what is there can still be drunk."""
        self.closed = True
        self._poured.set()

    async def drain(self) -> bytes:
        """See ``voicecall.ports.AudioTap.drain``."""
        while len(self._audio) < DRAIN_BYTES and not (self.closed or self._lull):
            self._poured = trio.Event()
            await self._poured.wait()
        if not self._audio:
            raise trio.EndOfChannel
        audio = bytes(self._audio)
        self._audio.clear()
        self._lull = False
        self.ends_ms = round((self._last - self._opened) * 1000)
        return audio
