"""Whether a new version may take over: gates that a candidate must pass, in plain numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """`passed`, and one sentence a dimension that says why (or why not)."""

    passed: bool
    reasons: tuple[str, ...]


def gate(metrics: Mapping[str, Any]) -> Verdict:
    """A candidate must beat the base rate in log loss on the test fold, in every dimension that it scores.

    `metrics` is the evaluation of `lintel evaluate --json`. A candidate that scores nothing does not pass.
    """
    reasons = []
    passed = False
    failed = False
    for name, values in metrics.get("dimensions", {}).items():
        if "log_loss" not in values:
            reasons.append(f"{name}: {values.get('status', 'not evaluated')}")
            continue
        ours, base = values["log_loss"], values["baselines"]["base_rate"]["log_loss"]
        better = ours < base
        passed, failed = passed or better, failed or not better
        reasons.append(f"{name}: log loss {ours:.4f}, base rate's {base:.4f}{'' if better else ': not better'}")
    return Verdict(passed and not failed, tuple(reasons) or ("no dimension was evaluated",))


def compare(candidate: Mapping[str, Any], champion: Mapping[str, Any] | None) -> Verdict:
    """Whether the candidate's mean log loss over shared dimensions is no worse than the champion's on the same rows.

    Both evaluations must come from the same test fold. Without a champion the candidate is the first one.
    """
    if champion is None:
        return Verdict(True, ("the first champion of this scope",))
    shared = [
        name
        for name, values in candidate["dimensions"].items()
        if "log_loss" in values and "log_loss" in champion["dimensions"].get(name, {})
    ]
    if not shared:
        return Verdict(True, ("the champion scores none of the candidate's dimensions",))
    ours = sum(candidate["dimensions"][name]["log_loss"] for name in shared) / len(shared)
    theirs = sum(champion["dimensions"][name]["log_loss"] for name in shared) / len(shared)
    sentence = f"mean log loss {ours:.4f}, champion's {theirs:.4f} on the same test fold ({', '.join(sorted(shared))})"
    return Verdict(ours <= theirs, (sentence,))
