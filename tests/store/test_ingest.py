from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from lintel.errors import NotFoundError
from lintel.events.validation import Rejection
from lintel.sources.source import SourceBatch
from lintel.store.events import EventStore
from lintel.store.ingest import ingest
from lintel.store.tenants import Clock, Tenant

Row = Callable[..., dict[str, Any]]
Tables = Callable[..., pa.Table]


class Batches:
    """A source of given batches."""

    def __init__(self, *batches: SourceBatch) -> None:
        self.name = "some.csv"
        self.total = None
        self._batches = batches

    def batches(self) -> Iterator[SourceBatch]:
        yield from self._batches


@pytest.fixture
def source(row: Row, table: Tables) -> Batches:
    unread = Rejection("line 4", "time", "is missing")
    return Batches(
        SourceBatch(table([row(1), row(2)]), ("line 2", "line 3"), (unread,)),
        SourceBatch(table([row(2), row(3, kind="no.such"), row(4)]), ("line 5", "line 6", "line 7")),
        SourceBatch(table([]), ()),
    )


def test_every_row_is_appended_known_or_set_aside(store: EventStore, source: Batches, now: datetime) -> None:
    told: list[int] = []
    report = ingest(store, source, "acme", now=now, progress=told.append)
    assert (report.read, report.appended, report.duplicates, report.quarantined) == (6, 3, 1, 2)
    assert report.reasons == {
        "time: is missing": 1,
        "kind: is not a registered kind (docs/kinds.md)": 1,
    }
    assert sum(told) == report.read
    assert {(one.source, one.place) for one in store.quarantined("acme")} == {
        ("some.csv", "line 4"),
        ("some.csv", "line 6"),
    }


def test_the_same_source_again_adds_nothing(store: EventStore, source: Batches, now: datetime) -> None:
    ingest(store, source, "acme", now=now)
    report = ingest(store, source, "acme", now=now)
    assert (report.appended, report.duplicates, report.quarantined) == (0, 4, 2)
    assert (store.count("acme"), len(store.quarantined("acme"))) == (3, 2)


@pytest.mark.parametrize(
    ("clock", "days", "moved"),
    [(Clock.LOG_END, 91, 91.0), (Clock.LOG_END, 90, None), (Clock.LIVE, 91, None)],
)
def test_a_stray_event_that_moves_the_clock_of_a_log_is_told(
    store: EventStore, numbered: Tables, clock: Clock, days: int, moved: float | None
) -> None:
    store.put_tenant(Tenant("acme", labels="crm", clock=clock))
    now = datetime(2026, 3, 1, tzinfo=UTC)
    first, stray = now - timedelta(days=200), now - timedelta(days=200 - days)
    old = SourceBatch(numbered([1], occurred_at=first - timedelta(days=400)), ("line 2",))
    assert ingest(store, Batches(old), "acme", now=now).clock_moved_days is None  # the log was empty
    store.append("acme", numbered([2], occurred_at=first), now=now)
    late = numbered([3], occurred_at=stray)
    assert ingest(store, Batches(SourceBatch(late, ("line 2",))), "acme", now=now).clock_moved_days == moved
    assert store.append("acme", late, now=now).clock_moved_days is None  # it lies there already
    later = store.append("acme", numbered([4], occurred_at=stray + timedelta(days=days)), now=now)
    assert later.clock_moved_days == moved


def test_a_tenant_must_be_known(store: EventStore, source: Batches, now: datetime) -> None:
    with pytest.raises(NotFoundError):
        ingest(store, source, "nobody", now=now)
