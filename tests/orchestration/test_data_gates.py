"""Gates in a Dagster run: what is broken stays behind or stops its own tenant, and no other."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from assets.features import lead_features, lead_features_are_sound
from assets.ingest import event_lake, event_lake_is_sound, event_lake_is_timely
from assets.tenants import TENANTS
from lintel.events.schema import TIME
from lintel.home import Home
from lintel.settings import Settings
from lintel.store.tenants import Clock, Tenant

ACME, OTHER = "acme", "other"
NOW = datetime.now(UTC)
DEFINED = [event_lake, event_lake_is_sound, event_lake_is_timely, lead_features, lead_features_are_sound]
SUITES = {"event_lake_is_sound": "events", "event_lake_is_timely": "timeliness", "lead_features_are_sound": "features"}
EVENTS = 400


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Two tenants with the same events."""
    with Home(Settings(home=tmp_path / "home")) as home:
        for tenant in (ACME, OTHER):
            home.events.put_tenant(Tenant(tenant, labels="crm", clock=Clock.LOG_END))
            home.events.append(tenant, events(EVENTS), now=NOW)
        yield home


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(TENANTS.name or "", [ACME, OTHER])
        yield instance


def events(count: int) -> pa.Table:
    start = NOW - timedelta(days=200)
    return pa.table(
        {
            "event_id": [f"e{number}" for number in range(count)],
            "lead_id": [f"lead{number % 20}" for number in range(count)],
            "occurred_at": pa.array([start + timedelta(hours=number) for number in range(count)], TIME),
            "kind": ["web.visit"] * count,
        }
    )


def night(home: Home, instance: dg.DagsterInstance, tenant: str) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        DEFINED, instance=instance, partition_key=tenant, resources={"home": home}, raise_on_error=False
    )


def made(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key}


def check(result: dg.ExecuteInProcessResult, name: str) -> dg.AssetCheckEvaluation:
    (found,) = [one for one in result.get_asset_check_evaluations() if one.check_name == name]
    return found


def break_rows(home: Home, tenant: str, rows: int) -> pa.Table:
    """Damage the tenant's lake: the first rows are known before they occurred. The part as it was."""
    (part,) = [path for path in (home.settings.lake_path).rglob("*.parquet") if path.parents[1].name.startswith(tenant)]
    whole = pq.read_table(part)
    early = pc.subtract(whole.column("occurred_at"), pa.scalar(timedelta(days=1)))
    wrong = pa.array([row < rows for row in range(len(whole))])
    known = pc.if_else(wrong, early, whole.column("known_at"))
    pq.write_table(whole.set_column(whole.schema.get_field_index("known_at"), "known_at", known), part)
    return whole


def test_a_broken_partition_stops_its_tenant_and_no_other(home: Home, instance: dg.DagsterInstance) -> None:
    assert night(home, instance, ACME).success
    break_rows(home, ACME, EVENTS)
    broken, sound = night(home, instance, ACME), night(home, instance, OTHER)
    assert not broken.success
    assert made(broken) == {"event_lake"}
    assert check(broken, "event_lake_is_sound").severity is dg.AssetCheckSeverity.ERROR
    assert home.events.seqs_aside(ACME) == [], "what blocks sets nothing aside"
    assert sound.success
    assert made(sound) == {"event_lake", "lead_features"}
    (finding,) = [one for one in home.monitoring.read(ACME, "data") if one["suite"] == "events"][-1:]
    assert finding["alarm"]
    assert finding["blocked"]
    assert "known_after_it_occurred" in finding["explanation"]


def test_few_broken_rows_stay_behind_and_come_back(home: Home, instance: dg.DagsterInstance) -> None:
    assert night(home, instance, ACME).success
    whole = break_rows(home, ACME, 3)
    wrong = sorted(whole.column("seq").to_pylist()[:3])
    result = night(home, instance, ACME)
    assert result.success
    assert made(result) == {"event_lake", "lead_features"}
    told = check(result, "event_lake_is_sound")
    assert not told.passed
    assert told.severity is dg.AssetCheckSeverity.WARN
    assert told.metadata["set_aside"].value == 3
    assert told.metadata["newly_set_aside"].value == 3
    assert home.events.seqs_aside(ACME) == wrong
    assert len(home.lake.read(ACME)) == EVENTS - 3
    again = check(night(home, instance, ACME), "event_lake_is_sound")
    assert again.metadata["newly_set_aside"].value == 0
    assert len(home.events.quarantined(ACME)) == 3
    (part,) = [path for path in home.settings.lake_path.rglob("*.parquet") if path.parents[1].name.startswith(ACME)]
    pq.write_table(whole, part)
    mended = check(night(home, instance, ACME), "event_lake_is_sound")
    assert mended.passed
    assert mended.metadata["returned"].value == 3
    assert len(home.lake.read(ACME)) == EVENTS
    assert home.events.quarantined(ACME) == []


def test_a_released_event_goes_on_though_it_breaks_its_rule(home: Home, instance: dg.DagsterInstance) -> None:
    night(home, instance, ACME)
    break_rows(home, ACME, 1)
    night(home, instance, ACME)
    (seq,) = home.events.seqs_aside(ACME)
    home.events.release(ACME, [seq], NOW)
    assert check(night(home, instance, ACME), "event_lake_is_sound").passed
    assert home.events.seqs_aside(ACME) == []
    assert len(home.lake.read(ACME)) == EVENTS


def test_each_check_links_its_page_and_writes_its_finding(home: Home, instance: dg.DagsterInstance) -> None:
    result = night(home, instance, ACME)
    findings = {one["suite"]: one for one in home.monitoring.read(ACME, "data")}
    for name, suite in SUITES.items():
        page = Path(str(check(result, name).metadata["data_docs"].value).removeprefix("file://"))
        assert page.is_file()
        assert str(page) == findings[suite]["page"]
        assert findings[suite]["alarm"] is False
        assert "hold" in findings[suite]["explanation"]
    assert (home.settings.data_docs_path / "site" / "index.html").is_file()


def test_results_that_are_too_old_go(home: Home, instance: dg.DagsterInstance) -> None:
    few = Home(Settings(home=home.settings.home, gate_results_kept=2))
    for _ in range(3):
        night(few, instance, ACME)
    few.close()
    suites = [one["suite"] for one in home.monitoring.read(ACME, "data")]
    assert {suite: suites.count(suite) for suite in suites} == {"events": 2, "timeliness": 2, "features": 2}
