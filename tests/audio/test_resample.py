"""The resampler: the same output however the input comes, tones that stay tones, and no aliases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicecall.audio.resample import Resampler

RATES = [(24_000, 8_000), (16_000, 8_000), (48_000, 8_000), (22_050, 8_000), (8_000, 16_000), (8_000, 8_000)]


def tone(hertz: float, rate: int, seconds: float = 1.0, level: float = 16_000) -> bytes:
    time = np.arange(round(rate * seconds)) / rate
    return np.rint(level * np.sin(2 * np.pi * hertz * time)).astype("<i2").tobytes()


def convert(pcm: bytes, source: int, target: int) -> np.ndarray:
    """All of it at once."""
    resampler = Resampler(source, target)
    return np.frombuffer(resampler.feed(pcm) + resampler.flush(), "<i2").astype(np.float64)


def level(samples: np.ndarray, hertz: float, rate: int) -> float:
    """The level of one frequency in decibels against a full-scale sine, ends left out."""
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    window = np.hanning(len(middle))
    turn = np.exp(-2j * np.pi * hertz * np.arange(len(middle)) / rate)
    amplitude = 2 * abs((middle * window * turn).sum()) / window.sum()
    return 20 * np.log10(max(amplitude, 1e-6) / 32_768)


def loudest_but(samples: np.ndarray, hertz: float, rate: int) -> float:
    """The loudest frequency besides ``hertz``, in decibels against a full-scale sine."""
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    window = np.blackman(len(middle))
    spectrum = 2 * abs(np.fft.rfft(middle * window)) / window.sum()
    frequencies = np.fft.rfftfreq(len(middle), 1 / rate)
    return 20 * np.log10(max(spectrum[abs(frequencies - hertz) > 30].max(), 1e-6) / 32_768)


@given(rates=st.sampled_from(RATES), chunks=st.lists(st.binary(max_size=700), max_size=12))
@settings(deadline=None)
def test_chunked_output_is_one_shot_output(rates: tuple[int, int], chunks: list[bytes]) -> None:
    """Chunks of any length, also odd ones that cut a sample in half, also empty ones."""
    whole, parts = Resampler(*rates), Resampler(*rates)
    chunked = b"".join([parts.feed(chunk) for chunk in chunks]) + parts.flush()
    assert chunked == whole.feed(b"".join(chunks)) + whole.flush()


@given(rates=st.sampled_from(RATES), milliseconds=st.integers(0, 400))
@settings(deadline=None)
def test_the_length_is_that_of_the_input(rates: tuple[int, int], milliseconds: int) -> None:
    source, target = rates
    samples = source * milliseconds // 1000
    delay = 0 if source == target else 48 * max(target / 24_000, target / source) + 48 * target / source
    assert len(convert(bytes(2 * samples), source, target)) == pytest.approx(samples * target / source, abs=delay + 1)


@pytest.mark.parametrize(("source", "target"), RATES)
@pytest.mark.parametrize("hertz", [200, 1_000, 3_000])
def test_a_tone_stays_that_tone(source: int, target: int, hertz: float) -> None:
    out = convert(tone(hertz, source), source, target)
    assert level(out, hertz, target) == pytest.approx(20 * np.log10(16_000 / 32_768), abs=0.2)
    assert loudest_but(out, hertz, target) < -75


@pytest.mark.parametrize("source", [16_000, 22_050, 24_000, 48_000])
@pytest.mark.parametrize("hertz", [4_600, 5_000, 6_500])
def test_what_telephones_cannot_carry_leaves_no_alias(source: int, hertz: float) -> None:
    """5 kHz sampled at 8 kHz would be 3 kHz: at full level with a linear resampler, inaudible here."""
    out = convert(tone(hertz, source, level=32_000), source, 8_000)
    assert level(out, 8_000 - hertz, 8_000) < -75
    assert np.abs(out[len(out) // 4 : -len(out) // 4]).max() <= 8


def test_speech_keeps_its_upper_band() -> None:
    out = convert(tone(3_400, 24_000), 24_000, 8_000)
    assert level(out, 3_400, 8_000) - 20 * np.log10(16_000 / 32_768) > -1.0


def test_a_peak_is_clipped_and_not_wrapped_around() -> None:
    square = (np.sign(np.sin(2 * np.pi * 300 * np.arange(24_000) / 24_000)) * 32_767).astype("<i2")
    out = convert(square.tobytes(), 24_000, 8_000)
    assert out.max() == 32_767
    assert out.min() <= -32_767
    expected = np.sign(np.sin(2 * np.pi * 300 * (np.arange(len(out)) - 15.67) / 8_000))
    middle = slice(2_000, 6_000)
    assert (np.sign(out[middle]) == expected[middle]).mean() > 0.97


def test_equal_rates_change_nothing() -> None:
    pcm = tone(440, 8_000)
    resampler = Resampler(8_000, 8_000)
    assert resampler.feed(pcm) + resampler.flush() == pcm


def test_a_flushed_resampler_is_as_new() -> None:
    resampler, pcm = Resampler(24_000, 8_000), tone(500, 24_000, 0.1)
    first = resampler.feed(pcm + b"\x01") + resampler.flush()
    assert resampler.feed(pcm) + resampler.flush() == first


@pytest.mark.parametrize(("source", "target"), [(0, 8_000), (8_000, -1), (999, 8_000)])
def test_an_impossible_rate_is_named(source: int, target: int) -> None:
    with pytest.raises(ValueError, match=r"sample rate: expected at least 1000 Hz"):
        Resampler(source, target)
