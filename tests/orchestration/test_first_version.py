"""Nights of a tenant whose first version waits for a person: what needs a champion has nothing to do, and says so."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from assets.waiting import WAITS_FOR
from lintel.errors import UnavailableError
from lintel.home import Home
from lintel.registry.actor import machine
from lintel.registry.traffic import Mode, TrafficEntry
from lintel.settings import Settings
from lintel.sources.simulator import Simulator, preset
from orchestration.definitions import defs
from tests.orchestration.nightly_home import LEADS, SEED, TENANT

CHAMPION = dg.AssetKey("champion")
DRAWN_WITHOUT_ONE = {"monitoring_report"}
"""Assets after the champion that have something to say before there is one."""


def after_champion() -> list[str]:
    graph = defs.resolve_asset_graph()
    below, open_keys = set[str](), [CHAMPION]
    while open_keys:
        for key in graph.get(open_keys.pop()).child_keys - {dg.AssetKey(one) for one in below}:
            below.add(key.to_user_string())
            open_keys.append(key)
    return sorted(below)


def materialised(name: str, home: Home) -> dg.ExecuteInProcessResult:
    """One asset with its checks, without the run around it."""
    key = dg.AssetKey(name)
    selection = dg.AssetSelection.assets(key)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tenants", [TENANT])
        job = dg.define_asset_job("one", selection=selection)
        found = dg.Definitions(
            assets=defs.assets,
            asset_checks=defs.asset_checks,
            jobs=[job],
            resources={"home": home},
            executor=dg.in_process_executor,
        )
        return found.resolve_job_def("one").execute_in_process(instance=instance, partition_key=TENANT)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home(Settings(home=tmp_path / "home")) as opened:
        opened.events.put_tenant(Simulator(preset("demo"), TENANT, seed=SEED, leads=LEADS).tenant_settings())
        yield opened


def test_assets_after_the_champion_are_found() -> None:
    assert {"lead_scores", "drift", "performance", "recalibrated_bundle", "lead_scoring_bento"} <= {*after_champion()}


@pytest.mark.parametrize("name", after_champion())
def test_without_a_champion_it_ends_well(name: str, home: Home) -> None:
    result = materialised(name, home)
    (made,) = result.asset_materializations_for_node(name)
    assert all(one.passed for one in result.get_asset_check_evaluations())
    if name not in DRAWN_WITHOUT_ONE:
        assert made.metadata["waits_for"].value == WAITS_FOR


def test_nothing_is_found_about_a_model_that_is_not_there(home: Home) -> None:
    for name in ("drift", "performance"):
        materialised(name, home)
        assert home.monitoring.newest(TENANT, name) is None


def test_a_champion_whose_files_are_gone_is_a_fault(home: Home) -> None:
    entry = TrafficEntry("sha256:" + "0" * 64, f"lead-scoring.{TENANT}", 1, 1.0, Mode.CHAMPION)
    home.traffic.assign(TENANT, [entry], actor=machine("test"), reason="test", now=datetime(2026, 3, 2, tzinfo=UTC))
    with pytest.raises(UnavailableError, match="is not in the bundle folder"):
        materialised("drift", home)
