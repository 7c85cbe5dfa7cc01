"""Stretches of a source: together they are the source, whatever the bounds."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from lintel.events.validation import Rejection
from lintel.sources.source import SourceBatch
from lintel.sources.stretch import Stretch

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TIME = pa.timestamp("us", "UTC")
days = st.integers(0, 9)


class Given:
    """A source of some events in batches of three; one row cannot be read."""

    name, total = "given", None

    def __init__(self, moments: list[tuple[int, int | None]]) -> None:
        self.moments = moments

    def batches(self) -> Iterator[SourceBatch]:
        for start in range(0, len(self.moments), 3):
            part = self.moments[start : start + 3]
            places = tuple(f"row {start + i}" for i in range(len(part)))
            occurred, known = zip(*part, strict=True)
            table = pa.table(
                {
                    "event_id": list(places),
                    "occurred_at": pa.array([_day(one) for one in occurred], TIME),
                    "known_at": pa.array([None if one is None else _day(one) for one in known], TIME),
                }
            )
            rejected = (Rejection("row 99", "kind", "is unknown"),) if start == 0 else ()
            yield SourceBatch(table, places, rejected)


def _day(number: int) -> datetime:
    return BEGIN + timedelta(days=number)


@given(
    moments=st.lists(st.tuples(days, st.none() | days), min_size=1, max_size=12),
    borders=st.lists(days, max_size=3).map(sorted),
)
def test_stretches_hold_every_event_once_by_when_it_became_known(
    moments: list[tuple[int, int | None]], borders: list[int]
) -> None:
    source = Given(moments)
    ends: list[datetime | None] = [None, *(_day(one) for one in borders), None]
    found: list[str] = []
    rejected = 0
    for since, until in pairwise(ends):
        for batch in Stretch(source, since, until).batches():
            assert batch.places == tuple(batch.events.column("event_id").to_pylist())
            rejected += len(batch.rejected)
            for place in batch.places:
                occurred, known = moments[int(place.removeprefix("row "))]
                moment = _day(occurred if known is None else known)
                assert since is None or moment >= since
                assert until is None or moment < until
            found += batch.places
    assert sorted(found) == sorted(f"row {i}" for i in range(len(moments)))
    assert rejected == 1
