"""A pool is trained from the tenants that allow it, and lent to the one whose outcomes are few."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

import assets.pooling
from assets.pooling import LABEL_SETS, pooled_bundle
from assets.training import EXAMPLES
from lintel.errors import InputError
from lintel.home import Home, check_tenant_id
from lintel.labels.definition import load_label_set
from lintel.registry.pools import lending_pool, pool_scope
from lintel.scoring.examples import build_examples
from lintel.settings import Settings
from lintel.sources.simulator import Simulator, preset
from lintel.store.ingest import ingest
from lintel.store.tenants import Tenant
from orchestration.definitions import defs
from orchestration.instance import open_instance
from orchestration.schedules import pooling_by_labels
from tests.scoring.small import small_ensemble

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LABELS = load_label_set("simulator")
POOLED, REFUSING = ("sim-denver", "sim-austin"), "sim-toronto"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Three tenants with examples, of which two allow pooling, and the pool that was trained from them."""
    with Home(Settings(home=tmp_path_factory.mktemp("pool"))) as opened, pytest.MonkeyPatch.context() as patch:
        patch.setattr(assets.pooling, "Hyperparameters", lambda: small_ensemble(20, patience=5))
        for seed, name in enumerate((*POOLED, REFUSING)):
            _take_in(opened, name, seed)
        with dg.DagsterInstance.ephemeral() as instance:
            instance.add_dynamic_partitions(LABEL_SETS.name or "", ["simulator"])
            done = dg.materialize(
                [pooled_bundle],
                resources={"home": opened},
                partition_key="simulator",
                instance=instance,
            )
        assert done.success
        yield opened


def _take_in(home: Home, name: str, seed: int) -> None:
    source = Simulator(preset("demo"), name, seed=seed, leads=250)
    home.events.put_tenant(replace(source.tenant_settings(), pooled=name in POOLED))
    ingest(home.events, source, name, now=NOW)
    home.lake.advance(home.events, name, now=NOW)
    build_examples(home.log(name, now=NOW), seed=3, per_origin=2).save(home.work(name, EXAMPLES))


def test_only_those_who_allow_it_are_learnt_from(home: Home) -> None:
    pool = lending_pool(home.registry, home.events.tenant(REFUSING), LABELS, home.events.tenants())
    assert pool is not None
    assert pool.manifest.tenants == tuple(sorted(POOLED))
    assert pool.name == "lead-scoring.global.simulator"
    assert pool.scorer.ready
    assert all(one.spread is not None for one in pool.scorer.ready.values())
    assert home.registry.versions(pool_scope("simulator"))[0].digest == pool.digest


def test_who_withdraws_ends_the_lending(home: Home) -> None:
    borrower, tenants = home.events.tenant(REFUSING), home.events.tenants()
    withdrawn = [replace(one, pooled=False) if one.id == POOLED[0] else one for one in tenants]
    assert lending_pool(home.registry, borrower, LABELS, withdrawn) is None


def test_a_real_tenant_borrows_nothing_simulated(home: Home) -> None:
    real = replace(home.events.tenant(REFUSING), simulated=False)
    assert lending_pool(home.registry, real, LABELS, home.events.tenants()) is None


def test_other_labels_borrow_nothing(home: Home) -> None:
    borrower = home.events.tenant(REFUSING)
    assert lending_pool(home.registry, borrower, load_label_set("crm"), home.events.tenants()) is None


def test_it_is_due_where_two_tenants_allow_it(tmp_path: Path) -> None:
    with Home(Settings(home=tmp_path)) as home, open_instance(home.settings) as instance:
        for name, labels, allowed in (("a", "crm", True), ("b", "crm", False), ("c", "bpic2012", True)):
            home.events.put_tenant(Tenant(name, labels=labels, pooled=allowed))
        told = tick(instance, home)
        assert not told.run_requests
        assert told.skip_message
        home.events.put_tenant(Tenant("b", labels="crm", pooled=True))
        (request,) = tick(instance, home).run_requests or ()
        assert (request.partition_key, request.run_key) == ("crm", "crm:2026-07-01")
        assert instance.get_dynamic_partitions(LABEL_SETS.name or "") == ["crm"]


def tick(instance: dg.DagsterInstance, home: Home) -> ScheduleExecutionData:
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=datetime(2026, 7, 1, 12, 30, tzinfo=UTC),
        resources={"home": home},
        repository_def=defs.get_repository_def(),
    )
    return pooling_by_labels.evaluate_tick(context)


@pytest.mark.parametrize("name", ["global", "global.simulator", "Global.crm"])
def test_no_tenant_is_called_as_a_pool(name: str) -> None:
    with pytest.raises(InputError, match="pool"):
        check_tenant_id(name)
