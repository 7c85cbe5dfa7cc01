"""Reliability, lift and ROC of the test fold, as PNG bytes."""

from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

_INK, _MODEL, _GUIDE = "#1f2933", "#1f6feb", "#9aa5b1"
_SIZE_INCHES = (5.0, 4.4)
_DPI = 110
"""Fixed, so that the same figures give the same bytes."""


def reliability_plot(
    title: str,
    predicted: Float64,
    observed: Float64,
    count: NDArray[np.int64],
    *,
    low: Float64,
    high: Float64,
) -> bytes:
    """Observed rate against mean prediction, one point a bin.

    Parameters
    ----------
    predicted, observed, count: (bins,) mean prediction, observed rate and rows.
    low, high: (bins,) band of the observed rate of a perfectly calibrated forecaster.
    """
    figure, axes = _axes(title, "predicted probability", "observed rate")
    top = float(min(1.0, 1.1 * max(predicted.max(initial=0.05), observed.max(initial=0.05), high.max(initial=0.05))))
    axes.plot([0, top], [0, top], color=_GUIDE, linewidth=1, label="perfect calibration")
    axes.fill_between(predicted, low, high, color=_GUIDE, alpha=0.3, linewidth=0, label="90 % band if calibrated")
    axes.plot(predicted, observed, "o-", color=_MODEL, markersize=4, label="model")
    for x, y, rows in zip(predicted, observed, count, strict=True):
        axes.annotate(f"{rows:,}", (x, y), textcoords="offset points", xytext=(5, -9), fontsize=6, color=_INK)
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return _png(figure)


def lift_plot(title: str, share: Float64, captured: Float64) -> bytes:
    """Cumulative gain: share of the positives found, against the share of leads called, best scores first."""
    figure, axes = _axes(title, "share of leads, best first", "share of positives found")
    axes.plot([0, 1], [0, 1], color=_GUIDE, linewidth=1, label="at random")
    axes.plot(share, captured, color=_MODEL, label="model")
    decile = float(np.interp(0.1, share, captured))
    axes.annotate(f"top 10 %: {decile:.0%} of positives", (0.1, decile), xytext=(0.45, 0.3), fontsize=8, color=_INK)
    axes.plot(0.1, decile, "o", color=_MODEL, markersize=5)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return _png(figure)


def roc_plot(title: str, curves: dict[str, tuple[Float64, Float64, float]]) -> bytes:
    """ROC curves: name -> (false positive rate, true positive rate, AUC)."""
    figure, axes = _axes(title, "false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], color=_GUIDE, linewidth=1)
    for (name, (false_positive, true_positive, auc)), colour in zip(curves.items(), (_MODEL, _INK), strict=False):
        axes.plot(false_positive, true_positive, color=colour, label=f"{name}, AUC {auc:.3f}")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return _png(figure)


def _axes(title: str, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=10, color=_INK, loc="left")
    axes.set_xlabel(x_label, fontsize=9)
    axes.set_ylabel(y_label, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=_GUIDE, alpha=0.25, linewidth=0.6)
    return figure, axes


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
