"""A stream of samples cut into frames, whatever the pieces in which it comes."""

import numpy as np
from numpy.typing import NDArray

from lintel.voice.activity.detector import FRAME
from lintel.voice.audio.samples import Samples


class Frames:
    """Holds back what does not fill a frame yet."""

    def __init__(self) -> None:
        self._rest: Samples = np.zeros(0, np.float32)

    def take(self, samples: Samples) -> NDArray[np.float32]:
        """The frames that are complete now, shape (frames, FRAME)."""
        held = np.concatenate((self._rest, np.asarray(samples, np.float32)))
        count = len(held) // FRAME
        self._rest = held[count * FRAME :]
        return held[: count * FRAME].reshape(count, FRAME)
