"""Every code and every sample of G.711, against the tables of the standard and against Python's own implementation."""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate, repeat

import numpy as np
import pytest

from voicecall.audio.g711 import SILENCE, Pcm, alaw_decode, alaw_encode, as_pcm, ulaw_decode, ulaw_encode

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    try:
        import audioop
    except ImportError:
        audioop = None  # left the standard library in 3.13

CODES = bytes(range(256))
SAMPLES = np.arange(-32_768, 32_768, dtype=np.int32).astype(np.int16)

# ITU-T G.711 (11/88), decision values: tables 2a/2b for μ-law (14 bits), 1a/1b for A-law (13 bits).
ULAW_WIDTHS = [1, *repeat(2, 15), *(2 << segment for segment in range(1, 8) for _ in range(16))]
ALAW_WIDTHS = [*repeat(2, 32), *(2 << segment for segment in range(1, 7) for _ in range(16))]
ULAW_DECISIONS = [0, *accumulate(ULAW_WIDTHS)]
ALAW_DECISIONS = [0, *accumulate(ALAW_WIDTHS)]


def interval(decisions: list[int], magnitude: int) -> int:
    """The number of the interval between two decision values that holds ``magnitude``; beyond the last, the last."""
    return min(bisect_right(decisions, magnitude), 128) - 1


def ulaw_code(sample: int) -> int:
    """Table 2: a sign bit that is 1 for positive, then the interval's number with all bits inverted."""
    value = sample >> 2
    number = interval(ULAW_DECISIONS, abs(value))
    return (0 if value < 0 else 0x80) | (~number & 0x7F)


def alaw_code(sample: int) -> int:
    """Table 1: a sign bit that is 1 for positive, then the interval's number, even bits inverted."""
    value = sample >> 3
    number = interval(ALAW_DECISIONS, value if value >= 0 else -value - 1)
    return ((0 if value < 0 else 0x80) | number) ^ 0x55


def middle(decisions: list[int], number: int) -> int:
    """The output value of an interval: half way between its two decision values."""
    return (decisions[number] + decisions[number + 1]) // 2


def test_the_decision_values_are_those_of_the_standard() -> None:
    assert ULAW_DECISIONS[:4] == [0, 1, 3, 5]
    assert [ULAW_DECISIONS[16 * segment] for segment in range(1, 9)] == [31, 95, 223, 479, 991, 2015, 4063, 8159]
    assert [ALAW_DECISIONS[16 * segment] for segment in range(1, 9)] == [32, 64, 128, 256, 512, 1024, 2048, 4096]


def test_every_sample_becomes_its_ulaw_code() -> None:
    assert ulaw_encode(SAMPLES) == bytes(map(ulaw_code, SAMPLES.tolist()))


def test_every_sample_becomes_its_alaw_code() -> None:
    assert alaw_encode(SAMPLES) == bytes(map(alaw_code, SAMPLES.tolist()))


def test_every_ulaw_code_becomes_the_middle_of_its_interval() -> None:
    expected = []
    for code in CODES:
        number = ~code & 0x7F
        magnitude = 0 if number == 0 else middle(ULAW_DECISIONS, number)
        expected.append((magnitude if code & 0x80 else -magnitude) * 4)
    assert ulaw_decode(CODES).tolist() == expected
    assert (ulaw_decode(b"\x80")[0], ulaw_decode(b"\x00")[0], ulaw_decode(bytes([SILENCE]))[0]) == (32_124, -32_124, 0)


def test_every_alaw_code_becomes_the_middle_of_its_interval() -> None:
    expected = []
    for code in CODES:
        magnitude = middle(ALAW_DECISIONS, (code ^ 0x55) & 0x7F)
        expected.append((magnitude if (code ^ 0x55) & 0x80 else -magnitude) * 8)
    assert alaw_decode(CODES).tolist() == expected
    assert (alaw_decode(b"\xd5")[0], alaw_decode(b"\x55")[0], alaw_decode(b"\xaa")[0]) == (8, -8, 32_256)


@pytest.mark.skipif(audioop is None, reason="this Python has no audioop to compare with")
def test_both_laws_agree_with_the_standard_library() -> None:
    linear = SAMPLES.astype("<i2").tobytes()
    assert ulaw_encode(SAMPLES) == audioop.lin2ulaw(linear, 2)
    assert alaw_encode(SAMPLES) == audioop.lin2alaw(linear, 2)
    assert ulaw_decode(CODES).astype("<i2").tobytes() == audioop.ulaw2lin(CODES, 2)
    assert alaw_decode(CODES).astype("<i2").tobytes() == audioop.alaw2lin(CODES, 2)


@pytest.mark.parametrize(("decode", "encode"), [(ulaw_decode, ulaw_encode), (alaw_decode, alaw_encode)])
def test_a_code_survives_decoding_and_encoding(decode: Callable[[bytes], Pcm], encode: Callable[[Pcm], bytes]) -> None:
    again = encode(decode(CODES))
    # μ-law has two codes for zero, and only one of them is what zero becomes.
    assert [code for code in CODES if again[code] != code] == ([0x7F] if decode is ulaw_decode else [])


def test_nothing_becomes_nothing() -> None:
    assert ulaw_encode(ulaw_decode(b"")) == alaw_encode(alaw_decode(b"")) == b""


def test_samples_are_little_endian_wherever_we_run() -> None:
    assert as_pcm(b"\x01\x00\xff\xff\x00\x80").tolist() == [1, -1, -32_768]
