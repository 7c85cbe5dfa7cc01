from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest

from lintel.errors import InputError
from lintel.events.columns import columns_from_table
from lintel.features.catalogue import build_catalogue, catalogue
from lintel.features.drivers import nightly_features, nightly_frames, request_features
from tests.features.logs import random_rows, table

LEADS = tuple(f"lead{number}" for number in range(12))
NIGHT = datetime(2012, 5, 1, 2, tzinfo=UTC)
ROWS = random_rows(3, 400, leads=10, days=60)
ZONE = "Europe/Amsterdam"


def test_a_request_and_a_nightly_run_give_the_same_bytes() -> None:
    night = nightly_features(columns_from_table(table(ROWS), pa.array(LEADS)), LEADS, as_of=NIGHT, time_zone=ZONE)
    asked = ("lead7", "lead11", "lead2", "lead7")
    request = request_features(table(ROWS), asked, NIGHT, time_zone=ZONE)
    assert request.lead_ids == asked
    for row, lead in enumerate(asked):
        assert request.matrix[row].tobytes() == night.matrix[LEADS.index(lead)].tobytes()


@pytest.mark.parametrize("events_at_a_time", [1, 90, 10_000])
def test_a_nightly_run_in_pieces_gives_the_same_bytes(events_at_a_time: int) -> None:
    whole = nightly_features(columns_from_table(table(ROWS), pa.array(LEADS)), LEADS, as_of=NIGHT, time_zone=ZONE)
    pieces = list(nightly_frames(table(ROWS), LEADS, as_of=NIGHT, time_zone=ZONE, events_at_a_time=events_at_a_time))
    assert [lead for piece in pieces for lead in piece.lead_ids] == list(LEADS)
    assert b"".join(piece.matrix.tobytes() for piece in pieces) == whole.matrix.tobytes()
    assert (len(pieces) == 1) == (events_at_a_time == 10_000)


def test_each_lead_may_have_its_own_time_in_any_order() -> None:
    times = [NIGHT, NIGHT - timedelta(days=30), NIGHT - timedelta(days=10)]
    frame = request_features(table(ROWS), ["lead1", "lead1", "lead0"], times)
    for row, (lead, time) in enumerate(zip(frame.lead_ids, times, strict=True)):
        assert frame.matrix[row].tobytes() == request_features(table(ROWS), [lead], time).matrix.tobytes()


def test_the_zone_of_an_as_of_time_does_not_matter_but_it_must_have_one() -> None:
    east = NIGHT.astimezone(timezone(timedelta(hours=9)))
    here, there = (request_features(table(ROWS), ["lead1"], time).matrix for time in (NIGHT, east))
    assert here.tobytes() == there.tobytes()
    with pytest.raises(InputError, match="no time zone"):
        request_features(table(ROWS), ["lead1"], NIGHT.replace(tzinfo=None))
    with pytest.raises(InputError, match="2 as-of times"):
        request_features(table(ROWS), ["lead1"], [NIGHT, NIGHT])
    with pytest.raises(InputError, match="not a time zone"):
        request_features(table(ROWS), ["lead1"], NIGHT, time_zone="Mars/Olympus")


def test_a_frame_becomes_a_table_that_names_its_version() -> None:
    frame = request_features(table(ROWS), ["lead1", "lead2"], NIGHT)
    found = frame.table()
    assert found.column_names == ["lead_id", "as_of", *catalogue().names]
    assert found.column("as_of").to_pylist() == [NIGHT, NIGHT]
    assert found.schema.metadata[b"feature_version"].decode() == catalogue().digest
    np.testing.assert_array_equal(found.column("event_count_all").to_numpy(), frame.column("event_count_all"))


def test_constant_features_are_found() -> None:
    frame = request_features(table(ROWS), LEADS, NIGHT)
    assert frame.is_constant("now_hour")
    assert frame.is_constant("sentiment_last")  # absent everywhere
    assert not frame.is_constant("event_count_all")


def test_a_part_of_the_catalogue_gives_the_same_numbers() -> None:
    part = build_catalogue([catalogue()[name] for name in ("event_gap_deviation", "lead_tenure", "event_count_7d")])
    small = request_features(table(ROWS), LEADS, NIGHT, catalogue=part)
    whole = request_features(table(ROWS), LEADS, NIGHT)
    for name in part.names:
        assert small.column(name).tobytes() == whole.column(name).tobytes()
