"""Who answered when, on which data, and who let them: from predictions, scores, traffic, states and audit."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.compute as pc

from lintel.home import Home
from lintel.registry.provenance import provenance

_MOST_CHANGES = 100_000
_ASSIGNED = ("version", "actor", "reason")
_MINUTE = timedelta(minutes=1)
_SPANS = (timedelta(days=1), timedelta(days=30), None)
"""How far back answers are looked for, the nearest first."""
_COLUMNS = (
    "lead_id",
    "decision_id",
    "answered_at",
    "as_of",
    "seq",
    "model_version",
    "model_digest",
    "label_version",
    "feature_version",
    "served_by",
    "cached",
    "priority",
    "principal",
)


def changes(home: Home, scope: str, *, limit: int = 100) -> list[dict[str, Any]]:
    """Every change of who answers, newest first: from when until when, which versions with which share, by whom, why,
    and where each version comes from."""
    found = home.traffic.history(scope, limit)
    ends = [None, *(change["assigned_at"] for change in found)]
    return [_told(home, scope, change, until) for change, until in zip(found, ends, strict=False)]


def traffic_at(home: Home, scope: str, at: datetime) -> dict[str, Any] | None:
    """The change that was in force at a moment; None before the first."""
    moment, until = at.astimezone(UTC).isoformat(), None
    for change in home.traffic.history(scope, _MOST_CHANGES):
        if change["assigned_at"] <= moment:
            return _told(home, scope, change, until)
        until = change["assigned_at"]
    return None


def _told(home: Home, scope: str, change: Mapping[str, Any], until: str | None) -> dict[str, Any]:
    since = change["assigned_at"]
    models = [
        {
            **provenance(home, scope, one["model_version"], one["digest"], until=since),
            "mode": one["mode"],
            "weight": one["weight"],
        }
        for one in change["entries"]
    ]
    return {"since": since, "until": until, **{name: change[name] for name in _ASSIGNED}, "models": models}


def scored_at(home: Home, scope: str, lead_id: str, at: datetime) -> dict[str, Any] | None:
    """The newest answer about a lead that was given by the end of a minute: an answer of the service, or the nightly
    list, whichever is later, with where its model comes from. None if nobody said anything about it by then.

    Answers of the last hour may still wait in segments for the compaction.
    """
    until = at.astimezone(UTC).replace(second=0, microsecond=0) + _MINUTE
    candidates = [one for one in (_answered(home, scope, lead_id, until), _listed(home, scope, lead_id, until)) if one]
    if not candidates:
        return None
    found = max(candidates, key=lambda one: str(one["answered_at"]))
    digest, version = found.pop("model_digest"), found.pop("model_version")
    model = provenance(home, scope, version, digest, until=found["answered_at"]) if version is not None else None
    return {**found, "model": model or {"version": None, "digest": digest}}


def _answered(home: Home, scope: str, lead_id: str, until: datetime) -> dict[str, Any] | None:
    """From the prediction log."""
    for span in _SPANS:
        since = None if span is None else until - span
        rows = home.predictions.read(scope, since, until, columns=_COLUMNS)
        rows = rows.filter(pc.equal(rows.column("lead_id"), lead_id))
        if len(rows):
            (newest,) = rows.sort_by([("answered_at", "descending")]).slice(0, 1).to_pylist()
            times = {name: newest[name].astimezone(UTC).isoformat() for name in ("answered_at", "as_of")}
            return {"told_by": "service", **newest, **times}
    return None


def _listed(home: Home, scope: str, lead_id: str, until: datetime) -> dict[str, Any] | None:
    """From the scores that the nightly run keeps."""
    rows = [one for one in home.scores.history(scope, lead_id) if one.scored_at < until]
    if not rows:
        return None
    newest = max(rows, key=lambda one: one.scored_at)
    return {
        "told_by": "nightly list",
        "lead_id": lead_id,
        "answered_at": newest.scored_at.astimezone(UTC).isoformat(),
        "as_of": newest.as_of.astimezone(UTC).isoformat(),
        "seq": newest.seq,
        "model_version": newest.model_version,
        "model_digest": newest.bundle,
        "decision_id": newest.answer.get("decision_id"),
        "priority": newest.priority,
    }
