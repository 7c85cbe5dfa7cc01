"""What was known of a lead at an as-of time: single facts that answers need beside the features."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import NULL, EventColumns, Queries
from lintel.events.kinds import kind_codes, kinds
from lintel.labels.episodes import expand

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
    found = np.full(len(queries), -1, np.intp)
    if not len(rows):
        return found
    lead = columns.lead[rows]
    start, end = lead.searchsorted(queries.lead, "left"), lead.searchsorted(queries.lead, "right")
    query, row = np.repeat(np.arange(len(queries)), end - start), rows[expand(start, end)]
    as_of = queries.as_of[query]
    visible = (
        (columns.occurred_at[row] <= as_of) & (columns.known_at[row] <= as_of) & (columns.superseded_at[row] > as_of)
    )
    np.maximum.at(found, query[visible], row[visible])
    return found


def latest_amount(columns: EventColumns, queries: Queries) -> NDArray[np.float64]:
    """The last size of the deal known of each query's lead at its as-of time, in currency, (q,); NaN if none."""
    amount_kinds, scales = _amounts_by_kind()
    rows = np.flatnonzero(amount_kinds[columns.kind] & (columns.value != NULL) & (columns.value > 0))
    latest = latest_visible(columns, rows, queries)
    found = latest[latest >= 0]
    amounts = np.full(len(queries), np.nan)
    amounts[latest >= 0] = columns.value[found] / scales[columns.kind[found]]
    return amounts


@cache
def _amounts_by_kind() -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """By code, whether the value of a kind is the size of the deal, and what divides it into currency."""
    scales = np.ones(len(kinds()))
    amount_kinds = np.zeros(len(kinds()), bool)
    for name in AMOUNT_KINDS:
        measure = kinds()[name].value
        scales[kind_codes()[name]] = measure.scale if measure else 1
        amount_kinds[kind_codes()[name]] = True
    return amount_kinds, scales
