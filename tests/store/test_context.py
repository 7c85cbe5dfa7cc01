"""Market series in the store: each vintage once, revisions beside what they revise, bad ones named and set aside."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from lintel.errors import NotFoundError
from lintel.events.moments import to_microseconds
from lintel.market.context import ContextColumns
from lintel.market.metrics import METRIC_CODES
from lintel.market.observations import Observation
from lintel.store.events import EventStore
from lintel.store.tenants import Tenant
from tests.store.conftest import NOW, TENANT

DATE = datetime(2026, 1, 1, tzinfo=UTC)
RATE = Observation("national", "mortgage_rate", DATE, DATE + timedelta(days=1), 6.5)


def weekly(count: int, **changes: object) -> list[Observation]:
    """Invented rates."""
    moves = [timedelta(days=7 * week) for week in range(count)]
    return [
        replace(RATE, observed_at=DATE - move, published_at=RATE.published_at - move, value=6.0 + n % 8 / 8, **changes)
        for n, move in enumerate(moves)
    ]


def values(columns: ContextColumns) -> list[float]:
    return columns.value.tolist()


def test_appending_twice_is_a_no_op(any_store: EventStore) -> None:
    series = weekly(1_203)
    first = any_store.context.append(TENANT, series, now=NOW)
    again = any_store.context.append(TENANT, series, now=NOW + timedelta(days=3))
    assert (first.appended, first.revised, first.duplicates, first.rejected) == (1_203, 0, 0, ())
    assert (again.appended, again.revised, again.duplicates) == (0, 0, 1_203)
    columns = any_store.context.columns(TENANT)
    assert len(columns) == 1_203
    assert columns.national.all()
    assert (columns.observed_at[1:] > columns.observed_at[:-1]).all()


BAD = [
    (replace(RATE, value=float("nan")), "value", "not a finite number"),
    (replace(RATE, value=float("inf")), "value", "not a finite number"),
    (replace(RATE, value=True), "value", "not a finite number"),
    (replace(RATE, value="6.5"), "value", "not a finite number"),  # type: ignore[arg-type]
    (replace(RATE, value=-0.1), "value", "outside of 0 to 30 percent"),
    (replace(RATE, value=650.0), "value", "outside of 0 to 30 percent"),
    (replace(RATE, metric="rents"), "metric", "is not one of mortgage_rate"),
    (replace(RATE, area=""), "area", "is empty"),
    (replace(RATE, area=" Denver, CO"), "area", "blanks"),
    (replace(RATE, area="a" * 101), "area", "longer than 100"),
    (replace(RATE, area="Den\x1bver"), "area", "control character"),
    (replace(RATE, observed_at=DATE.replace(tzinfo=None)), "observed_at", "no time zone"),
    (replace(RATE, published_at=DATE.replace(tzinfo=None)), "published_at", "no time zone"),
    (replace(RATE, published_at=DATE - timedelta(days=1)), "published_at", "before observed_at"),
    (replace(RATE, observed_at=datetime(1776, 7, 4, tzinfo=UTC)), "observed_at", "before 1900"),
    (replace(RATE, observed_at=NOW + timedelta(days=9)), "observed_at", "a forecast"),
    (replace(RATE, published_at=NOW + timedelta(days=400)), "published_at", "more than 366 days"),
]


@pytest.mark.parametrize(("bad", "column", "reason"), BAD, ids=[f"{c}-{r}" for _, c, r in BAD])
def test_a_bad_one_is_named_and_the_good_ones_survive(
    store: EventStore, bad: Observation, column: str, reason: str
) -> None:
    good = weekly(2)
    report = store.context.append(TENANT, [good[0], bad, good[1]], now=NOW, places=["line 2", "line 3", "line 4"])
    (rejected,) = report.rejected
    assert (rejected.place, rejected.column) == ("line 3", column)
    assert reason in rejected.reason
    assert (report.appended, len(store.context.columns(TENANT))) == (2, 2)


def test_a_revision_is_another_vintage(any_store: EventStore) -> None:
    later = replace(RATE, published_at=RATE.published_at + timedelta(days=30), value=6.6)
    any_store.context.append(TENANT, [RATE], now=NOW)
    report = any_store.context.append(TENANT, [later], now=NOW)
    assert (report.appended, report.revised) == (0, 1)
    assert values(any_store.context.columns(TENANT)) == [6.5, 6.6]


def test_a_vintage_that_contradicts_the_one_held_is_refused(any_store: EventStore) -> None:
    any_store.context.append(TENANT, [RATE], now=NOW)
    report = any_store.context.append(TENANT, [replace(RATE, value=6.6)], now=NOW)
    assert [one.column for one in report.rejected] == ["value"]
    assert values(any_store.context.columns(TENANT)) == [6.5]


def test_without_a_time_of_publication_a_changed_value_became_known_when_it_was_loaded(store: EventStore) -> None:
    first, second = replace(RATE, assumed=True), replace(RATE, assumed=True, value=6.6)
    loads = [(first, NOW), (second, NOW + timedelta(days=1)), (first, NOW + timedelta(days=2)), (first, NOW)]
    reports = [store.context.append(TENANT, [one], now=now) for one, now in loads]
    assert [(one.appended, one.revised, one.duplicates) for one in reports] == [
        (1, 0, 0),
        (0, 1, 0),
        (0, 1, 0),
        (0, 0, 1),
    ]
    columns = store.context.columns(TENANT)
    assert values(columns) == [6.5, 6.6, 6.5]
    assert columns.published_at.tolist() == [
        to_microseconds(moment) for moment in (RATE.published_at, *(now for _, now in loads[1:3]))
    ]


def test_the_same_observation_twice_in_one_append_is_one(store: EventStore) -> None:
    report = store.context.append(TENANT, [RATE, RATE], now=NOW)
    assert (report.appended, report.duplicates) == (1, 1)


def test_a_tenant_reads_its_own_area_and_the_country(store: EventStore) -> None:
    areas = ("national", "Denver, CO", "Boise, ID")
    local = [replace(RATE, area=area, value=value) for area, value in zip(areas, (5.0, 6.0, 7.0), strict=True)]
    store.context.append(TENANT, local, now=NOW)
    assert values(store.context.columns(TENANT)) == [5.0]
    store.put_tenant(Tenant(TENANT, labels="crm", area="Denver, CO"))
    columns = store.context.columns(TENANT)
    assert (values(columns), columns.national.tolist()) == ([6.0, 5.0], [False, True])
    assert columns.metric.tolist() == [METRIC_CODES["mortgage_rate"]] * 2
    assert [(one.area, one.observations) for one in store.context.series(TENANT)] == [
        (area, 1) for area in sorted(areas)
    ]


def test_series_are_of_one_tenant(store: EventStore) -> None:
    store.put_tenant(Tenant("other", labels="crm"))
    store.context.append(TENANT, [RATE], now=NOW)
    assert len(store.context.columns("other")) == 0
    assert store.context.series("other") == []
    for call in (store.context.columns, store.context.series):
        with pytest.raises(NotFoundError, match="nobody"):
            call("nobody")
    with pytest.raises(NotFoundError, match="nobody"):
        store.context.append("nobody", [RATE], now=NOW)


def test_series_are_read_again_only_when_they_changed(url: str, store: EventStore) -> None:
    store.context.append(TENANT, [RATE], now=NOW)
    before = store.context.columns(TENANT)
    assert store.context.columns(TENANT) is before
    with EventStore.open(url) as elsewhere:
        elsewhere.context.append(TENANT, weekly(4)[1:], now=NOW)
    assert len(store.context.columns(TENANT)) == 4


def test_a_summary_counts_observations_and_vintages(store: EventStore) -> None:
    later = replace(RATE, published_at=RATE.published_at + timedelta(days=30), value=6.6)
    store.context.append(TENANT, [RATE, later], now=NOW)
    (found,) = store.context.series(TENANT)
    assert (found.observations, found.vintages) == (1, 2)
    assert found.last_published == to_microseconds(later.published_at)
    assert found.first_observed == found.last_observed == to_microseconds(DATE)


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStore]:
    with EventStore.open(f"sqlite:///{tmp_path_factory.mktemp('context') / 'events.db'}") as store:
        yield store


loads = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(1, 3), st.booleans()), max_size=6), max_size=4
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(loads=loads)
def test_what_was_held_stays_as_it_was(shared_store: EventStore, loads: list[list[tuple[int, int, int, bool]]]) -> None:
    """Whatever is loaded in whatever order, no row goes away or changes, and a load counts each of its rows once."""
    tenant = f"t{len(shared_store.tenants())}"
    shared_store.put_tenant(Tenant(tenant, labels="crm"))
    held: set[tuple[int, int, float]] = set()
    for number, load in enumerate(loads):
        some = [
            replace(
                RATE,
                observed_at=DATE + timedelta(days=day),
                published_at=DATE + timedelta(days=day + delay),
                value=float(value),
                assumed=assumed,
            )
            for day, delay, value, assumed in load
        ]
        report = shared_store.context.append(tenant, some, now=NOW + timedelta(hours=number))
        assert report.appended + report.revised + report.duplicates + len(report.rejected) == len(some)
        columns = shared_store.context.columns(tenant)
        found = set(
            zip(columns.observed_at.tolist(), columns.published_at.tolist(), columns.value.tolist(), strict=True)
        )
        assert held <= found
        assert len(found) == len({one[:2] for one in found}) == len(held) + report.appended + report.revised
        held = found


def test_an_older_database_gets_the_table(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    with EventStore.open(url) as store:
        store.put_tenant(Tenant(TENANT, labels="crm"))
    engine = sa.create_engine(url)
    with engine.begin() as connection:  # as migration 0001 left it
        connection.exec_driver_sql("DROP TABLE context")
        connection.exec_driver_sql("DROP TABLE erased_leads")
        for column in ("context_changes", "erasures", "erasure_key"):
            connection.exec_driver_sql(f"ALTER TABLE tenants DROP COLUMN {column}")
        connection.exec_driver_sql("DROP INDEX quarantine_by_seq")
        for column in ("seq", "rule", "released_at"):
            connection.exec_driver_sql(f"ALTER TABLE quarantine DROP COLUMN {column}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        old = '{"id": "acme", "labels": "crm", "clock": "live"}'
        connection.execute(sa.text("UPDATE tenants SET settings = :old"), {"old": old})
    engine.dispose()
    with EventStore.open(url) as store:
        assert store.tenant(TENANT).area is None
        assert store.context.append(TENANT, [RATE], now=NOW).appended == 1
