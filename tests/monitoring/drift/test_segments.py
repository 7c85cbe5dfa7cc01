"""Which rows explain a move."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lintel.monitoring.drift.parquet import COLUMNS_AT_A_TIME, parquet_columns
from lintel.monitoring.drift.properties import UNKNOWN, lead_properties
from lintel.monitoring.drift.segments import explaining

BEFORE = np.array([0.0, 0.5, 0.5])


def test_the_channel_that_broke_is_named() -> None:
    random = np.random.default_rng(1)
    channel, week = random.choice(["web", "call", "portal"], 900), random.choice(["1", "2"], 900)
    codes = random.integers(1, 3, 900)
    codes[channel == "portal"] = 0
    found = explaining(BEFORE, codes, np.ones(900), {"week": week, "channel": channel})
    assert found is not None
    assert (found.by, found.value) == ("channel", "portal")
    assert found.share == pytest.approx((channel == "portal").mean())
    assert found.without < 0.1 < found.distance


def test_what_has_moved_everywhere_is_explained_by_nothing() -> None:
    random = np.random.default_rng(2)
    codes = np.where(random.random(900) < 0.3, 0, random.integers(1, 3, 900))
    assert explaining(BEFORE, codes, np.ones(900), {"channel": random.choice(["web", "call"], 900)}) is None


def test_a_segment_that_is_everything_explains_nothing() -> None:
    assert explaining(BEFORE, np.zeros(20, int), np.ones(20), {"source": np.full(20, "xes")}) is None


def test_leads_come_from_where_their_first_event_says() -> None:
    rows = [
        ("a", 3, "sms", "crm"),
        ("a", 1, None, "csv"),
        ("a", 2, "web", "crm"),
        ("b", 1, None, None),
        ("x", 1, "web", "csv"),
    ]
    names = ("lead_id", "occurred_at", "channel", "source")
    events = pa.table({name: pa.array(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})
    found = lead_properties(["b", "a"], events)
    assert found["channel"].tolist() == [UNKNOWN, "web"]
    assert found["source"].tolist() == [UNKNOWN, "csv"]


def test_columns_come_from_parquet_one_by_one(tmp_path) -> None:
    count = COLUMNS_AT_A_TIME * 2 + 1
    values = np.random.default_rng(3).normal(size=(count, 30)).astype(np.float32)
    names = [f"c{one}" for one in range(count)]
    arrays = {name: pa.array(column, from_pandas=True) for name, column in zip(names, values, strict=True)}
    pq.write_table(pa.table(arrays | {"whole": pa.array([1, None] * 15)}), tmp_path / "file.parquet")
    found = list(parquet_columns(tmp_path / "file.parquet", names[::-1]))
    assert np.array_equal(found, values[::-1])
    half = np.arange(30) % 2 == 0
    some = list(parquet_columns(tmp_path / "file.parquet", ["whole", "c1"], half))
    assert some[0].tolist() == [1.0] * 15
    assert np.array_equal(some[1], values[1, half])
    assert np.isnan(next(parquet_columns(tmp_path / "file.parquet", ["whole"], ~half))).all()
