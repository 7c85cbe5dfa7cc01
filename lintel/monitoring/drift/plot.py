"""Every feature by how far it has moved and how much the model uses it, as PNG bytes."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lintel.monitoring.drift.decision import FEATURE_DISTANCE

_INK, _STILL, _MOVED, _GUIDE = "#1f2933", "#9aa5b1", "#d1242f", "#9aa5b1"
_NAMED = 6


def drift_plot(finding: Mapping[str, Any]) -> bytes:
    """A picture of a judged finding: what matters lies to the upper right."""
    columns, moved = finding["features"]["columns"], finding["features"]["moved"]
    figure = Figure(figsize=(5.6, 4.0), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, one in columns.items():
        colour, size = (_MOVED, 22) if one["moved"] else (_STILL, 9)
        axes.scatter(one["distance"], 100.0 * one["importance"], color=colour, s=size, linewidths=0)
        if name in moved[:_NAMED]:
            place = one["distance"], 100.0 * one["importance"]
            axes.annotate(name, place, xytext=(3, 4), textcoords="offset points", fontsize=7, color=_INK)
    axes.axvline(FEATURE_DISTANCE, color=_GUIDE, linewidth=1, linestyle=":")
    axes.set_xlabel("Jensen-Shannon distance from the reference", fontsize=8)
    axes.set_ylabel("% of what the model uses", fontsize=8)
    axes.set_title(f"{len(moved)} of {len(columns)} features have moved", fontsize=9)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=7)
    figure.tight_layout()
    content = BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()
