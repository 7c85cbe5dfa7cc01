"""Who spoke when in a recording of one channel. Where a call's legs are apart, its channels say it, and better."""

from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.voice.activity.detector import Detector
from lintel.voice.activity.endpointing import USUAL, speech
from lintel.voice.audio.level import raised
from lintel.voice.audio.samples import Samples
from lintel.voice.speakers.clustering import speakers_among, turns
from lintel.voice.speakers.encoder import WINDOW_S
from lintel.voice.speakers.stretch import Stretch

MOST_SPEAKERS = 10
_CELL_S = 0.25
"""Each cell of speech gets the voice of the 1.6 s around it."""
_ACTIVITY, _PADDING_S = replace(USUAL, onset=0.2, offset=0.12, hangover_s=0.5), 0.1
"""More willing than for transcription: people far from the microphone are soft, and no word is made up here."""
_LEVEL_DB = -26.0
"""Of full scale, for the whole channel."""


class Encoder(Protocol):
    """`lintel.voice.speakers.encoder.SpeakerEncoder`, or what a test puts in its place."""

    def embed(self, samples: Samples, starts_s: NDArray[np.float64]) -> NDArray[np.float32]:
        """Unit vectors of the windows of 1.6 s that begin at `starts_s`."""
        ...


def diarize(samples: Samples, encoder: Encoder, detector: Detector, *, speakers: int | None = None) -> list[Stretch]:
    """Stretches of speech of a whole channel, ascending and disjoint, each of one speaker (`speaker-1` is who spoke
    first). Where several talk at once, the voice that prevails has the stretch.

    `speakers` is how many there are at most; None to estimate it, which fails more often: say 2 for a call.

    Raises InputError for a number of speakers outside 1-10.
    """
    if speakers is not None and not 1 <= speakers <= MOST_SPEAKERS:
        raise InputError(f"{speakers} speakers are not possible.", mend=f"Give 1 to {MOST_SPEAKERS}, or none.")
    loud = raised(samples, _LEVEL_DB)
    heard = speech(loud, detector, _ACTIVITY, padding_s=_PADDING_S)
    cells = np.array([cell for stretch in heard for cell in _cells(*stretch)]).reshape(-1, 2)
    if not len(cells):
        return []
    vectors = encoder.embed(loud, np.maximum(0.0, cells.mean(axis=1) - WINDOW_S / 2))
    labels = turns(vectors, speakers or min(speakers_among(vectors), MOST_SPEAKERS))
    return _joined(cells, labels)


def _cells(start: float, end: float) -> NDArray[np.float64]:
    """A stretch in equal cells of about CELL_S, shape (cells, 2)."""
    borders = np.linspace(start, end, max(1, round((end - start) / _CELL_S)) + 1)
    return np.stack((borders[:-1], borders[1:]), axis=1)


def _joined(cells: NDArray[np.float64], labels: NDArray[np.int64]) -> list[Stretch]:
    """Neighbouring cells of the same speaker that touch, as one."""
    new = np.ones(len(cells), bool)
    new[1:] = (labels[1:] != labels[:-1]) | (cells[1:, 0] > cells[:-1, 1] + 1e-9)
    firsts = np.flatnonzero(new)
    lasts = np.append(firsts[1:], len(cells)) - 1
    return [
        Stretch(float(cells[first, 0]), float(cells[last, 1]), f"speaker-{labels[first] + 1}")
        for first, last in zip(firsts, lasts, strict=True)
    ]
