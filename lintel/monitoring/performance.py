"""How well a model did on the answers of a cohort whose outcomes are known, and whether that is less than it promised.

The yardstick of an alarm is what the validated probabilities promise for these very leads (`cbpe`), not the figure of
the validation fold itself: another mix of leads has another AUC and another log loss without any fault of the model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from lintel.labels.outcomes import Status
from lintel.monitoring.cbpe import FIGURES, expected_performance, realised_figures, simulated_figures
from lintel.monitoring.drift.multiplicity import benjamini_yekutieli
from lintel.scoring.coverage import Forecast, interval_coverage
from lintel.scoring.reliability import calibrated_error_band, expected_calibration_error, reliability_curve
from lintel.scoring.resampling import lead_draws

Float64 = NDArray[np.float64]
Json = dict[str, Any]

FALSE_ALARM = 0.01
"""Probability that a run alarms where every probability is right, over all dimensions, cohorts and figures."""
LEAST_LEADS, LEAST_PER_CLASS = 100, 20
"""Matured leads of a cohort, and of the rarer outcome among them, below which no figure is told."""
LEAST_LOSS = {"auc": 0.02, "log_loss": 0.01, "base_rate": 0.03}
"""How far a figure must be from what was promised to matter, however sure it is."""
LEVEL = 0.95
_RESAMPLED = 200
_NAMES = {"auc": "AUC", "log_loss": "log loss", "base_rate": "share of yes"}


@dataclass(frozen=True, slots=True)
class CohortAnswers:
    """Answers of one version, in one dimension and one cohort: n leads, each with its first answer.

    `low` and `high` are the ends of the 90 % interval, NaN where it is not known; `doubt`, (B, n), are draws of the
    probabilities, None where the bundle is not here. `rung` is "model", or the lesser rung that answered.
    """

    version: int | None
    dimension: str
    cohort: str  # ISO date of its first day
    rung: str
    probability: Float64
    low: Float64
    high: Float64
    status: NDArray[np.int8]  # Status
    doubt: Float64 | None = None
    of_service: int = 0  # how many of the n were answered by the service; the others by a nightly run


@dataclass(frozen=True, slots=True)
class Shortfall:
    """How far a figure of a cohort is from what was promised, and how likely as much is by chance."""

    version: int | None
    dimension: str
    cohort: str
    figure: str
    realised: float
    promised: float
    p_value: float

    @property
    def matters(self) -> bool:
        return abs(self.realised - self.promised) >= LEAST_LOSS[self.figure]

    def to_json(self, adjusted: float) -> Json:
        names = ("version", "dimension", "cohort", "figure", "realised", "promised", "p_value")
        return {name: getattr(self, name) for name in names} | {"adjusted_p_value": adjusted}


def performance_finding(
    cohorts: Sequence[CohortAnswers], validation: Mapping[str, Mapping[str, Any]], *, seed: int
) -> Json:
    """Everything about a tenant's answers, with the decision whether to alarm.

    Parameters
    ----------
    cohorts: of the champion's and other versions, of rungs that are the model and of lesser ones.
    validation: figures of the newest fold by dimension, as in a bundle's metrics; shown beside, never tested against.
    """
    told = [cohort_figures(one, seed=seed) for one in cohorts]
    models = [one for one in cohorts if one.rung == "model"]
    tested = [found for one in models for found in shortfalls(one, seed=seed)]
    adjusted = benjamini_yekutieli(np.array([one.p_value for one in tested]))
    worse = [one.to_json(float(p)) for one, p in zip(tested, adjusted, strict=True) if p <= FALSE_ALARM and one.matters]
    return {
        "alarm": bool(worse),
        "status": "judged" if tested else "too_few",
        "explanation": _explanation(worse, tested, cohorts),
        "false_alarm_rate": FALSE_ALARM,
        "tests": len(tested),
        "worse": sorted(worse, key=lambda one: one["adjusted_p_value"]),
        "cohorts": told,
        "calibration": _calibration(models, seed=seed),
        "validation": {name: _validated(one) for name, one in validation.items()},
        "minima": {"leads": LEAST_LEADS, "leads_per_class": LEAST_PER_CLASS},
    }


def cohort_figures(answers: CohortAnswers, *, seed: int) -> Json:
    """What is known of a cohort: how much of it has matured, what to expect of it, and what became of it."""
    asked, mature = answers.status != Status.NOT_ASKED, answers.status >= Status.NO
    count = int(asked.sum())
    found: Json = {
        "version": answers.version,
        "dimension": answers.dimension,
        "cohort": answers.cohort,
        "rung": answers.rung,
        "answers": len(answers.status),
        "asked": count,
        "of_service": answers.of_service,
        "matured": int(mature.sum()),
        "matured_share": float(mature.sum() / count) if count else None,
        "expected": _expected(answers, asked, seed) if count >= LEAST_LEADS else None,
    }
    if not _enough(answers.status):
        return found | {"status": "too_few", "needs": _needs(answers.status)}
    return found | {"status": "judged", "figures": _figures(answers, mature, seed)}


def shortfalls(answers: CohortAnswers, *, seed: int) -> list[Shortfall]:
    """Whether AUC, log loss and share of yes are worse than promised: one-sided tests of the first two, for more than
    promised is no fault, and a two-sided one of the third; none where too few outcomes are known.

    What was promised, and how far chance and doubt let the figure stray from it, comes from outcomes drawn from the
    probabilities of the same leads.
    """
    if not _enough(answers.status):
        return []
    rows = answers.status >= Status.NO
    probability, one = answers.probability[rows], np.ones(int(rows.sum()))
    real = realised_figures((answers.status[rows] == Status.YES)[None], probability, one)
    drawn = simulated_figures(probability, one, seed=seed, doubt=_taken(answers.doubt, rows))
    found = []
    for figure, tail in (("auc", norm.cdf), ("log_loss", norm.sf), ("base_rate", _both)):
        values = drawn[figure][~np.isnan(drawn[figure])]
        promised = float(values.mean())
        score = (float(real[figure][0]) - promised) / max(float(values.std(ddof=1)), 1e-12)
        told = answers.version, answers.dimension, answers.cohort, figure
        found.append(Shortfall(*told, float(real[figure][0]), promised, float(tail(score))))
    return found


def resampled_figures(outcome: NDArray[np.bool_], probability: Float64, *, seed: int, draws: int) -> dict[str, Float64]:
    """FIGURES and the `gap` of outcome and forecast, (draws,) each, on as many leads drawn with replacement, (n,)."""
    lead = np.arange(len(outcome), dtype=np.int32)
    found: dict[str, list[float]] = {name: [] for name in (*FIGURES, "gap")}
    for count, _ in zip(lead_draws(lead, seed), range(draws), strict=False):
        drawn, weight = count > 0, count[count > 0].astype(np.float64)
        own = realised_figures(outcome[None, drawn], probability[drawn], weight)
        for name in FIGURES:
            found[name].append(float(own[name][0]))
        found["gap"].append(float(weight @ (outcome[drawn] - probability[drawn]) / weight.sum()))
    return {name: np.array(values) for name, values in found.items()}


def _enough(status: NDArray[np.int8]) -> bool:
    yes, no = int((status == Status.YES).sum()), int((status == Status.NO).sum())
    return yes + no >= LEAST_LEADS and min(yes, no) >= LEAST_PER_CLASS


def _needs(status: NDArray[np.int8]) -> str:
    yes, no = int((status == Status.YES).sum()), int((status == Status.NO).sum())
    return f"{yes} yes and {no} no of the {LEAST_LEADS} matured leads, and {LEAST_PER_CLASS} of each, that figures need"


def _figures(answers: CohortAnswers, rows: NDArray[np.bool_], seed: int) -> Json:
    outcome, probability = answers.status[rows] == Status.YES, answers.probability[rows]
    one, lead = np.ones(len(outcome)), np.arange(len(outcome), dtype=np.int32)
    real = realised_figures(outcome[None], probability, one)
    spread = resampled_figures(outcome, probability, seed=seed, draws=_RESAMPLED)
    value = {name: float(real[name][0]) for name in FIGURES} | {"gap": float(np.mean(outcome - probability))}
    told: Json = {name: {"value": value[name], "interval": _interval(spread[name])} for name in value}
    told["calibration_in_the_large"] = told.pop("gap")
    told["ece"] = {
        "value": expected_calibration_error(outcome, probability, one),
        "band": list(calibrated_error_band(probability, one, lead, seed=seed, draws=_RESAMPLED)),
    }
    told["coverage"] = _coverage(answers, rows, tuple(told["base_rate"]["interval"]))
    return told


def _coverage(answers: CohortAnswers, rows: NDArray[np.bool_], base: tuple[float, float]) -> Json | None:
    """None where intervals are not known, or of too few leads."""
    known = rows & ~np.isnan(answers.low)
    lead = np.arange(int(known.sum()), dtype=np.int32)
    ends = answers.probability[known], answers.low[known], answers.high[known]
    forecast = Forecast(answers.status[known] == Status.YES, *ends, np.ones(len(lead)), lead)
    found = interval_coverage(forecast, base) if len(lead) else None
    if found is None:
        return None
    return {
        "level": found.level,
        "share": found.coverage,
        "cells": len(found.cells),
        "residual_variance": found.residual_variance,
        "variance_band": list(found.variance_band),
    }


def _expected(answers: CohortAnswers, rows: NDArray[np.bool_], seed: int) -> Json:
    """Without labels, of all that were asked."""
    probability = answers.probability[rows]
    found = expected_performance(
        probability, np.ones(len(probability)), seed=seed, doubt=_taken(answers.doubt, rows), threshold=0.5
    )
    told: Json = {name: {"value": found.value[name], "interval": list(found.interval[name])} for name in FIGURES}
    shares = ("true_positive", "false_positive", "false_negative", "true_negative")
    confusion = {name: getattr(found.confusion, name) for name in ("threshold", *shares)}
    return _plain(told | {"confusion": confusion, "with_doubt": found.with_doubt, "leads": found.leads})


def _calibration(models: Sequence[CohortAnswers], *, seed: int) -> Json:
    """The reliability curve of each dimension over all cohorts of the newest version, where there is enough."""
    found: Json = {}
    for name in sorted({one.dimension for one in models}):
        own = [one for one in models if one.dimension == name]
        newest = max(one.version or 0 for one in own)
        parts = [(one.status, one.probability) for one in own if (one.version or 0) == newest]
        status, probability = (np.concatenate(column) for column in zip(*parts, strict=True))
        if not _enough(status):
            continue
        rows = status >= Status.NO
        lead = np.arange(int(rows.sum()), dtype=np.int32)
        curve = reliability_curve(
            status[rows] == Status.YES, probability[rows], np.ones(len(lead)), lead, seed=seed, draws=_RESAMPLED
        )
        names = ("predicted", "observed", "count", "low", "high")
        found[name] = {"version": newest} | {one: getattr(curve, one).tolist() for one in names}
    return found


def _explanation(worse: Sequence[Json], tested: Sequence[Shortfall], cohorts: Sequence[CohortAnswers]) -> str:
    if not tested:
        most = max((int((one.status >= Status.NO).sum()) for one in cohorts), default=0)
        return (
            f"No cohort has enough outcomes yet: at most {most} matured leads of the {LEAST_LEADS} that figures need."
        )
    if not worse:
        groups = len({(one.version, one.dimension, one.cohort) for one in tested})
        return f"All {groups} matured cohorts do as promised, at a false-alarm rate of {FALSE_ALARM:.0%}."
    first = min(worse, key=lambda one: one["adjusted_p_value"])
    more = f" {len(worse) - 1} more figures are worse than promised." if len(worse) > 1 else ""
    return (
        f"{first['dimension']}: the {_NAMES[first['figure']]} of the cohort of {first['cohort']}, answered by "
        f"version {first['version']}, is {first['realised']:.3f} where {first['promised']:.3f} was promised "
        f"(p = {first['adjusted_p_value']:.1g} after {len(tested)} tests).{more}"
    )


def _validated(metrics: Mapping[str, Any]) -> Json:
    names = ("auc", "auc_interval", "log_loss", "brier", "ece", "ece_band", "base_rate", "n", "status")
    return {name: metrics[name] for name in names if name in metrics}


def _taken(doubt: Float64 | None, rows: NDArray[np.bool_]) -> Float64 | None:
    return None if doubt is None else doubt[:, rows]


def _interval(values: Float64) -> list[float]:
    low, high = np.nanquantile(values, ((1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0))
    return [float(low), float(high)]


def _both(score: float) -> float:
    return float(2.0 * norm.sf(abs(score)))


def _plain(value: Any) -> Any:
    """What JSON can hold."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and np.isnan(value) else value
