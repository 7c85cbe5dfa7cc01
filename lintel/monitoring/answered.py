"""The answers that a model is judged by: of each lead the first in each cohort, from the service or a nightly run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lintel.events.columns import digest64
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.labels.definition import DIMENSIONS

Int64 = NDArray[np.int64]
Words = NDArray[np.str_]

MODEL_RUNGS = ("champion", "canary")
"""Rungs on which a model of the traffic table answers; the others are lesser."""
MODEL = "model"
LOGGED = ("lead_id", "as_of", "seq", "model_version", "model_digest", "served_by", "probabilities")
_MONDAY = 4 * MICROSECONDS_PER_DAY  # 1970-01-05


@dataclass(frozen=True, slots=True)
class Answered:
    """n answers. Times are UTC µs; a probability is NaN where a dimension has none."""

    lead_ids: Words
    as_of: Int64
    version: Int64  # -1 where none is registered
    digest: Words
    rung: Words  # MODEL, or the lesser rung
    of_service: NDArray[np.bool_]
    probabilities: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.lead_ids)

    def take(self, rows: NDArray[Any]) -> "Answered":
        plain = {one.name: getattr(self, one.name)[rows] for one in fields(self) if one.name != "probabilities"}
        return replace(self, **plain, probabilities={name: one[rows] for name, one in self.probabilities.items()})


def logged_answers(table: pa.Table) -> Answered:
    """Rows of the prediction log with the columns LOGGED."""
    rungs = np.array(table.column("served_by").to_pylist(), np.str_)
    versions = table.column("model_version").to_pylist()
    return Answered(
        np.array(table.column("lead_id").to_pylist(), np.str_),
        table.column("as_of").cast(pa.int64()).to_numpy(),
        np.array([-1 if one is None else one for one in versions], np.int64),
        np.array(table.column("model_digest").to_pylist(), np.str_),
        np.where(np.isin(rungs, MODEL_RUNGS), MODEL, rungs),
        np.ones(len(table), np.bool_),
        _by_dimension([dict(one) for one in table.column("probabilities").to_pylist()]),
    )


def nightly_answers(rows: Sequence[tuple[str, int, str, int | None, Mapping[str, float]]]) -> Answered:
    """Rows (lead, as_of in UTC µs, bundle digest, version, probabilities) of the table of scores."""
    return Answered(
        np.array([one[0] for one in rows], np.str_),
        np.array([one[1] for one in rows], np.int64),
        np.array([-1 if one[3] is None else one[3] for one in rows], np.int64),
        np.array([one[2] for one in rows], np.str_),
        np.full(len(rows), MODEL),
        np.zeros(len(rows), np.bool_),
        _by_dimension([one[4] for one in rows]),
    )


def joined_answers(logged: Answered, nightly: Answered) -> Answered:
    """Both, the service's first."""
    names = [one.name for one in fields(Answered) if one.name != "probabilities"]
    plain = {name: np.concatenate([getattr(logged, name), getattr(nightly, name)]) for name in names}
    both = {
        name: np.concatenate([logged.probabilities[name], nightly.probabilities[name]]) for name in logged.probabilities
    }
    return Answered(**plain, probabilities=both)


def first_of_cohorts(answers: Answered, days: int, most: int) -> Answered:
    """Of each lead, rung and cohort the first answer of the service, else of a nightly run; sorted by cohort and lead.

    A lead that two versions answered in one cohort counts for the one that answered first. Of a rung and cohort with
    more leads than `most`, so many are drawn by their ids: the same leads every time.
    """
    number = cohort_number(answers.as_of, days)
    order = np.lexsort((answers.as_of, ~answers.of_service, answers.lead_ids, number, answers.rung))
    ordered, number = answers.take(order), number[order]
    keys = list(zip(ordered.rung.tolist(), number.tolist(), ordered.lead_ids.tolist(), strict=True))
    first = np.array([row for row in range(len(keys)) if not row or keys[row] != keys[row - 1]], np.intp)
    ordered, number = ordered.take(first), number[first]
    drawn = np.array([digest64(lead) for lead in ordered.lead_ids.tolist()], np.int64)
    kept = [np.sort(rows[np.argsort(drawn[rows], kind="stable")[:most]]) for rows in _groups(ordered.rung, number)]
    return ordered.take(np.concatenate(kept) if kept else np.zeros(0, np.intp))


def cohort_number(as_of: Int64, days: int) -> Int64:
    """Cohorts of so many days; the first day of those of whole weeks is a Monday (UTC)."""
    return (as_of - _MONDAY) // (days * MICROSECONDS_PER_DAY)


def cohort_name(number: int, days: int) -> str:
    """ISO 8601 date of the cohort's first day."""
    return f"{from_microseconds(_MONDAY + number * days * MICROSECONDS_PER_DAY):%Y-%m-%d}"


def cohort_begin(moment: datetime, days: int) -> int:
    """UTC µs at which the cohort of a moment begins."""
    number = (to_microseconds(moment) - _MONDAY) // (days * MICROSECONDS_PER_DAY)
    return _MONDAY + number * days * MICROSECONDS_PER_DAY


def _groups(rung: Words, number: Int64) -> list[NDArray[np.intp]]:
    """Rows of each rung and cohort; both are sorted."""
    if not len(rung):
        return []
    edges = np.flatnonzero((rung[1:] != rung[:-1]) | (number[1:] != number[:-1])) + 1
    return np.split(np.arange(len(rung)), edges)


def _by_dimension(rows: Sequence[Mapping[str, float]]) -> dict[str, NDArray[np.float64]]:
    return {name: np.array([one.get(name, np.nan) for one in rows], np.float64) for name in DIMENSIONS}
