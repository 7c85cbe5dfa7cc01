"""One margin from those of several members: a logistic stack, and what each member brings to it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from lintel.errors import InputError
from lintel.scoring.paired import PairedLosses, paired_comparison, row_log_loss
from lintel.scoring.penalised_logistic import Penalty, fit_penalised_logistic
from lintel.scoring.resampling import lead_draws

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Leads = NDArray[np.int32]

RIDGE = 100.0
"""Pull of the weights towards the plain mean of the members, in rows. Members that learnt from the same rows agree so
far that the likelihood hardly tells their weights apart; the plain mean is what is then hard to beat (Smith, Wallis
2009, "A simple explanation of the forecast combination puzzle"). Chosen among 1, 10, 100 and 1,000 on folds of
bpic2012 that end before its test fold."""
_INTERCEPT_RIDGE = 1e-3
_NEXT_TO_NOTHING = 0.05
"""A weight; that of a useless member is not quite 0, because it is pulled towards the mean."""
_CROSS_FITS = 5
_LEVEL = 0.9
_WEIGHT_DRAWS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Stacked margin = intercept + weights x margins of M members, in log-odds; no weight is negative.

    The draws, of which there are B, are the same on bootstrap samples of leads.
    """

    weights: Float64  # (M,)
    intercept: float
    weight_draws: Float64  # (B, M)
    intercept_draws: Float64  # (B,)

    def margin(self, margins: Float64) -> Float64:
        """Stacked margins, (n,), of margins (n, M); each depends on its own row alone, to the last bit."""
        return self.intercept + sum(
            (weight * margins[:, member] for member, weight in enumerate(self.weights)), np.zeros(len(margins))
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "weights": self.weights.tolist(),
            "intercept": self.intercept,
            "weight_draws": self.weight_draws.tolist(),
            "intercept_draws": self.intercept_draws.tolist(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Stack":
        """Read what `to_json` wrote; every float comes back exactly."""
        weights = np.array(content["weights"], float)
        draws = np.array(content["weight_draws"], float).reshape(-1, len(weights))
        return cls(weights, float(content["intercept"]), draws, np.array(content["intercept_draws"], float))


@dataclass(frozen=True, slots=True)
class MemberEvidence:
    """What one member brings. Log losses are of rows whose leads the stack has not been fitted on.

    `gain` is the log loss of the stack without the member less that of the stack with it. It and the weight are of all
    members that were left when this one was judged, with 90 % intervals by lead.
    """

    name: str
    log_loss_alone: float  # calibrated by its own line
    weight: float
    weight_low: float
    weight_high: float
    gain: float
    gain_low: float
    gain_high: float
    kept: bool

    @property
    def idle(self) -> bool:
        """The log loss is no worse without it, and either it may weigh next to nothing or its harm is beyond noise."""
        return self.gain <= 0.0 and (self.weight_low <= _NEXT_TO_NOTHING or self.gain_high < 0.0)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "MemberEvidence":
        return cls(**content)


def fit_stack(margins: Float64, outcome: Bool, weight: Float64, lead: Leads, *, seed: int, draws: int = 200) -> Stack:
    """Fit on rows that no member has learnt from, and again on `draws` bootstrap samples of their leads.

    Parameters
    ----------
    margins: (n, M) log-odds of each member.
    outcome, weight, lead: (n,) what happened, the rows' weights in the serving mix, and whose row each is.

    Raises InputError for margins that are not finite, and if there is no row or only one class.
    Breiman (1996), "Stacked regressions", Machine Learning 24, for why weights are not negative.
    """
    _check(margins, outcome)
    weight = weight / weight.mean()
    fitted = _coefficients(margins, outcome, weight)
    found: list[Float64] = []
    resampled = lead_draws(lead, seed)
    while len(found) < draws:
        count = next(resampled)
        drawn = count > 0
        if outcome[drawn].any() and not outcome[drawn].all():
            found.append(_coefficients(margins[drawn], outcome[drawn], (weight * count)[drawn], start=fitted))
    table = np.array(found).reshape(draws, len(fitted))
    return Stack(fitted[1:], float(fitted[0]), table[:, 1:], table[:, 0])


def choose_members(
    names: Sequence[str], margins: Float64, outcome: Bool, weight: Float64, lead: Leads, *, seed: int
) -> tuple[MemberEvidence, ...]:
    """Which of M members stay, in the order of `names`; arguments as of `fit_stack`.

    As long as some member is idle, the one that brings least is dropped, and the others are judged again. At least one
    stays. Stacks are cross-fitted by lead, because on the rows that it was fitted on a larger one always looks better.

    A member whose gain is merely within noise stays: of members that agree each alone seems needless, while dropping
    all that are not proven cost .0065 nats on later folds of bpic2012 (`docs/decisions/0002`).
    Raises InputError as `fit_stack` does.
    """
    _check(margins, outcome)
    judge = _Judge(tuple(names), margins, outcome, weight, lead, seed)
    left = list(range(len(names)))
    dropped: dict[int, MemberEvidence] = {}
    while True:
        evidence = judge.evidence(left)
        idle = [member for member in left if evidence[member].idle]
        if len(left) == 1 or not idle:
            return tuple((dropped | evidence)[member] for member in range(len(names)))
        least = min(idle, key=lambda member: evidence[member].gain)
        dropped[least] = replace(evidence[least], kept=False)
        left.remove(least)


@dataclass(frozen=True)
class _Judge:
    """What members bring to stacks of them, from losses on leads that the stack was not fitted on."""

    names: tuple[str, ...]
    margins: Float64
    outcome: Bool
    weight: Float64
    lead: Leads
    seed: int

    def evidence(self, left: Sequence[int]) -> dict[int, MemberEvidence]:
        """Of each member that is left."""
        stack = fit_stack(
            self.margins[:, list(left)], self.outcome, self.weight, self.lead, seed=self.seed, draws=_WEIGHT_DRAWS
        )
        low, high = np.quantile(stack.weight_draws, ((1.0 - _LEVEL) / 2.0, (1.0 + _LEVEL) / 2.0), axis=0)
        return {
            member: MemberEvidence(
                self.names[member],
                float(np.average(self._losses([member]), weights=self.weight)),
                float(stack.weights[position]),
                float(low[position]),
                float(high[position]),
                *self._gain(left, member),
                kept=True,
            )
            for position, member in enumerate(left)
        }

    def _gain(self, left: Sequence[int], member: int) -> tuple[float, float, float]:
        """How much less the stack of those left loses than without one of them, low and high end."""
        others = [other for other in left if other != member]
        pair = PairedLosses(self._losses(left), self._losses(others), self.weight, self.lead)
        found = paired_comparison({"gain": pair}, seed=self.seed, level=_LEVEL).mean
        return -found.mean, -found.high, -found.low

    def _losses(self, members: Sequence[int]) -> Float64:
        """(n,) log loss of each row by a stack that was fitted on other leads; without members, by their rate."""
        chosen = self.margins[:, list(members)]
        part = _parts(self.lead, self.seed)
        losses = np.empty(len(self.lead))
        for own in range(_CROSS_FITS):
            learnt, held = part != own, part == own
            found = _coefficients(chosen[learnt], self.outcome[learnt], self.weight[learnt] / self.weight.mean())
            probability = expit(found[0] + chosen[held] @ found[1:])
            losses[held] = row_log_loss(self.outcome[held], probability)
        return losses


def _parts(lead: Leads, seed: int) -> NDArray[np.intp]:
    """(n,) which of five parts each row is in; a lead's rows are in one."""
    leads, position = np.unique(lead, return_inverse=True)
    return np.random.default_rng(seed).permutation(len(leads))[position] % _CROSS_FITS


def _coefficients(margins: Float64, outcome: Bool, weight: Float64, *, start: Float64 | None = None) -> Float64:
    """(1 + M,) intercept and weights."""
    count = margins.shape[1]
    design = np.concatenate((np.ones((1, len(margins))), margins.T))
    centre = np.array([0.0] + [1.0 / max(count, 1)] * count)
    strength = np.diag([_INTERCEPT_RIDGE] + [RIDGE] * count)
    penalty = Penalty(centre, strength, np.array([False] + [True] * count))
    return fit_penalised_logistic(design, outcome, weight, penalty, start=start)


def _check(margins: Float64, outcome: Bool) -> None:
    if not np.isfinite(margins).all():
        raise InputError("margins of members are not finite.", mend="Fit the members again.")
    if not outcome.any() or outcome.all():
        raise InputError(
            f"a stack needs outcomes of both classes; all {len(outcome)} rows have one.",
            mend="Let more outcomes mature.",
        )
