"""Recordings of any length: cut where nobody speaks, decoded in batches, guarded, and put back on the file's clock."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lintel.voice.activity.detector import Detector
from lintel.voice.activity.endpointing import detector as usual_detector
from lintel.voice.activity.endpointing import speech
from lintel.voice.audio.files import Recording
from lintel.voice.audio.samples import SAMPLE_RATE, Samples, seconds
from lintel.voice.transcript import Segment, Word
from lintel.voice.transcription.cuts import Cut, cuts, halves
from lintel.voice.transcription.engine import Engine, Hypothesis, Window
from lintel.voice.transcription.guards import LOOPS, accepted, refusal

PADDING_S = 0.5
"""Kept around speech: a detector hears a soft consonant late, and with 0.3 s one word in 200 more goes wrong."""
PAUSE_S = 0.7
"""Between two words, from which on they are of two segments: about where one speaks of a pause in a conversation."""
SENTENCE_PAUSE_S = 0.3
"""The same, after the end of a sentence."""
SHORTEST_HALVED_S = 6.0
_WINDOWS = 32
"""Decoded before progress is told; the engine makes its batches of them."""
_SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！")
_BLOCK = SAMPLE_RATE // 20
"""Samples of 50 ms, over which loudness is taken."""

Progress = Callable[[float], object]
"""Told how many seconds of audio were done since it was told last."""


def transcribe(
    recording: Recording,
    engine: Engine,
    *,
    language: str,
    beam_size: int = 5,
    detector: Callable[[], Detector] = usual_detector,
    progress: Progress = lambda _seconds: None,
) -> list[Segment]:
    """What was said, a recogniser a channel, segments by their beginnings on the file's clock.

    Parameters
    ----------
    detector: makes one for each channel.
    progress: told seconds of audio, pauses too, of all channels.

    Raises InputError for a language that the model lacks.
    """
    engine.decode([], language=language)  # refuses the language even where nobody speaks
    found: list[Segment] = []
    for number, samples in enumerate(recording.channels):
        channel = _Channel(number, samples, engine, language, beam_size)
        found += channel.segments(speech(samples, detector(), padding_s=PADDING_S), progress)
    return sorted(found, key=lambda segment: (segment.start, segment.channel))


@dataclass(frozen=True)
class _Channel:
    number: int
    samples: Samples
    engine: Engine
    language: str
    beam_size: int

    def segments(self, stretches: Sequence[tuple[float, float]], progress: Progress) -> list[Segment]:
        windows = cuts(stretches, self._quietest)
        found: list[Segment] = []
        done = 0.0
        for first in range(0, len(windows), _WINDOWS):
            some = windows[first : first + _WINDOWS]
            for words in self._heard(some):
                found += (Segment(self.number, one) for one in _split(words))
            progress(some[-1].end - done)
            done = some[-1].end
        progress(seconds(self.samples) - done)
        return found

    def _heard(self, windows: Sequence[Cut]) -> Iterator[tuple[Word, ...]]:
        """The words of each window. One in which the decoder went round in circles is halved and heard once more."""
        for cut, hypothesis in self._decoded(windows):
            if cut.seconds >= SHORTEST_HALVED_S and refusal(hypothesis, seconds=cut.seconds) in LOOPS:
                for half, again in self._decoded(halves(cut, self._quietest)):
                    yield _placed(half, again)
            else:
                yield _placed(cut, hypothesis)

    def _decoded(self, windows: Sequence[Cut]) -> Iterator[tuple[Cut, Hypothesis]]:
        cut_out = [Window(self._between(cut.start, cut.end)) for cut in windows]
        heard = self.engine.decode(cut_out, language=self.language, beam_size=self.beam_size)
        return zip(windows, heard, strict=True)

    def _between(self, start: float, end: float) -> Samples:
        return self.samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]

    def _quietest(self, start: float, end: float) -> float:
        """The middle of the quietest 50 ms."""
        heard = self._between(start, end)
        blocks = heard[: len(heard) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
        return start + (int(np.argmin(np.square(blocks).sum(axis=1))) + 0.5) * _BLOCK / SAMPLE_RATE


def _placed(cut: Cut, hypothesis: Hypothesis) -> tuple[Word, ...]:
    """The words that the guards leave, on the channel's clock."""
    words = accepted(hypothesis, seconds=cut.seconds)
    return tuple(replace(word, start=word.start + cut.start, end=word.end + cut.start) for word in words)


def _split(words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    """The words between one pause and the next."""
    first = 0
    for at in range(1, len(words)):
        pause = SENTENCE_PAUSE_S if words[at - 1].text.endswith(_SENTENCE_ENDS) else PAUSE_S
        if words[at].start - words[at - 1].end >= pause:
            yield words[first:at]
            first = at
    if words:
        yield words[first:]
