"""Answers of the prediction log that can be computed once more, and those that cannot, with the reason."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lintel.store.aliases import Merge

Int64 = NDArray[np.int64]
Objects = NDArray[np.object_]

READ = (
    "decision_id",
    "lead_id",
    "as_of",
    "seq",
    "model_digest",
    "feature_version",
    "served_by",
    "features_digest",
    "features",
    "probabilities",
)
NO_FEATURES, OTHER_VERSION, MERGED, GONE = (
    "no_features_read",
    "other_feature_version",
    "lead_merged_since",
    "lead_erased",
)
NOT_IN_LAKE, SET_ASIDE = "events_not_in_the_lake_yet", "events_set_aside"
REASONS = {
    NO_FEATURES: "rungs that read no features: the last score, the base rate, a closed lead",
    OTHER_VERSION: "made by code with other features",
    MERGED: "the lead was merged with another since, or as of a moment before that was known",
    GONE: "the lead was erased since",
    NOT_IN_LAKE: "the lake had not reached the answer's events yet",
    SET_ASIDE: "events of the lead are set aside by a data gate: when, is not known",
}
"""Why an answer cannot be computed once more."""


@dataclass(frozen=True, slots=True)
class Served:
    """n answers. Times are UTC µs; `features` are the bytes of a float32 row, None where none was kept."""

    lead_ids: Objects
    as_of: Int64
    seq: Int64
    bundle: Objects  # digest
    rung: Objects
    features_digest: Objects
    features: Objects
    probabilities: Objects  # a mapping of dimension to probability each

    def __len__(self) -> int:
        return len(self.lead_ids)

    def take(self, rows: NDArray[Any]) -> "Served":
        return replace(self, **{one.name: getattr(self, one.name)[rows] for one in fields(self)})


def served_answers(table: pa.Table) -> Served:
    """Rows of the prediction log with the columns READ."""
    told = np.empty(len(table), np.object_)
    told[:] = [dict(one) for one in table.column("probabilities").to_pylist()]
    return Served(
        _objects(table, "lead_id"),
        table.column("as_of").cast(pa.int64()).to_numpy(),
        table.column("seq").to_numpy(),
        _objects(table, "model_digest"),
        _objects(table, "served_by"),
        _objects(table, "features_digest"),
        _objects(table, "features"),
        told,
    )


def comparable(
    served: Served,
    versions: Sequence[str],
    *,
    feature_version: str,
    watermark: int,
    merges: Sequence[Merge],
    known: set[str],
    aside: set[str],
) -> tuple[NDArray[np.intp], Counter[str]]:
    """Which answers can be computed once more, and how many cannot, by reason.

    Parameters
    ----------
    versions: (n,) the feature version of each answer; `feature_version` is that of this code.
    watermark: the newest `seq` of the lake.
    known: leads that have events; `aside`: leads of which some are set aside.
    """
    groups = _latest_merges(merges)
    reasons: Counter[str] = Counter()
    kept = []
    for row, lead in enumerate(served.lead_ids.tolist()):
        seq, as_of = groups.get(lead, (0, 0))
        if served.features_digest[row] is None:
            reason = NO_FEATURES
        elif versions[row] != feature_version:
            reason = OTHER_VERSION
        elif served.seq[row] > watermark:
            reason = NOT_IN_LAKE
        elif seq > served.seq[row] or as_of > served.as_of[row]:
            reason = MERGED
        elif lead not in known:
            reason = GONE
        elif lead in aside:
            reason = SET_ASIDE
        else:
            kept.append(row)
            continue
        reasons[reason] += 1
    return np.array(kept, np.intp), reasons


def _latest_merges(merges: Sequence[Merge]) -> dict[str, tuple[int, int]]:
    """Of each lead that was ever merged, directly or not: the largest `seq` and `known_at` of its group's merges."""
    groups: dict[str, set[str]] = {}
    for merge in merges:
        both = groups.get(merge.absorbed, {merge.absorbed}) | groups.get(merge.survivor, {merge.survivor})
        groups |= dict.fromkeys(both, both)
    found: dict[str, tuple[int, int]] = {}
    for merge in merges:
        for lead in groups[merge.absorbed]:
            seq, known = found.get(lead, (0, 0))
            found[lead] = max(seq, merge.seq), max(known, merge.known_at)
    return found


def _objects(table: pa.Table, name: str) -> Objects:
    found = np.empty(len(table), np.object_)
    found[:] = table.column(name).to_pylist()
    return found
