"""What became of the leads that were answered since a rollout began, and how far each bundle had been from it.

The label of an answer is known at the end of its horizon, whatever happens before, so that the order in which outcomes
become known is that of the questions, and a sequence once judged is never changed but at its end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lintel.errors import NotFoundError
from lintel.events.moments import to_microseconds
from lintel.home import Home
from lintel.labels.definition import LabelSet, load_label_set
from lintel.labels.outcomes import Outcome
from lintel.rollouts.evidence import Matured
from lintel.rollouts.rescoring import Asked, Questions, labels_of, probabilities, questions_again
from lintel.rollouts.rollout import Rollout
from lintel.scoring.answers import tenant_time
from lintel.scoring.bundle import Bundle
from lintel.store.prediction import SHADOW
from lintel.store.tenants import Tenant

MOST = 5_000
"""Leads of a tenant that are judged by, those answered first: enough for any decision, and bounded work."""
ABOUT_THE_PAST = 3_600_000_000
"""µs by which a question may lie before an earlier one; those that lie further back ask about the past."""
_READ = ("lead_id", "answered_at", "as_of", "seq", "features_digest")
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MaturedRows:
    """n leads whose outcome in a dimension is known, and when that was (UTC µs)."""

    known_from: Int64
    lead_ids: NDArray[np.object_]
    candidate: Float64
    champion: Float64
    outcome: Float64


def matured_rows(
    home: Home, tenant: Tenant, rollout: Rollout, bundles: tuple[Bundle, Bundle], waiting: pa.Table, *, now: datetime
) -> dict[str, MaturedRows]:
    """By dimension that both bundles (candidate, champion) score; leads once, with their first answer.

    `waiting` has the answers of the rollout that are not in the lake yet.
    """
    try:
        labels = load_label_set(tenant.labels)
        log_end = to_microseconds(tenant_time(home.events, tenant, now))
    except NotFoundError:  # a label file that is not here, or a log that was emptied: nothing can be known
        return {}
    answers = _first_answers(home, tenant, rollout.progress.began_at, waiting, now)
    learnt_until = max(_learnt_until(one) for one in bundles)
    asked = _first_asked(answers, learnt_until, latest=log_end - _shortest_horizon(labels))
    again = questions_again(home.events, tenant, asked)
    if again is None:
        return {}
    ours, theirs = (probabilities(one, tenant, again) for one in bundles)
    found = labels_of(again, labels, log_end)
    return {
        name: _rows(again, found[name], ours[name], theirs[name])
        for name in sorted(ours.keys() & theirs.keys() & found.keys())
    }


def in_order(parts: Sequence[Mapping[str, MaturedRows]]) -> dict[str, Matured]:
    """The rows of all tenants in the order in which they became known; dimensions without any are left out."""
    names = sorted({name for part in parts for name in part})
    found = {name: _in_order([part[name] for part in parts if name in part]) for name in names}
    return {name: one for name, one in found.items() if len(one.outcome)}


def _in_order(parts: Sequence[MaturedRows]) -> Matured:
    known, leads = (np.concatenate([getattr(one, name) for one in parts]) for name in ("known_from", "lead_ids"))
    order = np.lexsort((leads.astype(np.str_), known))
    ours, theirs, outcome = (
        np.concatenate([getattr(one, name) for one in parts])[order] for name in ("candidate", "champion", "outcome")
    )
    return Matured(ours, theirs, outcome)


def _rows(again: Questions, outcome: Outcome, ours: Float64, theirs: Float64) -> MaturedRows:
    mature = outcome.mature & np.isfinite(ours) & np.isfinite(theirs)
    return MaturedRows(
        outcome.known_from[mature],
        np.array(again.lead_ids, np.object_)[mature],
        ours[mature],
        theirs[mature],
        outcome.status[mature].astype(np.float64),
    )


def _first_answers(home: Home, tenant: Tenant, since: datetime, waiting: pa.Table, now: datetime) -> pa.Table:
    """Answers from the begin on until they are about enough leads, however many come after them. What bundles in
    shadow scored is none."""
    parts, leads, length = [], set[str](), timedelta(hours=1)
    while since < now and len(leads) < MOST:
        part = home.predictions.read(tenant.id, since, since + length, columns=_READ)
        leads |= set(part.column("lead_id").unique().to_pylist())
        parts.append(part)
        since, length = since + length, 2 * length
    if len(leads) < MOST:
        fresh = waiting.filter(pc.not_equal(waiting.column("served_by").cast(pa.string()), SHADOW))
        parts.append(fresh.select(list(_READ)))
    return pa.concat_tables(parts).unify_dictionaries()


def _first_asked(answers: pa.Table, learnt_until: int, *, latest: int) -> Asked:
    """The first answer of each lead, about a moment that neither bundle has learnt from and that may be mature."""
    answers = answers.filter(pc.is_valid(answers.column("features_digest"))).sort_by([("answered_at", "ascending")])
    as_of = answers.column("as_of").cast(pa.int64()).to_numpy()
    presently = as_of >= np.maximum.accumulate(as_of) - ABOUT_THE_PAST if len(as_of) else np.zeros(0, np.bool_)
    leads = answers.column("lead_id").to_pylist()
    first: dict[str, int] = {}
    for row in np.flatnonzero(presently & (as_of >= learnt_until)).tolist():
        first.setdefault(leads[row], row)
    rows = [row for row in list(first.values())[:MOST] if as_of[row] <= latest]
    seq = answers.column("seq").to_numpy()
    return Asked([leads[row] for row in rows], as_of[rows], seq[rows])


def _learnt_until(bundle: Bundle) -> int:
    """UTC µs from which on nothing is in a bundle."""
    return to_microseconds(datetime.fromisoformat(bundle.manifest.known_until))


def _shortest_horizon(labels: LabelSet) -> int:
    return min((entry.horizon for entry in labels.defined.values()), default=0)
