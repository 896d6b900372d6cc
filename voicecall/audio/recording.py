"""Both sides of a call in one stereo WAV file: left the caller, right us, 8 kHz, 16 bit.

Audio is put in place by its offset since the media opened; what is missing is silence, so both channels are as long as
the call. ``put`` and ``cut`` only touch memory; ``write`` leaves a file that can be read whenever the process dies.
"""

from __future__ import annotations

import wave
from collections import deque
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from voicecall.audio.g711 import RATE, SILENCE, ulaw_decode
from voicecall.audio.vad import dbfs

Side = Literal["caller", "agent"]
JITTER_BYTES = 800
"""Audio that comes less than 100 ms late or early follows what came before it."""
HELD_MS = 500
"""The newest half second stays in memory until the end: the other side's audio for it may still come."""


class Recording:
    """One WAV file, open until ``close``. ``put`` and ``cut`` belong to the tick, ``write`` to whoever may block."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = wave.open(str(path), "wb")  # noqa: SIM115 - it lives as long as the call
        path.chmod(0o600)
        self._file.setnchannels(2)
        self._file.setsampwidth(2)
        self._file.setframerate(RATE)
        self._file.writeframes(b"")
        self._cut = 0
        self._sides: dict[Side, bytearray] = {"caller": bytearray(), "agent": bytearray()}
        self._queue: deque[tuple[bytes, ...]] = deque()
        self._writing = Lock()

    def put(self, side: Side, offset_ms: int, ulaw: bytes) -> None:
        """Audio that began ``offset_ms`` after the media opened."""
        pending = self._sides[side]
        gap = offset_ms * RATE // 1000 - self._cut - len(pending)
        if gap > JITTER_BYTES:
            pending.extend(bytes([SILENCE]) * gap)
        pending.extend(ulaw)

    def cut(self, until_ms: int, *, last: bool = False) -> None:
        """Queue everything up to ``until_ms`` for writing; but for the ``last`` cut, less what may still change."""
        samples = max(until_ms - (0 if last else HELD_MS), 0) * RATE // 1000 - self._cut
        if samples > 0:
            self._queue.append(tuple(bytes(side[:samples]).ljust(samples, b"\xff") for side in self._sides.values()))
            for side in self._sides.values():
                del side[:samples]
            self._cut += samples
        if last:
            self._queue.append(())

    def write(self) -> None:
        """Write what is queued, in order. Blocks."""
        with self._writing:
            while self._queue:
                sides = self._queue.popleft()
                if not sides:
                    self._file.close()
                    return
                frames = np.stack([ulaw_decode(side) for side in sides], axis=1)
                self._file.writeframes(frames.tobytes())


def channels(path: Path) -> NDArray[np.int16]:
    """The samples of a recording, one column a side."""
    with wave.open(str(path), "rb") as file:
        data = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return data.reshape(-1, file.getnchannels())


def loud_ms(samples: NDArray[np.int16], *, above_dbfs: float, window_ms: int = 20) -> int:
    """For how long, in windows of ``window_ms``, a channel is louder than ``above_dbfs``."""
    size = RATE * window_ms // 1000
    windows = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
    return sum(window_ms for power in (windows**2).mean(axis=1) if dbfs(float(power)) > above_dbfs)
