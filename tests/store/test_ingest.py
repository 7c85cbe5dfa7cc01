from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from lintel.errors import NotFoundError
from lintel.events.validation import Rejection
from lintel.sources.source import SourceBatch
from lintel.store.events import EventStore
from lintel.store.ingest import ingest

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


def test_a_tenant_must_be_known(store: EventStore, source: Batches, now: datetime) -> None:
    with pytest.raises(NotFoundError):
        ingest(store, source, "nobody", now=now)
