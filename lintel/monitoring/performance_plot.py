"""Pictures of performance, as PNG bytes: what was expected and what became of it, cohort by cohort."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_INK, _REAL, _EXPECTED = "#1f2933", "#1f6feb", "#b7791f"
_SHOWN = ("auc", "log_loss", "base_rate")
_TITLES = {"auc": "AUC", "log_loss": "log loss", "base_rate": "share of yes"}


def cohort_plot(dimension: str, cohorts: Sequence[Mapping[str, Any]]) -> bytes:
    """AUC, log loss and share of yes of one dimension's cohorts: realised with its interval by resampling leads, and
    what was expected without labels, each beside the other."""
    figure = Figure(figsize=(9.6, 2.5), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    places = range(len(cohorts))
    for position, name in enumerate(_SHOWN):
        axes = figure.add_subplot(1, len(_SHOWN), position + 1)
        for key, colour, shift, label in (
            ("expected", _EXPECTED, -0.1, "expected"),
            ("figures", _REAL, 0.1, "realised"),
        ):
            told = [(x + shift, one[key][name]) for x, one in zip(places, cohorts, strict=True) if one.get(key)]
            told = [(x, one) for x, one in told if one["value"] is not None]
            if told:
                centre = [one["value"] for _, one in told]
                reach = [[abs(one["interval"][end] - one["value"]) for _, one in told] for end in (0, 1)]
                x = [place for place, _ in told]
                axes.errorbar(x, centre, yerr=reach, fmt="o", color=colour, markersize=3, linewidth=1, label=label)
        axes.set_title(f"{dimension}: {_TITLES[name]}", fontsize=8, color=_INK, loc="left")
        axes.set_xticks(list(places), [one["cohort"][5:] for one in cohorts], fontsize=6, rotation=60)
        axes.tick_params(axis="y", labelsize=6)
        axes.spines[["top", "right"]].set_visible(False)
        if not position and axes.has_data():
            axes.legend(frameon=False, fontsize=6)
    content = BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()
