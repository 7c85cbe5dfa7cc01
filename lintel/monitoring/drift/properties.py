"""Where each lead came from: properties by which a move can be explained."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

PROPERTIES = ("channel", "source")
COLUMNS = ("lead_id", "occurred_at", *PROPERTIES)
UNKNOWN = "unknown"


def lead_properties(lead_ids: Sequence[str], events: pa.Table) -> dict[str, NDArray[np.str_]]:
    """Channel and source of the first event that names one, of each lead, (L,).

    `events` has COLUMNS; leads of which no event names one are `unknown`.
    """
    ordered = events.sort_by("occurred_at")
    leads = pa.array(lead_ids, pa.string())
    return {name: _first(ordered.filter(pc.is_valid(ordered.column(name))), name, leads) for name in PROPERTIES}


def _first(events: pa.Table, name: str, leads: pa.Array) -> NDArray[np.str_]:
    code = pc.fill_null(pc.index_in(events.column("lead_id").cast(pa.string()), leads), -1).to_numpy()
    lead, row = np.unique(code, return_index=True)
    told = events.column(name).cast(pa.string()).take(pa.array(row[lead >= 0])).to_pylist()
    values = [UNKNOWN] * len(leads)
    for one, value in zip(lead[lead >= 0].tolist(), told, strict=True):
        values[one] = value
    return np.array(values, np.str_)
