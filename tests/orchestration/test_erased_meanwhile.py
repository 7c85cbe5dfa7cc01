"""A lead that is erased while a run is under way is in nothing that the run writes."""

from datetime import datetime

import dagster as dg
import pyarrow.parquet as pq
import pytest

from assets.features import FILE, lead_features
from assets.scoring import lead_scores
from assets.training import EXAMPLES, training_examples
from lintel.home import Home
from lintel.scoring.examples import Examples
from lintel.store.log import TenantLog
from tests.orchestration.nightly_home import NOW, TENANT, NightlyHome


@pytest.fixture
def erased(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An open lead, named here once it was erased: as soon as a run has read the log in which it still is."""
    leads: list[str] = []
    read = Home.log

    def log(home: Home, tenant: str, *, now: datetime) -> TenantLog:
        found = read(home, tenant, now=now)
        if not leads:
            leads.append(home.scores.page(tenant, limit=1).leads[0]["lead_id"])
            home.erase(tenant, leads[0], now=NOW)
        return found

    monkeypatch.setattr(Home, "log", log)
    return leads


@pytest.mark.parametrize("asset", [lead_features, training_examples, lead_scores], ids=lambda one: one.key.path[-1])
def test_what_is_written_of_a_lead_that_was_erased_meanwhile_is_removed(
    own_nightly_home: NightlyHome, erased: list[str], asset: dg.AssetsDefinition
) -> None:
    with Home(own_nightly_home.settings) as home:
        asset(dg.build_asset_context(partition_key=TENANT), home=home)
        (lead,) = erased
        assert lead not in pq.read_table(home.work(TENANT, FILE)).column("lead_id").to_pylist()
        assert lead not in Examples.load(home.work(TENANT, EXAMPLES)).lead_ids
        assert home.scores.history(TENANT, lead) == []
        assert home.last_scores.read(TENANT, lead) is None
