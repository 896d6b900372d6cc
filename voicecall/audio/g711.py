"""G.711 by table: μ-law and A-law to linear and back, bit exact to ITU-T G.711 (11/88).

Linear samples are 16-bit; μ-law works on their upper 14 bits (bias 33, clip 8159), A-law on their upper 13. A table of
65,536 codes for encoding and one of 256 samples for decoding make either direction about a microsecond per 20 ms.

What every frame of every call goes through (``ulaw_pcm``, ``power``) is audioop's, a tenth of that. It left the
standard library with Python 3.13 and goes on as the package audioop-lts.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

Pcm = NDArray[np.int16]

SILENCE = 0xFF
"""The μ-law code of zero."""
RATE = 8_000
FRAME_BYTES = 160
"""20 ms."""


def _ulaw_decode_table() -> Pcm:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    exponent, mantissa = code >> 4 & 7, code & 15
    magnitude = ((mantissa * 2 + 33) << exponent) - 33
    return (np.where(code & 0x80, -magnitude, magnitude) << 2).astype(np.int16)


def _ulaw_encode_table() -> NDArray[np.uint8]:
    linear = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 2
    negative = linear < 0
    magnitude = np.minimum(np.abs(linear), 8158) + 33
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    mantissa = magnitude >> (exponent + 1) & 15
    return (~(np.where(negative, 0x80, 0) | exponent << 4 | mantissa) & 0xFF).astype(np.uint8)


def _alaw_decode_table() -> Pcm:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    low = mantissa * 2 + 1
    magnitude = np.where(exponent == 0, low, (low + 32) << np.maximum(exponent - 1, 0))
    return (np.where(code & 0x80, magnitude, -magnitude) << 3).astype(np.int16)


def _alaw_encode_table() -> NDArray[np.uint8]:
    linear = np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 3
    negative = linear < 0
    magnitude = np.where(negative, ~linear, linear)
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    mantissa = magnitude >> np.maximum(exponent, 1) & 15
    return ((np.where(negative, 0, 0x80) | exponent << 4 | mantissa) ^ 0x55).astype(np.uint8)


_ULAW_TO_LINEAR = _ulaw_decode_table()
_LINEAR_TO_ULAW = _ulaw_encode_table()
_ALAW_TO_LINEAR = _alaw_decode_table()
_LINEAR_TO_ALAW = _alaw_encode_table()


def ulaw_decode(data: bytes) -> Pcm:
    """μ-law codes to 16-bit linear samples."""
    return _ULAW_TO_LINEAR[np.frombuffer(data, np.uint8)]


def ulaw_pcm(data: bytes) -> bytes:
    """μ-law codes to 16-bit linear samples, as bytes in the machine's order."""
    return audioop.ulaw2lin(data, 2)


def power(pcm: bytes) -> float:
    """Mean square power of 16-bit samples, the square of a whole number."""
    return float(audioop.rms(pcm, 2) ** 2)


def ulaw_encode(pcm: Pcm) -> bytes:
    """16-bit linear samples to μ-law codes."""
    return _LINEAR_TO_ULAW[pcm.view(np.uint16)].tobytes()


def alaw_decode(data: bytes) -> Pcm:
    """A-law codes to 16-bit linear samples."""
    return _ALAW_TO_LINEAR[np.frombuffer(data, np.uint8)]


def alaw_encode(pcm: Pcm) -> bytes:
    """16-bit linear samples to A-law codes."""
    return _LINEAR_TO_ALAW[pcm.view(np.uint16)].tobytes()


def as_pcm(data: bytes) -> Pcm:
    """16-bit little-endian bytes as samples."""
    samples: Pcm = np.frombuffer(data, "<i2").astype(np.int16)
    return samples
