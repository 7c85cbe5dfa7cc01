"""Findings of the monitors, in files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lintel.errors import IncompatibleError, InputError
from lintel.monitoring.record import MonitoringRecord

MOMENT = datetime(2026, 3, 1, 2, tzinfo=UTC)


def test_findings_come_back_in_order_of_time_and_by_tenant(tmp_path: Path) -> None:
    record = MonitoringRecord(tmp_path)
    for hours in (3, 1, 2):
        record.write("acme", "drift", MOMENT + timedelta(hours=hours), {"hours": hours})
    record.write("other", "drift", MOMENT, {"hours": 0})
    assert [one["hours"] for one in record.read("acme", "drift")] == [1, 2, 3]
    assert record.newest("acme", "drift") == {"at": "2026-03-01T05:00:00+00:00", "hours": 3}
    since, until = MOMENT + timedelta(hours=2), MOMENT + timedelta(hours=3)
    assert [one["hours"] for one in record.read("acme", "drift", since, until)] == [2]
    assert record.newest("acme", "performance") is None


def test_a_finding_of_the_same_moment_is_replaced(tmp_path: Path) -> None:
    record = MonitoringRecord(tmp_path)
    record.write("acme", "data", MOMENT, {"rows": 1})
    record.write("acme", "data", MOMENT, {"rows": 2})
    assert [one["rows"] for one in record.read("acme", "data")] == [2]


def test_what_cannot_be_kept_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    record = MonitoringRecord(tmp_path)
    with pytest.raises(InputError, match="area"):
        record.write("acme", "weather", MOMENT, {})
    with pytest.raises(InputError, match="number"):
        record.write("acme", "data", MOMENT, {"share": float("nan")})
    assert not list(tmp_path.rglob("*.json*"))


def test_a_corrupt_file_is_named(tmp_path: Path) -> None:
    record = MonitoringRecord(tmp_path)
    record.write("acme", "data", MOMENT, {}).write_text("{")
    with pytest.raises(IncompatibleError, match="2026-03-01"):
        record.newest("acme", "data")
