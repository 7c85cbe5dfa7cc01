"""Until when an answer as of now may be given again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.events.columns import NEVER, NULL, EventColumns, columns_from_table
from lintel.events.moments import from_microseconds, to_microseconds
from lintel.market.context import NO_CONTEXT, ContextColumns
from serving.hot.feature_boundary import MINUTE, feature_boundaries
from tests.features.logs import logs, table

MOMENT = to_microseconds(datetime.fromisoformat("2026-03-01T12:00:20Z"))
END = MOMENT + 40_000_000
LEADS = ("ann", "bob")


def columns(rows: Sequence[dict[str, object]]) -> EventColumns:
    full = [{"actor": "lead", "kind": "offer.sent", "event_id": f"e{i}"} | row for i, row in enumerate(rows)]
    return columns_from_table(table(full), pa.array(LEADS))


def event(lead: str, occurred_at: int, **times: int) -> dict[str, object]:
    return {"lead_id": lead, "occurred_at": occurred_at, "known_at": occurred_at} | times


def boundaries(rows: Sequence[dict[str, object]], context: ContextColumns = NO_CONTEXT) -> list[int]:
    return feature_boundaries(columns(rows), len(LEADS), context, from_microseconds(MOMENT)).tolist()


def test_it_is_the_end_of_the_minute() -> None:
    assert boundaries([event("ann", MOMENT - 5), event("bob", MOMENT)]) == [END, END]
    assert boundaries([]) == [END, END]


@pytest.mark.parametrize(
    "ahead",
    [
        event("bob", MOMENT + 7),
        event("bob", MOMENT - 7, known_at=MOMENT + 7),
        event("bob", MOMENT - 7, due_at=MOMENT + 7),
    ],
)
def test_what_comes_into_view_before_is_a_boundary_of_that_lead(ahead: dict[str, object]) -> None:
    assert boundaries([event("ann", MOMENT - 5), ahead]) == [END, MOMENT + 7]


def test_a_correction_that_is_known_soon_is_one() -> None:
    first = event("ann", MOMENT - 9) | {"event_id": "first", "value": 1.0}
    corrected = event("ann", MOMENT + 5) | {"kind": "event.corrected", "object_id": "first", "value": 2.0}
    assert boundaries([first, corrected]) == [MOMENT + 5, END]


@pytest.mark.parametrize(("published", "expected"), [(MOMENT, END), (MOMENT + 3, MOMENT + 3), (END + 3, END)])
def test_a_market_figure_that_is_published_soon_is_one_of_all(published: int, expected: int) -> None:
    context = ContextColumns.of([(0, True, MOMENT - MINUTE, published, 1.0)])
    assert boundaries([event("ann", MOMENT)], context) == [expected, expected]


@given(rows=logs(), moment=st.integers(-60, 60).map(lambda hours: MOMENT + hours * 3_600_000_000))
def test_it_is_the_least_of_the_times_ahead(rows: list[dict[str, object]], moment: int) -> None:
    found = columns_from_table(table(rows), pa.array(("ann", "bob", "cy")))
    expected = []
    for lead in range(3):
        mine = found.lead == lead
        times = np.concatenate([found.occurred_at, found.known_at, found.superseded_at, found.due_at])[np.tile(mine, 4)]
        ahead = [time for time in times.tolist() if time not in (NULL, NEVER) and time > moment]
        expected.append(min([*ahead, (moment // MINUTE + 1) * MINUTE]))
    assert feature_boundaries(found, 3, NO_CONTEXT, from_microseconds(moment)).tolist() == expected


def test_local_hours_and_weekdays_change_on_full_utc_minutes() -> None:
    """Why the end of the minute is a boundary in every zone: offsets are whole minutes since 1972."""
    for zone in sorted(available_timezones()):
        for day in range(0, 365 * 2, 61):
            offset = (datetime(2025, 1, 1, tzinfo=ZoneInfo(zone)) + timedelta(days=day)).utcoffset()
            assert offset is not None
            assert offset % timedelta(minutes=1) == timedelta(0), zone
