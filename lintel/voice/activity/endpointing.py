"""Where speech begins and ends, from the probabilities of its frames. Pure: no clock but the frames themselves."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError, NotFoundError
from lintel.voice.activity.detector import FRAME, Detector
from lintel.voice.activity.energy import EnergyDetector
from lintel.voice.activity.silero import SileroDetector
from lintel.voice.audio.samples import SAMPLE_RATE, Samples, minutes, seconds

FRAME_S = FRAME / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """`at` is the beginning of the first frame of speech, in seconds of the stream."""

    at: float


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """`at` is the end of the last frame of speech, in seconds of the stream."""

    at: float


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """When a stretch of speech begins and ends.

    A frame is voiced from `onset` probability on, and after a voiced one from `offset` on. Speech starts with a run of
    voiced frames of `shortest_speech_s`; it ends with a run of others of `hangover_s`. The defaults were chosen by
    `python -m benchmarks.voice_activity`; docs/voice_audio.md says why.
    """

    onset: float = 0.3
    offset: float = 0.15
    shortest_speech_s: float = 0.064
    hangover_s: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.offset <= self.onset <= 1:
            raise InputError("`offset` and `onset` must ascend within 0..1.", mend="Set onset=0.3, offset=0.15.")
        if not (self.shortest_speech_s > 0 and self.hangover_s > 0):
            raise InputError("Lengths of speech and hangover must be above 0.", mend="Leave them out.")


USUAL = EndpointSettings()
PADDING_S = 0.2
"""Words begin more softly than a detector hears: with so much before and after, half as many are lost."""


class Endpointer:
    """One channel's stream. What it tells does not depend on the pieces in which the probabilities come; a start is
    told `shortest_speech_s` after it happened, an end `hangover_s` after it."""

    def __init__(self, settings: EndpointSettings = USUAL) -> None:
        self._settings = settings
        self._start_run = _frames(settings.shortest_speech_s)
        self._end_run = _frames(settings.hangover_s)
        self._at = 0
        self._voiced = False
        self._run = 0
        self.speaking = False

    def feed(self, probabilities: NDArray[np.floating]) -> list[SpeechStarted | SpeechEnded]:
        """The events that one more probability a frame bring, in order; starts and ends alternate."""
        events = (self._frame(float(probability)) for probability in probabilities)
        return [event for event in events if event is not None]

    def flush(self) -> list[SpeechEnded]:
        """The stream is over: the end of speech that nothing more will follow, if there is one."""
        if not self.speaking:
            return []
        silent = 0 if self._voiced else self._run
        self.speaking = False
        return [SpeechEnded((self._at - silent) * FRAME_S)]

    def _frame(self, probability: float) -> SpeechStarted | SpeechEnded | None:
        voiced = probability >= (self._settings.offset if self._voiced else self._settings.onset)
        self._run = self._run + 1 if voiced == self._voiced else 1
        self._voiced = voiced
        self._at += 1
        if voiced and not self.speaking and self._run >= self._start_run:
            self.speaking = True
            return SpeechStarted((self._at - self._run) * FRAME_S)
        if not voiced and self.speaking and self._run >= self._end_run:
            self.speaking = False
            return SpeechEnded((self._at - self._run) * FRAME_S)
        return None


def speech(
    samples: Samples,
    detector: Detector,
    settings: EndpointSettings = USUAL,
    *,
    padding_s: float = PADDING_S,
) -> list[tuple[float, float]]:
    """Start and end of each stretch of speech in a whole channel, ascending, disjoint, in seconds.

    The detector is reset first. `padding_s` is added before and after each stretch, as far as the channel and half of
    the pause to its neighbour reach.
    """
    detector.reset()
    endpointer = Endpointer(settings)
    events = [event for minute in minutes(samples) for event in endpointer.feed(detector.probabilities(minute))]
    events += endpointer.flush()
    stretches = [(start.at, end.at) for start, end in zip(events[::2], events[1::2], strict=True)]
    return _padded(stretches, padding_s, seconds(samples))


def detector() -> Detector:
    """A new stream's detector: Silero's where it is installed, else the one by energy."""
    try:
        return SileroDetector()
    except (ImportError, NotFoundError):
        return EnergyDetector()


def _padded(stretches: list[tuple[float, float]], padding_s: float, length_s: float) -> list[tuple[float, float]]:
    """Each stretch grown on both sides, up to the middle of a pause."""
    middles = [(one[1] + other[0]) / 2 for one, other in pairwise(stretches)]
    lows, highs = [0.0, *middles], [*middles, length_s]
    grown = ((start - padding_s, end + padding_s) for start, end in stretches)
    return [(max(start, low), min(end, high)) for (start, end), low, high in zip(grown, lows, highs, strict=False)]


def _frames(length_s: float) -> int:
    """Whole frames that a length needs, at least one."""
    return max(1, int(np.ceil(length_s / FRAME_S - 1e-9)))
