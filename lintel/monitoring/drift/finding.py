"""The finding of one night: what has moved, how far, where it comes from, and one explanation in words."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.events.moments import time_text
from lintel.monitoring.drift.current import (
    MaturedForecasts,
    Window,
    feature_sample,
    forecast_sample,
    matured_forecasts,
    outcome_sample,
)
from lintel.monitoring.drift.decision import (
    FALSE_ALARM,
    FEATURE_DISTANCE,
    MOST_MOVED,
    OUTCOME_DISTANCE,
    Drift,
    Family,
    judged,
)
from lintel.monitoring.drift.reference import Reference
from lintel.monitoring.drift.segments import explaining
from lintel.scoring.bundle import Bundle
from lintel.scoring.examples import Examples

Json = dict[str, Any]
Properties = Mapping[str, NDArray[np.str_]]

NO_REFERENCE = "The model was trained before bundles kept a reference: drift is judged once a newer one answers."
NAMED = 3
"""Features that the explanation names."""
_ATTRIBUTED = 20
"""Features of which it is told where the move comes from."""


def unjudged(status: str, explanation: str) -> Json:
    """A finding that says why there is none."""
    return {"alarm": False, "status": status, "explanation": explanation}


def drift_finding(
    bundle: Bundle,
    reference: Reference,
    examples: Examples,
    path: Path,
    properties: Properties,
    *,
    window_days: float,
    seed: int,
) -> Json:
    """Compare the newest rows of the file of examples at `path` with the reference of the model that answers.

    Parameters
    ----------
    examples: the file's content, or at least what is asked in the window and what matured since the model was trained.
    properties: of every lead of `examples`, (L,), by name: where it came from.
    """
    window = Window.last(window_days, examples.data.log_end)
    found = feature_sample(path, reference.features.bins, window)
    if found is None:
        fault = f"The last {window_days:g} days have decision points of fewer than two leads."
        return unjudged("not_enough_data", fault)
    sample, rows = found
    importance = reference.overall_importance
    drift = Drift(
        judged(reference.features.bins.names, reference.features.sample, sample, distance=FEATURE_DISTANCE),
        judged(*forecast_sample(reference.predictions, bundle, examples, window, seed=seed), distance=FEATURE_DISTANCE),
        judged(*outcome_sample(reference.outcomes, bundle, examples, window), distance=OUTCOME_DISTANCE),
        importance / max(float(importance.sum()), 1e-12),
    )
    concept = matured_forecasts(bundle, examples)
    told = {
        "features": _features(drift, reference, examples, window, properties),
        "forecasts": _columns(drift.forecasts),
        "outcomes": _columns(drift.outcomes),
        "concept": {name: _concept(one) for name, one in concept.items()},
    }
    return {
        "alarm": drift.alarm or any(one.concept.alarm is not None for one in concept.values()),
        "status": "judged",
        "explanation": explanation(drift, told),
        "model_digest": bundle.digest,
        "rows": rows,
        "leads": int(sample.leads[0]) if len(sample) else 0,
        "window": {"days": window_days, "from": time_text(window.begin), "until": time_text(window.end)},
        "reference": {"from": time_text(reference.asked_from), "until": time_text(reference.asked_until)},
        "false_alarm": FALSE_ALARM,
        "moved_of_what_is_used": round(drift.moved, 4),
        **told,
    }


def explanation(drift: Drift, told: Mapping[str, Any]) -> str:
    """The finding in a few sentences."""
    count, strongest = len(drift.features.names), drift.features.strongest
    if strongest:
        named = "; ".join(_feature_text(drift.features, one) for one in strongest[:NAMED])
        more = f" (the farthest {NAMED})" if len(strongest) > NAMED else ""
        verbs = "has moved, which makes" if len(strongest) == 1 else "have moved, which make"
        text = (
            f"{len(strongest)} of {count} features {verbs} up {drift.moved:.0%} of what the model uses "
            f"(the limit is {MOST_MOVED:.0%}){more}: {named}."
        )
    else:
        text = f"None of {count} features has moved beyond chance and by {FEATURE_DISTANCE:g} or more."
    sentences = [text, *_forecast_sentences(drift.forecasts), *_outcome_sentences(drift.outcomes)]
    return " ".join([*sentences, *_concept_sentences(told["concept"])])


def _feature_text(family: Family, column: int) -> str:
    compared, name = family.compared, family.names[column]
    before, now = compared.missing_before[column], compared.missing_now[column]
    text = f"{name} (distance {compared.distance[column]:.2f}"
    if abs(now - before) >= 0.02:
        text += f", missing {before:.0%} -> {now:.0%}"
    return text + f", higher than before in {compared.higher[column]:.0%} of pairs)"


def _forecast_sentences(family: Family) -> list[str]:
    return [
        f"Forecasts of {family.names[one]} have moved (distance {family.compared.distance[one]:.2f}, higher than "
        f"before in {family.compared.higher[one]:.0%} of pairs)."
        for one in family.strongest
    ]


def _outcome_sentences(family: Family) -> list[str]:
    way = ("rarer", "more frequent")
    return [
        f"Outcomes of {family.names[one]} are {way[int(family.compared.higher[one] > 0.5)]} than before (distance "
        f"{family.compared.distance[one]:.2f})."
        for one in family.strongest
    ]


def _concept_sentences(concept: Mapping[str, Json]) -> list[str]:
    return [
        f"Since {one['since']} outcomes of {name} do not keep what was forecast ({one['direction']})."
        for name, one in concept.items()
        if one["alarm"]
    ]


def _columns(family: Family) -> Json:
    compared = family.compared
    return {
        name: {
            "moved": bool(family.moved[one]),
            "distance": round(float(compared.distance[one]), 4),
            "p_adjusted": float(family.adjusted[one]),
            "higher": round(float(compared.higher[one]), 4),
        }
        for one, name in enumerate(family.names)
    }


def _features(drift: Drift, reference: Reference, examples: Examples, window: Window, properties: Properties) -> Json:
    """All features, and of those that have moved farthest the segment that explains it."""
    family = drift.features
    columns = _columns(family)
    for place, one in enumerate(family.strongest):
        name = family.names[one]
        columns[name]["missing"] = [
            round(float(share[one]), 4) for share in (family.compared.missing_before, family.compared.missing_now)
        ]
        if place < _ATTRIBUTED:
            columns[name]["explained_by"] = _explained(reference, one, examples, window, properties)
    for one, name in enumerate(family.names):
        columns[name]["importance"] = round(float(drift.importance[one]), 5)
    return {"tested": len(family.names), "moved": [family.names[one] for one in family.strongest], "columns": columns}


def _explained(
    reference: Reference, column: int, examples: Examples, window: Window, properties: Properties
) -> Json | None:
    points = examples.points
    rows = np.flatnonzero(window.holds(points.queries.as_of))
    bins = reference.features.bins
    codes = bins.codes(column, examples.features[rows, examples.names.index(bins.names[column])])
    of_row = {by: values[points.queries.lead[rows]] for by, values in properties.items()}
    of_row |= {"origin": _ORIGINS[points.origin[rows]], "week": _weeks(points.queries.as_of[rows], window)}
    found = explaining(reference.features.sample.share[column], codes, points.weight[rows], of_row)
    return None if found is None else {name: _rounded(value) for name, value in asdict(found).items()}


_ORIGINS = np.array(["event", "night", "touch"])  # in the order of Origin


def _weeks(as_of: NDArray[np.int64], window: Window) -> NDArray[np.str_]:
    """The week of the window that each moment lies in, by its first day."""
    week = 7 * 86_400_000_000
    begins = window.begin + (as_of - window.begin) // week * week
    return begins.astype("datetime64[us]").astype("datetime64[D]").astype(np.str_)


def _concept(found: MaturedForecasts) -> Json:
    concept, at = found.concept, found.matured.at
    return {
        "alarm": concept.alarm is not None,
        "leads": len(found.matured),
        "since": None if concept.since is None else time_text(int(at[concept.since])),
        "noticed": None if concept.alarm is None else time_text(int(at[concept.alarm])),
        "direction": concept.direction,
        "log_evidence_over_threshold": None if np.isinf(concept.evidence) else round(concept.evidence, 3),
    }


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
