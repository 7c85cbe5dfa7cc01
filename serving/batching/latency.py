"""How long a batch takes, learnt from those that ran: a fixed cost and one for each row."""

from collections.abc import Hashable, Iterable
from math import ceil

_KEPT = 0.97  # weight of what was known, a batch: some thirty count
_KEPT_AFTER_CHANGE = 0.5
_PRIOR_WEIGHT = 0.1  # of each of two imagined batches, which keep the slope defined when all have the same size
_PRIOR_ROWS = (1, 64)
_FARTHEST = 3.0  # times the prediction: an outlier lies beyond, and counts as no more
_OUTLIER_WEIGHT = 0.2  # unless the batch before was one, too: then something has changed, and the past counts less
_STEADY_ROWS = 8  # below so many, times vary little more with their number
_QUANTILE, _QUANTILE_STEP, _LARGEST_RATIO = 0.95, 0.1, 4.0
_LEAST_SECONDS = 1e-6
_UNLIMITED = 1_000_000_000
_MOST_SHAPES = 256


class LatencyModel:
    """Seconds ~ fixed + per_row x rows, both never negative, by exponentially weighted least squares.

    Weights fall as rows + 8, since long batches also vary more: else large ones alone would decide about the fixed
    cost. The upper estimate multiplies the prediction by a running 95 % quantile of
    seen / predicted (stochastic approximation, Robbins and Monro 1951).

    Parameters
    ----------
    fixed, per_row: prior seconds, which count as two batches of little weight.
    """

    def __init__(self, fixed: float = 2e-3, per_row: float = 3e-4) -> None:
        self.fixed, self.per_row = fixed, per_row
        self._ratio = 1.5
        self._prior = _sums((_PRIOR_WEIGHT, rows, fixed + per_row * rows) for rows in _PRIOR_ROWS)
        self._seen: tuple[float, ...] = (0.0,) * 5
        self._strange = False

    def predict(self, rows: int) -> float:
        """Seconds that a batch typically takes."""
        return max(self.fixed + self.per_row * rows, _LEAST_SECONDS)

    def upper(self, rows: int) -> float:
        """Seconds that most batches do not exceed."""
        return self.predict(rows) * self._ratio

    def rows_within(self, seconds: float) -> int:
        """The most rows that typically take no longer; may be 0."""
        if self.per_row * _UNLIMITED <= seconds - self.fixed:
            return _UNLIMITED
        return max(0, int((seconds - self.fixed) / self.per_row + 1e-9)) if self.per_row else 0

    def rows_surely_within(self, seconds: float) -> int:
        """The most rows of which most batches take no longer; may be 0."""
        return self.rows_within(seconds / self._ratio)

    @property
    def efficient_rows(self) -> int:
        """Rows at which half of the time is the fixed cost: smaller batches waste more than half."""
        return max(1, ceil(self.fixed / self.per_row)) if self.per_row * _UNLIMITED > self.fixed else _UNLIMITED

    def observe(self, rows: int, seconds: float) -> None:
        """Learn from a batch that ran."""
        expected = self.predict(rows)
        self._learn_ratio(seconds / expected)
        tamed = min(max(seconds, expected / _FARTHEST), expected * _FARTHEST)
        before, self._strange = self._strange, tamed != seconds
        alone, changed = self._strange and not before, self._strange and before
        new = _sums([(_OUTLIER_WEIGHT, rows, tamed) if alone else (1.0, rows, seconds)])
        kept = _KEPT_AFTER_CHANGE if changed else _KEPT
        self._seen = tuple(kept * old + one for old, one in zip(self._seen, new, strict=True))
        self.fixed, self.per_row = _solve(*(old + one for old, one in zip(self._seen, self._prior, strict=True)))

    def _learn_ratio(self, ratio: float) -> None:
        step = _QUANTILE if ratio > self._ratio else _QUANTILE - 1.0
        self._ratio = min(max(self._ratio * (1.0 + _QUANTILE_STEP * step), 1.0), _LARGEST_RATIO)


class LatencyModels:
    """A model for each shape of work, at most 256: the one that was made first makes room."""

    def __init__(self) -> None:
        self._of: dict[Hashable, LatencyModel] = {}

    def of(self, shape: Hashable) -> LatencyModel:
        model = self._of.get(shape)
        if model is None:
            if len(self._of) >= _MOST_SHAPES:
                del self._of[next(iter(self._of))]
            model = self._of[shape] = LatencyModel()
        return model


def _sums(batches: Iterable[tuple[float, int, float]]) -> tuple[float, ...]:
    """Weighted sums of 1, n, n², t and n t over (weight, n, t)."""
    total = [0.0] * 5
    for weight, rows, seconds in batches:
        relative = weight / (_STEADY_ROWS + rows)
        terms = (1.0, rows, rows * rows, seconds, rows * seconds)
        total = [old + relative * term for old, term in zip(total, terms, strict=True)]
    return tuple(total)


def _solve(w: float, wn: float, wnn: float, wt: float, wnt: float) -> tuple[float, float]:
    """Least squares for (fixed, per_row) under the bounds of zero."""
    per_row = (w * wnt - wn * wt) / (w * wnn - wn * wn)
    fixed = (wt - per_row * wn) / w
    if per_row < 0.0:
        return wt / w, 0.0
    if fixed < 0.0:
        return 0.0, wnt / wnn
    return fixed, per_row
