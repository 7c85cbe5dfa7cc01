"""What can be said of a candidate from its answers alone, before any outcome is known.

Every gate is BAD only beyond chance, however often it is asked; GOOD when enough answers are in and the plain figure
keeps the limit; OPEN in between. Bounds count answers as independent: `error` is the chance, in one step, that a gate
turns BAD although the candidate keeps the limit.
"""

from collections.abc import Mapping
from math import ceil, isfinite, log, sqrt

import numpy as np
from numpy.typing import NDArray

from lintel.rollouts.decision import Finding, Standing
from lintel.rollouts.e_process import mean_bounds
from lintel.rollouts.evidence import Arm, Evidence, Pairs
from lintel.rollouts.proportion import log_capital_against, log_capital_of_increase, quantile_bounds

LEAST_ASKED = 10
LEAST_FAILED = 3
"""Fewer answers, or fewer failures, never send a candidate back: one cause often fails a few at once."""
ENOUGH = 50
"""Compute times, and pairs, that suffice for GOOD even if a step asks for more answers: those are sampled or cached."""
QUANTILE = 0.95


def loads(evidence: Evidence) -> Finding:
    """Whether every worker could load the candidate and it answers its golden request."""
    if evidence.candidate_loads:
        return Finding("loads", Standing.GOOD, None, None, "Every worker that tried has loaded the candidate.")
    sentence = "A worker could not load the candidate, or it did not answer its golden request as it should."
    return Finding("loads", Standing.BAD, None, None, sentence)


def failures(candidate: Arm, champion: Arm, *, increase: float, least: int, error: float) -> Finding:
    """Whether the share of leads that a lesser answer or none got rose by more than `increase`.

    Where the champion is asked nothing meanwhile, the candidate's share itself must keep the limit. Where it fails as
    well, GOOD allows a standard error more, else what both failed on in an hour long past would hold a step for days.
    """
    figure = _share(candidate) - _share(champion) if candidate.asked else None
    enough = candidate.asked >= LEAST_ASKED and candidate.failed >= LEAST_FAILED
    standing = _standing(
        bad=enough and _evidence_of_increase(candidate, champion, increase) >= -log(error),
        good=figure is not None
        and candidate.asked >= max(least, 1)
        and figure <= increase + _noise(champion, candidate.asked),
    )
    return Finding("failures", standing, figure, increase, _of_failures(candidate, champion, increase))


def latency(candidate: Arm, champion: Arm, *, ratio: float, least: int, error: float) -> Finding:
    """Whether the 95th percentile of compute time rose by more than the factor `ratio`."""
    ours, theirs = candidate.compute_ms, champion.compute_ms
    if not len(theirs) and len(ours) >= max(min(least, ENOUGH), 1):
        sentence = f"The champion computes nothing now, so that the candidate's {len(ours)} times have no measure."
        return Finding("latency", Standing.GOOD, None, ratio, sentence)
    if not len(ours) or not len(theirs):
        return Finding("latency", Standing.OPEN, None, ratio, "No compute times of both to compare yet.")
    low, _ = quantile_bounds(ours, QUANTILE, error / 2.0)
    _, high = quantile_bounds(theirs, QUANTILE, error / 2.0)
    figures = float(np.quantile(ours, QUANTILE)), float(np.quantile(theirs, QUANTILE))
    figure = figures[0] / figures[1] if figures[1] > 0 else None
    enough = min(len(ours), len(theirs)) >= min(least, ENOUGH)
    standing = _standing(
        bad=isfinite(high) and low > ratio * high,
        good=enough and figures[0] <= ratio * figures[1],
    )
    return Finding("latency", standing, figure, ratio, _of_latency(ours, theirs, figures, ratio))


def score_shifts(pairs: Mapping[str, Pairs], *, limit: float, least: int, error: float) -> tuple[Finding, ...]:
    """Whether probabilities of the same leads moved by more than `limit` in the mean, one finding a dimension."""
    share = error / max(len(pairs), 1)
    return tuple(_shift(name, one, limit, least, share) for name, one in sorted(pairs.items()))


def rolling_health(workers_on: int, workers: int, share: float) -> Finding:
    """Whether as many workers answer with the candidate as the step asks for."""
    wanted = ceil(share * workers - 1e-9)
    good = workers > 0 and workers_on >= wanted
    sentence = f"{workers_on} of {workers} workers answer with the candidate; this step asks for {wanted}."
    return Finding("workers", Standing.GOOD if good else Standing.OPEN, float(workers_on), float(wanted), sentence)


def _standing(*, bad: bool, good: bool) -> Standing:
    if bad:
        return Standing.BAD
    return Standing.GOOD if good else Standing.OPEN


def _shift(dimension: str, pairs: Pairs, limit: float, least: int, error: float) -> Finding:
    gate = f"score_shift:{dimension}"
    moved = pairs.candidate - pairs.champion
    if not len(moved):
        return Finding(gate, Standing.OPEN, None, limit, f"No lead was scored by both in {dimension} yet.")
    low, high = mean_bounds(np.abs(moved), error, least=0.0)
    figure = float(np.abs(moved).mean())
    standing = _standing(bad=low > limit, good=len(moved) >= min(least, ENOUGH) and figure <= limit)
    sentence = (
        f"Probabilities of {len(moved)} leads differ by {figure:.3f} in {dimension} ({low:.3f} to {high:.3f}; "
        f"at most {limit:g} is allowed), {_direction(moved)}."
    )
    return Finding(gate, standing, figure, limit, sentence)


def _direction(moved: NDArray[np.float64]) -> str:
    mean = float(moved.mean())
    if abs(mean) < 0.0005:
        return "up as much as down"
    return f"the candidate's {'higher' if mean > 0 else 'lower'} by {abs(mean):.3f} on the whole"


def _share(arm: Arm) -> float:
    return arm.failed / arm.asked if arm.asked else 0.0


def _evidence_of_increase(candidate: Arm, champion: Arm, increase: float) -> float:
    """Logarithm of capital; against the limit itself where the champion is asked nothing."""
    ours = candidate.failed, candidate.asked
    if champion.asked:
        return log_capital_of_increase(ours, (champion.failed, champion.asked), increase)
    return float(log_capital_against(increase, *ours)) if _share(candidate) > increase else 0.0


def _noise(champion: Arm, asked: int) -> float:
    """Standard error of the difference of two shares of failures, if the candidate failed as the champion does."""
    if not champion.asked:
        return 0.0
    failing = _share(champion)
    return sqrt(failing * (1.0 - failing) * (1.0 / asked + 1.0 / champion.asked))


def _of_failures(candidate: Arm, champion: Arm, increase: float) -> str:
    if not candidate.asked:
        return "The candidate has not been asked yet."
    ours = f"The candidate failed {candidate.failed} of {candidate.asked} leads ({_share(candidate):.2%})"
    if not champion.asked:
        return f"{ours}, while the champion was asked nothing; at most {increase:.2%} is allowed."
    theirs = f"the champion {champion.failed} of {champion.asked} ({_share(champion):.2%})"
    return f"{ours}, {theirs}; an increase of at most {increase:.2%} is allowed."


def _of_latency(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], figures: tuple[float, float], ratio: float
) -> str:
    return (
        f"The 95th percentile of compute time is {figures[0]:.1f} ms of {len(ours)} candidate's answers and "
        f"{figures[1]:.1f} ms of {len(theirs)} champion's; at most {ratio:g} times as long is allowed."
    )
