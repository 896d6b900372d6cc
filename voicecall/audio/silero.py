"""Silero's voice detector (version 6, at 8 kHz): surer than ``Voiced`` and slower, in both senses.

The model is one ONNX file, which the calls share; onnxruntime runs it inline, on one thread, since a window of 32 ms
takes it less time than a thread takes to wake. This module is imported only where Silero is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from voicecall.audio.g711 import RATE
from voicecall.audio.voicing import PERIODIC, periodicity

WINDOW, CONTEXT = 256, 32
"""Samples that are judged at a time, and samples before them that the model wants to see again."""
SURE = 0.5
"""How probable a voice must be."""
_RATE = np.array(RATE, np.int64)


class Silero:
    """See ``voicecall.audio.voicing.Voicing``. ``load`` makes them."""

    needed = 2

    def __init__(self, model: onnxruntime.InferenceSession) -> None:
        self._model = model
        self._state = np.zeros((2, 1, 128), np.float32)
        self._input = np.zeros((1, CONTEXT + WINDOW), np.float32)
        self._filled = 0
        self._sure = False

    def hear(self, pcm: bytes) -> bool:
        """See ``Voicing.hear``: what the last whole window was."""
        samples = np.frombuffer(pcm, np.int16).astype(np.float32) / 32_768
        while len(samples):
            start = CONTEXT + self._filled
            part = samples[: WINDOW - self._filled]
            self._input[0, start : start + len(part)] = part
            self._filled += len(part)
            samples = samples[len(part) :]
            if self._filled == WINDOW:
                self._judge()
        return self._sure

    def is_voice(self, window: NDArray[np.float32]) -> bool:
        """See ``Voicing.is_voice``: what the model has heard was perhaps our echo, with a noise over it now."""
        return periodicity(window) >= PERIODIC

    def _judge(self) -> None:
        probability, self._state = self._model.run(None, {"input": self._input, "state": self._state, "sr": _RATE})
        self._sure = float(probability[0, 0]) >= SURE
        self._input[0, :CONTEXT] = self._input[0, -CONTEXT:]
        self._filled = 0


def load(model: Path) -> Callable[[], Silero]:
    """What makes a detector for each call. Raises what onnxruntime raises when the file is no such model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return partial(Silero, onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"]))
