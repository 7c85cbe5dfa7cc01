"""Whether what was served is what the lake says: features and scores of logged answers, computed once more.

An answer names the newest event (`seq`) that it could see. From the lake's events up to there, as of the same moment,
the features must come out the same to the last bit, and the scores within 1e-6. Events that their source knew by then
but that came to us later are no fault of either side; what they would have changed is a second figure.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.monitoring.served import REASONS, Served
from lintel.store.prediction import features_digest

Json = dict[str, Any]
Matrix = NDArray[np.float32]

SCORE_TOLERANCE = 1.5e-6
"""1e-6 that scores alone and in a batch may differ by, and what rounding to six digits adds."""
_NAMED = 10


def consistency_finding(
    served: Served,
    then: Matrix,
    now: Matrix,
    scores: Mapping[str, NDArray[np.float64]],
    names: Sequence[str],
    *,
    apart: Mapping[str, int],
    answers: int,
) -> Json:
    """Compare n answers with what they are computed to be.

    Parameters
    ----------
    then, now: (n, F) features from the events up to each answer's `seq`, and from all that there are by now.
    scores: (n,) by dimension, from the events of then; NaN where they could not be computed.
    names: (F,) of the features.
    apart: how many answers were not compared, by reason. answers: how many there were, from which these were drawn.
    """
    digests = _digests(served, then)
    features = _features(served, then, names)
    told = _scores(served, scores)
    late = _late(then, now, names)
    wrong = digests["mismatched"] + told["mismatched"]
    found = {"digests": digests, "features": features, "scores": told, "late": late}
    return {
        "alarm": bool(wrong),
        "status": "judged" if len(served) else "nothing_to_compare",
        "explanation": _explanation(len(served), found),
        "answers": answers,
        "compared": len(served),
        "apart": {name: {"answers": count, "because": REASONS[name]} for name, count in apart.items()},
        **found,
    }


def _digests(served: Served, then: Matrix) -> Json:
    """Of every answer: whether all its features are the same to the last bit."""
    wrong = sum(features_digest(row.tobytes()) != told for row, told in zip(then, served.features_digest, strict=True))
    return {"compared": len(served), "mismatched": wrong}


def _features(served: Served, then: Matrix, names: Sequence[str]) -> Json:
    """Of the answers that kept their features: which of them differ, by name."""
    rows = [i for i, kept in enumerate(served.features) if kept is not None and len(kept) == 4 * len(names)]
    told = np.array([np.frombuffer(served.features[i], np.float32) for i in rows], np.float32).reshape(-1, len(names))
    differs = told.view(np.uint32) != np.ascontiguousarray(then[rows]).view(np.uint32)
    return {
        "compared": len(rows),
        "mismatched": int(differs.any(axis=1).sum()),
        "by_feature": _counted(differs, names),
    }


def _scores(served: Served, scores: Mapping[str, NDArray[np.float64]]) -> Json:
    """Of every answer of a bundle that is here: every probability."""
    by_dimension: Json = {}
    wrong = np.zeros(len(served), np.bool_)
    compared, worst = np.zeros(len(served), np.bool_), 0.0
    for name, own in scores.items():
        told = np.array([one.get(name, np.nan) for one in served.probabilities], np.float64)
        gap = np.abs(own - told)
        off = gap > SCORE_TOLERANCE
        by_dimension[name] = {"compared": int((~np.isnan(gap)).sum()), "mismatched": int(off.sum())}
        wrong |= off
        compared |= ~np.isnan(gap)
        worst = max(worst, float(np.nanmax(gap, initial=0.0)))
    mismatched = int(wrong.sum())
    return {"compared": int(compared.sum()), "mismatched": mismatched, "worst": worst, "by_dimension": by_dimension}


def _late(then: Matrix, now: Matrix, names: Sequence[str]) -> Json:
    """What events that came later, but were known to their source in time, would have changed."""
    differs = np.ascontiguousarray(then).view(np.uint32) != np.ascontiguousarray(now).view(np.uint32)
    count = int(differs.any(axis=1).sum())
    share = count / len(then) if len(then) else 0.0
    return {"answers": count, "share": share, "by_feature": _counted(differs, names)}


def _counted(differs: NDArray[np.bool_], names: Sequence[str]) -> dict[str, int]:
    counts = Counter({name: int(count) for name, count in zip(names, differs.sum(axis=0), strict=True) if count})
    return dict(counts.most_common())


def _explanation(compared: int, found: Json) -> str:
    if not compared:
        return "No answer of the service could be computed once more."
    wrong, scores, late = found["digests"]["mismatched"], found["scores"]["mismatched"], found["late"]
    came = f" Late events would have changed {late['answers']} of them ({late['share']:.1%})."
    if not wrong and not scores:
        return f"All {compared} answers come out of the lake as they were served.{came}"
    named = list(found["features"]["by_feature"])
    which = f", among them {', '.join(named[:_NAMED])}" if named else ""
    return (
        f"Of {compared} answers {wrong} were served with other features than the lake gives{which}; {scores} have "
        f"other scores.{came}"
    )
