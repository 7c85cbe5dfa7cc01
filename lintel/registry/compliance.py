"""The compliance report of one version: everything on record about it, in plain JSON."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from lintel.home import Home
from lintel.registry import acts
from lintel.registry.gates import GateResult
from lintel.registry.history import changes
from lintel.registry.provenance import approval, audit_lines, lineage, manifest_of
from lintel.scoring.bundle import Bundle

_CODE_TAGS = ("lintel.code", "lintel.release", "lintel.python", "lintel.platform")
_NOT_RECORDED = "not recorded"
_EXCERPT = 200  # lines
_FIGURES = ("n", "leads", "base_rate", "auc", "log_loss", "brier", "ece", "calibration_slope")


def compliance_report(home: Home, scope: str, version: int, *, now: datetime) -> dict[str, Any]:
    """Lineage, code, environment, gates, approvals, figures, fairness, limits, traffic and audit of one version.

    Raises NotFoundError for no such version, UnavailableError if its files are gone everywhere.
    """
    known = home.registry.version(scope, version)
    state = acts.state_of(home, scope, version, now=now)
    bundle = Bundle.load(home.registry.fetch(scope, version))
    lines = audit_lines(home, scope, version)
    approved = approval(lines)
    verified = home.audit.verify()
    return {
        "made_at": now.astimezone(UTC).isoformat(),
        "model": {
            "name": known.name,
            "scope": scope,
            "version": version,
            "digest": known.digest,
            "state": str(state.state),
            "risk": str(state.risk),
            "registered_at": known.created_at.isoformat(),
            "simulated": bundle.manifest.simulated,
        },
        "lineage": {**lineage(manifest_of(home, known.digest)), **runs(known.tags or {}, known.run_id)},
        "code": {name.removeprefix("lintel."): (known.tags or {}).get(name, _NOT_RECORDED) for name in _CODE_TAGS},
        "environment": dict(bundle.manifest.libraries),
        "trained": {"by": state.trained_by.name, "kind": str(state.trained_by.kind)},
        "gates": [one.to_json() for one in state.gates],
        "approved": None if approved is None else asdict(approved),
        "decisions": [_decision(one) for one in lines if one["act"] in _DECISIONS],
        "figures": figures(bundle.metrics),
        "fairness": section(bundle.model_card, "Fair housing"),
        "limits": limits(bundle.model_card, state.gates),
        "traffic": [one for one in changes(home, scope, limit=1_000) if _takes_part(one, version)],
        "rollouts": _rollouts(home, scope, version),
        "audit": {
            "whole": verified.fault is None,
            "fault": None if verified.fault is None else verified.fault.sentence,
            "lines_checked": verified.lines,
            "head": verified.digest,
            "excerpt": lines[:_EXCERPT],
            "lines": len(lines),
        },
    }


_DECISIONS = {"model.approved", "model.rejected", "model.pending", "model.retired", "model.champion", "model.rolling"}


def runs(tags: Mapping[str, str], mlflow_run: str) -> dict[str, str]:
    """The runs that made a version."""
    return {"dagster_run": tags.get("dagster_run_id", _NOT_RECORDED), "mlflow_run": mlflow_run or _NOT_RECORDED}


def figures(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The headline figures of each dimension on its newest fold, or why there are none."""
    shown = {}
    for name, one in metrics.get("dimensions", {}).items():
        if "auc" in one:
            shown[name] = {figure: one.get(figure) for figure in _FIGURES}
        else:
            shown[name] = {"status": one.get("status"), "why": one.get("needs") or one.get("reason")}
    return shown


def section(card: str, title: str) -> str:
    """The text of one part of a model card, in Markdown; empty if it has no such part."""
    found = re.search(rf"^## +{re.escape(title)}\n(.*?)(?=^## |\Z)", card, flags=re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def limits(card: str, gates: Sequence[GateResult]) -> list[str]:
    """What the card says of limits, and what no gate could judge."""
    listed = [line.removeprefix("- ").strip() for line in section(card, "Limits").splitlines() if line.startswith("- ")]
    unjudged = [f"{one.name}: {one.sentence}" for one in gates if one.passed is None]
    return [*listed, *unjudged] or ["The model card names no limits."]


def _decision(line: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: line[name] for name in ("number", "at", "actor", "actor_kind", "reason")}
    return {"act": line["act"].removeprefix("model."), **told}


def _takes_part(change: Mapping[str, Any], version: int) -> bool:
    return any(one["version"] == version for one in change["models"])


def _rollouts(home: Home, scope: str, version: int) -> list[dict[str, Any]]:
    """Rollouts in which it was the candidate, newest first."""
    return [
        {
            "id": one.rollout_id,
            "strategy": str(one.plan.strategy),
            "state": str(one.progress.state),
            "began_at": one.progress.began_at.isoformat(),
            "changed_at": one.changed_at.isoformat(),
            "champion": one.champion.version,
        }
        for one in home.rollouts.list(scope)
        if one.candidate.version == version
    ]
