"""The one form in which audio is passed around: mono float32 samples in -1..1 at 16 kHz, a channel an array."""

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Hz. What Whisper and Silero were trained on."""

Samples = NDArray[np.float32]
"""Shape (samples,), finite, within -1..1."""


def seconds(samples: Samples) -> float:
    return len(samples) / SAMPLE_RATE
