"""Diarization error rate: how much of the speech is missed, heard where there is none, or given to another speaker.

As NIST's Rich Transcription evaluations define it (Fiscus et al. 2006): speakers are matched one to one so that the
time they share is longest, and every stretch of time counts as often as speakers talk in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.voice.speakers.stretch import Stretch


@dataclass(frozen=True, slots=True)
class Errors:
    """Seconds, each times the number of speakers concerned."""

    missed: float
    false_alarm: float
    confused: float
    speech: float
    """Of the reference: the denominator."""

    @property
    def rate(self) -> float:
        """0 where all is right; may exceed 1. Without any speech in the reference: 0, or infinite with false alarms."""
        wrong = self.missed + self.false_alarm + self.confused
        return wrong / self.speech if self.speech else (float("inf") if wrong else 0.0)

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(
            self.missed + other.missed,
            self.false_alarm + other.false_alarm,
            self.confused + other.confused,
            self.speech + other.speech,
        )


def diarization_errors(
    reference: Sequence[Stretch], found: Sequence[Stretch], *, collar_s: float = 0.0, overlap: bool = True
) -> Errors:
    """Errors of `found` against `reference`.

    `collar_s` before and after each boundary of the reference is not counted; without `overlap`, neither is time in
    which the reference has several speakers.
    """
    cells, true, guessed = _cells(reference, found, collar_s)
    lengths = np.where(_counted(cells, reference, true, collar_s, overlap=overlap), np.diff(cells), 0.0)
    speaking, heard = true.sum(axis=0), guessed.sum(axis=0)
    right = _matched(true, guessed, lengths)
    return Errors(
        missed=float(lengths @ np.maximum(speaking - heard, 0)),
        false_alarm=float(lengths @ np.maximum(heard - speaking, 0)),
        confused=max(0.0, float(lengths @ np.minimum(speaking, heard)) - right),
        speech=float(lengths @ speaking),
    )


def _cells(
    reference: Sequence[Stretch], found: Sequence[Stretch], collar_s: float
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Borders of cells in which nothing changes, and who speaks in each, shape (speakers, cells)."""
    borders = {time for one in (*reference, *found) for time in (one.start, one.end)}
    borders |= {edge + side for one in reference for edge in (one.start, one.end) for side in (-collar_s, collar_s)}
    cells = np.array(sorted(borders))
    return cells, _speaking(cells, reference), _speaking(cells, found)


def _speaking(cells: NDArray[np.float64], stretches: Sequence[Stretch]) -> NDArray[np.int64]:
    speakers = sorted({one.speaker for one in stretches})
    speaking = np.zeros((len(speakers), max(0, len(cells) - 1)), np.int64)
    for one in stretches:
        first, last = np.searchsorted(cells, (one.start, one.end))
        speaking[speakers.index(one.speaker), first:last] = 1
    return speaking


def _counted(
    cells: NDArray[np.float64],
    reference: Sequence[Stretch],
    true: NDArray[np.int64],
    collar_s: float,
    *,
    overlap: bool,
) -> NDArray[np.bool_]:
    counted = np.ones(max(0, len(cells) - 1), bool)
    for edge in {time for one in reference for time in (one.start, one.end)} if collar_s else ():
        first, last = np.searchsorted(cells, (edge - collar_s, edge + collar_s))
        counted[first:last] = False
    return counted if overlap else counted & (true.sum(axis=0) <= 1)


def _matched(true: NDArray[np.int64], guessed: NDArray[np.int64], lengths: NDArray[np.float64]) -> float:
    """Seconds shared by matched speakers, at the best matching."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - half a second

    shared = (true * lengths) @ guessed.T
    return float(shared[linear_sum_assignment(shared, maximize=True)].sum())
