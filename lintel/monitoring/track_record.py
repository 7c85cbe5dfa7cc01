"""A tenant's answers of the last cohorts with what became of their leads, from the stores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import expit, logit

from lintel.events.columns import Queries
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.events.timezones import MICROSECONDS_PER_DAY, utc_offsets
from lintel.home import Home
from lintel.labels.definition import load_label_set
from lintel.labels.outcomes import Outcome
from lintel.monitoring.answered import (
    LOGGED,
    MODEL,
    Answered,
    cohort_begin,
    cohort_name,
    cohort_number,
    first_of_cohorts,
    joined_answers,
    logged_answers,
    nightly_answers,
)
from lintel.monitoring.bundles import bundles_here
from lintel.monitoring.performance import CohortAnswers
from lintel.rollouts.rescoring import Questions, labels_of
from lintel.scoring.bundle import Bundle
from lintel.scoring.dimension import LEVEL, Dimension
from lintel.store.log import TenantLog

COHORT_DAYS = 7
COHORTS = 12
"""Cohorts that are looked at, the newest last."""
MOST_LEADS = 2_000
"""Leads of a cohort and rung; of more, so many are drawn."""
_MOST_DRAWS = 100
_LEAST = 1e-9
Float64 = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """Cohorts of answers with their outcomes, and which answers are in none and why."""

    cohorts: list[CohortAnswers]
    days: int
    left_out: dict[str, int] = field(default_factory=dict)
    rungs: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Doubted:
    """What a bundle says of n rows today."""

    dimension: Dimension
    margins: Float64  # (n, M)


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Interval and draws of probabilities, moved to what was told then."""

    low: Float64  # (n,), NaN where not known
    high: Float64
    draws: Float64 | None = None  # (B, n)

    @classmethod
    def of(cls, doubted: _Doubted | None, rows: Rows, told: Float64) -> "_Doubt":
        if doubted is None:
            return cls(np.full(len(rows), np.nan), np.full(len(rows), np.nan))
        margins, calibrated = doubted.margins[rows], doubted.dimension.calibrated
        centre = calibrated.log_odds(margins)
        low, high = calibrated.interval(margins, LEVEL, centre=centre)
        moved = _log_odds(told) - centre
        drawn = calibrated.drawn_log_odds(margins)[:, :_MOST_DRAWS] + moved[:, None]
        return cls(expit(_log_odds(low) + moved), expit(_log_odds(high) + moved), expit(drawn.T))


def track_record(home: Home, tenant: str, *, now: datetime, days: int = COHORT_DAYS) -> TrackRecord:
    """What became of the answers of the last cohorts of `days` days, by as-of time.

    Raises InputError if the tenant has no events, NotFoundError for no such tenant or label set.
    """
    log = home.log(tenant, now=now)
    begin = cohort_begin(log.as_of, days) - (COHORTS - 1) * days * MICROSECONDS_PER_DAY
    found = first_of_cohorts(_answers(home, tenant, begin, days, now), days, MOST_LEADS)
    position = _positions(found, log)
    bundles = bundles_here(home.settings.bundles_path, found.digest.tolist())
    learnt = np.array([_learnt_until(bundles.get(one)) for one in found.digest.tolist()], np.int64)
    gone, past = position < 0, found.as_of < learnt
    rows = np.flatnonzero(~gone & ~past)
    rows = rows[np.lexsort((found.as_of[rows], position[rows]))]
    answers = found.take(rows)
    queries = Queries(position[rows].astype(np.int32), answers.as_of)
    rungs, counts = np.unique(answers.rung, return_counts=True)
    return TrackRecord(
        list(_cohorts(log, answers, queries, bundles, days)),
        days,
        {"lead_merged_or_erased": int(gone.sum()), "the_model_had_learnt_from_it": int((past & ~gone).sum())},
        dict(zip(rungs.tolist(), counts.tolist(), strict=True)),
    )


def served_answers(home: Home, tenant: str, *, begin: int, days: int, now: datetime) -> Answered:
    """The service's answers as of `begin` (UTC µs) and later: of each lead and rung the first in each cohort."""
    found = nightly_answers([])
    for part in _logged(home, tenant, begin, days, now):
        found = joined_answers(part, found)
    return first_of_cohorts(found.take(found.as_of >= begin), days, MOST_LEADS)


def _answers(home: Home, tenant: str, begin: int, days: int, now: datetime) -> Answered:
    """Of the service and of nightly runs, thinned to what can be the first of its cohort."""
    parts = list(_logged(home, tenant, begin, days, now))
    nightly = home.scores.firsts(tenant, since=begin, width=days * MICROSECONDS_PER_DAY)
    answers = nightly_answers(nightly)
    for part in parts:
        answers = joined_answers(part, answers)
    return answers.take(answers.as_of >= begin)


