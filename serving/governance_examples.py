"""Examples of the endpoints of governance, for the OpenAPI document."""

from typing import Any

_DIGEST = "sha256:5f2b0c9d"
_AT = "2026-03-01T02:14:07+00:00"
REASON = {"reason": "The gates pass, and the sales lead has looked at ten of its calls."}
START = {"version": 8, "reason": "Better by its back-test.", "strategy": "canary"}

_GOVERNED: dict[str, Any] = {
    "version": 8,
    "digest": _DIGEST,
    "state": "pending",
    "risk": "high",
    "trained_by": "nightly",
    "changed_at": _AT,
    "ruling": "a person has to decide",
    "gates": [
        {
            "name": "calibration",
            "hard": True,
            "passed": True,
            "figure": 0.011,
            "bound": 0.02,
            "sentence": "The calibration error is 0.011, at most 0.02 is allowed.",
        }
    ],
}
_LINE: dict[str, Any] = {
    "number": 41,
    "at": _AT,
    "tenant": "acme",
    "actor": "nightly",
    "actor_kind": "machine",
    "act": "model.pending",
    "subject": "model:acme/8",
    "reason": "The risk class asks for a person.",
    "details": {},
    "previous": "sha256:77",
    "digest": "sha256:78",
}
_ROLLOUT: dict[str, Any] = {
    "rollout_id": "0197-4c",
    "scope": "acme",
    "state": "running",
    "strategy": "canary",
    "candidate": {"version": 8, "digest": _DIGEST},
    "champion": {"version": 7, "digest": "sha256:1d"},
    "step": 1,
    "share": 0.05,
    "began_at": _AT,
}
_ALERT: dict[str, Any] = {
    "alert_id": "9f3c2a",
    "tenant": "acme",
    "rule": "drift",
    "key": "",
    "severity": "warning",
    "state": "acknowledged",
    "summary": "3 of 150 columns drifted.",
    "owner": "models",
    "runbook": "drift",
    "first_at": _AT,
    "last_at": _AT,
    "count": 1,
    "acknowledged_by": "me",
    "deliveries": [{"kind": "firing", "sink": "slack", "state": "sent", "attempts": 1, "sent_at": _AT, "error": None}],
}

MODELS = {"models": [_GOVERNED]}
MODEL = {"model": _GOVERNED, "traffic": [], "audit": [_LINE]}
MOVED = {"version": 8, "digest": _DIGEST, "state": "approved"}
HISTORY: dict[str, Any] = {
    "changes": [
        {
            "since": _AT,
            "until": "2026-03-08T02:11:40+00:00",
            "version": 3,
            "actor": "me",
            "reason": "Better by its back-test.",
            "models": [{"version": 8, "digest": _DIGEST, "mode": "champion", "weight": 1.0, "approved": {"by": "me"}}],
        }
    ],
    "answer": {"told_by": "service", "lead_id": "4711", "answered_at": _AT, "priority": 0.42, "model": {"version": 8}},
}
ROLLOUTS: dict[str, Any] = {"rollouts": [_ROLLOUT]}
ROLLOUT = _ROLLOUT
STARTED: dict[str, Any] = {"rollout": _ROLLOUT}
AUDIT = {"lines": [_LINE], "next_before": 41}
ALERTS: dict[str, Any] = {"alerts": [_ALERT]}
ALERT = _ALERT
REPORT: dict[str, Any] = {
    "made_at": _AT,
    "model": {"name": "lead-scoring.acme", "version": 8, "digest": _DIGEST, "state": "champion"},
    "lineage": {"data_digest": "sha256:aa", "known_until": _AT},
    "code": {"commit": "4935b2f"},
    "gates": _GOVERNED["gates"],
    "approved": {"by": "me", "kind": "person", "at": _AT, "reason": "The gates pass."},
    "limits": ["Few outcomes from the last month."],
    "audit": {"whole": True, "lines_checked": 41, "head": "sha256:78"},
}
