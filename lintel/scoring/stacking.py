"""One margin from those of several members: a logistic stack, and what each member brings to it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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

RIDGE = 10.0
"""Pull of the weights towards the plain mean of the members, in rows. Members that learnt from the same rows agree so
far that the likelihood hardly tells their weights apart; the plain mean is what is then hard to beat (Smith, Wallis
2009, "A simple explanation of the forecast combination puzzle")."""
_INTERCEPT_RIDGE = 1e-3
_CROSS_FITS = 5
_LEVEL = 0.9


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

    `gain` is the log loss of the stack without the member less that of the stack with it, with a 90 % interval by
    lead: of all members that were left when this one was judged.
    """

    name: str
    log_loss_alone: float  # calibrated by its own line
    weight: float  # 0 if it was dropped
    gain: float
    gain_low: float
    gain_high: float
    kept: bool

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

    As long as there is a member without which the log loss does not rise beyond noise, the one that brings least is
    dropped, and the others are judged again: of two that are alike, one stays. Stacks are cross-fitted by lead,
    because on the rows that it was fitted on a larger stack always looks better. At least one member stays.

    Raises InputError as `fit_stack` does.
    """
    _check(margins, outcome)
    judged = _Judged(margins, outcome, weight, lead, seed)
    kept, evidence = list(range(len(names))), {}
    while len(kept) > 1:
        gains = {one: judged.gain(kept, one) for one in kept}
        least = min(kept, key=lambda one: gains[one][0])
        if all(low > 0.0 for _, low, _ in gains.values()):
            break
        evidence[least] = gains[least]
        kept.remove(least)
    evidence |= {one: judged.gain(kept, one) for one in kept}
    fitted = _coefficients(margins[:, kept], outcome, weight / weight.mean())
    weights = dict(zip(kept, fitted[1:].tolist(), strict=True))
    return tuple(
        MemberEvidence(name, judged.loss([one]), weights.get(one, 0.0), *evidence[one], kept=one in kept)
        for one, name in enumerate(names)
    )


@dataclass(frozen=True)
class _Judged:
    """Cross-fitted losses of stacks of some of the members."""

    margins: Float64
    outcome: Bool
    weight: Float64
    lead: Leads
    seed: int

    def gain(self, kept: Sequence[int], one: int) -> tuple[float, float, float]:
        """How much less the stack of `kept` loses than without `one` of them, low and high end."""
        others = [member for member in kept if member != one]
        pair = PairedLosses(self._losses(kept), self._losses(others), self.weight, self.lead)
        found = paired_comparison({"gain": pair}, seed=self.seed, level=_LEVEL).mean
        return -found.mean, -found.high, -found.low

    def loss(self, kept: Sequence[int]) -> float:
        return float(np.average(self._losses(kept), weights=self.weight))

    def _losses(self, kept: Sequence[int]) -> Float64:
        """(n,) log loss of each row by a stack of `kept` that was fitted on other leads; of no member, by the rate."""
        chosen = self.margins[:, list(kept)]
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
