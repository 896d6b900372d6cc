"""Which detector finds the caller's voice, and what it needs."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from voicecall.config import ConfigError, parse
from voicecall.config.silero import silero_model
from voicecall.config.speech import Streaming


def test_energy_needs_no_model() -> None:
    assert silero_model(Streaming()) is None


def test_silero_that_is_not_there_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"streaming": {"voiceDetector": "silero", "sileroModel": "/nowhere/silero.onnx"}}, {})
    [problem] = caught.value.errors
    assert problem.message.startswith('streaming.voiceDetector: got "silero": expected "energy" while Silero is not')
    assert "onnxruntime and silero-vad" in problem.message


def test_auto_does_without() -> None:
    config = parse({"streaming": {"voiceDetector": "auto", "sileroModel": "/nowhere/silero.onnx"}}, {})
    assert silero_model(config.streaming) is None


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="onnxruntime is not installed")
def test_a_model_may_be_anywhere(tmp_path: Path) -> None:
    model = tmp_path / "voice.onnx"
    model.touch()
    config = parse({"streaming": {"voiceDetector": "silero", "sileroModel": str(model)}}, {})
    assert silero_model(config.streaming) == model


def test_looking_for_silero_imports_none_of_it() -> None:
    program = (
        "import sys; from voicecall.config import parse; parse({'streaming': {'voiceDetector': 'auto'}}, {}); "
        "import voicecall.assembly; print({'onnxruntime', 'silero_vad', 'torch'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
