"""The evidence ladder: how much of a dimension a tenant's own outcomes can carry, and what other tenants carry."""

from collections.abc import Iterable
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lintel.labels.outcomes import Status

LEAST_POOLED, LEAST_CALIBRATED, LEAST_TENANT = 40, 300, 1_000
"""Leads with a mature outcome, of the rarer of the two, from which each rung begins."""
JUDGED_ON_POOL = "pool"
"""Figures that are those of the pool which a dimension is borrowed from: where few outcomes are a tenant's own, its
newest fold holds so few that skill cannot be told from chance there. What it shows is beside them, as `own`."""


class Rung(StrEnum):
    """What a score rests on, weakest first."""

    RULES = "rules"
    """Nothing learnt: too few outcomes, and no pool to borrow from."""
    POOLED = "pooled"
    """Models of a pool of tenants, moved to the tenant's own level as far as its outcomes speak for that."""
    CALIBRATED = "calibrated"
    """Models of the pool, calibrated on the tenant's own outcomes alone."""
    TENANT = "tenant"
    """The tenant's own models."""


def rung(outcomes_per_class: int, *, has_pool: bool) -> Rung:
    """The rung of a dimension with this many outcomes of the rarer class.

    Without a pool a tenant has but its own model, from the number on from which one can be learnt at all.
    """
    if not has_pool:
        return Rung.TENANT if outcomes_per_class >= LEAST_POOLED else Rung.RULES
    if outcomes_per_class < LEAST_CALIBRATED:
        return Rung.POOLED
    return Rung.CALIBRATED if outcomes_per_class < LEAST_TENANT else Rung.TENANT


def weakest(rungs: Iterable[Rung]) -> Rung:
    """The lowest of them, for an answer is no surer than what is least sure in it; `rules` if there is none."""
    order = list(Rung)
    return min(rungs, key=order.index, default=Rung.RULES)


def outcomes_per_class(status: NDArray[np.int8], lead: NDArray[np.int32]) -> int:
    """Leads with a mature outcome, of the rarer of yes and no; `status` and `lead`, (p,), are those of the points."""
    return min(len(np.unique(lead[status == answer])) for answer in (Status.YES, Status.NO))
