"""Whether the scores that callers got, week by week, are still spread like those that the model was judged on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.monitoring.answered import Answered, cohort_name, cohort_number
from lintel.monitoring.drift.binned import binned, joined
from lintel.monitoring.drift.bins import Bins
from lintel.monitoring.drift.decision import FEATURE_DISTANCE, Family, judged
from lintel.monitoring.drift.reference import Profile

Json = dict[str, Any]
Cell = tuple[str, int, NDArray[np.float64]]

WEEK = 7  # days


def served_drift(reference: Profile, answers: Answered) -> Json:
    """By dimension and week (its Monday, UTC): leads, distance, whether it has moved; weeks of two leads at least.

    All dimensions and weeks are judged together, at the level of one family. Whoever asks chooses the leads, so that a
    move here is no alarm by itself: the forecasts of all decision points say whether it is more than their choice.

    Parameters
    ----------
    reference: forecasts of the decision points that the model was judged on, a column a dimension.
    answers: the first answer of each lead in each week, by the model that the reference is of.
    """
    cells = _cells(reference, answers)
    found: Json = {}
    if not cells:
        return found
    family = _judged(reference, cells)
    for place, (name, week, values) in enumerate(cells):
        found.setdefault(name, {})[cohort_name(week, WEEK)] = {"leads": len(values)} | _told(family, place)
    return found


def served_sentences(served: Mapping[str, Mapping[str, Json]]) -> list[str]:
    """What is to be said of the newest week: nothing where nothing has moved."""
    newest = max((week for weeks in served.values() for week in weeks), default="")
    return [
        f"Answers of {name} in the week of {newest} have moved (distance {weeks[newest]['distance']:.2f}, higher than "
        f"before in {weeks[newest]['higher']:.0%} of pairs)."
        for name, weeks in served.items()
        if newest in weeks and weeks[newest]["moved"]
    ]


def _cells(reference: Profile, answers: Answered) -> list[Cell]:
    """Every dimension and week with what its leads were told."""
    number = cohort_number(answers.as_of, WEEK)
    every = (
        (name, week, told[(number == week) & ~np.isnan(told)])
        for name in reference.bins.names
        for told in [answers.probabilities[name]]
        for week in np.unique(number).tolist()
    )
    return [one for one in every if len(one[2]) > 1]


def _judged(reference: Profile, cells: Sequence[Cell]) -> Family:
    place = [reference.bins.names.index(name) for name, _, _ in cells]
    samples = [
        binned(Bins((name,), (reference.bins.cuts[column],)), [values.astype(np.float32)], np.arange(len(values)))
        for column, (name, _, values) in zip(place, cells, strict=True)
    ]
    before, now = reference.sample.take(place), joined(samples)
    width = max(before.share.shape[1], now.share.shape[1])
    names = [name for name, _, _ in cells]
    return judged(names, before.widened(width), now.widened(width), distance=FEATURE_DISTANCE)


def _told(family: Family, place: int) -> Json:
    compared = family.compared
    return {
        "moved": bool(family.moved[place]),
        "distance": round(float(compared.distance[place]), 4),
        "p_adjusted": float(family.adjusted[place]),
        "higher": round(float(compared.higher[place]), 4),
    }
