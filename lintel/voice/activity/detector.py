"""What a detector of voice is: a stream of samples in, one probability of speech a frame out."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lintel.voice.audio.samples import Samples

FRAME = 512
"""Samples of a frame: 32 ms, what Silero takes."""


class Detector(Protocol):
    """Keeps the state of one channel."""

    def probabilities(self, samples: Samples) -> NDArray[np.float32]:
        """One value in 0..1 for each frame that is complete now; what is left over waits for the next call."""
        ...

    def reset(self) -> None:
        """Forget the channel's past: the next sample begins a new stream."""
        ...
