"""Both sides of a call in one stereo WAV file: left the caller, right us, 8 kHz, 16 bit.

Audio is put in place by its offset since the media opened; what is missing is silence, so both channels are as long
as the call. A socket loses nothing but may hold sound up: what then comes in a burst goes where it belongs, as long as
the silence that stands in its place has not been written; later than that, pauses are shortened until both sides are in
step again. ``put``, ``unsay`` and ``cut`` only touch memory; ``write`` leaves a file that can be read whenever the
process dies.
"""

from __future__ import annotations

import os
import struct
import wave
from collections import deque
from pathlib import Path
from typing import Literal

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from voicecall.audio.g711 import FRAME_BYTES, RATE, SILENCE, ulaw_decode
from voicecall.audio.vad import LOWEST, dbfs, power_of

Side = Literal["caller", "agent"]
JITTER: dict[Side, int] = {"caller": 800, "agent": 16}
"""Samples. Audio that comes no later than this follows what came before it. The caller's comes by the network (100 ms),
ours has no jitter but the rounding of its offsets."""
AHEAD = 10 * RATE
"""Samples. Audio that is 10 s ahead of its time comes faster than anybody speaks, and is dropped."""
HELD_MS = 1_000
"""The newest second stays in memory until the end: what belongs there may still come or be taken back."""
HEADER_BYTES = 44
SAMPLE_BYTES = 4
"""Of both sides."""


@define
class _Track:
    """What is in memory of one side. ``fills`` are stretches of silence (end, samples) that stand for missing audio."""

    jitter: int
    audio: bytearray = field(factory=bytearray)
    fills: list[tuple[int, int]] = field(factory=list[tuple[int, int]])
    begun: bool = False

    def put(self, at: int, ulaw: bytes) -> None:
        gap = at - len(self.audio)
        if gap > (self.jitter if self.begun else 0):
            self.audio.extend(bytes([SILENCE]) * gap)
            self.fills.append((len(self.audio), gap))
        elif gap < 0:
            gap += self._take_back(-gap)
        if gap > (-FRAME_BYTES if power_of(ulaw) < LOWEST else -AHEAD):
            self.audio.extend(ulaw)
            self.begun = True

    def _take_back(self, samples: int) -> int:
        """Remove up to so many samples of the latest silence that only stood for what comes now."""
        left = samples
        while left and self.fills:
            end, size = self.fills.pop()
            back = min(left, size)
            del self.audio[end - back : end]
            left -= back
            if size > back:
                self.fills.append((end - back, size - back))
        return samples - left

    def unsay(self, at: int) -> None:
        del self.audio[max(at, 0) :]
        length = len(self.audio)
        self.fills = [(min(end, length), size - max(end - length, 0)) for end, size in self.fills]
        self.fills = [one for one in self.fills if one[1] > 0]

    def take(self, samples: int) -> bytes:
        taken = bytes(self.audio[:samples]).ljust(samples, bytes([SILENCE]))
        del self.audio[:samples]
        self.fills = [(end - samples, min(size, end - samples)) for end, size in self.fills if end > samples]
        return taken


class Recording:
    """One WAV file (mode 0600), open until the last cut is written.

    ``put``, ``unsay`` and ``cut`` belong to the tick, ``write`` to whoever may block. Raises ``OSError``, also for a
    file that exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "r+b", 0)
        self._written = 0
        self._file.write(_header(0))
        self._cut = 0
        self._tracks: dict[Side, _Track] = {side: _Track(jitter) for side, jitter in JITTER.items()}
        self._queue: deque[tuple[bytes, ...]] = deque()

    @property
    def waiting(self) -> bool:
        """Whether there is something to write."""
        return bool(self._queue)

    def put(self, side: Side, offset_ms: int, ulaw: bytes) -> None:
        """Audio that began ``offset_ms`` after the media opened."""
        self._tracks[side].put(offset_ms * RATE // 1000 - self._cut, ulaw)

    def unsay(self, side: Side, offset_ms: int) -> None:
        """What this side was to play from ``offset_ms`` on was never heard."""
        self._tracks[side].unsay(offset_ms * RATE // 1000 - self._cut)

    def cut(self, until_ms: int, *, last: bool = False) -> None:
        """Queue everything up to ``until_ms`` for writing; but for the ``last`` cut, less what may still change."""
        samples = max(until_ms - (0 if last else HELD_MS), 0) * RATE // 1000 - self._cut
        if samples > 0:
            self._queue.append(tuple(track.take(samples) for track in self._tracks.values()))
            self._cut += samples
        if last:
            self._queue.append(())

    def write(self) -> None:
        """Write what is queued, in order; after the last cut the file is closed. Blocks. Raises ``OSError``."""
        while self._queue:
            sides = self._queue.popleft()
            if not sides:
                self.close()
                return
            frames = np.stack([ulaw_decode(side) for side in sides], axis=1).astype("<i2").tobytes()
            _write_at(self._file.fileno(), frames, HEADER_BYTES + self._written)
            self._written += len(frames)
            _write_at(self._file.fileno(), _header(self._written), 0)

    def close(self) -> None:
        """Write nothing more."""
        self._queue.clear()
        self._file.close()


def _header(data_bytes: int) -> bytes:
    """A WAV header for so much PCM."""
    size = HEADER_BYTES - 8 + data_bytes
    form = (1, 2, RATE, RATE * SAMPLE_BYTES, SAMPLE_BYTES, 16)
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", size, b"WAVE", b"fmt ", 16, *form, b"data", data_bytes)


def _write_at(descriptor: int, data: bytes, offset: int) -> None:
    while data:
        done = os.pwrite(descriptor, data, offset)
        data, offset = data[done:], offset + done


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
