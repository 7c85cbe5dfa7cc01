"""How far a tenant's own outcomes go: counted against the numbers from which models rest on more of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lintel.labels.definition import DIMENSIONS
from lintel.labels.outcomes import Status
from lintel.scoring.evidence import LEAST_CALIBRATED, LEAST_POOLED, LEAST_TENANT

MINIMA = {
    LEAST_POOLED: "any model of the tenant's outcomes needs",
    LEAST_CALIBRATED: "a calibration of the tenant's own needs where models are borrowed",
    LEAST_TENANT: "models of the tenant's own need beside a pool",
}
"""Leads of the rarer outcome, and what begins there; as the evidence ladder has them."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Leads with a mature yes, and with a mature no."""

    yes: int
    no: int

    @property
    def rarer(self) -> int:
        return min(self.yes, self.no)


def readiness(counts: Mapping[str, Counts], undefined: Mapping[str, str]) -> list[dict[str, Any]]:
    """Of each dimension what there is, what the next minimum is, and a sentence; `undefined` gives reasons instead."""
    return [
        {"dimension": name, "status": "not_defined_for_source", "sentence": undefined[name]}
        if name in undefined
        else _ready(name, counts.get(name, Counts(0, 0)))
        for name in DIMENSIONS
    ]


def outcome_counts(examples: Path) -> dict[str, Counts]:
    """Of the tenant's newest examples, if there are any: reads labels alone."""
    if not examples.exists():
        return {}
    names = set(pq.read_schema(examples).names)
    found = {}
    for dimension in DIMENSIONS:
        column = f"label.{dimension}.status"
        if column in names:
            table = pq.read_table(examples, columns=["lead_id", column])
            lead = table.column("lead_id").combine_chunks().indices.to_numpy()
            found[dimension] = _counts(lead, table.column(column).to_numpy())
    return found


def _counts(lead: NDArray[np.int64], status: NDArray[np.int8]) -> Counts:
    return Counts(*(len(np.unique(lead[status == answer])) for answer in (Status.YES, Status.NO)))


def _ready(name: str, counts: Counts) -> dict[str, Any]:
    missing = [least for least in MINIMA if counts.rarer < least]
    kind = "yes" if counts.yes <= counts.no else "no"
    told = {"dimension": name, "status": "counted", "yes": counts.yes, "no": counts.no, "rarer": counts.rarer}
    if not missing:
        sentence = f"{counts.rarer:,} leads with a {kind}: more than the {LEAST_TENANT:,} that any model needs"
        return told | {"next": None, "sentence": sentence}
    sentence = f"{counts.rarer:,} leads with a {kind} of the {missing[0]:,} that {MINIMA[missing[0]]}"
    return told | {"next": missing[0], "sentence": sentence}