def _logged(home: Home, tenant: str, begin: int, days: int, now: datetime) -> Iterator[Answered]:
    return (logged_answers(_firsts(page, days)) for page in _pages(home, tenant, begin, now))


def _pages(home: Home, tenant: str, begin: int, now: datetime) -> Iterator[pa.Table]:
    """The prediction log day by day: no more than a day's answers are in memory."""
    day = from_microseconds(begin).replace(hour=0, minute=0, second=0, microsecond=0)
    first = max(day, now - timedelta(days=home.settings.prediction_log_days + 1))  # answers lie after what they are of
    while first <= now:
        page = home.predictions.read(tenant, first, first + timedelta(days=1), columns=LOGGED)
        if len(page):
            yield page
        first += timedelta(days=1)


def _firsts(page: pa.Table, days: int) -> pa.Table:
    """The first answer of each lead, rung and cohort."""
    lead, rung = (
        page.column(name).combine_chunks().dictionary_encode().indices.to_numpy()
        if not pa.types.is_dictionary(page.schema.field(name).type)
        else page.column(name).combine_chunks().indices.to_numpy()
        for name in ("lead_id", "served_by")
    )
    as_of = page.column("as_of").cast(pa.int64()).to_numpy()
    number = cohort_number(as_of, days)
    order = np.lexsort((as_of, number, rung, lead))
    keys = np.stack([lead[order], rung[order], number[order]])
    first = np.concatenate(([True], (np.diff(keys, axis=1) != 0).any(axis=0)))
    return page.take(pa.array(order[first]))


def _positions(answers: Answered, log: TenantLog) -> NDArray[np.intp]:
    """(n,) the code of each lead in the log, -1 where it is none any more."""
    leads = np.array(log.lead_ids, np.str_)
    place = np.minimum(np.searchsorted(leads, answers.lead_ids), len(leads) - 1)
    return np.where(leads[place] == answers.lead_ids, place, -1)


def _learnt_until(bundle: Bundle | None) -> int:
    return 0 if bundle is None else to_microseconds(datetime.fromisoformat(bundle.manifest.known_until))


def _cohorts(
    log: TenantLog, answers: Answered, queries: Queries, bundles: dict[str, Bundle], days: int
) -> Iterator[CohortAnswers]:
    if not len(answers):
        return
    lead_ids = tuple(answers.lead_ids.tolist())
    questions = Questions(lead_ids, queries, log.columns, log.columns, log.context)
    outcomes = labels_of(questions, load_label_set(log.tenant.labels), log.end)
    number = cohort_number(answers.as_of, days)
    for rows in _groups(answers, number):
        told = answers.take(rows)
        bundle = bundles.get(str(told.digest[0])) if told.rung[0] == MODEL else None
        doubted = {} if bundle is None else _doubted(bundle, log, questions, rows)
        for name, outcome in outcomes.items():
            kept = np.flatnonzero(~np.isnan(told.probabilities[name]))
            if len(kept):
                cohort = cohort_name(int(number[rows[0]]), days)
                doubt = _Doubt.of(doubted.get(name), kept, told.probabilities[name][kept])
                yield _cohort(cohort, name, told.take(kept), outcome.take(rows[kept]), doubt)


def _groups(answers: Answered, number: NDArray[np.int64]) -> Sequence[Rows]:
    """Rows of one digest, rung and cohort each; those of the oldest cohorts first."""
    digests, digest = np.unique(answers.digest, return_inverse=True)
    rungs, rung = np.unique(answers.rung, return_inverse=True)
    key = (number * len(digests) + digest) * len(rungs) + rung
    return [np.flatnonzero(key == one) for one in np.unique(key)]


def _doubted(bundle: Bundle, log: TenantLog, asked: Questions, rows: Rows) -> dict[str, _Doubted]:
    queries = Queries(asked.queries.lead[rows], asked.queries.as_of[rows])
    inputs = bundle.scorer.score(log.columns, queries, utc_offsets(log.tenant.time_zone), log.context).inputs
    return {name: _Doubted(one, one.margins(inputs)) for name, one in bundle.scorer.ready.items()}


def _cohort(cohort: str, name: str, told: Answered, outcome: Outcome, doubt: _Doubt) -> CohortAnswers:
    return CohortAnswers(
        version=None if told.version[0] < 0 else int(told.version[0]),
        dimension=name,
        cohort=cohort,
        rung=str(told.rung[0]),
        probability=told.probabilities[name],
        low=doubt.low,
        high=doubt.high,
        status=outcome.status,
        doubt=doubt.draws,
        of_service=int(told.of_service.sum()),
    )


def _log_odds(probability: Float64) -> Float64:
    return np.asarray(logit(np.clip(probability, _LEAST, 1.0 - _LEAST)), np.float64)
