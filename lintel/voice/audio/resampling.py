"""Any sample rate to 16 kHz, as the samples come."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.voice.audio.samples import SAMPLE_RATE, Samples

LOWEST_RATE, HIGHEST_RATE = 1_000, 384_000
"""Hz. Beyond these a rate is a broken header, not a recording."""

_FULL_SCALE_16 = np.float32(32_768)


class Resampler:
    """One channel's stream at `rate` Hz to 16 kHz, by libsoxr's linear-phase filter.

    The pieces together are what the whole would give, with no delay in it: sample n of the output is at n / 16,000 s of
    the input. What the filter still needs later input for is held back, until `flush` at the latest: up to 0.12 s at
    8 kHz, 0.04 s at 48 kHz.
    """

    def __init__(self, rate: int) -> None:
        """Raises InputError for a rate outside 1-384 kHz."""
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise InputError(
                f"A sample rate of {rate} Hz is outside {LOWEST_RATE}-{HIGHEST_RATE} Hz.",
                mend="Record speech at 8,000, 16,000 or 48,000 Hz.",
            )
        self.rate = rate
        self._stream = _stream(rate) if rate != SAMPLE_RATE else None

    def push(self, samples: NDArray[np.float32] | NDArray[np.int16]) -> Samples:
        """What is complete now, perhaps nothing. int16 is taken as -32768..32767; float32 is to be finite, and what
        lies outside -1..1 after filtering is clipped."""
        return self._clipped(_scaled(samples), last=False)

    def flush(self) -> Samples:
        """What was held back. The next push begins a new stream."""
        rest = self._clipped(np.zeros(0, np.float32), last=True)
        if self._stream is not None:
            self._stream.clear()
        return rest

    @property
    def held_s(self) -> float:
        """Seconds of audio held back now."""
        return self._stream.delay() / SAMPLE_RATE if self._stream is not None else 0.0

    def _clipped(self, samples: NDArray[np.float32], *, last: bool) -> Samples:
        resampled = samples if self._stream is None else self._stream.resample_chunk(samples, last=last)
        return np.clip(resampled, -1.0, 1.0)


def _stream(rate: int) -> Any:
    from soxr import ResampleStream  # noqa: PLC0415 - belongs to the voice extra

    return ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")


def _scaled(samples: NDArray[np.float32] | NDArray[np.int16]) -> NDArray[np.float32]:
    scale = _FULL_SCALE_16 if samples.dtype == np.int16 else np.float32(1)
    return np.ascontiguousarray(samples, np.float32) / scale
