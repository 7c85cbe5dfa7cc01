"""The last fact known against a search through every event."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lintel.events.columns import NEVER, EventColumns, Queries
from lintel.events.kinds import kind_codes
from lintel.scoring.history import latest_amount, latest_visible
from tests.labels.oracle import DAY, Event, columns_of

KINDS = ("offer.created", "web.listing_view", "budget.stated")
events = st.builds(
    Event,
    lead=st.integers(0, 3),
    time=st.integers(0, 9),
    kind=st.sampled_from(KINDS),
    late=st.integers(0, 4),
    value=st.integers(-1, 3),
    superseded=st.sampled_from([5, 8, NEVER]),
)
asked = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), max_size=6).map(sorted)


def _searched(columns: EventColumns, rows: list[int], lead: int, as_of: int) -> int:
    return max(
        (
            row
            for row in rows
            if columns.lead[row] == lead
            and max(columns.occurred_at[row], columns.known_at[row]) <= as_of < columns.superseded_at[row]
        ),
        default=-1,
    )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(log=st.lists(events, max_size=20), asked=asked, kind=st.sampled_from(KINDS))
def test_the_last_fact_known_is_what_a_search_finds(log: list[Event], asked: list[tuple[int, int]], kind: str) -> None:
    columns = columns_of(log)
    rows = np.flatnonzero(columns.kind == kind_codes()[kind])
    queries = Queries(np.array([lead for lead, _ in asked], np.int32), np.array([time for _, time in asked], np.int64))
    expected = [_searched(columns, rows.tolist(), lead, as_of) for lead, as_of in asked]
    assert latest_visible(columns, rows, queries).tolist() == expected


def test_an_amount_is_told_in_currency_and_only_once_it_is_known() -> None:
    log = [Event(0, DAY, "offer.created", value=2_500_000, late=DAY), Event(1, DAY, "web.listing_view", value=9)]
    queries = Queries(np.array([0, 0, 1], np.int32), np.array([DAY, 2 * DAY, 2 * DAY]))
    np.testing.assert_array_equal(latest_amount(columns_of(log), queries), [np.nan, 25_000.0, np.nan])
