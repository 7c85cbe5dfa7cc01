"""Whether a new version may take over: gates that a candidate must pass, in plain numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lintel.errors import IncompatibleError, InputError, NotFoundError, UnavailableError
from lintel.labels.outcomes import Status
from lintel.registry.models import ModelRegistry
from lintel.registry.traffic import TrafficEntry
from lintel.scoring import metrics
from lintel.scoring.bundle import Bundle
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import Examples
from lintel.scoring.folds import Fold


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
        if "log_loss" not in values or "status" in values:
            told = values.get("needs") or values.get("reason")
            reasons.append(f"{name}: {values.get('status', 'not evaluated')}{f': {told}' if told else ''}")
            continue
        ours, base = values["log_loss"], values["baselines"]["base_rate"]["log_loss"]
        better = ours < base
        passed, failed = passed or better, failed or not better
        reasons.append(f"{name}: log loss {ours:.4f}, base rate's {base:.4f}{'' if better else ': not better'}")
    return Verdict(passed and not failed, tuple(reasons) or ("no dimension was evaluated",))


def challenge(
    candidate: Bundle, current: TrafficEntry | None, examples: Examples, *, registry: ModelRegistry, scope: str
) -> Verdict:
    """Whether `candidate` may take over from the champion that the traffic table names.

    A champion that this code cannot load (its features or labels have changed since, or its files are gone
    everywhere) answers nobody, so that any candidate is better.
    """
    if current is None:
        return Verdict(True, ("the first champion of this scope",))
    if current.digest == candidate.digest:
        return Verdict(True, ("it is the champion already",))
    try:
        champion = Bundle.load(registry.fetch_digest(scope, current.digest))
    except (IncompatibleError, NotFoundError, UnavailableError) as error:
        return Verdict(True, (f"the champion, version {current.model_version}, cannot answer any more: {error}",))
    return compare(log_losses(candidate, examples), log_losses(champion, examples))


def log_losses(bundle: Bundle, examples: Examples) -> dict[str, float]:
    """Log loss of every dimension that a bundle scores, on the newest fold of `examples`.

    A dimension for which these examples have too little history to make a fold is left out.
    """
    found = {}
    for name, dimension in bundle.scorer.ready.items():
        try:
            rows = fold_rows(examples, name).rows(Fold.TEST)
        except InputError:
            continue
        outcome = examples.outcomes[name].status[rows] == Status.YES
        probability = dimension.scores(examples.inputs(rows)).probability
        found[name] = float(metrics.log_loss(outcome, probability, examples.points.weight[rows]))
    return found


def compare(candidate: Mapping[str, float], champion: Mapping[str, float]) -> Verdict:
    """Whether the candidate scores all that the champion scores, at a mean log loss that is no worse.

    Both are log losses by dimension on the same rows.
    """
    lost = sorted(champion.keys() - candidate.keys())
    if lost:
        return Verdict(False, (f"the champion also scores {', '.join(lost)}, the candidate does not",))
    if not champion:
        return Verdict(True, ("the champion scores nothing",))
    ours = sum(candidate[name] for name in champion) / len(champion)
    theirs = sum(champion.values()) / len(champion)
    sentence = (
        f"mean log loss {ours:.4f}, champion's {theirs:.4f} on the same test fold ({', '.join(sorted(champion))})"
    )
    return Verdict(ours <= theirs, (sentence,))
