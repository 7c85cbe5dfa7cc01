"""What Whisper's encoder makes of a stretch of speech: mean and standard deviation of its states."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.settings import Settings
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.transcription.faster_whisper import FasterWhisper
from lintel.voice.transcription.weights import installed

MODEL = "base"
WINDOW_SECONDS = 6.0
"""The padded 30 s that Whisper was trained on would drown a sentence in silence, and cost five times as much."""
_WINDOW = round(WINDOW_SECONDS * SAMPLE_RATE)
_STATES = 512

WIDTH = 2 * _STATES
"""Numbers that stand for a clip."""

FEATURES = f"whisper-{MODEL}, {WINDOW_SECONDS:g} s, mean and deviation"
"""What a model was trained on, kept with it: it reads nothing else."""


class SpeechEncoder:
    """Clips to vectors. `model` is faster-whisper's own WhisperModel of the base weights."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @classmethod
    def load(cls, settings: Settings) -> "SpeechEncoder":
        """With the weights `base`. Raises NotFoundError where they are not installed."""
        return cls(FasterWhisper(installed(MODEL, settings.weights_folder), name=MODEL).bare)

    def vectors(self, clips: Sequence[Samples]) -> NDArray[np.float64]:
        """Shape (clips, WIDTH). A clip of more than six seconds is read in windows, and their vectors are averaged by
        how much of the clip each holds.

        Raises InputError for an empty clip.
        """
        return np.array([self._vector(clip) for clip in clips]).reshape(-1, WIDTH)

    def _vector(self, clip: Samples) -> NDArray[np.float64]:
        if not len(clip):
            raise InputError("A clip holds no sound.", mend="Leave it out.")
        windows = [clip[at : at + _WINDOW] for at in range(0, len(clip), _WINDOW)]
        states = [self._states(window) for window in windows]
        told = [np.concatenate([one.mean(axis=0), one.std(axis=0)]) for one in states]
        result: NDArray[np.float64] = np.average(told, axis=0, weights=[len(window) for window in windows])
        return result

    def _states(self, samples: Samples) -> NDArray[np.float64]:
        """Shape (300, 512)."""
        padded = np.zeros(_WINDOW, np.float32)
        padded[: len(samples)] = samples
        features = self._model.feature_extractor(padded, padding=0)
        return np.array(self._model.encode(features[None]), dtype=np.float64)[0]
