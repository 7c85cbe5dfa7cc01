"""Which shape of calibration is right and knows its doubt, on simulated histories, where the truth is known.

    python -m benchmarks.calibration_shapes [--world demo] [--histories 4] [--leads 2000] [--draws 60] [--json]

Members are trained once; each further history brings a calibration fold, on which every shape is fitted, and fitted
again on bootstrap samples of its leads. Printed by dimension, means over histories: log loss against the true
probabilities and the expected calibration error on the later test fold; how often the 90 % interval of a tenth of the
margins holds E[truth | margin] in the calibration fold, and its width. Platt's line is the baseline. "spline 3, drawn
smooth" shows what happens when the draws are smoothed as the answer is.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.special import expit, log_expit
from sklearn.isotonic import IsotonicRegression

from benchmarks.interval_coverage import FIRST_SEED, LEVEL, TENTHS, TRAINED_ON, Judged, history, judged
from lintel.features.catalogue import catalogue
from lintel.labels.definition import load_label_set
from lintel.scoring.calibration import SMOOTHNESS, fit_line, fit_spline, quantile_knots
from lintel.scoring.dimension import Dimension
from lintel.scoring.folds import Fold
from lintel.scoring.penalised_logistic import Penalty, fit_penalised_logistic
from lintel.scoring.reliability import expected_calibration_error
from lintel.scoring.resampling import lead_draws
from lintel.scoring.training import train

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Curve = Callable[[Float64], Float64]
"""Probabilities of margins."""
Shape = Callable[[Float64, Bool, Float64], Curve]
"""Fitted to margins, outcomes and weights, (n,) each."""

_LEAST = 1e-4


def platt(margin: Float64, outcome: Bool, weight: Float64) -> Curve:
    slope, intercept = fit_line(margin, outcome, weight / weight.mean())
    return lambda asked: expit(slope * asked + intercept)


def beta(margin: Float64, outcome: Bool, weight: Float64) -> Curve:
    """Kull, Silva Filho, Flach (2017), "Beta calibration", AISTATS."""

    def design(asked: Float64) -> Float64:
        return np.stack((np.ones_like(asked), log_expit(asked), -log_expit(-asked)))

    penalty = Penalty(np.array([0.0, 1.0, 1.0]), 1e-3 * np.eye(3), np.array([False, True, True]))
    found = fit_penalised_logistic(design(margin), outcome, weight / weight.mean(), penalty)
    return lambda asked: expit(found @ design(asked))


def isotonic(margin: Float64, outcome: Bool, weight: Float64) -> Curve:
    model = IsotonicRegression(out_of_bounds="clip").fit(margin, outcome, sample_weight=weight)
    return lambda asked: np.asarray(model.predict(asked))


def spline(knots: int, smoothness: float = SMOOTHNESS) -> Shape:
    def shape(margin: Float64, outcome: Bool, weight: Float64) -> Curve:
        at = quantile_knots(margin, knots)
        return fit_spline(margin, outcome, weight, knots=at, smoothness=smoothness).probability

    return shape


SHAPES: Mapping[str, tuple[Shape, Shape]] = {
    "Platt": (platt, platt),
    "beta": (beta, beta),
    "isotonic": (isotonic, isotonic),
    "spline 2": (spline(2), spline(2, 0.0)),
    "spline 3": (spline(3), spline(3, 0.0)),
    "spline 5": (spline(5), spline(5, 0.0)),
    "spline 3, drawn smooth": (spline(3), spline(3)),
}
"""What answers, and what is drawn."""


def compared(dimension: Dimension, fitted: Sequence[Judged], tested: Sequence[Judged], draws: int) -> dict[str, Any]:
    """Figures of every shape."""
    margins = dimension.calibrated.stack.margin
    pooled = margins(np.concatenate([one.margins for one in fitted]))
    weight, true = (np.concatenate([getattr(one, name) for one in fitted]) for name in ("weight", "truth"))
    tenth = np.searchsorted(np.quantile(pooled, np.arange(1, TENTHS) / TENTHS), pooled)

    def mean(values: Float64) -> Float64:
        return np.bincount(tenth, weight * values, TENTHS) / np.bincount(tenth, weight, TENTHS)

    rate, found = mean(true), dict[str, Any]()
    for name, (answers, drawn) in SHAPES.items():
        figures: list[dict[str, Any]] = []
        for one, later in zip(fitted, tested, strict=True):
            own = margins(one.margins)
            curve = answers(own, one.positive, one.weight)
            ends = _interval([drawn(*rows)(pooled) for rows in _draws(own, one, draws)], curve(pooled))
            low, high = (mean(end) for end in ends)
            probability = np.clip(curve(margins(later.margins)), _LEAST, 1.0 - _LEAST)
            loss = -later.truth * np.log(probability) - (1.0 - later.truth) * np.log1p(-probability)
            error = expected_calibration_error(later.positive, probability, later.weight)
            figures.append(
                {
                    "log_loss": np.average(loss, weights=later.weight),
                    "ece": error,
                    "coverage": np.mean((low <= rate) & (rate <= high)),
                    "mean_width": np.mean(high - low),
                }
            )
        found[name] = {figure: round(float(np.mean([each[figure] for each in figures])), 4) for figure in figures[0]}
    return found


def _draws(margin: Float64, one: Judged, draws: int) -> Iterator[tuple[Float64, Bool, Float64]]:
    """Margins, outcomes and weights of bootstrap samples of leads."""
    for count in islice(lead_draws(one.lead, 1), draws):
        drawn = count > 0
        yield margin[drawn], one.positive[drawn], (one.weight * count)[drawn]


def _interval(curves: Sequence[Float64], centre: Float64) -> tuple[Float64, Float64]:
    """Percentiles of what the draws say, which hold `centre`."""
    low, high = np.quantile(curves, ((1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0), axis=0)
    return np.minimum(low, centre), np.maximum(high, centre)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", default="demo")
    parser.add_argument("--histories", type=int, default=4, help="fresh ones")
    parser.add_argument("--leads", type=int, default=2_000, help="of each history")
    parser.add_argument("--draws", type=int, default=60)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    first = history(arguments.world, TRAINED_ON, arguments.leads)
    scorer = train(first.examples, load_label_set("simulator"), catalogue(), scope="shapes", seed=1).scorer
    seeds = range(FIRST_SEED, FIRST_SEED + arguments.histories)
    pasts = [history(arguments.world, seed, arguments.leads) for seed in seeds]
    found: dict[str, Any] = {}
    for name, dimension in track(scorer.ready.items(), console=Console(stderr=True), transient=True):
        fitted, tested = ([judged(past, dimension, fold) for past in pasts] for fold in (Fold.CALIBRATION, Fold.TEST))
        found[name] = compared(dimension, fitted, tested, arguments.draws)
    shown = Table("dimension", "shape", "log loss", "ECE", "coverage", "width", title=f"{arguments.world} (simulated)")
    for name, shapes in found.items():
        for shape, one in shapes.items():
            shown.add_row(name, shape, *(f"{figure:.4f}" for figure in one.values()))
    Console(stderr=arguments.json).print(shown)
    if arguments.json:
        print(json.dumps({"level": LEVEL, "simulated": True, "world": arguments.world, "dimensions": found}))


if __name__ == "__main__":
    main()
