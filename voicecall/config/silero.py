"""Where Silero's voice detector is on this machine, if it is: found without importing it, which costs seconds."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from voicecall.config.speech import Streaming

MODEL = "data/silero_vad.onnx"
FIX = "install onnxruntime and silero-vad (its model file alone is used; streaming.sileroModel names another)"


def silero_model(streaming: Streaming) -> Path | None:
    """The model to judge voices with; None where energy and webrtcvad do."""
    if streaming.voice_detector == "energy" or find_spec("onnxruntime") is None:
        return None
    model = _installed() if streaming.silero_model is None else Path(streaming.silero_model).expanduser()
    return model if model is not None and model.is_file() else None


def _installed() -> Path | None:
    package = find_spec("silero_vad")
    return None if package is None or package.origin is None else Path(package.origin).parent / MODEL
