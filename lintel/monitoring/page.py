"""The monitoring page: one HTML file that asks nothing of a network. Plain data in, text out."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from lintel.labels.definition import DIMENSIONS
from lintel.monitoring.drift.plot import drift_plot
from lintel.monitoring.performance_plot import cohort_plot
from lintel.scoring.plots import reliability_plot

Json = Mapping[str, Any]


def monitoring_html(overview: Json) -> str:
    """The page of what `lintel.monitoring.overview` found."""
    environment = Environment(
        loader=PackageLoader("lintel.monitoring"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": _figure, "minute": _minute, "share": _share, "interval": _interval}
    environment.filters |= {"held": _held, "beginning": _beginning}
    performance = overview["findings"]["performance"]
    return environment.get_template("monitoring.html.j2").render(
        page=overview,
        dimensions=[] if performance is None else [_dimension(performance, name) for name in _named(performance)],
        drift_picture=_drift(overview["findings"]["drift"]),
        alarms=[area for area, one in overview["findings"].items() if one is not None and one["alarm"]],
    )


def performance_pictures(finding: Json) -> dict[str, bytes]:
    """PNG of each dimension's cohorts."""
    return {name: cohort_plot(name, _cohorts(finding, name)) for name in _named(finding) if _cohorts(finding, name)}


def _named(finding: Json) -> list[str]:
    """Dimensions of which the model answered anything that was asked."""
    asked = {one["dimension"] for one in finding["cohorts"] if one["asked"] and one["rung"] == "model"}
    return [name for name in DIMENSIONS if name in asked]


def _cohorts(finding: Json, name: str) -> list[Json]:
    """The model's, of any version, oldest first."""
    found = [one for one in finding["cohorts"] if one["dimension"] == name and one["rung"] == "model" and one["asked"]]
    return sorted(found, key=lambda one: (one["cohort"], one["version"] or 0))


def _dimension(finding: Json, name: str) -> dict[str, Any]:
    cohorts, curve = _cohorts(finding, name), finding["calibration"].get(name)
    judged = [one for one in cohorts if one["status"] == "judged"]
    return {
        "name": name,
        "cohorts": cohorts,
        "picture": _embedded(cohort_plot(name, cohorts)),
        "curve": None if curve is None else _embedded(_reliability(name, curve)),
        "validation": finding["validation"].get(name, {}),
        "coverage": _coverage([one["figures"]["coverage"] for one in judged]),
        "worse": [one for one in finding["worse"] if one["dimension"] == name],
    }


def _coverage(cohorts: Sequence[Json | None]) -> dict[str, int] | None:
    """Cells of all cohorts, and in how many of them the interval held."""
    known = [one for one in cohorts if one is not None]
    held = sum(round(one["share"] * one["cells"]) for one in known)
    return {"held": held, "cells": sum(one["cells"] for one in known)} if known else None


def _reliability(name: str, curve: Json) -> bytes:
    told = {one: np.array(curve[one]) for one in ("predicted", "observed", "count", "low", "high")}
    title = f"{name}, version {curve['version']}: matured answers"
    return reliability_plot(
        title, told["predicted"], told["observed"], told["count"], low=told["low"], high=told["high"]
    )


def _drift(finding: Json | None) -> str | None:
    return None if finding is None or finding["status"] != "judged" else _embedded(drift_plot(finding))


def _embedded(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"


def _figure(value: object) -> str:
    """Whole numbers with separators, others to three digits; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _interval(ends: Sequence[float | None] | None) -> str:
    return "" if ends is None or None in ends else f"{ends[0]:.3f} to {ends[1]:.3f}"


def _held(coverage: Json | None) -> str:
    return "" if coverage is None else f"{round(coverage['share'] * coverage['cells'])} of {coverage['cells']}"


def _beginning(text: str) -> str:
    """The first sentence, which says what it is about."""
    first, found, _ = text.partition(". ")
    return f"{first}." if found else text


def _minute(moment: str | None) -> str:
    """ISO 8601 without what is smaller than a minute."""
    return "" if moment is None else moment[:16].replace("T", " ")
