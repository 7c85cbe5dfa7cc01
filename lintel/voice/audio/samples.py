"""The one form in which audio is passed around: mono float32 samples in -1..1 at 16 kHz, a channel an array."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Hz. What Whisper and Silero were trained on."""

Samples = NDArray[np.float32]
"""Shape (samples,), finite, within -1..1."""


def seconds(samples: Samples) -> float:
    return len(samples) / SAMPLE_RATE


def minutes(samples: Samples) -> Iterator[Samples]:
    """A minute after the other, without a copy: hours of sound are looked at in the memory of one."""
    step = 60 * SAMPLE_RATE
    return (samples[at : at + step] for at in range(0, len(samples), step))
