"""Outcomes that have become known since a model was trained, counted in leads, without computing any feature."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lintel.events.columns import columns_from_table, digest64
from lintel.labels.definition import LabelSet
from lintel.labels.outcomes import Outcome, outcomes
from lintel.labels.points import decision_points

_POINTS_A_LEAD = 5
"""As examples keep: what is counted is what would be learnt from."""


@dataclass(frozen=True, slots=True)
class NewOutcomes:
    """Leads of one dimension: with a first outcome since the training, and with one that it could learn from."""

    dimension: str
    new: int
    learnt: int

    @property
    def share(self) -> float:
        """New ones for each that was learnt from; 1 where nothing was."""
        return self.new / self.learnt if self.learnt else float(self.new > 0)

    def sentence(self, version: int) -> str:
        """As triggers explain themselves."""
        from_what = f"{self.share:.0%} of the {self.learnt:,} that it learnt from" if self.learnt else "the first"
        return f"{self.new:,} leads have new outcomes of {self.dimension} since version {version}, {from_what}."


def count_new_outcomes(
    events: pa.Table, labels: LabelSet, *, time_zone: str, learnt_until: int, now: int, seed: int
) -> list[NewOutcomes]:
    """By dimension, the largest share first. Times in UTC µs; none if the events give no decision point."""
    leads = pc.unique(events.column("lead_id")).sort()
    columns = columns_from_table(events, leads)
    keys = np.array([digest64(one) for one in leads.to_pylist()], np.int64)
    points = decision_points(
        columns, labels, keys, log_end=now, time_zone=time_zone, per_origin=_POINTS_A_LEAD, seed=seed
    )
    if not len(points):
        return []
    found = outcomes(columns, points, labels, log_end=now)
    return counted(found, points.queries.lead, learnt_until)


def counted(found: Mapping[str, Outcome], lead: NDArray[np.int32], learnt_until: int) -> list[NewOutcomes]:
    """From outcomes of p points of leads, (p,)."""
    counts = []
    for name, outcome in found.items():
        known = outcome.mature & (outcome.known_from <= learnt_until)
        learnt = np.unique(lead[known])
        new = np.setdiff1d(lead[outcome.mature], learnt)
        counts.append(NewOutcomes(name, len(new), len(learnt)))
    return sorted(counts, key=lambda one: (-one.share, one.dimension))


def enough(counts: list[NewOutcomes], *, least: int, share: float) -> NewOutcomes | None:
    """The dimension with the largest share of those that have enough new outcomes, both in number and in share."""
    return next((one for one in counts if one.new >= least and one.share >= share), None)
