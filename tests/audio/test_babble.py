"""The stand-in voice: audible, as long as speech, the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from tests.audio.sounds import frames
from voicecall.audio.babble import LETTER_MS, say_ulaw
from voicecall.audio.g711 import ulaw_decode
from voicecall.audio.recording import loud_ms
from voicecall.audio.vad import Onset, VoiceDetector, power_of

TEXT = "Is Thursday at ten good for you?"


def test_it_is_audible_and_a_voice_to_a_voice_detector() -> None:
    sound = say_ulaw(TEXT)
    samples = ulaw_decode(sound)
    assert loud_ms(samples, above_dbfs=-40) > 0.7 * len(sound) / 8
    assert np.abs(samples.astype(int)).max() < 16_000
    detector = VoiceDetector()
    told = [detector.feed(0.0) for _ in range(50)] + [detector.feed(power_of(one)) for one in frames(sound)]
    assert [type(one) for one in told if one] == [Onset]


def test_it_takes_about_as_long_as_saying_it() -> None:
    letters = sum(letter.isalnum() for letter in TEXT)
    assert len(say_ulaw(TEXT)) / 8 == pytest.approx(letters * LETTER_MS + 6 * 30 + 220, abs=2)
    assert len(say_ulaw("a, b.")) / 8 == pytest.approx(2 * LETTER_MS + 120 + 30 + 220, abs=2)


def test_the_same_text_sounds_the_same_and_another_speaker_does_not() -> None:
    assert say_ulaw(TEXT) == say_ulaw(TEXT)
    assert say_ulaw(TEXT, pitch_hz=200) != say_ulaw(TEXT)
    assert len(say_ulaw(TEXT, pitch_hz=200)) == len(say_ulaw(TEXT))


@pytest.mark.parametrize("text", ["", "…", "—()"])
def test_a_text_without_a_sound_is_silent(text: str) -> None:
    assert say_ulaw(text) == b""


def test_letters_of_any_alphabet_have_a_sound() -> None:
    assert loud_ms(ulaw_decode(say_ulaw("Здравствуйте 42")), above_dbfs=-40) > 500
