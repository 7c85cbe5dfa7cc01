"""Who should have answered a lead and who did: the prediction log of one tenant, split into the two arms of a rollout.

A canary's leads are those that the router draws (`lintel.rollouts.draw`), so that a lead that the candidate should have
answered and did not is seen, whoever answered it instead. The workers of a rolling candidate give the former champion's
answers as `previous-champion`.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lintel.rollouts.draw import share
from lintel.rollouts.evidence import Arm
from lintel.rollouts.plan import Strategy
from lintel.scoring.lesser_answers import LAST_SCORE, LIGHT_MODEL, PRIOR
from lintel.store.prediction import SHADOW

COLUMNS = ("lead_id", "answered_at", "model_digest", "served_by", "cached", "compute_ms", "features_digest")
PREVIOUS = "previous-champion"
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Split:
    """How the leads of a tenant are divided between the two."""

    strategy: Strategy
    candidate: str  # digest
    champion: str  # digest
    share: float
    salt: str


def arms(answers: pa.Table, tenant: str, split: Split) -> tuple[Arm, Arm]:
    """The candidate's arm and the champion's, from rows of the log with COLUMNS (scores in shadow among them).

    An answer counts as failed if a lesser rung gave it than the arm's own bundle: the last score, the base rates, or
    the champion in the candidate's place. Where the champion failed on a candidate's lead, too, its light model
    answered; such a lead says nothing of the difference and is left out. A light answer by the arm's own bundle is
    what a loaded worker gives, whichever bundle it has. Leads that are closed are left out: no model was asked.
    """
    seen = _Seen.of(_asked_of_a_model(answers))
    if split.strategy is Strategy.SHADOW:
        mine = seen.is_shadow & (seen.digest == split.candidate)
        drawn = ~seen.is_shadow & _drawn(seen, tenant, split)
        none = np.zeros(len(seen.lead), np.bool_)
        return _arm(seen, mine, none), _arm(seen, drawn & ~seen.is_lesser, drawn & seen.is_lesser)
    if split.strategy is Strategy.ROLLING:
        return _by_worker(seen, split)
    drawn = _drawn(seen, tenant, split) & ~seen.is_shadow
    others = ~drawn & ~seen.is_shadow
    mine, theirs = (seen.digest == one for one in (split.candidate, split.champion))
    both_failed = (seen.served_by == LIGHT_MODEL) & theirs
    good = mine & ~seen.is_lesser
    return (
        _arm(seen, drawn & good, drawn & ~good & ~both_failed),
        _arm(seen, others & theirs & ~seen.is_lesser, others & seen.is_lesser),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """Columns of n answers."""

    leads: list[str]
    lead: NDArray[np.intp]  # (n,) position in `leads`
    digest: NDArray[np.object_]
    served_by: NDArray[np.object_]
    compute_ms: NDArray[np.float64]  # NaN where nothing was computed for it

    @classmethod
    def of(cls, answers: pa.Table) -> "_Seen":
        leads = answers.column("lead_id").combine_chunks().dictionary_encode()
        if isinstance(leads, pa.ChunkedArray):
            leads = leads.combine_chunks()
        cached = answers.column("cached").to_numpy()
        compute = answers.column("compute_ms").cast(pa.float64()).to_numpy()
        return cls(
            leads.dictionary.to_pylist(),
            leads.indices.to_numpy(zero_copy_only=False).astype(np.intp),
            _texts(answers, "model_digest"),
            _texts(answers, "served_by"),
            np.where(cached.astype(np.bool_) | (compute <= 0), np.nan, compute),
        )

    @property
    def is_lesser(self) -> Mask:
        return np.asarray((self.served_by == LAST_SCORE) | (self.served_by == PRIOR), np.bool_)

    @property
    def is_shadow(self) -> Mask:
        return np.asarray(self.served_by == SHADOW, np.bool_)


def _asked_of_a_model(answers: pa.Table) -> pa.Table:
    """Without answers that tell how a closed lead ended, for which no features are read. The last score and base rates,
    which need none, stand in for a model."""
    rung = answers.column("served_by").cast(pa.string())
    stands_in = pc.is_in(rung, value_set=pa.array([LAST_SCORE, PRIOR]))
    return answers.filter(pc.or_(pc.is_valid(answers.column("features_digest")), stands_in))


def _by_worker(seen: _Seen, split: Split) -> tuple[Arm, Arm]:
    """A last score does not say which worker gave it, and is in neither arm; base rates are the assigned bundle's."""
    mine, theirs = (seen.digest == one for one in (split.candidate, split.champion))
    stood_in = seen.served_by == PREVIOUS
    prior = seen.served_by == PRIOR
    fit = ~seen.is_lesser & ~seen.is_shadow
    return (
        _arm(seen, mine & fit, stood_in | (mine & prior)),
        _arm(seen, theirs & fit & ~stood_in, theirs & prior),
    )


def _drawn(seen: _Seen, tenant: str, split: Split) -> Mask:
    """(n,) whether the router gives the lead to the candidate."""
    if split.share >= 1.0:
        return np.ones(len(seen.lead), np.bool_)
    own = np.array([share(split.salt, tenant, lead) < split.share for lead in seen.leads], np.bool_)
    return own[seen.lead] if len(seen.leads) else np.zeros(0, np.bool_)


def _arm(seen: _Seen, good: Mask, failed: Mask) -> Arm:
    full = good & (seen.served_by != LIGHT_MODEL) & np.isfinite(seen.compute_ms)
    asked, lost = int(np.count_nonzero(good | failed)), int(np.count_nonzero(failed))
    return Arm(asked, lost, seen.compute_ms[np.asarray(full, np.bool_)])


def _texts(answers: pa.Table, column: str) -> NDArray[np.object_]:
    return np.asarray(pc.cast(answers.column(column), pa.string()).to_numpy(zero_copy_only=False), np.object_)
