"""Sequences hold just what a query sees, whatever comes later and whoever else is asked about."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lintel.errors import IncompatibleError
from lintel.events.columns import EventColumns, Queries, columns_from_table
from lintel.events.kinds import kinds
from lintel.features.selectors import BOOKKEEPING, OUTCOMES
from lintel.scoring.inputs import Sequences
from lintel.scoring.sequences import from_table, sequences, to_columns
from tests.features.logs import HOUR, START, as_of_times, logs, random_rows, table
from tests.features.oracle import Event, events_of

LEADS = ("ann", "bob", "cy", "nobody")
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


def plain(found: Sequences, position: int) -> list[tuple[str, float, float | None]]:
    """One sequence as (kind, hours before, value)."""
    own = slice(found.offset[position], found.offset[position + 1])
    names = [list(kinds())[code] for code in found.kind[own]]
    values = [None if np.isnan(value) else value for value in found.value[own].tolist()]
    return list(zip(names, found.hours_before[own].tolist(), values, strict=True))


def oracle(log: list[Event], lead: int, as_of: int, longest: int) -> list[tuple[str, float, float | None]]:
    seen = []
    for event in log:
        if event.lead != lead or event.kind in OUTCOMES or event.kind in BOOKKEEPING:
            continue
        if event.occurred_at <= as_of and event.known_at <= as_of < event.superseded_at:
            value = None if event.value is None else float(np.float32(event.value))
            seen.append((event.kind, float(np.float32((as_of - event.occurred_at) / HOUR)), value))
    return seen[-longest:]


def same(left: Sequences, right: Sequences) -> None:
    for name in ("offset", "kind", "actor", "hours_before", "value"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)


@quick
@given(case=cases(), longest=st.integers(1, 12))
def test_sequences_equal_the_naive_oracle(case: tuple[list, list], longest: int) -> None:
    columns, queries = columns_of(case[0]), queries_of(case[1])
    found = sequences(columns, queries, longest=longest)
    log = events_of(columns)
    assert len(found) == len(queries)
    for position, (lead, as_of) in enumerate(zip(queries.lead.tolist(), queries.as_of.tolist(), strict=True)):
        assert plain(found, position) == oracle(log, lead, as_of, longest)


@quick
@given(case=cases(), later=logs(max_size=10))
def test_what_is_later_or_later_known_changes_nothing(case: tuple[list, list], later: list[dict[str, Any]]) -> None:
    rows, asked = case
    now = max(as_of for _, as_of in asked)
    for row in later:
        row["event_id"] = f"later-{row['event_id']}"
        row["known_at"] = max(row["known_at"], now + 1)
    queries = queries_of(asked)
    same(sequences(columns_of(rows), queries), sequences(columns_of(rows + later), queries))


@quick
@given(case=cases())
def test_one_query_alone_gives_what_it_gives_in_a_batch(case: tuple[list, list]) -> None:
    columns, queries = columns_of(case[0]), queries_of(case[1])
    together = sequences(columns, queries)
    for position in range(len(queries)):
        alone = sequences(columns, Queries(queries.lead[[position]], queries.as_of[[position]]))
        same(alone, together.take(np.array([position])))


def test_outcomes_and_bookkeeping_are_left_out() -> None:
    rows = [
        {"event_id": name, "lead_id": "ann", "kind": name, "actor": "lead", "occurred_at": START, "known_at": START}
        for name in kinds()
    ]
    found = sequences(columns_of(rows), queries_of([("ann", START)]))
    assert {name for name, _, _ in plain(found, 0)} == set(kinds()) - OUTCOMES - BOOKKEEPING


def test_a_long_log_is_cut_to_its_newest_events() -> None:
    rows = random_rows(5, 3000, leads=1, days=90)
    columns = columns_from_table(table(rows), pa.array(["lead0"]))
    as_of = int(columns.occurred_at[-1])
    found = sequences(columns, Queries(np.zeros(1, np.int32), np.array([as_of])))
    assert found.offset.tolist() == [0, 128]
    assert plain(found, 0) == oracle(events_of(columns), 0, as_of, 128)


def test_no_events_or_no_queries_give_empty_sequences() -> None:
    nothing = columns_of([])
    assert sequences(nothing, queries_of([("ann", START), ("bob", START)])).offset.tolist() == [0, 0, 0]
    assert len(sequences(nothing, Queries(np.zeros(0, np.int32), np.zeros(0, np.int64)))) == 0


def test_columns_come_back_from_a_file(tmp_path: Path) -> None:
    columns = columns_from_table(
        table(random_rows(6, 400, leads=30, days=60)), pa.array([f"lead{i}" for i in range(40)])
    )
    leads = np.arange(40, dtype=np.int32)
    found = sequences(columns, Queries(leads, np.full(40, START + 40 * 24 * HOUR)))
    path = tmp_path / "sequences.parquet"
    pq.write_table(pa.table(to_columns(found)), path, row_group_size=7)
    same(from_table(pq.read_table(path)), found)


def test_a_table_without_sequences_or_with_strange_kinds_is_refused() -> None:
    with pytest.raises(IncompatibleError, match=r"sequence\.kind"):
        from_table(pa.table({"lead_id": ["ann"]}))
    columns = columns_of(random_rows(1, 1, leads=1, days=1))
    table = pa.table(to_columns(sequences(columns, queries_of([("ann", START)]))))
    strange = pa.array([["tea.served"]], pa.list_(pa.string()))
    with pytest.raises(IncompatibleError, match=r"tea\.served"):
        from_table(table.set_column(0, "sequence.kind", strange))
