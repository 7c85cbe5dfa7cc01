"""What holds of every source."""

import tracemalloc
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from lintel.events.schema import INCOMING_SCHEMA, REQUIRED
from lintel.events.validation import check
from lintel.sources.source import Source, SourceBatch

SMALL, LARGE = 40, 280


@pytest.fixture
def batches(make) -> list[SourceBatch]:
    return list(make(SMALL).batches())


def test_it_has_a_name_and_more_than_one_batch(make, batches):
    source = make(SMALL)
    assert source.name
    assert source.total is None or source.total > 0
    assert len(batches) > 1


def test_reading_twice_gives_the_same_events_with_the_same_ids(make, batches):
    source = make(SMALL)
    assert list(source.batches()) == batches
    assert list(source.batches()) == batches


def test_ids_differ(batches):
    ids = [event_id for batch in batches for event_id in batch.events.column("event_id").to_pylist()]
    assert len(ids) == len(set(ids))


def test_columns_are_those_of_incoming_events_and_the_same_in_every_batch(batches):
    for batch in batches:
        assert batch.events.schema == batches[0].events.schema
        assert set(REQUIRED) <= set(batch.events.column_names)
        for field in batch.events.schema:
            assert field.type == INCOMING_SCHEMA.field(field.name).type


def test_every_event_passes_the_door_or_was_rejected_with_its_place(batches):
    for batch in batches:
        checked = check(batch.events, tenant="t", now=datetime.now(UTC), places=batch.places)
        assert checked.rejected == ()
        assert len(checked.events) == len(batch.events) == len(batch.places)
        assert all(rejection.place and rejection.column and rejection.reason for rejection in batch.rejected)


def test_events_carry_the_name_of_their_source(make, batches):
    events = pa.concat_tables([batch.events for batch in batches])
    assert set(events.column("source").to_pylist()) == {make(SMALL).name}


def peak(source: Source) -> tuple[int, int]:
    """Most bytes of Python objects held while reading, and bytes of the largest batch; batches are dropped at once."""
    tracemalloc.start()
    largest = max(batch.events.nbytes for batch in source.batches())
    _, held = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held, largest


def test_memory_is_bounded_by_the_batch(make):
    """Seven times the events must not take anything like seven times the memory."""
    peak(make(SMALL))  # imports and caches, once
    small, large = peak(make(SMALL)), peak(make(LARGE))
    assert large[0] < 2 * small[0]
    assert large[1] < 1.2 * small[1]
