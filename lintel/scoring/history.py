"""What was known of a lead at an as-of time: single facts that answers need beside the features."""

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import NULL, EventColumns, Queries
from lintel.events.kinds import kind_codes, kinds

AMOUNT_KINDS = (
    "budget.stated",
    "deal.value_changed",
    "form.submitted",
    "lead.profile",
    "offer.created",
    "offer.requested",
    "offer.returned",
    "offer.selected",
    "offer.sent",
)
"""Kinds whose value is the size of the deal, in currency."""


def latest_visible(columns: EventColumns, rows: NDArray[np.intp], queries: Queries) -> NDArray[np.intp]:
    """The last of `rows` that each query's lead had and that was known at its as-of time, (q,); -1 if none.

    `rows` are positions in `columns`, ascending.
    """
    lead = columns.lead[rows]
    found = np.full(len(queries), -1, np.intp)
    starts = np.searchsorted(lead, queries.lead, "left").tolist()
    ends = np.searchsorted(lead, queries.lead, "right").tolist()
    for i, (start, end, as_of) in enumerate(zip(starts, ends, queries.as_of.tolist(), strict=True)):
        own = rows[start:end]
        visible = own[
            (columns.occurred_at[own] <= as_of)
            & (columns.known_at[own] <= as_of)
            & (columns.superseded_at[own] > as_of)
        ]
        if len(visible):
            found[i] = visible[-1]
    return found


def latest_amount(columns: EventColumns, queries: Queries) -> NDArray[np.float64]:
    """The last size of the deal known of each query's lead at its as-of time, in currency, (q,); NaN if none."""
    scales = np.ones(len(kinds()))
    amount_kinds = np.zeros(len(kinds()), bool)
    for name in AMOUNT_KINDS:
        measure = kinds()[name].value
        scales[kind_codes()[name]] = measure.scale if measure else 1
        amount_kinds[kind_codes()[name]] = True
    rows = np.flatnonzero(amount_kinds[columns.kind] & (columns.value != NULL) & (columns.value > 0))
    latest = latest_visible(columns, rows, queries)
    found = latest[latest >= 0]
    amounts = np.full(len(queries), np.nan)
    amounts[latest >= 0] = columns.value[found] / scales[columns.kind[found]]
    return amounts
