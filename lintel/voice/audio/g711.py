"""G.711, the coding of telephone lines: one byte a sample at 8 kHz, its steps growing with loudness.

Tables built once from ITU-T G.711 (11/88), tables 1 and 2: mu-law of North America and Japan on 14-bit samples, A-law
of the rest of the world on 13-bit samples, both in the upper bits of int16. An encoder gives the code whose interval
holds the sample; a negative sample is coded as its one's complement, as in the standard's reference programs (G.191).
"""

import numpy as np
from numpy.typing import NDArray

_CODES = np.arange(256)
_SAMPLES = np.arange(-32768, 32768)
_MU_BIAS = 33
_MU_LARGEST = 8158
_A_TOGGLED = 0x55


def decode_mu_law(code: bytes) -> NDArray[np.int16]:
    """One sample a byte, shape (len(code),), within +-32,124."""
    return _MU_DECODED[np.frombuffer(code, np.uint8)]


def encode_mu_law(samples: NDArray[np.int16]) -> bytes:
    """One byte a sample; louder than +-32,635 is clipped."""
    return _MU_ENCODED[samples.astype(np.int32) + 32768].tobytes()


def decode_a_law(code: bytes) -> NDArray[np.int16]:
    """One sample a byte, shape (len(code),), within +-32,256."""
    return _A_DECODED[np.frombuffer(code, np.uint8)]


def encode_a_law(samples: NDArray[np.int16]) -> bytes:
    """One byte a sample."""
    return _A_ENCODED[samples.astype(np.int32) + 32768].tobytes()


def _mu_decoded() -> NDArray[np.int16]:
    inverted = ~_CODES & 0xFF
    segment, interval = inverted >> 4 & 7, inverted & 15
    magnitude = (((2 * interval + _MU_BIAS) << segment) - _MU_BIAS) << 2
    return np.where(inverted & 0x80, -magnitude, magnitude).astype(np.int16)


def _mu_encoded() -> NDArray[np.uint8]:
    biased = np.minimum(_magnitude() >> 2, _MU_LARGEST) + _MU_BIAS
    segment = _bit_length(biased >> 6)
    interval = biased >> (segment + 1) & 15
    return (~(segment << 4 | interval | _negative(0x80)) & 0xFF).astype(np.uint8)


def _a_decoded() -> NDArray[np.int16]:
    plain = _CODES ^ _A_TOGGLED
    segment, interval = plain >> 4 & 7, plain & 15
    leading = np.where(segment > 0, 33, 1)
    magnitude = (2 * interval + leading) << np.maximum(segment - 1, 0) << 3
    return np.where(plain & 0x80, magnitude, -magnitude).astype(np.int16)


def _a_encoded() -> NDArray[np.uint8]:
    magnitude = _magnitude() >> 4
    segment = _bit_length(magnitude >> 5) + (magnitude >= 16)
    interval = magnitude >> np.maximum(segment - 1, 0) & 15
    return ((segment << 4 | interval | (0x80 - _negative(0x80))) ^ _A_TOGGLED).astype(np.uint8)


def _magnitude() -> NDArray[np.int64]:
    return np.where(_SAMPLES < 0, ~_SAMPLES, _SAMPLES)


def _negative(bit: int) -> NDArray[np.int64]:
    return np.where(_SAMPLES < 0, bit, 0)


def _bit_length(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.frexp(values.astype(float))[1].astype(np.int64)


_MU_DECODED, _MU_ENCODED = _mu_decoded(), _mu_encoded()
_A_DECODED, _A_ENCODED = _a_decoded(), _a_encoded()
