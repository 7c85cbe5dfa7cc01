from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lintel.events.columns import EventColumns, Queries, columns_from_table
from lintel.events.timezones import utc_offsets
from lintel.features.catalogue import catalogue
from lintel.features.feature import OF_TIME, Aggregation
from lintel.features.kernel import compute, compute_chunks
from tests.features.logs import DAY, START, ZONES, as_of_times, logs, random_rows, table
from tests.features.oracle import events_of, feature_value

LEADS = ("ann", "bob", "cy", "nobody")
AMSTERDAM = utc_offsets("Europe/Amsterdam")

quick = settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def columns_of(rows: list[dict[str, Any]]) -> EventColumns:
    return columns_from_table(table(rows), pa.array(LEADS))


def queries_of(asked: list[tuple[str, int]]) -> Queries:
    pairs = sorted((LEADS.index(lead), as_of) for lead, as_of in asked)
    return Queries(np.array([lead for lead, _ in pairs], np.int32), np.array([as_of for _, as_of in pairs], np.int64))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[tuple[str, int]]]:
    rows = draw(logs())
    return rows, draw(as_of_times(rows))


@quick
@given(case=cases(), zone=st.sampled_from(ZONES))
def test_every_feature_equals_the_naive_oracle(case: tuple[list, list], zone: str) -> None:
    columns, queries = columns_of(case[0]), queries_of(case[1])
    found = compute(columns, queries, zone=utc_offsets(zone))
    log = events_of(columns)
    for position, feature in enumerate(catalogue().features):
        expected = [
            feature_value(feature, log, int(lead), int(as_of), zone)
            for lead, as_of in zip(queries.lead, queries.as_of, strict=True)
        ]
        tolerance = 1e-4 if feature.aggregation is Aggregation.DEVIATION else 2e-6
        np.testing.assert_allclose(found[:, position], expected, rtol=1e-6, atol=tolerance, err_msg=feature.name)


@quick
@given(case=cases(), later=logs(max_size=10))
def test_what_is_later_or_later_known_changes_nothing(case: tuple[list, list], later: list[dict[str, Any]]) -> None:
    rows, asked = case
    now = max(as_of for _, as_of in asked)
    for row in later:
        row["event_id"] = f"later-{row['event_id']}"
        row["known_at"] = max(row["known_at"], now + 1)
        if row["kind"] == "event.corrected" and rows:
            row["object_id"] = rows[0]["event_id"]
    assert _bytes(rows, asked) == _bytes([*rows, *later], asked)


@quick
@given(case=cases(), seed=st.randoms(use_true_random=False))
def test_the_order_of_arrival_and_duplicates_change_nothing(case: tuple[list, list], seed: Any) -> None:
    rows, asked = case
    shuffled = [*rows, *rows[::2]]
    seed.shuffle(shuffled)
    assert _bytes(rows, asked) == _bytes(shuffled, asked)


@quick
@given(case=cases(), chunk=st.integers(1, 12))
def test_alone_in_a_batch_and_in_any_chunks_the_bytes_are_the_same(case: tuple[list, list], chunk: int) -> None:
    columns, queries = columns_of(case[0]), queries_of(case[1])
    together = compute(columns, queries, zone=AMSTERDAM)
    assert compute(columns, queries, zone=AMSTERDAM, chunk_events=chunk).tobytes() == together.tobytes()
    for row in range(len(queries)):
        only = columns.take(np.flatnonzero(columns.lead == queries.lead[row]))
        alone = compute(only, Queries(queries.lead[row : row + 1], queries.as_of[row : row + 1]), zone=AMSTERDAM)
        assert alone.tobytes() == together[row].tobytes()


@pytest.mark.parametrize("chunk", [1, 300, 100_000])
def test_many_leads_and_times_give_the_bytes_of_one_at_a_time(chunk: int) -> None:
    leads = [f"lead{number}" for number in range(30)]
    columns = columns_from_table(table(random_rows(5, 2_000, leads=30, days=90)), pa.array(leads))
    lead = np.repeat(np.arange(30, dtype=np.int32), 8)
    queries = Queries(lead, np.tile(START + np.arange(8) * 13 * DAY, 30))
    together = compute(columns, queries, zone=AMSTERDAM, chunk_events=chunk)
    for row in range(0, len(queries), 17):
        alone = Queries(queries.lead[row : row + 1], queries.as_of[row : row + 1])
        assert compute(columns, alone, zone=AMSTERDAM).tobytes() == together[row].tobytes()


def test_leads_far_apart_in_code_and_time_do_not_overflow_the_keys() -> None:
    rows = [
        {"event_id": str(i), "lead_id": f"l{i}", "occurred_at": t, "known_at": t, "kind": "web.visit", "actor": "lead"}
        for i, t in ((0, 631_152_000_000_000), (4_000, 2_800_000_000_000_000))
    ]
    columns = columns_from_table(table(rows), pa.array([f"l{i}" for i in range(4_001)]))
    queries = Queries(np.arange(4_001, dtype=np.int32), np.full(4_001, 2_840_000_000_000_000))
    counts = compute(columns, queries, zone=AMSTERDAM)[:, catalogue().position["event_count_all"]]
    assert counts.tolist() == [1.0, *[0.0] * 3_999, 1.0]


def test_chunks_come_in_order_and_cover_every_query_once() -> None:
    columns = columns_of([])
    queries = Queries(np.zeros(10_000, np.int32), np.arange(10_000) + START)
    slices = [rows for rows, _ in compute_chunks(columns, queries, zone=AMSTERDAM)]
    assert [(rows.start, rows.stop) for rows in slices] == [(0, 4096), (4096, 8192), (8192, 10_000)]


def test_without_events_counts_are_zero_and_the_rest_is_absent() -> None:
    found = compute(columns_of([]), queries_of([("ann", START)]), zone=AMSTERDAM)[0]
    for value, feature in zip(found, catalogue().features, strict=True):
        if feature.aggregation in OF_TIME:
            assert np.isfinite(value)
        else:
            assert np.isnan(value) if "NaN" in feature.missing else value == 0


def test_no_queries_give_no_rows() -> None:
    queries = Queries(np.zeros(0, np.int32), np.zeros(0, np.int64))
    assert compute(columns_of([]), queries, zone=AMSTERDAM).shape == (0, len(catalogue()))


def test_a_late_event_counts_from_when_it_is_known_and_a_corrected_value_from_its_correction() -> None:
    base = {"lead_id": "ann", "actor": "lead"}
    rows = [
        {**base, "event_id": "a", "kind": "form.submitted", "value": 5.0, "occurred_at": START, "known_at": START + 10},
        {**base, "event_id": "b", "kind": "event.corrected", "object_id": "a", "value": 7.0}
        | {"occurred_at": START + 20, "known_at": START + 20},
    ]
    times = [START + offset for offset in (0, 9, 10, 19, 20)]
    found = compute(columns_of(rows), queries_of([("ann", time) for time in times]), zone=AMSTERDAM)
    amounts = found[:, catalogue().position["asked_amount_last"]]
    np.testing.assert_array_equal(amounts, [np.nan, np.nan, 5, 5, 7])
    forms = found[:, catalogue().position["form_count_all"]]
    assert forms.tolist() == [0, 0, 1, 1, 1]  # the two versions of a corrected event are never both seen


def _bytes(rows: list[dict[str, Any]], asked: list[tuple[str, int]]) -> bytes:
    return compute(columns_of(rows), queries_of(asked), zone=AMSTERDAM).tobytes()
