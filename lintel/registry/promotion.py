"""Whether a new version may take over: gates that a candidate must pass, in plain numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, InputError, NotFoundError, UnavailableError
from lintel.events.moments import time_text, to_microseconds
from lintel.labels.outcomes import Status
from lintel.registry.models import ModelRegistry
from lintel.registry.traffic import TrafficEntry
from lintel.scoring.bundle import Bundle
from lintel.scoring.evaluation import fold_rows
from lintel.scoring.examples import Examples
from lintel.scoring.folds import Fold, Folds
from lintel.scoring.paired import Comparison, PairedLosses, paired_comparison, row_log_loss
from lintel.scoring.recalibration import is_recalibration

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`passed`, and one sentence a dimension that says why (or why not)."""

    passed: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contest:
    """Champion and challenger on rows that neither has learnt from.

    `notes` tell of dimensions that are judged on fewer rows than the whole fold, or not at all.
    """

    paired: Mapping[str, PairedLosses]
    lost: tuple[str, ...] = ()  # dimensions that the champion alone scores
    gained: tuple[str, ...] = ()  # dimensions that the challenger alone scores
    notes: tuple[str, ...] = ()


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
    everywhere) answers nobody, so that any candidate is better. The champion itself, calibrated anew, only has to be no
    worse: it is newer, and differs in nothing else.
    """
    if current is None:
        return Verdict(True, ("the first champion of this scope",))
    if current.digest == candidate.digest:
        return Verdict(True, ("it is the champion already",))
    try:
        champion = Bundle.load(registry.fetch_digest(scope, current.digest))
    except (IncompatibleError, NotFoundError, UnavailableError) as error:
        return Verdict(True, (f"the champion, version {current.model_version}, cannot answer any more: {error}",))
    judged = no_worse if is_recalibration(candidate, champion, examples) else compare
    return judged(contest(candidate, champion, examples), seed=candidate.manifest.seed)


def contest(candidate: Bundle, champion: Bundle, examples: Examples) -> Contest:
    """Log losses of both on the newest fold of `examples`, in the dimensions that both score.

    Where the champion has learnt from rows of that fold (it was trained on other folds, or on a longer window), only
    rows that were asked after all it learnt from are judged. A dimension of which these examples have too little
    history to make a fold is left out.
    """
    ours, theirs = candidate.scorer.ready, champion.scorer.ready
    paired, notes = {}, []
    for name in sorted(ours.keys() & theirs.keys()):
        try:
            folds = fold_rows(examples, name)
        except InputError as error:
            notes.append(f"{name}: not compared, {error}")
            continue
        rows, note = _unlearnt(folds, champion, name, examples)
        rows = rows[examples.points.queries.as_of[rows] >= _new_from(candidate, name)]
        notes += [f"{name}: {note}"] if note else []
        if len(rows):
            paired[name] = _losses(candidate, champion, examples, name, rows)
    lost, gained = theirs.keys() - ours.keys(), ours.keys() - theirs.keys()
    return Contest(paired, tuple(sorted(lost)), tuple(sorted(gained)), tuple(notes))


def compare(found: Contest, *, seed: int) -> Verdict:
    """Whether the challenger is better than the champion beyond noise: in the mean over dimensions, and worse in none.

    Noise is what a bootstrap by lead of the paired differences shows. A challenger that scores a dimension more only
    has to be no worse beyond noise: the champion does not answer there at all. One that lost a dimension never passes.
    """
    if found.lost:
        fault = f"the champion also scores {', '.join(found.lost)}, the candidate does not"
        return Verdict(False, (fault, *found.notes))
    gain = f"it also scores {', '.join(found.gained)}, the champion does not" if found.gained else ""
    if not found.paired:
        why = gain or "no dimension can be compared on rows that are new to the champion"
        return Verdict(bool(gain) and not found.notes, (why, *found.notes))
    comparison = paired_comparison(found.paired, seed=seed)
    worse = [name for name, one in comparison.tasks.items() if one.worse]
    unharmed = not worse and not comparison.mean.worse
    passed = unharmed and (comparison.mean.better or bool(gain))
    sentences = [_sentence(found, comparison, worse), *([gain] if gain else []), *_by_dimension(found, comparison)]
    return Verdict(passed, (*sentences, *found.notes))


def no_worse(found: Contest, *, seed: int) -> Verdict:
    """As `compare`, for a challenger that has the champion's own members: it need not be better, only not worse beyond
    noise, in the mean and in every dimension."""
    if found.lost or not found.paired:
        return Verdict(False, ("it lost a dimension" if found.lost else "nothing can be compared", *found.notes))
    comparison = paired_comparison(found.paired, seed=seed)
    worse = [name for name, one in comparison.tasks.items() if one.worse]
    sentences = (_sentence(found, comparison, worse), *_by_dimension(found, comparison), *found.notes)
    return Verdict(not worse and not comparison.mean.worse, sentences)


def _sentence(found: Contest, comparison: Comparison, worse: list[str]) -> str:
    """The mean over dimensions, and what follows from it."""
    judged = found.paired.values()
    ours, theirs = (
        sum(values) / len(found.paired)
        for values in ([one.mean(one.ours) for one in judged], [one.mean(one.theirs) for one in judged])
    )
    mean = comparison.mean
    standing = "better beyond noise" if mean.better else "worse beyond noise" if mean.worse else "no more than noise"
    but = f", but worse beyond noise in {', '.join(worse)}" if worse else ""
    return (
        f"mean log loss {ours:.4f}, champion's {theirs:.4f} on the same newest fold ({', '.join(found.paired)}): "
        f"difference {mean}, {standing}{but}"
    )


def _by_dimension(found: Contest, comparison: Comparison) -> list[str]:
    return [
        f"{name}: log loss {one.mean(one.ours):.4f}, champion's {one.mean(one.theirs):.4f}, "
        f"difference {comparison.tasks[name]}, {len(one.lead)} rows"
        for name, one in found.paired.items()
    ]


def _losses(candidate: Bundle, champion: Bundle, examples: Examples, name: str, rows: Rows) -> PairedLosses:
    outcome, inputs = examples.outcomes[name].status[rows] == Status.YES, examples.inputs(rows)
    ours, theirs = (
        row_log_loss(outcome, one.scorer.ready[name].scores(inputs).probability) for one in (candidate, champion)
    )
    return PairedLosses(ours, theirs, examples.points.weight[rows], examples.points.queries.lead[rows])


def _unlearnt(folds: Folds, champion: Bundle, name: str, examples: Examples) -> tuple[Rows, str]:
    """Rows of the test fold that the champion has not learnt from, and what there is to say if that is not all."""
    rows = folds.rows(Fold.TEST)
    until = _learnt_until(champion, name)
    new = rows[examples.points.queries.as_of[rows] >= until]
    if len(new) == len(rows):
        return rows, ""
    judged = "not compared" if not len(new) else f"judged on the {len(new)} later of {len(rows)} rows"
    return new, f"{judged}, for the champion has learnt from what was known until {time_text(until)}"


def _new_from(candidate: Bundle, name: str) -> int:
    """UTC µs from which on rows are new to the candidate; what its pool judges may have been learnt from this tenant
    up to the pool's newest fold."""
    known = candidate.scorer.ready[name].judged_from
    return _learnt_until(candidate, name) if known is None else known


def _learnt_until(bundle: Bundle, name: str) -> int:
    """UTC µs until which a bundle may have learnt: where its newest fold began, which only judged it; where the pool's
    newest fold judges it, the later of that and the tenant's own, up to which its level was learnt."""
    values = bundle.metrics.get("dimensions", {}).get(name, {})
    begins = [one["folds"]["test_from"] for one in (values, values.get("own", {})) if "folds" in one]
    moments = begins or [bundle.manifest.known_until]
    return max(to_microseconds(datetime.fromisoformat(text)) for text in moments)
