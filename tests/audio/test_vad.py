"""Who speaks, and who only makes noise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.audio.sounds import RATE, frames, noise, silence, tone, ulaw, voice
from voicecall.audio.vad import Offset, Onset, VoiceDetector, dbfs, power_of

Sound = NDArray[np.float64]


def heard(*pieces: Sound, detector: VoiceDetector | None = None) -> list[Onset | Offset]:
    """What the detector says about these sounds, one after another."""
    detector = detector or VoiceDetector()
    told = (detector.feed(power_of(frame)) for frame in frames(ulaw(*pieces)))
    return [one for one in told if one is not None]


def test_speech_on_a_quiet_line_starts_and_stops() -> None:
    [start, stop] = heard(noise(-62, 1_000), voice(-20, 1_400), noise(-62, 1_500))
    assert isinstance(start, Onset)
    assert isinstance(stop, Offset)
    assert start.offset_ms == 1_000
    assert stop.offset_ms == pytest.approx(2_340, abs=20)


def test_a_voice_is_noticed_within_three_frames() -> None:
    detector, sound = VoiceDetector(), ulaw(noise(-62, 1_000), voice(-20, 400))
    noticed = next(n for n, frame in enumerate(frames(sound), 1) if detector.feed(power_of(frame)))
    assert noticed * 20 - 1_000 == 60


@pytest.mark.parametrize("floor_dbfs", [-55.0, -45.0, -38.0])
def test_speech_stands_out_from_the_noise_of_the_line(floor_dbfs: float) -> None:
    sound = noise(floor_dbfs, 8_000)
    sound[3 * RATE : 3 * RATE + 1_400 * 8] += voice(floor_dbfs + 18, 1_400)
    told = heard(sound)
    assert [type(one) for one in told] == [Onset, Offset]
    assert told[0].offset_ms == pytest.approx(3_000, abs=20)
    assert told[1].offset_ms == pytest.approx(4_340, abs=40)


@pytest.mark.parametrize("floor_dbfs", [-60.0, -50.0, -42.0, -35.0, -28.0])
def test_a_noisy_line_does_not_interrupt_the_greeting(floor_dbfs: float) -> None:
    assert heard(noise(floor_dbfs, 10_000)) == []


def test_noise_that_rises_slowly_is_followed() -> None:
    rising = noise(-60, 15_000) * 10 ** (np.linspace(0, 35, RATE * 15) / 20)
    assert heard(rising) == []


def test_a_hum_that_sets_in_is_not_a_voice_for_long() -> None:
    told = heard(noise(-60, 1_000), tone(100, -30, 12_000))
    assert [type(one) for one in told] == [Onset, Offset]
    assert told[1].offset_ms < 10_000


def test_a_long_sentence_is_one_utterance() -> None:
    told = heard(noise(-55, 1_000), voice(-24, 20_000), noise(-55, 2_000))
    assert [type(one) for one in told] == [Onset, Offset]
    assert told[1].offset_ms == pytest.approx(20_940, abs=40)


@pytest.mark.parametrize("length_ms", [1, 5, 20, 40])
def test_a_click_is_no_voice(length_ms: int) -> None:
    click = noise(-6, length_ms)
    for _ in range(3):
        assert heard(silence(500), click, silence(2_000)) == []


def test_silence_is_no_voice_and_neither_is_a_whisper_of_the_line() -> None:
    assert heard(silence(5_000)) == heard(noise(-70, 5_000)) == heard(silence(2_000), tone(200, -51, 2_000)) == []


def test_one_dropped_frame_does_not_make_the_noise_a_voice() -> None:
    sound = noise(-40, 6_000)
    for second in range(1, 6):
        sound[second * RATE : second * RATE + 160] = 0
    assert heard(sound) == []


def test_frames_that_never_came_end_an_utterance_and_tell_nothing_of_the_noise() -> None:
    detector = VoiceDetector()
    heard(noise(-40, 2_000), voice(-15, 600), detector=detector)
    floor = detector.floor.power
    told = [detector.feed(None) for _ in range(60)]
    assert [one for one in told if one] == [Offset(2_540)]
    assert detector.floor.power == floor
    assert heard(noise(-40, 3_000, seed=2), detector=detector) == []


def test_a_voice_that_resumes_after_a_pause_starts_again() -> None:
    """Otherwise an answer that came in the pause would talk over the rest of the sentence."""
    [first, second, stop] = heard(silence(500), voice(-20, 540), silence(400), voice(-20, 540), silence(1_000))
    assert (first, second) == (Onset(500), Onset(1_440))
    assert isinstance(stop, Offset)


def test_the_gaps_between_syllables_are_no_pauses() -> None:
    assert [type(one) for one in heard(silence(500), voice(-20, 3_000))] == [Onset]


@pytest.mark.parametrize("silence_ms", [300, 800, 1_500])
def test_the_pause_that_ends_an_utterance_is_a_setting(silence_ms: int) -> None:
    detector = VoiceDetector(silence_ms=silence_ms)
    heard(silence(500), voice(-20, 540), detector=detector)
    quiet = next(n for n in range(1, 200) if isinstance(detector.feed(0.0), Offset))
    assert quiet * 20 == silence_ms


@pytest.mark.parametrize("level", [0.0, -3.0, -20.0, -50.0])
def test_power_is_mean_square(level: float) -> None:
    """Of a sine, whose mean square is 3 dB below its peak."""
    assert dbfs(power_of(ulaw(tone(400, level - 3, 100)))) == pytest.approx(level - 3, abs=0.4)


def test_the_power_of_nothing_is_the_least_there_is() -> None:
    assert dbfs(power_of(b"")) == dbfs(power_of(b"\xff" * 160)) == -96.0
