from dataclasses import fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from lintel.events.columns import NEVER, NULL, EventColumns, columns_from_table, joined, sort_columns, split
from lintel.events.kinds import kind_codes
from tests.features.logs import START, logs, random_rows, table

BASE = {"lead_id": "ann", "actor": "lead", "kind": "offer.sent", "occurred_at": START, "known_at": START}


def correction(number: int, known_at: int, value: float | None, target: str = "a") -> dict[str, object]:
    row = {**BASE, "event_id": f"c{number}", "kind": "event.corrected", "object_id": target, "value": value}
    return {**row, "occurred_at": known_at, "known_at": known_at}


def test_leads_are_numbered_by_their_position_and_others_left_out() -> None:
    rows = [{**BASE, "event_id": lead, "lead_id": lead} for lead in ("cy", "ann", "bob")]
    assert columns_from_table(table(rows), pa.array(["cy", "nobody", "ann"])).lead.tolist() == [0, 2]


def test_values_become_integers_of_their_kind() -> None:
    rows = [
        {**BASE, "event_id": "a", "value": 12.345},
        {**BASE, "event_id": "b", "kind": "call.completed", "value": 1.5, "occurred_at": START + 1},
        {**BASE, "event_id": "c", "occurred_at": START + 2},
    ]
    assert columns_from_table(table(rows), pa.array(["ann"])).value.tolist() == [1234, 90_000, NULL]


def test_each_correction_ends_the_version_before_it() -> None:
    rows = [{**BASE, "event_id": "a", "value": 1.0}, correction(2, START + 20, 3.0), correction(1, START + 10, 2.0)]
    columns = columns_from_table(table(rows), pa.array(["ann"]))
    offer = columns.kind == kind_codes()["offer.sent"]
    versions = list(zip(columns.value[offer], columns.known_at[offer], columns.superseded_at[offer], strict=True))
    assert versions == [(100, START, START + 10), (200, START + 10, START + 20), (300, START + 20, NEVER)]
    assert set(columns.occurred_at[offer]) == {START}


@pytest.mark.parametrize("target", ["nothing", "b"])
def test_a_correction_of_nothing_here_or_of_another_leads_event_changes_nothing(target: str) -> None:
    rows = [{**BASE, "event_id": "b", "lead_id": "bob"}, correction(1, START + 10, 2.0, target)]
    columns = columns_from_table(table(rows), pa.array(["ann", "bob"]))
    assert len(columns) == 2
    assert (columns.superseded_at == NEVER).all()


def test_equal_logs_give_equal_columns_in_any_order_of_arrival() -> None:
    rows = [{**row, "occurred_at": START, "known_at": START} for row in random_rows(1, 60, leads=3, days=1)]
    leads = pa.array([f"lead{number}" for number in range(3)])
    first, second = (columns_from_table(table(some), leads) for some in (rows, rows[::-1]))
    for field in fields(first):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))


@pytest.mark.parametrize("apart", [1, 2**55])
def test_events_are_sorted_by_lead_and_time_whether_or_not_both_fit_in_one_integer(apart: int) -> None:
    columns = columns_from_table(
        table(random_rows(2, 200, leads=300, days=9)), pa.array([f"lead{number}" for number in range(300)])
    )
    shuffled = columns.take(np.random.default_rng(1).permutation(len(columns)))
    moved = replace(shuffled, occurred_at=shuffled.occurred_at + apart * (shuffled.kind % 2).astype(np.int64))
    found = sort_columns(moved)
    assert (np.diff(found.lead) >= 0).all()
    assert (np.diff(found.occurred_at)[np.diff(found.lead) == 0] >= 0).all()
    assert sorted(found.occurred_at) == sorted(moved.occurred_at)


@given(rows=logs())
def test_leads_apart_and_together_are_the_same_columns(rows: list[dict[str, Any]]) -> None:
    leads = pa.array(["ann", "bob", "cy"])
    together = columns_from_table(table(rows), leads)
    parts = split(together, len(leads))
    assert len(parts) == 3
    alone = [columns_from_table(table(rows), leads.slice(code, 1)) for code in range(3)]
    for part, one in zip(parts, alone, strict=True):
        assert_equal_columns(part, one)
    assert_equal_columns(joined(parts), together)
    assert_equal_columns(joined(alone[::-1]), columns_from_table(table(rows), pa.array(["cy", "bob", "ann"])))


def test_a_part_keeps_nothing_of_the_others_alive() -> None:
    columns = columns_from_table(table(random_rows(4, 60, leads=2, days=5)), pa.array(["lead0", "lead1"]))
    for part in split(columns, 2):
        assert all(getattr(part, field.name).base is None for field in fields(part))


def test_no_leads_joined_are_no_events() -> None:
    assert_equal_columns(joined([]), columns_from_table(table([]), pa.array([], pa.string())))


def assert_equal_columns(found: EventColumns, expected: EventColumns) -> None:
    for field in fields(expected):
        left, right = getattr(found, field.name), getattr(expected, field.name)
        assert (left.dtype, left.shape) == (right.dtype, right.shape), field.name
        np.testing.assert_array_equal(left, right, err_msg=field.name)
