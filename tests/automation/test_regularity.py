from datetime import UTC, datetime, timedelta

import pytest

from lintel.automation.regularity import missed

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


@pytest.mark.parametrize(("hours", "is_missed"), [(25.9, False), (26.1, True)])
def test_each_tenants_night_is_looked_at_alone(hours: float, is_missed: bool) -> None:
    nights = {"a": ago(hours), "b": ago(1)}
    assert [one.tenant for one in missed(nights, {}, NOW, 0, NOW)] == ["a"] * is_missed


def test_a_night_of_25_hours_is_none_too_late() -> None:
    assert not missed({"a": ago(25)}, {}, NOW, 0, NOW)


@pytest.mark.parametrize(("hours", "is_missed"), [(20, False), (27, True)])
def test_a_tenant_without_any_run_is_given_a_night(hours: float, is_missed: bool) -> None:
    found = missed({"a": None}, {"a": ago(hours)}, NOW, 0, NOW)
    assert [one.explanation for one in found] == ["No run has succeeded in its 27 hours here."] * is_missed


@pytest.mark.parametrize(
    ("compacted", "waiting", "said"),
    [(ago(2), 9, None), (ago(4), 0, None), (None, 0, None), (ago(4), 9, "4 hours ago"), (None, 2, "never")],
)
def test_a_compaction_is_missed_while_something_waits(compacted: datetime | None, waiting: int, said: str) -> None:
    found = missed({}, {}, compacted, waiting, NOW)
    assert len(found) == (said is not None)
    assert all(said in one.explanation for one in found)
